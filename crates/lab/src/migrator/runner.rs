//! Runs one part of a migration: statement by statement, never waiting long for a lock.

use std::time::Instant;

use underpin_model::evidence::{HeldLock, StatementTrace};
use underpin_model::phases::{MigrationPart, TableLock};
use underpin_model::project::{Migration, SqlFile};
use underpin_model::sql_text::quote_literal;
use underpin_model::statement::{Statement, Verb};
use underpin_model::{Event, EventSink};
use underpin_pg::{QueryError, Session};
use underpin_sql::index_build::{Reindexed, concurrent_index, concurrent_reindex, is_concurrent};

use super::MigrateError;
use super::apply::ApplyOptions;
use super::foreign::ForeignLedger;
use super::ledger::{ledger_forget, ledger_write};
use super::patience::{WaitLimits, gives_way, pause};
use super::state::State;

/// Longest time for dropping an index that was left behind: a failed migration must end and say why.
const DROP_LIMIT: &str = "SET statement_timeout = '10s'";

/// One session that runs migrations, and how.
pub struct Runner<'a> {
    /// Holds the runner's advisory lock.
    pub(super) session: &'a Session,
    pub(super) options: &'a ApplyOptions,
    pub(super) events: &'a dyn EventSink,
    /// Another tool's ledger, written beside ours.
    pub(super) foreign: Option<&'a ForeignLedger>,
    /// Statements with the locks they took, when tracing.
    pub(super) traces: Vec<StatementTrace>,
    /// How long it waits for others.
    pub(super) limits: WaitLimits,
}

/// One part of a migration: a file, or one phase of a folder.
#[derive(Clone, Copy)]
pub(super) struct Step<'m> {
    migration: &'m Migration,
    sql: &'m SqlFile,
    transactional: bool,
    locks: &'m [TableLock],
    /// Statements that an interrupted run has finished (outside transactions only).
    done: usize,
    kind: StepKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum StepKind {
    File,
    Expand,
    Contract,
    Revert,
}

impl<'m> Step<'m> {
    /// Returns the step of a migration that is one file.
    pub(super) fn file(migration: &'m Migration, state: Option<&State>) -> Step<'m> {
        let done = match state {
            Some(State::Running(done)) => *done,
            _ => 0,
        };
        let Migration { sql, transactional, locks, .. } = migration;
        Step { migration, sql, transactional: *transactional, locks, done, kind: StepKind::File }
    }

    /// Returns the first step of a folder.
    pub(super) fn expand(migration: &'m Migration, state: Option<&State>) -> Step<'m> {
        Step { kind: StepKind::Expand, ..Step::file(migration, state) }
    }

    /// Returns the last step of a folder, `done` statements of which are finished.
    pub(super) fn contract(migration: &'m Migration, part: &'m MigrationPart, done: usize) -> Step<'m> {
        let MigrationPart { sql, transactional, locks } = part;
        Step { migration, sql, transactional: *transactional, locks, done, kind: StepKind::Contract }
    }

    /// Returns the step that takes a folder back, `done` statements of which are finished.
    pub(super) fn revert(migration: &'m Migration, part: &'m MigrationPart, done: usize) -> Step<'m> {
        Step { kind: StepKind::Revert, ..Step::contract(migration, part, done) }
    }

    fn sets_lock_timeout(&self) -> bool {
        let sets = |statement: &Statement| {
            statement.facts.verb == Verb::Set && statement.sql.to_ascii_lowercase().contains("lock_timeout")
        };
        self.sql.statements.iter().any(sets)
    }

    fn running(&self, done: usize) -> State {
        match self.kind {
            StepKind::File | StepKind::Expand => State::Running(done),
            StepKind::Contract => State::Contracting(done),
            StepKind::Revert => State::Reverting(done),
        }
    }

    /// Returns the state once all statements are finished; nothing when the migration is taken back.
    fn finished(&self) -> Option<State> {
        match self.kind {
            StepKind::File | StepKind::Contract => Some(State::Done),
            StepKind::Expand => Some(State::Expanded),
            StepKind::Revert => None,
        }
    }
}

/// A statement that the server refused, with its place.
pub(super) struct Refused {
    line: u32,
    sql: String,
    source: QueryError,
}

impl Refused {
    fn at(statement: &Statement) -> impl FnOnce(QueryError) -> Refused {
        move |source| Refused { line: statement.line, sql: statement.sql.clone(), source }
    }

    /// Returns what wraps an error of a statement of ours, near a line of the file.
    fn ours(line: u32, sql: &str) -> impl FnOnce(QueryError) -> Refused {
        move |source| Refused { line, sql: sql.to_owned(), source }
    }
}

impl<'a> Runner<'a> {
    /// Returns a runner on a session that holds the runner's lock.
    pub(super) async fn new(
        session: &'a Session,
        options: &'a ApplyOptions,
        events: &'a dyn EventSink,
    ) -> Result<Runner<'a>, MigrateError> {
        let limits = WaitLimits::of(session, options.lock_timeout_ms).await;
        let limits = limits.map_err(|source| MigrateError::Ledger { doing: "read", source })?;
        Ok(Runner { session, options, events, foreign: None, traces: Vec::new(), limits })
    }

    /// Runs a step to its end and notes it in the ledger; returns the state it leads to.
    ///
    /// A folder that was taken back is as if never begun, which [`State::Running`] with no statement says.
    pub(super) async fn step(&mut self, step: Step<'_>) -> Result<State, MigrateError> {
        let outcome = if step.transactional {
            self.in_transaction(&step).await
        } else {
            self.outside_transaction(&step).await
        };
        self.forget_settings().await;
        outcome.map(|()| step.finished().unwrap_or(State::Running(0)))
    }

    /// Runs the step in one transaction, all of it again when a lock cannot be had.
    async fn in_transaction(&mut self, step: &Step<'_>) -> Result<(), MigrateError> {
        let mut tries = 1;
        loop {
            let traced = self.traces.len();
            let Err(refused) = self.transaction(step).await else { return Ok(()) };
            // The first error is the one to report; a lost connection rolls back by itself.
            let _ = self.session.execute("ROLLBACK").await;
            self.traces.truncate(traced);
            if !gives_way(&refused.source) || tries >= self.options.tries {
                return Err(self.give_up(step, refused, tries));
            }
            tokio::time::sleep(pause(tries)).await;
            tries += 1;
        }
    }

    async fn transaction(&mut self, step: &Step<'_>) -> Result<(), Refused> {
        let start = Instant::now();
        let begin = format!("BEGIN; SET LOCAL lock_timeout = {}", self.limits.lock_timeout_ms);
        self.session.execute(&begin).await.map_err(Refused::ours(1, &begin))?;
        let limits = self.limits;
        for lock in step.locks {
            let sql = lock.sql();
            limits.limit_next_wait(self.session).await.map_err(Refused::ours(lock.line, &sql))?;
            self.session.execute(&sql).await.map_err(Refused::ours(lock.line, &sql))?;
        }
        for (nth, statement) in step.sql.statements.iter().enumerate() {
            // Before the first statement nobody can wait for us; a file with a limit of its own keeps it.
            if (nth > 0 || !step.locks.is_empty()) && !step.sets_lock_timeout() {
                limits.limit_next_wait(self.session).await.map_err(Refused::at(statement))?;
            }
            self.statement(step, statement).await.map_err(Refused::at(statement))?;
        }
        let line = step.sql.statements.last().map_or(1, |statement| statement.line);
        self.note_end(step, start).await.map_err(Refused::ours(line, "the row of the ledger"))?;
        self.session.execute("COMMIT").await.map_err(Refused::ours(line, "COMMIT"))?;
        Ok(())
    }

    /// Runs the step's statements one by one, each again by itself when a lock cannot be had.
    async fn outside_transaction(&mut self, step: &Step<'_>) -> Result<(), MigrateError> {
        let start = Instant::now();
        for (index, statement) in step.sql.statements.iter().enumerate().skip(step.done) {
            if is_concurrent(&statement.sql) {
                self.outlast_old_transactions(step.sql.file.as_str(), statement).await?;
            }
            let mut tries = 1;
            while let Err(refused) = self.single(step, index).await {
                self.drop_invalid_index(statement).await;
                if !gives_way(&refused.source) || tries >= self.options.tries {
                    return Err(self.give_up(step, refused, tries));
                }
                tokio::time::sleep(pause(tries)).await;
                tries += 1;
            }
        }
        let line = step.sql.statements.last().map_or(1, |statement| statement.line);
        let noted = self.note_end(step, start).await.map_err(Refused::ours(line, "the row of the ledger"));
        noted.map_err(|refused| self.give_up(step, refused, 1))
    }

    /// Runs one statement outside a transaction, noting before it how many are finished.
    async fn single(&mut self, step: &Step<'_>, index: usize) -> Result<(), Refused> {
        let statement = &step.sql.statements[index];
        // With CONCURRENTLY a statement waits for whole transactions, and nobody's reads or writes wait for it:
        // a limit would only starve it, and each failure leaves an invalid index.
        let limit = if is_concurrent(&statement.sql) { 0 } else { self.limits.lock_timeout_ms };
        let timeout = format!("SET lock_timeout = {limit}");
        self.session.execute(&timeout).await.map_err(Refused::at(statement))?;
        let state = step.running(index);
        ledger_write(self.session, step.migration, &state, 0).await.map_err(Refused::at(statement))?;
        self.drop_invalid_index(statement).await;
        self.statement(step, statement).await.map_err(Refused::at(statement))
    }

    async fn note_end(&self, step: &Step<'_>, start: Instant) -> Result<(), QueryError> {
        let duration_ms = start.elapsed().as_millis() as u64;
        let Some(state) = step.finished() else {
            return ledger_forget(self.session, step.migration).await;
        };
        ledger_write(self.session, step.migration, &state, duration_ms).await?;
        match self.foreign {
            Some(ledger) if state == State::Done => {
                ledger.record(self.session, step.migration, duration_ms).await
            }
            _ => Ok(()),
        }
    }

    fn give_up(&self, step: &Step<'_>, refused: Refused, tries: u32) -> MigrateError {
        let (file, line) = (step.sql.file.to_string(), refused.line);
        if gives_way(&refused.source) {
            let lock_timeout_ms = self.limits.lock_timeout_ms;
            return MigrateError::LockTimeout { file, line, tries, lock_timeout_ms, source: refused.source };
        }
        MigrateError::Statement { file, line, sql: refused.sql, source: refused.source }
    }

    /// Drops the invalid indexes that an interrupted `CREATE INDEX CONCURRENTLY` or `REINDEX CONCURRENTLY` left behind.
    ///
    /// With `IF NOT EXISTS` the next try would take the invalid index for the finished one (manual,
    /// "Building Indexes Concurrently"); copies of a REINDEX would be kept up to date for ever.
    async fn drop_invalid_index(&self, statement: &Statement) {
        let Some(condition) = left_behind(&statement.sql) else { return };
        let sql = format!("{} AND {condition}", include_str!("invalid_indexes.sql"));
        // Whatever keeps us from looking is reported by the statement itself.
        let left = self.session.rows(&sql).await.unwrap_or_default();
        if left.rows.is_empty() {
            return;
        }
        // The file's own limit may be what ended the statement; dropping waits for transactions as well.
        let limit = self.session.value("SHOW statement_timeout").await.ok().flatten().unwrap_or_default();
        let _ = self.session.execute(DROP_LIMIT).await;
        for name in left.rows.into_iter().filter_map(|row| row.into_iter().next().flatten()) {
            let drop = format!("DROP INDEX CONCURRENTLY IF EXISTS {name}");
            if self.session.execute(&drop).await.is_err() {
                let text = format!("The invalid index {name} is left; the next run drops it: {drop}.");
                self.events.emit(Event::Remark { text });
            }
        }
        let _ = self.session.execute(&format!("SET statement_timeout = {}", quote_literal(&limit))).await;
    }

    async fn statement(&mut self, step: &Step<'_>, statement: &Statement) -> Result<(), QueryError> {
        let before = if self.options.trace { self.locks().await } else { Vec::new() };
        let start = Instant::now();
        match &statement.copy_data {
            Some(data) => self.session.copy_in(&statement.sql, data.as_bytes()).await?,
            None => self.session.execute(&statement.sql).await?,
        };
        if self.options.trace {
            let duration_ms = start.elapsed().as_secs_f64() * 1000.0;
            let locks = self.locks().await.into_iter().filter(|lock| !before.contains(lock)).collect();
            self.traces.push(StatementTrace {
                file: step.sql.file.to_string(),
                line: statement.line,
                sql: statement.sql.clone(),
                locks,
                duration_ms,
                ..StatementTrace::default()
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
    pub(super) async fn forget_settings(&self) {
        let _ = self.session.execute("RESET ALL").await;
    }
}

/// Returns the condition that finds what a statement leaves behind when it fails; nothing for most statements.
fn left_behind(sql: &str) -> Option<String> {
    // REINDEX CONCURRENTLY builds NAME_ccnew beside NAME, with a number if that is taken (manual, "REINDEX").
    const COPY: &str = r"c.relname ~ '_cc(new|old)[0-9]*$'";
    if let Some(index) = concurrent_index(sql) {
        let (name, table) = (quote_literal(&index.name), quote_literal(&index.table));
        return Some(format!("c.relname = {name} AND i.indrelid = to_regclass({table})"));
    }
    match concurrent_reindex(sql)? {
        Reindexed::Table(table) => {
            Some(format!("{COPY} AND i.indrelid = to_regclass({})", quote_literal(&table)))
        }
        Reindexed::Index(index) => Some(format!(
            "{COPY} AND i.indrelid = (SELECT o.indrelid FROM pg_index AS o WHERE o.indexrelid = to_regclass({}))",
            quote_literal(&index)
        )),
    }
}
