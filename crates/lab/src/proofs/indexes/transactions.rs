//! Which indexes the project's transactions use, what they cost without, and which one they lack.

use std::collections::BTreeSet;

use underpin_pg::Session;
use underpin_plan::Explained;
use underpin_plan::candidate::{Candidate, candidates};

use super::advisor::CHEAP;
use super::bench::Bench;
use super::choosing::{Built, Choosing};
use crate::error::LabError;
use crate::lab::Sandbox;
use crate::planning::surface::Index;
use crate::planning::transaction::Repeated;
use crate::proof::{Experiment, Outcome};
use crate::proofs::plans::accepted_writes;

/// Candidates that are built at most for one transaction.
const MOST_BUILT: usize = 20;

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

/// Builds what could help each transaction, beside what was chosen for queries; returns how many were built.
pub(super) async fn advise(
    experiment: &Experiment<'_>,
    bench: &Bench<'_>,
    choosing: &mut Choosing<'_>,
) -> Result<usize, LabError> {
    let superuser = bench.sandbox.session().await?;
    let accepted = accepted_writes(experiment);
    let mut tried = 0;
    for script in &experiment.project.transactions {
        let accepted = accepted.get(&script.name);
        let repeated = Repeated::open(experiment, (&bench.sandbox, &superuser), script, accepted).await?;
        let mut pool = dear(&repeated.plans().await?);
        pool.truncate(MOST_BUILT);
        let mut useful = Vec::new();
        for candidate in &pool {
            let Some(before) = repeated.measure().await? else { break };
            let Some(mut built) = Built::begin(&bench.planner, candidate).await? else { continue };
            let with = repeated.measure().await?;
            built.end(&bench.planner).await?;
            tried += 1;
            let Some(with) = with else { continue };
            let blocks = (before.blocks.unsigned_abs(), with.blocks.unsigned_abs());
            built.saved = (before.blocks - with.blocks) as f64 * script.rate.unwrap_or(1.0);
            if built.is_worth(blocks) {
                built.transaction = Some((script.name.clone(), blocks.0, blocks.1));
                useful.push(built);
            }
        }
        choosing.take_best(useful).await?;
        repeated.close().await;
    }
    superuser.close().await;
    Ok(tried)
}

/// Returns candidates for the tables of which a scan touches many blocks. The values of a transaction stand in its plans as
/// constants: what they fix is no condition of a partial index.
fn dear(plans: &[Explained]) -> Vec<Candidate> {
    let mut found = BTreeSet::new();
    for plan in plans {
        let is_dear = |one: &Candidate| {
            let scans = plan.root.all().into_iter().filter(|node| node.buffers.touched() > CHEAP);
            scans.filter_map(|node| node.relation.as_ref()).any(|relation| relation.name == one.table)
        };
        let general =
            |one: &Candidate| one.predicate.as_ref().is_none_or(|predicate| !predicate.contains('='));
        found.extend(candidates(&plan.root).into_iter().filter(|one| is_dear(one) && general(one)));
    }
    found.into_iter().collect()
}

async fn set_valid(superuser: &Session, oid: &str, valid: &str) -> Result<(), LabError> {
    let sql = format!("UPDATE pg_catalog.pg_index SET indisvalid = {valid} WHERE indexrelid = {oid}");
    superuser.execute(&sql).await?;
    Ok(())
}
