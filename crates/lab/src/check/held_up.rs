//! Concurrent operations, made to wait: a writer and an old snapshot stand in their way on purpose.
//!
//! `CREATE INDEX CONCURRENTLY` and its like take weak locks and wait for others. What they hold or ask for while
//! they wait, and whether they can wait at all under the file's `lock_timeout`, only shows when somebody is there.

use std::time::{Duration, Instant};

use underpin_model::deployment::{HeldUp, Work};
use underpin_model::sql_text::quote_literal;
use underpin_model::statement::Statement;
use underpin_pg::{QueryError, Session};
use underpin_sql::concurrently::Concurrent;

use super::observe::{Observed, observe};
use super::onlooker::Blocked;
use super::trace::{Tracer, newly_invalid, refusal, send};
use crate::error::LabError;

/// Longest time that somebody stands in the way of an operation with a time limit of its own.
const LONGEST: Duration = Duration::from_secs(6);

/// What was seen while the operation waited.
#[derive(Default)]
struct Seen {
    locks: Vec<(u32, String)>,
    blocked: Blocked,
}

/// Runs the operation behind a writer first. When it gives up there, it runs once more with nobody in the way, so that
/// the file can go on.
pub(super) async fn run(
    tracer: &Tracer<'_>,
    statement: &Statement,
    concurrent: &Concurrent,
) -> Result<Work, LabError> {
    let Some(table) = table_of(tracer, concurrent).await? else {
        return tracer.watched(statement, Some(concurrent)).await;
    };
    tracer.wait_without_limit().await?;
    let before = observe(&tracer.watcher).await?;
    let writer = Session::connect(tracer.superuser).await?;
    writer
        .execute(&format!("BEGIN; LOCK TABLE {table} IN ROW EXCLUSIVE MODE; SELECT pg_current_xact_id()"))
        .await?;
    let (answer, mut seen) = wait_behind(tracer, statement, &writer).await?;
    // The index that is being built is locked for a moment, and nobody knows it yet.
    seen.locks.retain(|(oid, _)| before.relations.contains_key(oid));
    let _ = writer.execute("ROLLBACK").await;
    writer.close().await;
    let mut work = Work::default();
    if let Err(refused) = answer {
        if refused.ends_session() {
            return Err(refused.into());
        }
        let after = observe(&tracer.watcher).await?;
        let mut refused = refusal(&refused);
        refused.leaves_invalid = newly_invalid(&before, &after);
        let drops = statement.facts.node == "DropStmt";
        if let Some(index) = refused.leaves_invalid.as_ref().filter(|_| !drops) {
            tracer.watcher.execute(&format!("DROP INDEX IF EXISTS {index}")).await?;
        }
        let gave_up = refused.sqlstate == "55P03" || refused.sqlstate == "57014";
        if !gave_up {
            work.refused = Some(refused);
            return Ok(work);
        }
        let held_up = Some(HeldUp { gave_up: Some(refused) });
        let locks = after.holding(seen.locks).since(&Observed::default()).locks;
        if let Some(finish) = pending_detach(tracer).await? {
            tracer.watcher.execute(&finish).await?;
            return Ok(Work { held_up, locks, ..work });
        }
        let again = tracer.watched(statement, Some(concurrent)).await?;
        return Ok(Work { held_up, locks, ..again });
    }
    let after = observe(&tracer.watcher).await?;
    let found = after.since(&before);
    work.locks = after.holding(seen.locks).since(&Observed::default()).locks;
    work.index_builds = found.index_builds;
    work.rewrites = found.rewrites;
    work.wal_bytes = found.wal_bytes;
    work.transactions = 1;
    work.reads_blocked = seen.blocked.reads;
    work.writes_blocked = seen.blocked.writes;
    work.held_up = Some(HeldUp::default());
    Ok(work)
}

/// Returns what ends the detaching of a partition that gave up half way: the statement itself would be refused now.
async fn pending_detach(tracer: &Tracer<'_>) -> Result<Option<String>, LabError> {
    let sql = "SELECT format('ALTER TABLE %s DETACH PARTITION %s FINALIZE', inhparent::regclass, inhrelid::regclass) \
               FROM pg_inherits WHERE inhdetachpending";
    Ok(tracer.watcher.value(sql).await?)
}

/// Runs the statement behind `writer`, looks at it while it waits, and then lets it go on.
async fn wait_behind(
    tracer: &Tracer<'_>,
    statement: &Statement,
    writer: &Session,
) -> Result<(Result<(), QueryError>, Seen), LabError> {
    let limit = limit_of(tracer).await?;
    let running = send(&tracer.session, statement);
    tokio::pin!(running);
    let start = Instant::now();
    let mut seen = Seen::default();
    let mut released = false;
    loop {
        let looking = async {
            tokio::time::sleep(Duration::from_millis(3)).await;
            let locks = tracer.locks_of_session().await?;
            Ok::<_, LabError>((locks, tracer.waits().await?))
        };
        let (locks, waiting) = tokio::select! {
            answer = &mut running => return Ok((answer, seen)),
            looked = looking => looked?,
        };
        seen.locks.extend(locks.into_iter().filter(|lock| !seen.locks.contains(lock)).collect::<Vec<_>>());
        if released || !waiting {
            continue;
        }
        if seen.blocked == Blocked::default() {
            let look = observe(&tracer.watcher).await?.holding(seen.locks.clone());
            seen.blocked = tracer.onlooker.probe(&look).await?;
        }
        if limit.is_none_or(|limit| start.elapsed() > limit) {
            writer.execute("ROLLBACK").await?;
            released = true;
        }
    }
}

/// Returns how long the writer stays: past the shortest limit that the file set, where it set one.
async fn limit_of(tracer: &Tracer<'_>) -> Result<Option<Duration>, LabError> {
    // In milliseconds; 0 is no limit.
    let sql = "SELECT min(setting::bigint) FROM pg_settings \
               WHERE name IN ('lock_timeout', 'statement_timeout') AND setting <> '0'";
    let ms: Option<u64> = tracer.session.value(sql).await?.and_then(|text| text.parse().ok());
    Ok(ms.map(|ms| (Duration::from_millis(ms) + Duration::from_millis(300)).min(LONGEST)))
}

/// Returns the table, quoted, that the operation works on; none when there is no single ordinary one.
async fn table_of(tracer: &Tracer<'_>, concurrent: &Concurrent) -> Result<Option<String>, LabError> {
    let Some(name) = &concurrent.relation else { return Ok(None) };
    let sql = format!(
        "SELECT format('%I.%I', n.nspname, t.relname) FROM pg_class AS c \
         LEFT JOIN pg_index AS i ON i.indexrelid = c.oid \
         JOIN pg_class AS t ON t.oid = coalesce(i.indrelid, c.oid) \
         JOIN pg_namespace AS n ON n.oid = t.relnamespace \
         WHERE c.oid = to_regclass({}) AND t.relkind IN ('r', 'p')",
        quote_literal(name)
    );
    Ok(tracer.watcher.value(&sql).await?)
}
