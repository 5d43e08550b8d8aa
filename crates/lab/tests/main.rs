//! Proofs of tiny projects against real servers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helper functions too")]

mod backups;
mod failing_over;
mod hazards;
mod migrating;
mod patience;
mod phases;
mod proof_constraints;
mod proof_roles;
mod racing;
mod recipes;
mod sample;
mod selftest;
mod triage;
