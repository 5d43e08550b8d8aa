//! Repairs of an anomaly that are carried out: each is explored like the scenario itself, at the level where it runs.

use futures_util::future::LocalBoxFuture;
use underpin_model::evidence::RaceRepair;
use underpin_model::script::{Piece, ScriptItem, ScriptStatement, TransactionScript};
use underpin_model::statement::{Access, Verb};
use underpin_race::Level;
use underpin_race::level::LEVELS;

use super::RaceError;
use super::bout::Bout;
use super::explore::{Explored, RaceOptions, RaceVerdict};
use super::ring::Ring;

/// So often a transaction begins again where the level refuses some.
const TRIES: u32 = 5;

/// A changed scenario.
struct Candidate {
    change: String,
    bout: Bout,
    level: Level,
    retry: u32,
    added_statements: u64,
}

/// Tries every repair that fits a scenario that breaks at `broken.level`; those that hold come first.
pub fn repairs<'a>(
    ring: &'a Ring,
    bout: &'a Bout,
    broken: &'a Explored,
    options: &'a RaceOptions,
) -> LocalBoxFuture<'a, Result<Vec<RaceRepair>, RaceError>> {
    Box::pin(async move {
        let mut tried = Vec::new();
        for candidate in candidates(bout, broken.level) {
            let options = RaceOptions { retry: candidate.retry.max(options.retry), ..options.clone() };
            let explored = ring.explore(&candidate.bout, candidate.level, &options).await?;
            tried.push(judged(&candidate, broken, &explored));
        }
        tried.sort_by_key(|repair| !repair.holds);
        Ok(tried)
    })
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
        change: candidate.change.clone(),
        level: candidate.level.name().to_owned(),
        holds: fault.is_none(),
        fault,
        explored: explored.explored,
        waiting: explored.waiting,
        refused: explored.refused,
        added_statements: candidate.added_statements,
    }
}

fn candidates(bout: &Bout, level: Level) -> Vec<Candidate> {
    let mut all = Vec::new();
    if let Some(bout) = with_scripts(bout, lock_reads) {
        let change = "lock the rows that are read: FOR NO KEY UPDATE".to_owned();
        all.push(Candidate { change, bout, level, retry: 0, added_statements: 0 });
    }
    // A lock that is taken by the first statement comes after the snapshot, where there is one for all.
    if level == Level::ReadCommitted
        && let Some(bout) = with_scripts(bout, advisory_lock_first)
    {
        let change = "take an advisory lock first: pg_advisory_xact_lock".to_owned();
        let added_statements = bout.corners.len() as u64;
        all.push(Candidate { change, bout, level, retry: 0, added_statements });
    }
    for stronger in LEVELS.into_iter().filter(|one| *one > level) {
        let change = format!("{stronger}, begun again after 40001 and 40P01");
        all.push(Candidate {
            change,
            bout: bout.clone(),
            level: stronger,
            retry: TRIES,
            added_statements: 0,
        });
    }
    all
}

/// Returns the scenario with every script changed; nothing when no script can be.
fn with_scripts(bout: &Bout, change: impl Fn(&mut TransactionScript) -> bool) -> Option<Bout> {
    let mut changed = bout.clone();
    let mut any = false;
    for corner in &mut changed.corners {
        any |= change(&mut corner.script);
    }
    any.then_some(changed)
}

/// Adds FOR NO KEY UPDATE to every plain SELECT of a script; tells whether there was one.
fn lock_reads(script: &mut TransactionScript) -> bool {
    statements(&mut script.items, &mut |statement| {
        let reads = statement.facts.relations.iter().any(|used| used.access == Access::Read);
        let locks = statement.source().to_ascii_uppercase().contains(" FOR ");
        let plain = statement.facts.verb == Verb::Select && reads && !locks;
        if plain {
            statement.pieces.push(Piece::Text("\nFOR NO KEY UPDATE".to_owned()));
        }
        plain
    })
}

fn statements(items: &mut [ScriptItem], change: &mut impl FnMut(&mut ScriptStatement) -> bool) -> bool {
    let mut any = false;
    for item in items {
        any |= match item {
            ScriptItem::Statement(statement) => change(statement),
            ScriptItem::Set { .. } => false,
            ScriptItem::If { branches, otherwise, .. } => {
                let inside = branches.iter_mut().map(|(_, items)| items).chain([otherwise]);
                inside.filter_map(|items| statements(items, change).then_some(())).count() > 0
            }
        };
    }
    any
}

/// Puts an advisory lock behind every BEGIN; tells whether there was one.
fn advisory_lock_first(script: &mut TransactionScript) -> bool {
    let lock = underpin_sql::script::parse_script(&script.file, "SELECT pg_advisory_xact_lock(1);");
    let Some(lock) = lock.ok().and_then(|script| script.items.into_iter().next()) else { return false };
    let begins = |item: &ScriptItem| matches!(item, ScriptItem::Statement(statement) if statement.facts.verb == Verb::Begin);
    let outside = script.items.first().is_none_or(|first| !begins(first));
    let items = std::mem::take(&mut script.items);
    for item in items {
        let begin = begins(&item);
        script.items.push(item);
        if begin {
            script.items.push(lock.clone());
        }
    }
    !outside
}
