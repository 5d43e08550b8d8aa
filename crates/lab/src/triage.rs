//! What is wrong with a live database right now, from two looks at its catalog and statistics a second apart.
//!
//! Reading and judging are apart: [`look`] reads facts over one read-only session that waits for no lock, and each mode
//! has a module of pure judges over them.

mod bloat;
mod disk;
mod facts;
mod index;
mod migration;
mod order;
mod pooling;
mod schema;
mod sharding;
mod statistics;

use underpin_model::{Code, Triage};
use underpin_pg::{Address, ConnectError, Session};

use crate::error::LabError;
use facts::Facts;

/// Every code that triage reports.
pub const CODES: &[&[Code]] = &[
    schema::CODES,
    index::CODES,
    statistics::CODES,
    bloat::CODES,
    pooling::CODES,
    migration::CODES,
    sharding::CODES,
    disk::CODES,
];

/// Each mode's judge.
const JUDGES: &[fn(&Facts) -> Vec<underpin_model::TriageFinding>] = &[
    schema::judge,
    index::judge,
    statistics::judge,
    bloat::judge,
    pooling::judge,
    migration::judge,
    sharding::judge,
    disk::judge,
];

/// Looks at the database and returns what is wrong, the root cause first.
///
/// A server that refuses us because no connection is left has told what is wrong.
pub async fn look(address: &Address) -> Result<Triage, LabError> {
    let session = match Session::connect(&address.application_name(facts::APPLICATION)).await {
        Ok(session) => session,
        Err(ConnectError::TooManyConnections { error }) => {
            return Ok(Triage {
                findings: vec![pooling::refused(&error.message)],
                unseen: vec![
                    "Everything else: no connection was left. A superuser gets in through the reserved ones."
                        .to_owned(),
                ],
            });
        }
        Err(error) => return Err(error.into()),
    };
    let facts = facts::read(&session).await;
    session.close().await;
    let facts = facts?;
    let findings = JUDGES.iter().flat_map(|judge| judge(&facts)).collect();
    Ok(Triage { findings: order::root_first(findings), unseen: facts.unseen })
}
