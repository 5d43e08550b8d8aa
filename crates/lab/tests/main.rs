//! Proofs of tiny projects against real servers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helper functions too")]

mod backups;
mod codes_pages;
mod engines;
mod failing_over;
mod hazards;
mod increments;
mod migrating;
mod patience;
mod phases;
mod pool_sizing;
mod pooling;
mod proof_constraints;
mod proof_indexes;
mod proof_normal_form;
mod proof_phases;
mod proof_plans;
mod proof_restore;
mod proof_roles;
mod proof_search;
mod proof_statistics;
mod racing;
mod recipes;
mod sample;
mod selftest;
mod storming;
mod triage;
mod triage_runbook;
mod updating;
