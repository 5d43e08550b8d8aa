//! The proofs, one module each.

use underpin_model::Code;

use crate::proof::Proof;

pub mod atomicity;
pub mod replay;
pub mod seed;

/// Every proof, in the order in which reports show them.
pub const ALL: &[Proof] = &[replay::PROOF, seed::PROOF, atomicity::PROOF];

/// Every code that proofs report by themselves; those of schema rules stand in `underpin-rules`.
pub const CODES: &[&[Code]] = &[replay::CODES, seed::CODES, atomicity::CODES];

/// Returns the proof of that name.
pub fn by_name(name: &str) -> Option<&'static Proof> {
    ALL.iter().find(|proof| proof.name == name)
}
