//! What a run reports when the project's own files keep the template from being built: the proof whose question
//! that answers is broken, every other one is inconclusive.

use underpin_model::Finding;

use crate::error::LabError;
use crate::migrator::MigrateError;
use crate::proofs::{replay, seed};

/// Returns the name of the proof that the failure answers, and its finding.
///
/// An error that is nobody's SQL (no server, no disk) is handed back.
pub(crate) fn finding(error: LabError) -> Result<(&'static str, Finding), LabError> {
    match error {
        LabError::Migrate(
            failure @ (MigrateError::Statement { .. }
            | MigrateError::NotVerified { .. }
            | MigrateError::KeyIsNull { .. }),
        ) => Ok((replay::PROOF.name, replay::failed(&failure, 1))),
        error @ LabError::Load { .. } => Ok((seed::PROOF.name, seed::fails_at_first(&error))),
        error => Err(error),
    }
}

/// Returns why the other proofs could not examine anything.
pub(crate) fn reason(error: &LabError) -> String {
    format!("there is no template to experiment on, because {}", error.chain())
}
