//! Thousands of clients that run the project's own queries and transactions, and what they saw.
//!
//! A benchmark program gives up as a whole when one of its clients is refused. Here every client has a life of its own, and how
//! it ended is counted.

mod clients;
mod gauge;
mod recorder;
mod workload;

pub(crate) use clients::{Load, run};
pub(crate) use gauge::Gauge;
pub use gauge::Watched;
pub use recorder::{Seen, Spread};
pub(crate) use workload::{Body, Dice, Item, Workload};
