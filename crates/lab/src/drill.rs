//! Drills: what a topology of real servers does when a part of it fails, measured from the client's side.

pub mod bloat;
mod book;
pub mod callers;
pub mod crash;
pub mod driver;
pub mod failover;
pub mod ground;
mod ledger;
mod on_lab;
pub mod patroni;
pub mod pitr;
mod pooling;
pub(crate) mod project_load;
pub mod storm;
mod topology;
mod transcript;
pub mod updates;

use underpin_model::Code;

/// Every code that drills report.
pub const CODES: &[&[Code]] = &[storm::CODES, pooling::CODES, updates::CODES];
