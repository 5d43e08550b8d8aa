//! Proofs of tiny projects against real servers.

mod proof_constraints;
mod proof_roles;
mod sample;
