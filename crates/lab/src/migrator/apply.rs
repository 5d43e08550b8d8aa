//! Carries a plan out: file by file, statement by statement, never waiting long for a lock.

use std::time::{Duration, Instant};

use futures_util::future::LocalBoxFuture;
use underpin_model::evidence::{HeldLock, StatementTrace};
use underpin_model::project::Migration;
use underpin_model::sql_text::quote_literal;
use underpin_model::statement::Statement;
use underpin_model::{Event, EventSink};
use underpin_pg::Address;
use underpin_pg::{QueryError, Session};
use underpin_sql::index_build::concurrent_index;

use super::MigrateError;
use super::foreign::{self, ForeignLedger};
use super::ledger::{ledger_create, ledger_read, ledger_write};
use super::lock::lock_runner;
use super::plan::{Pending, plan};

/// How a run behaves.
#[derive(Clone, Debug)]
pub struct ApplyOptions {
    /// Longest wait for another runner.
    pub patience: Duration,
    /// Longest wait for one lock, in milliseconds.
    ///
    /// 700 ms: below the server's default `deadlock_timeout` of 1 s, so that a migration gives way
    /// before it makes the deadlock detector cancel a query of the application.
    pub lock_timeout_ms: u32,
    /// How often a file is tried when locks cannot be had.
    pub tries: u32,
    /// Stop after this version.
    pub up_to: Option<String>,
    /// Take over from another tool whose ledger cannot be written.
    pub take_over: bool,
    /// Note the locks that each statement takes.
    pub trace: bool,
}

impl Default for ApplyOptions {
    fn default() -> ApplyOptions {
        ApplyOptions {
            patience: Duration::from_secs(10),
            lock_timeout_ms: 700,
            tries: 10,
            up_to: None,
            take_over: false,
            trace: false,
        }
    }
}

/// What a run did.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    /// Files applied, in order, with their duration in milliseconds.
    pub files: Vec<(String, u64)>,
    /// Versions that were there already.
    pub already: usize,
    /// Statements with the locks they took, when tracing.
    pub traces: Vec<StatementTrace>,
}

/// Applies every pending migration to the database at `address`.
///
/// A file runs in one transaction together with its ledger row, so it is applied whole or not at
/// all, whatever ends this process. A `-- no-transaction` file notes each finished statement, and
/// the next run goes on after it.
pub fn migrate_up<'a>(
    address: &'a Address,
    migrations: &'a [Migration],
    options: &'a ApplyOptions,
    events: &'a dyn EventSink,
) -> LocalBoxFuture<'a, Result<Applied, MigrateError>> {
    Box::pin(async move {
        let session = Session::connect(address).await.map_err(MigrateError::Connect)?;
        lock_runner(&session, address, options.patience).await?;
        let foreign = foreign::find(&session).await?;
        ledger_create(&session).await?;
        foreign::adopt(&session, foreign.as_ref(), migrations).await?;
        let plan = plan(migrations, &ledger_read(&session).await?);
        if !plan.problems.is_empty() {
            return Err(MigrateError::Disagreement { problems: plan.problems });
        }
        let mut pending = plan.pending;
        if let Some(last) = &options.up_to {
            pending.retain(|one| {
                underpin_sql::migration::compare_versions(&migrations[one.index].version, last).is_le()
            });
        }
        refuse_unwritable(foreign.as_ref(), &pending, migrations, options)?;
        let mut runner =
            Runner { session: &session, options, foreign: foreign.as_ref(), applied: Applied::default() };
        runner.applied.already = plan.applied.len();
        for (nth, one) in pending.iter().enumerate() {
            let migration = &migrations[one.index];
            let (done, total) = (nth as u64, pending.len() as u64);
            events.emit(Event::Progress {
                what: migration.sql.file.to_string(),
                done,
                total,
                unit: "migrations",
            });
            runner.file(migration, one.done).await?;
        }
        let applied = runner.applied;
        session.close().await;
        Ok(applied)
    })
}

fn refuse_unwritable(
    foreign: Option<&ForeignLedger>,
    pending: &[Pending],
    migrations: &[Migration],
    options: &ApplyOptions,
) -> Result<(), MigrateError> {
    match foreign {
        Some(ledger) if !ledger.writable() && !options.take_over && !pending.is_empty() => {
            let pending = pending.iter().map(|one| migrations[one.index].version.clone()).collect();
            Err(MigrateError::ForeignLedger { tool: ledger.tool(), pending })
        }
        _ => Ok(()),
    }
}

struct Runner<'a> {
    session: &'a Session,
    options: &'a ApplyOptions,
    foreign: Option<&'a ForeignLedger>,
    applied: Applied,
}

/// A statement that the server refused, with its place.
struct Refused<'m> {
    statement: &'m Statement,
    source: QueryError,
}

impl Runner<'_> {
    async fn file(&mut self, migration: &Migration, done: usize) -> Result<(), MigrateError> {
        let start = Instant::now();
        let mut tries = 1;
        loop {
            let outcome = if migration.transactional {
                self.in_transaction(migration).await
            } else {
                self.outside_transaction(migration, done).await
            };
            match outcome {
                Ok(()) => break,
                Err(refused) if gives_way(&refused.source) && tries < self.options.tries => {
                    tokio::time::sleep(pause(tries)).await;
                    tries += 1;
                }
                Err(refused) => return Err(self.give_up(migration, refused, tries)),
            }
        }
        self.applied.files.push((migration.sql.file.to_string(), start.elapsed().as_millis() as u64));
        Ok(())
    }

    fn give_up(&self, migration: &Migration, refused: Refused<'_>, tries: u32) -> MigrateError {
        let (file, line) = (migration.sql.file.to_string(), refused.statement.line);
        if gives_way(&refused.source) {
            let lock_timeout_ms = self.options.lock_timeout_ms;
            return MigrateError::LockTimeout { file, line, tries, lock_timeout_ms, source: refused.source };
        }
        MigrateError::Statement { file, line, sql: refused.statement.sql.clone(), source: refused.source }
    }

    async fn in_transaction<'m>(&mut self, migration: &'m Migration) -> Result<(), Refused<'m>> {
        let outcome = self.transaction(migration).await;
        if outcome.is_err() {
            // The first error is the one to report; a lost connection rolls back by itself.
            let _ = self.session.execute("ROLLBACK").await;
        }
        self.forget_settings().await;
        outcome
    }

    async fn transaction<'m>(&mut self, migration: &'m Migration) -> Result<(), Refused<'m>> {
        let start = Instant::now();
        let first = migration.sql.statements.first();
        let last = migration.sql.statements.last();
        let Some((first, last)) = first.zip(last) else { return self.empty_file(migration).await };
        let begin = format!("BEGIN; SET LOCAL lock_timeout = {}", self.options.lock_timeout_ms);
        self.session.execute(&begin).await.map_err(|source| Refused { statement: first, source })?;
        for statement in &migration.sql.statements {
            self.statement(migration, statement).await?;
        }
        let refused = |source| Refused { statement: last, source };
        let duration_ms = start.elapsed().as_millis() as u64;
        ledger_write(self.session, migration, "done", duration_ms).await.map_err(refused)?;
        if let Some(ledger) = self.foreign {
            ledger.record(self.session, migration, duration_ms).await.map_err(refused)?;
        }
        self.session.execute("COMMIT").await.map_err(refused)?;
        Ok(())
    }

    async fn empty_file<'m>(&mut self, migration: &'m Migration) -> Result<(), Refused<'m>> {
        static NOTHING: Statement = Statement {
            sql: String::new(),
            line: 1,
            facts: underpin_model::statement::StatementFacts {
                verb: underpin_model::statement::Verb::Other,
                node: String::new(),
                relations: Vec::new(),
                refuses_transaction: false,
            },
            copy_data: None,
        };
        ledger_write(self.session, migration, "done", 0)
            .await
            .map_err(|source| Refused { statement: &NOTHING, source })
    }

    async fn outside_transaction<'m>(
        &mut self,
        migration: &'m Migration,
        done: usize,
    ) -> Result<(), Refused<'m>> {
        let start = Instant::now();
        let timeout = format!("SET lock_timeout = {}", self.options.lock_timeout_ms);
        let mut outcome = Ok(());
        for (index, statement) in migration.sql.statements.iter().enumerate().skip(done) {
            let refused = |source| Refused { statement, source };
            self.session.execute(&timeout).await.map_err(refused)?;
            let running = format!("running {index}");
            ledger_write(self.session, migration, &running, 0).await.map_err(refused)?;
            self.drop_invalid_index(statement).await;
            outcome = self.statement(migration, statement).await;
            if outcome.is_err() {
                self.drop_invalid_index(statement).await;
                break;
            }
        }
        self.forget_settings().await;
        let Some(last) = migration.sql.statements.last() else { return self.empty_file(migration).await };
        outcome?;
        let refused = |source| Refused { statement: last, source };
        let duration_ms = start.elapsed().as_millis() as u64;
        if let Some(ledger) = self.foreign {
            ledger.record(self.session, migration, duration_ms).await.map_err(refused)?;
        }
        ledger_write(self.session, migration, "done", duration_ms).await.map_err(refused)
    }

    /// Drops the invalid index that an interrupted `CREATE INDEX CONCURRENTLY` left behind.
    ///
    /// With `IF NOT EXISTS` the next try would take the invalid index for the finished one (manual,
    /// "Building Indexes Concurrently").
    async fn drop_invalid_index(&self, statement: &Statement) {
        let Some(index) = concurrent_index(&statement.sql) else { return };
        let sql = format!(
            "{} AND c.relname = {} AND i.indrelid = to_regclass({})",
            include_str!("invalid_indexes.sql"),
            quote_literal(&index.name),
            quote_literal(&index.table)
        );
        // Whatever keeps us from looking is reported by the statement itself.
        if let Ok(Some(name)) = self.session.value(&sql).await {
            let _ = self.session.execute(&format!("DROP INDEX CONCURRENTLY IF EXISTS {name}")).await;
        }
    }

    async fn statement<'m>(
        &mut self,
        migration: &Migration,
        statement: &'m Statement,
    ) -> Result<(), Refused<'m>> {
        let refused = |source| Refused { statement, source };
        let before = if self.options.trace { self.locks().await } else { Vec::new() };
        let start = Instant::now();
        match &statement.copy_data {
            Some(data) => self.session.copy_in(&statement.sql, data.as_bytes()).await.map_err(refused)?,
            None => self.session.execute(&statement.sql).await.map_err(refused)?,
        };
        if self.options.trace {
            let duration_ms = start.elapsed().as_secs_f64() * 1000.0;
            let locks = self.locks().await.into_iter().filter(|lock| !before.contains(lock)).collect();
            self.applied.traces.push(StatementTrace {
                file: migration.sql.file.to_string(),
                line: statement.line,
                sql: statement.sql.clone(),
                locks,
                duration_ms,
            });
        }
        Ok(())
    }

    async fn locks(&self) -> Vec<HeldLock> {
        let rows = self.session.rows(include_str!("held_locks.sql")).await.unwrap_or_default();
        let cell = |cell: &Option<String>| cell.clone().unwrap_or_default();
        rows.rows.iter().map(|row| HeldLock { relation: cell(&row[0]), mode: cell(&row[1]) }).collect()
    }

    /// Undoes `SET` statements of a file (dumps set an empty `search_path`), so that files stay independent.
    async fn forget_settings(&self) {
        let _ = self.session.execute("RESET ALL").await;
    }
}

/// Returns whether the server refused only because others hold a lock: lock timeout or deadlock.
fn gives_way(error: &QueryError) -> bool {
    matches!(error.sqlstate(), Some("55P03" | "40P01"))
}

/// Returns the pause after the nth try: doubling from 100 ms up to 5 s, with a third of jitter so that
/// two runners do not meet again and again.
fn pause(tries: u32) -> Duration {
    let base = 100u64.saturating_mul(1 << tries.min(6)).min(5_000);
    let nanos = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |now| now.subsec_nanos());
    Duration::from_millis(base + u64::from(nanos) % (base / 3))
}
