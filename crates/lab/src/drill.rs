//! Drills: what a topology of real servers does when a part of it fails, measured from the client's side.

pub mod bloat;
pub mod failover;
mod ledger;
mod topology;
