//! The proofs, one module each.

use crate::proof::Proof;

pub mod replay;
pub mod seed;

/// Every proof, in the order in which reports show them.
pub const ALL: &[Proof] = &[replay::PROOF, seed::PROOF];

/// Returns the proof of that name.
pub fn by_name(name: &str) -> Option<&'static Proof> {
    ALL.iter().find(|proof| proof.name == name)
}
