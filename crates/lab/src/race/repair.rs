//! Repairs of an anomaly that are carried out: each is explored like the scenario itself, at the level where it runs, and
//! priced beside it.

mod changes;
mod throughput;

use futures_util::future::LocalBoxFuture;
use underpin_model::evidence::RaceRepair;

use self::changes::{Candidate, candidates};
use self::throughput::throughput;
use super::RaceError;
use super::arena::Arena;
use super::bout::Bout;
use super::explore::{Explored, RaceOptions, RaceVerdict};
use super::ring::Ring;

/// Tries every repair that fits a scenario that breaks at `broken.level`; those that hold come first.
pub fn repairs<'a>(
    ring: &'a Ring,
    bout: &'a Bout,
    broken: &'a Explored,
    options: &'a RaceOptions,
) -> LocalBoxFuture<'a, Result<Vec<RaceRepair>, RaceError>> {
    Box::pin(async move {
        let database = ring.database(bout).await?;
        let arena = Arena::prepare(&database, bout).await?;
        let candidates = candidates(bout, broken.level, &arena.surroundings);
        let committed = throughput(&arena, &database, broken.level, options.retry).await?;
        arena.close().await;
        ring.drop(&database).await?;
        let mut tried = Vec::new();
        for candidate in &candidates {
            tried.push(attempt(ring, candidate, &Before { broken, options, committed }).await?);
        }
        tried.sort_by_key(|repair| !repair.holds);
        Ok(tried)
    })
}

/// The scenario as it is.
struct Before<'a> {
    broken: &'a Explored,
    options: &'a RaceOptions,
    /// Transactions per second.
    committed: f64,
}

/// Explores a changed scenario.
async fn attempt(ring: &Ring, candidate: &Candidate, before: &Before<'_>) -> Result<RaceRepair, RaceError> {
    let Before { broken, options, committed } = *before;
    let options = RaceOptions { retry: candidate.retry.max(options.retry), ..options.clone() };
    let database = ring.database(&candidate.bout).await?;
    let repair = match Arena::prepare(&database, &candidate.bout).await {
        Ok(arena) => {
            let explored = super::explore::explore(&arena, candidate.level, &options).await?;
            let mut repair = judged(candidate, broken, &explored);
            if repair.holds && committed > 0.0 {
                let now = throughput(&arena, &database, candidate.level, options.retry).await?;
                repair.throughput = Some(now / committed);
            }
            arena.close().await;
            repair
        }
        // A constraint that the scenario's own data break, say.
        Err(RaceError::Prepare { source, .. }) => {
            RaceRepair { fault: Some(format!("the server refuses it: {source}")), ..unjudged(candidate) }
        }
        Err(error) => return Err(error),
    };
    ring.drop(&database).await?;
    Ok(repair)
}

fn unjudged(candidate: &Candidate) -> RaceRepair {
    RaceRepair {
        change: candidate.change.clone(),
        level: candidate.level.name().to_owned(),
        added_statements: candidate.added_statements,
        ..RaceRepair::default()
    }
}

fn judged(candidate: &Candidate, broken: &Explored, explored: &Explored) -> RaceRepair {
    let verdict = explored.verdict();
    // A statement that the server always refuses keeps every invariant, and does no work.
    let refused = explored.first_error.clone().filter(|_| broken.first_error.is_none());
    let fault = match (refused, verdict) {
        (Some(message), _) => Some(format!("a statement is refused: {message}")),
        (None, RaceVerdict::Holds) => None,
        (None, RaceVerdict::Unknown) => Some("not every schedule was run".to_owned()),
        (None, RaceVerdict::Differs) => Some("differs from every serial order".to_owned()),
        (None, RaceVerdict::Breaks | RaceVerdict::FailsAlone) => {
            let schedule = explored.minimal.as_ref().or(explored.serial.as_ref());
            Some(format!("breaks at {}", schedule.map(|one| one.schedule.to_string()).unwrap_or_default()))
        }
    };
    RaceRepair {
        holds: fault.is_none(),
        fault,
        explored: explored.explored,
        waiting: explored.waiting,
        refused: explored.refused,
        messages_under_lock: explored.under_lock,
        ..unjudged(candidate)
    }
}
