//! Runs one migration file as the runner would, and measures every statement.

use std::time::{Duration, Instant};

use underpin_model::deployment::{Refused, Work};
use underpin_model::project::Migration;
use underpin_model::statement::{Statement, Verb};
use underpin_pg::{Address, QueryError, Session};
use underpin_sql::concurrently::{Concurrent, concurrent_work};

use super::held_up;
use super::observe::{Observed, observe};
use super::onlooker::{Blocked, Onlooker};
use crate::error::LabError;

/// What the statements of a file did, one entry per statement that was sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Traced {
    pub(super) works: Vec<Work>,
    /// What the whole file took, every look included, in milliseconds.
    pub(super) duration_ms: f64,
    /// Indexes that were invalid before the file.
    pub(super) invalid_before: Vec<(String, String)>,
    /// Indexes that are invalid after it.
    pub(super) invalid_after: Vec<(String, String)>,
}

impl Traced {
    /// Returns whether every statement was accepted.
    pub(super) fn finished(&self) -> bool {
        self.works.iter().all(|work| work.refused.is_none())
    }
}

/// Whether concurrent builds are made to wait on purpose, which costs time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// A writer and an old snapshot stand in the way of every concurrent operation.
    Tried,
    /// Nobody stands in the way.
    Spared,
}

/// Where a file runs.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Address of a superuser, for those who look on.
    pub(crate) superuser: Address,
    /// Address of the role that migrates.
    pub(crate) owner: Address,
}

/// Runs the file; a refused statement ends it, as it would end the runner.
pub(super) async fn trace(
    place: &Place,
    migration: &Migration,
    patience: Patience,
) -> Result<Traced, LabError> {
    let tracer = Tracer {
        session: Session::connect(&place.owner).await?,
        watcher: Session::connect(&place.superuser).await?,
        onlooker: Onlooker::arrive(&place.superuser).await?,
        superuser: &place.superuser,
        patience,
    };
    tracer.session.execute("SET max_parallel_maintenance_workers = 0").await?;
    tracer.session.execute("SET max_parallel_workers_per_gather = 0").await?;
    tracer.watcher.execute(STEADY).await?;
    let before = observe(&tracer.watcher).await?;
    let start = Instant::now();
    let works = match migration.transactional {
        true => tracer.in_transaction(migration).await?,
        false => tracer.outside_transaction(&migration.sql.statements).await?,
    };
    let duration_ms = start.elapsed().as_secs_f64() * 1000.0;
    let after = observe(&tracer.watcher).await?;
    tracer.session.close().await;
    tracer.watcher.close().await;
    tracer.onlooker.leave().await;
    let (invalid_before, invalid_after) = (before.invalid_indexes(), after.invalid_indexes());
    Ok(Traced { works, duration_ms, invalid_before, invalid_after })
}

/// Statistics as they are, not as they were at the first look (from 15 on; before, looks outside a transaction are fresh).
const STEADY: &str = "DO $$ BEGIN PERFORM set_config('stats_fetch_consistency', 'none', false); \
                      EXCEPTION WHEN undefined_object THEN NULL; END $$";

pub(super) struct Tracer<'a> {
    pub(super) session: Session,
    pub(super) watcher: Session,
    pub(super) onlooker: Onlooker,
    pub(super) superuser: &'a Address,
    pub(super) patience: Patience,
}

/// What was seen of a statement from outside.
struct Sampled {
    answer: Result<(), QueryError>,
    seen: Vec<(u32, String)>,
    duration_ms: f64,
}

/// The runner's own limit; a file that sets one itself keeps it.
const LOCK_TIMEOUT: &str = "700ms";

impl Tracer<'_> {
    async fn in_transaction(&self, migration: &Migration) -> Result<Vec<Work>, LabError> {
        self.session.execute(&format!("BEGIN; SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")).await?;
        let mut works = Vec::new();
        for lock in &migration.locks {
            self.session.execute(&lock.sql()).await?;
        }
        self.block(&migration.sql.statements, &mut works).await?;
        let ended = works.last().is_some_and(|work| work.refused.is_some());
        let end = if ended { "ROLLBACK" } else { "COMMIT" };
        if let Err(refused) = self.session.execute(end).await {
            // A deferred check refuses at COMMIT; the last statement gets the blame, as in the runner.
            if let Some(last) = works.last_mut() {
                last.refused = Some(refusal(&refused));
            }
        }
        self.session.execute("RESET ALL").await?;
        Ok(works)
    }

    /// Runs statements inside an open transaction, until one is refused.
    async fn block(&self, statements: &[Statement], works: &mut Vec<Work>) -> Result<(), LabError> {
        let mut look = observe(&self.session).await?;
        let mut blocked = Blocked::default();
        for statement in statements {
            let start = Instant::now();
            let answer = send(&self.session, statement).await;
            let duration_ms = start.elapsed().as_secs_f64() * 1000.0;
            if let Err(refused) = answer {
                works.push(Work { duration_ms, ..refused_work(refused)? });
                return Ok(());
            }
            let now = observe(&self.session).await?;
            let mut work = now.since(&look);
            work.duration_ms = duration_ms;
            let held_before = blocked.clone();
            if !work.locks.is_empty() || !work.index_builds.is_empty() {
                blocked = self.onlooker.probe(&now).await?;
            }
            note_blocked(&mut work, &blocked, &held_before);
            works.push(work);
            look = now;
        }
        Ok(())
    }

    async fn outside_transaction(&self, statements: &[Statement]) -> Result<Vec<Work>, LabError> {
        self.session.execute(&format!("SET lock_timeout = '{LOCK_TIMEOUT}'")).await?;
        let mut works = Vec::new();
        let mut rest = statements;
        while let Some((statement, others)) = rest.split_first() {
            rest = others;
            match statement.facts.verb {
                // The file opens a transaction of its own: what follows belongs together.
                Verb::Begin => {
                    let end = others.iter().position(|one| ends_transaction(one.facts.verb));
                    let (inside, after) = others.split_at(end.unwrap_or(others.len()));
                    self.session.execute(&statement.sql).await?;
                    works.push(Work::default());
                    self.block(inside, &mut works).await?;
                    if works.last().is_some_and(|work| work.refused.is_some()) {
                        break;
                    }
                    rest = after;
                }
                Verb::Commit | Verb::Rollback | Verb::Set => works.push(self.plain(statement).await?),
                _ => works.push(self.alone(statement).await?),
            }
            if works.last().is_some_and(|work| work.refused.is_some()) {
                break;
            }
        }
        let _ = self.session.execute("ROLLBACK").await;
        self.session.execute("RESET ALL").await?;
        Ok(works)
    }

    /// Runs a statement that only the session itself notices.
    async fn plain(&self, statement: &Statement) -> Result<Work, LabError> {
        let start = Instant::now();
        let answer = send(&self.session, statement).await;
        let work = match answer {
            Ok(_) => Work::default(),
            Err(refused) => refused_work(refused)?,
        };
        Ok(Work { duration_ms: start.elapsed().as_secs_f64() * 1000.0, ..work })
    }

    /// Runs a statement that is a transaction by itself.
    async fn alone(&self, statement: &Statement) -> Result<Work, LabError> {
        let commits_itself = matches!(statement.facts.verb, Verb::Do | Verb::Call);
        if statement.facts.refuses_transaction || commits_itself {
            let work = concurrent_work(&statement.sql);
            return match (&work, self.patience) {
                (Some(work), Patience::Tried) => held_up::run(self, statement, work).await,
                _ => self.watched(statement, work.as_ref()).await,
            };
        }
        self.session.execute("BEGIN").await?;
        let mut works = Vec::new();
        self.block(std::slice::from_ref(statement), &mut works).await?;
        let mut work = works.pop().unwrap_or_default();
        let end = if work.refused.is_some() { "ROLLBACK" } else { "COMMIT" };
        if let Err(refused) = self.session.execute(end).await {
            work.refused = Some(refusal(&refused));
        }
        Ok(work)
    }

    /// Runs a statement that cannot be inside a transaction, and looks from outside at what it holds.
    pub(super) async fn watched(
        &self,
        statement: &Statement,
        concurrent: Option<&Concurrent>,
    ) -> Result<Work, LabError> {
        if concurrent.is_some() {
            self.wait_without_limit().await?;
        }
        let before = observe(&self.watcher).await?;
        let counted_before = self.counted().await?;
        let obstacle = if concurrent.is_none() { Some(self.obstacle().await?) } else { None };
        let Sampled { answer, mut seen, duration_ms } = self.run_and_sample(statement, obstacle).await?;
        let after = observe(&self.watcher).await?;
        let [read, inserted, changed, transactions] = {
            let now = self.counted().await?;
            [0, 1, 2, 3].map(|at: usize| now[at].saturating_sub(counted_before[at]))
        };
        let mut work = match answer {
            Ok(()) => Work::default(),
            Err(refused) => refused_work(refused)?,
        };
        if let Some(refused) = &mut work.refused {
            refused.leaves_invalid = newly_invalid(&before, &after);
        }
        let found = after.since(&before);
        // A new index is nobody's yet, and a concurrent operation locks an old one only after its last user has left.
        seen.retain(|(oid, _)| before.relations.contains_key(oid));
        let held = after.holding(seen.clone()).since(&Observed::default());
        let felt = |(oid, _): &(u32, String)| concurrent.is_none() || before.relations[oid].table == 0;
        let blocked = self.onlooker.by_modes(&after.holding(seen.into_iter().filter(felt).collect()));
        note_blocked(&mut work, &blocked, &Blocked::default());
        Ok(Work {
            locks: held.locks,
            rewrites: found.rewrites,
            index_builds: found.index_builds,
            rows_read: read,
            rows_written: inserted + changed,
            rows_changed: changed,
            transactions: transactions.max(1),
            wal_bytes: found.wal_bytes,
            duration_ms,
            ..work
        })
    }

    /// Returns a session that keeps writers and stronger locks from every table: what a statement of milliseconds holds
    /// may escape every look, but here it has to wait first.
    async fn obstacle(&self) -> Result<Session, LabError> {
        let session = Session::connect(self.superuser).await?;
        let sql = "SELECT string_agg(format('%I.%I', n.nspname, c.relname), ', ') FROM pg_class AS c \
                   JOIN pg_namespace AS n ON n.oid = c.relnamespace \
                   WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'underpin') \
                   AND n.nspname NOT LIKE 'pg_temp%' AND n.nspname NOT LIKE 'pg_toast%'";
        if let Some(tables) = self.watcher.value(sql).await? {
            session.execute(&format!("BEGIN; LOCK TABLE {tables} IN SHARE ROW EXCLUSIVE MODE")).await?;
        }
        Ok(session)
    }

    /// Sends the statement and notes every lock that its session is seen to hold, or to wait for, until the answer comes.
    async fn run_and_sample(
        &self,
        statement: &Statement,
        mut obstacle: Option<Session>,
    ) -> Result<Sampled, LabError> {
        let mut seen = Vec::new();
        let mut start = Instant::now();
        let running = send(&self.session, statement);
        tokio::pin!(running);
        let answer = loop {
            let looking = async {
                tokio::time::sleep(Duration::from_millis(2)).await;
                let locks = self.locks_of_session().await?;
                Ok::<_, LabError>((locks, obstacle.is_some() && self.waits().await?))
            };
            let (locks, waits) = tokio::select! {
                answer = &mut running => break answer,
                looked = looking => looked?,
            };
            seen.extend(locks.into_iter().filter(|lock| !seen.contains(lock)).collect::<Vec<_>>());
            if waits && let Some(obstacle) = obstacle.take() {
                obstacle.close().await;
                start = Instant::now();
            }
        };
        let duration_ms = start.elapsed().as_secs_f64() * 1000.0;
        if let Some(obstacle) = obstacle {
            obstacle.close().await;
        }
        Ok(Sampled { answer, seen, duration_ms })
    }

    /// Returns whether the migration's session waits for somebody.
    pub(super) async fn waits(&self) -> Result<bool, LabError> {
        let sql = format!("SELECT cardinality(pg_blocking_pids({})) > 0", self.session.pid());
        Ok(self.watcher.value(&sql).await?.as_deref() == Some("t"))
    }

    /// Returns the relation locks that the migration's session holds or waits for, seen from outside.
    pub(super) async fn locks_of_session(&self) -> Result<Vec<(u32, String)>, LabError> {
        let sql = format!(
            "SELECT relation::text, mode FROM pg_locks WHERE pid = {} AND locktype = 'relation' AND relation >= 16384",
            self.session.pid()
        );
        let rows = self.watcher.rows(&sql).await?;
        let lock = |row: underpin_pg::Row<'_>| {
            (row.text("relation").parse().unwrap_or_default(), row.text("mode").to_owned())
        };
        Ok(rows.iter().map(lock).collect())
    }

    /// Returns rows read, inserted and changed in the whole database, and transactions begun on the server.
    async fn counted(&self) -> Result<[u64; 4], LabError> {
        // From 15 on a session says at once what it did; before, the server collects for up to half a second.
        if self.session.execute("SELECT pg_stat_force_next_flush()").await.is_err() {
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
        let sql = "SELECT coalesce(sum(seq_tup_read) + sum(coalesce(idx_tup_fetch, 0)), 0)::bigint::text AS a, \
                   coalesce(sum(n_tup_ins), 0)::bigint::text AS b, \
                   coalesce(sum(n_tup_upd) + sum(n_tup_del), 0)::bigint::text AS c, \
                   pg_snapshot_xmax(pg_current_snapshot())::text AS d \
                   FROM pg_stat_user_tables WHERE schemaname <> 'underpin'";
        let rows = self.watcher.rows(sql).await?;
        let row = rows.first();
        Ok(["a", "b", "c", "d"]
            .map(|name| row.as_ref().and_then(|row| row.int(name)).unwrap_or_default().unsigned_abs()))
    }

    /// The runner lets concurrent operations wait: given up half way, they leave an invalid index. A file that sets a
    /// limit itself keeps it.
    pub(super) async fn wait_without_limit(&self) -> Result<(), LabError> {
        if self.session.value("SHOW lock_timeout").await?.as_deref() == Some(LOCK_TIMEOUT) {
            self.session.execute("SET lock_timeout = 0").await?;
        }
        Ok(())
    }
}

fn ends_transaction(verb: Verb) -> bool {
    matches!(verb, Verb::Commit | Verb::Rollback)
}

/// Returns the index that became invalid between two looks.
pub(super) fn newly_invalid(before: &Observed, after: &Observed) -> Option<String> {
    let known = before.invalid_indexes();
    after.invalid_indexes().into_iter().find(|index| !known.contains(index)).map(|(name, _)| name)
}

/// Writes down who is blocked, and by whom first.
pub(super) fn note_blocked(work: &mut Work, now: &Blocked, before: &Blocked) {
    work.reads_blocked.clone_from(&now.reads);
    work.writes_blocked.clone_from(&now.writes);
    work.blocked_before = before.reads.union(&before.writes).cloned().collect();
}

pub(super) async fn send(session: &Session, statement: &Statement) -> Result<(), QueryError> {
    match &statement.copy_data {
        Some(data) => session.copy_in(&statement.sql, data.as_bytes()).await.map(|_| ()),
        None => session.execute(&statement.sql).await.map(|_| ()),
    }
}

/// Returns a refused statement as work; a lost session is an error of ours.
fn refused_work(refused: QueryError) -> Result<Work, LabError> {
    if refused.ends_session() {
        return Err(refused.into());
    }
    Ok(Work { refused: Some(refusal(&refused)), ..Work::default() })
}

pub(super) fn refusal(refused: &QueryError) -> Refused {
    let detail = refused.server().and_then(|server| server.detail.as_deref());
    let (sqlstate, message) = refused.told();
    Refused {
        sqlstate,
        message: match detail {
            Some(detail) => format!("{message} ({})", detail.trim_end_matches('.')),
            None => message,
        },
        leaves_invalid: None,
    }
}
