//! Which indexes the project's transactions use, and what they cost without.

use underpin_pg::Session;

use crate::error::LabError;
use crate::lab::Sandbox;
use crate::planning::surface::Index;
use crate::planning::transaction::Repeated;
use crate::proof::{Experiment, Outcome};
use crate::proofs::plans::accepted_writes;

/// What a transaction costs with and without one index that it uses.
#[derive(Clone, Debug)]
pub(super) struct Use {
    /// Oid of the index.
    pub index: String,
    /// The transaction.
    pub transaction: String,
    /// Blocks with it.
    pub with: i64,
    /// Blocks without.
    pub without: i64,
}

/// Runs every transaction with each index that it uses in place, and hidden.
pub(super) async fn examine(
    experiment: &Experiment<'_>,
    sandbox: &Sandbox<'_>,
    indexes: &[Index],
    outcome: &mut Outcome,
) -> Result<Vec<Use>, LabError> {
    let superuser = sandbox.session().await?;
    let accepted = accepted_writes(experiment);
    let mut found = Vec::new();
    for script in &experiment.project.transactions {
        let repeated =
            Repeated::open(experiment, (sandbox, &superuser), script, accepted.get(&script.name)).await?;
        let Some(with) = repeated.measure().await? else {
            outcome.unexamined.push(format!("the indexes of transaction {}, which was refused", script.name));
            repeated.close().await;
            continue;
        };
        for index in indexes.iter().filter(|index| with.scans.contains_key(&index.oid)) {
            set_valid(&superuser, &index.oid, "false").await?;
            let without = repeated.measure().await?;
            set_valid(&superuser, &index.oid, "true").await?;
            if let Some(without) = without {
                found.push(Use {
                    index: index.oid.clone(),
                    transaction: script.name.clone(),
                    with: with.blocks,
                    without: without.blocks,
                });
            }
        }
        repeated.close().await;
    }
    superuser.close().await;
    Ok(found)
}

async fn set_valid(superuser: &Session, oid: &str, valid: &str) -> Result<(), LabError> {
    let sql = format!("UPDATE pg_catalog.pg_index SET indisvalid = {valid} WHERE indexrelid = {oid}");
    superuser.execute(&sql).await?;
    Ok(())
}
