//! Which indexes the project's transactions use, and what they cost without.

use std::collections::BTreeMap;

use underpin_model::script::TransactionScript;
use underpin_model::statement::Verb;
use underpin_pg::{Rows, Session};

use super::surface::Index;
use crate::error::LabError;
use crate::lab::Sandbox;
use crate::params::{self, Values};
use crate::planning::hidden;
use crate::proof::{Experiment, Outcome};
use crate::script_run::{ScriptRun, StepFault};

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

/// One run of a script up to its first COMMIT.
struct Ran {
    scans: BTreeMap<String, i64>,
    blocks: i64,
}

/// Runs every transaction with each index that it uses in place, and hidden.
pub(super) async fn examine(
    experiment: &Experiment<'_>,
    sandbox: &Sandbox<'_>,
    indexes: &[Index],
    outcome: &mut Outcome,
) -> Result<Vec<Use>, LabError> {
    let superuser = sandbox.session().await?;
    let mut found = Vec::new();
    for script in &experiment.project.transactions {
        let values = params::evaluate(&superuser, &script.name, &script.params).await?;
        let role = script.role.as_ref().or(experiment.project.config.database.app_role.as_ref());
        let session = match role {
            Some(role) => sandbox.session_as(role).await?,
            None => sandbox.session().await?,
        };
        // The first run of a session fills its catalog caches.
        let warm = run(&session, script, &values).await?;
        let with = run(&session, script, &values).await?;
        let (Ok(_), Ok(with)) = (warm, with) else {
            outcome.unexamined.push(format!("the indexes of transaction {}, which was refused", script.name));
            session.close().await;
            continue;
        };
        for index in indexes.iter().filter(|index| with.scans.contains_key(&index.oid)) {
            set_valid(&superuser, &index.oid, "false").await?;
            session.execute("DISCARD PLANS").await?;
            let _ = run(&session, script, &values).await?;
            let without = run(&session, script, &values).await?;
            set_valid(&superuser, &index.oid, "true").await?;
            if let Ok(without) = without {
                found.push(Use {
                    index: index.oid.clone(),
                    transaction: script.name.clone(),
                    with: with.blocks,
                    without: without.blocks,
                });
            }
        }
        session.close().await;
    }
    superuser.close().await;
    Ok(found)
}

async fn set_valid(superuser: &Session, oid: &str, valid: &str) -> Result<(), LabError> {
    let sql = format!("UPDATE pg_catalog.pg_index SET indisvalid = {valid} WHERE indexrelid = {oid}");
    superuser.execute(&sql).await?;
    Ok(())
}

/// Runs the script until it would commit, and rolls back; the inner error is the script's own.
async fn run(
    session: &Session,
    script: &TransactionScript,
    values: &Values,
) -> Result<Result<Ran, StepFault>, LabError> {
    let counts = include_str!("transaction_use.sql");
    let ran = async {
        let mut before: Option<Rows> = None;
        let mut run = ScriptRun::new(script, values.clone(), 1)?;
        while let Some(next) = run.peek() {
            let line = next.statement.line;
            if next.statement.facts.verb == Verb::Commit {
                break;
            }
            run.step(session).await?;
            if before.is_none() && run.in_transaction() {
                let rows = session.rows(counts).await;
                before = Some(rows.map_err(|source| StepFault::Refused { line, source })?);
            }
        }
        let after = session.rows(counts).await.map_err(|source| StepFault::Refused { line: 1, source })?;
        let before = before.unwrap_or_default();
        let sum = |rows: &Rows| rows.iter().filter_map(|row| row.int("blocks")).sum::<i64>();
        Ok(Ran { scans: hidden::grown(&before, &after), blocks: sum(&after) - sum(&before) })
    };
    let ran = ran.await;
    session.execute("ROLLBACK").await?;
    Ok(ran)
}
