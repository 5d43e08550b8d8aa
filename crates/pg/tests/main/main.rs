//! Sessions and servers against the real PostgreSQL of this machine.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helper functions too")]

mod catalog;
mod checksum;
mod connecting;
mod death;
mod lifecycle;
mod pooling;
mod sessions;
mod support;
mod tools;
