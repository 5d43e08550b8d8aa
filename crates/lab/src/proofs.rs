//! The proofs, one module each.

use underpin_model::Code;

use crate::proof::Proof;

pub mod atomicity;
pub mod constraints;
pub mod crash;
pub mod failover;
pub mod indexes;
pub mod isolation;
pub mod migrations;
pub mod normal_form;
pub mod pitr;
pub mod plans;
pub mod read_model;
pub mod replay;
pub mod restore;
pub mod roles;
pub mod schema;
pub mod search;
pub mod seed;
pub mod soft_delete;
pub mod statistics;

/// Every proof, in the order in which reports show them.
pub const ALL: &[Proof] = &[
    replay::PROOF,
    seed::PROOF,
    constraints::PROOF,
    schema::PROOF,
    atomicity::PROOF,
    isolation::PROOF,
    migrations::PROOF,
    soft_delete::PROOF,
    read_model::PROOF,
    roles::PROOF,
    restore::PROOF,
    pitr::PROOF,
    crash::PROOF,
    failover::PROOF,
    plans::PROOF,
    indexes::PROOF,
    statistics::PROOF,
    normal_form::PROOF,
    search::PROOF,
];

/// Every code that proofs report by themselves; those of schema rules stand in `underpin-rules`.
pub const CODES: &[&[Code]] = &[
    replay::CODES,
    seed::CODES,
    constraints::CODES,
    atomicity::CODES,
    isolation::CODES,
    migrations::CODES,
    soft_delete::CODES,
    read_model::CODES,
    roles::CODES,
    restore::CODES,
    pitr::CODES,
    crash::CODES,
    failover::CODES,
    plans::CODES,
    indexes::CODES,
    statistics::CODES,
    normal_form::CODES,
    search::CODES,
];

/// Returns the proof of that name.
pub fn by_name(name: &str) -> Option<&'static Proof> {
    ALL.iter().find(|proof| proof.name == name)
}
