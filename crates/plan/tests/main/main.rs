//! Plans that servers printed, and texts that no server would.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helper functions too")]

mod corpus;
mod no_panic;
mod stored;
