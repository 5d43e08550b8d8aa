//! Backfills range by range: each range of keys is a transaction of its own that also moves the cursor in the ledger.

use underpin_model::Event;
use underpin_model::phases::{Backfill, KeyRange, LowEnd, Phases, literals};
use underpin_model::project::Migration;
use underpin_model::sql_text::quote_literal;
use underpin_pg::QueryError;

use super::MigrateError;
use super::ledger::ledger_write;
use super::patience::{gives_way, pause};
use super::runner::Runner;
use super::state::{Cursor, State};
use super::throttle::Throttle;

impl Runner<'_> {
    /// Runs the backfill from the cursor to the last key; a folder without one has nothing to do.
    ///
    /// Keys are walked upwards. A row that is inserted behind the cursor while that happens is the work of the
    /// trigger that expand made.
    pub(super) async fn backfill(
        &mut self,
        migration: &Migration,
        phases: &Phases,
        mut cursor: Cursor,
    ) -> Result<State, MigrateError> {
        let Some(backfill) = &phases.backfill else { return self.note(migration, State::Backfilled).await };
        self.refuse_null_key(backfill).await?;
        self.remark_without_index(backfill).await;
        let total = self.rows_about(backfill).await;
        let mut throttle = Throttle::new(self.session, backfill, &self.options.throttle)
            .await
            .map_err(MigrateError::Connect)?;
        while let Some(range) = self.next_range(backfill, &cursor, throttle.rows()).await? {
            let batch = Batch { migration, backfill, range, rows: cursor.rows };
            cursor = self.batch(&batch, &mut throttle).await?;
            let (what, done) = (backfill.file.to_string(), cursor.rows);
            self.events.emit(Event::Progress { what, done, total: total.max(done), unit: "rows" });
            throttle.pause(self.events).await;
        }
        throttle.close().await;
        self.note(migration, State::Backfilled).await
    }

    /// Refuses a key that is NULL in a row: that row lies in no range.
    async fn refuse_null_key(&self, backfill: &Backfill) -> Result<(), MigrateError> {
        let nulls = backfill.key.iter().map(|column| format!("{column} IS NULL")).collect::<Vec<_>>();
        let sql = format!("SELECT 1 FROM {} WHERE {} LIMIT 1", backfill.table, nulls.join(" OR "));
        match self.session.value(&sql).await.map_err(|source| refused(backfill, &sql, source))? {
            None => Ok(()),
            Some(_) => Err(MigrateError::KeyIsNull {
                file: backfill.file.to_string(),
                line: backfill.line,
                table: backfill.table.clone(),
                key: backfill.key.join(", "),
            }),
        }
    }

    /// Says when every range has to read the whole table.
    async fn remark_without_index(&self, backfill: &Backfill) {
        let columns = backfill.key.iter().map(|column| quote_literal(column)).collect::<Vec<_>>().join(", ");
        let sql = include_str!("key_index.sql")
            .replace(":table", &quote_literal(&backfill.table))
            .replace(":key", &format!("ARRAY[{columns}]"));
        if self.session.value(&sql).await.ok().flatten().as_deref() == Some("0") {
            let (file, key) = (&backfill.file, backfill.key.join(", "));
            let text = format!(
                "{file}: no index of {} begins with ({key}), so each range reads the whole table.",
                backfill.table
            );
            self.events.emit(Event::Remark { text });
        }
    }

    /// Returns about how many rows the table has, as statistics know it; 0 when they do not.
    async fn rows_about(&self, backfill: &Backfill) -> u64 {
        let table = quote_literal(&backfill.table);
        let sql =
            format!("SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = to_regclass({table})");
        let rows = self.session.value(&sql).await.ok().flatten();
        rows.and_then(|rows| rows.parse().ok()).unwrap_or(0)
    }

    /// Returns the range of the next rows after the cursor; nothing when no row is left.
    async fn next_range(
        &self,
        backfill: &Backfill,
        cursor: &Cursor,
        rows: u64,
    ) -> Result<Option<KeyRange>, MigrateError> {
        let first = cursor.key.is_empty();
        let (low, with_low) = match first {
            true => match self.key(backfill, &ends(backfill, None, 0)).await? {
                Some(lowest) => (lowest, LowEnd::Included),
                None => return Ok(None),
            },
            false => (cursor.key.clone(), LowEnd::Excluded),
        };
        let after = (!first).then_some(&low);
        let sql = ends(backfill, after, rows - 1);
        let high = match self.key(backfill, &sql).await? {
            Some(high) => Some(high),
            None => self.key(backfill, &last(backfill, after)).await?,
        };
        Ok(high.map(|high| KeyRange { low, with_low, high }))
    }

    async fn key(&self, backfill: &Backfill, sql: &str) -> Result<Option<Vec<String>>, MigrateError> {
        let rows = self.session.rows(sql).await.map_err(|source| refused(backfill, sql, source))?;
        Ok(rows.rows.into_iter().next().map(|row| row.into_iter().map(Option::unwrap_or_default).collect()))
    }

    /// Runs one range, again and again while locks cannot be had; returns the cursor behind it.
    async fn batch(&self, batch: &Batch<'_>, throttle: &mut Throttle<'_>) -> Result<Cursor, MigrateError> {
        let backfill = batch.backfill;
        let sql = backfill.statement(&batch.range);
        let mut tries = 1;
        loop {
            let source = match throttle.watched(self.batch_once(batch, &sql)).await {
                Ok(cursor) => return Ok(cursor),
                Err(source) => source,
            };
            let _ = self.session.execute("ROLLBACK").await;
            let (file, line) = (backfill.file.to_string(), backfill.line);
            let lock_timeout_ms = self.limits.lock_timeout_ms / 4;
            match gives_way(&source) {
                true if tries < self.options.tries => tokio::time::sleep(pause(tries)).await,
                true => return Err(MigrateError::LockTimeout { file, line, tries, lock_timeout_ms, source }),
                false => return Err(refused(backfill, &sql, source)),
            }
            tries += 1;
        }
    }

    async fn batch_once(&self, batch: &Batch<'_>, sql: &str) -> Result<Cursor, QueryError> {
        // A quarter: the rows that the range has locked so far are waited for as well, nobody knows how long already.
        let limit = (self.limits.lock_timeout_ms / 4).max(1);
        self.session.execute(&format!("BEGIN; SET LOCAL lock_timeout = {limit}")).await?;
        let rows = batch.rows + self.session.execute(sql).await?;
        let cursor = Cursor { key: batch.range.high.clone(), rows };
        ledger_write(self.session, batch.migration, &State::Backfilling(cursor.clone()), 0).await?;
        self.session.execute("COMMIT").await?;
        Ok(cursor)
    }
}

/// One range on its way.
struct Batch<'m> {
    migration: &'m Migration,
    backfill: &'m Backfill,
    range: KeyRange,
    /// Rows changed before it.
    rows: u64,
}

fn refused(backfill: &Backfill, sql: &str, source: QueryError) -> MigrateError {
    let (file, line) = (backfill.file.to_string(), backfill.line);
    MigrateError::Statement { file, line, sql: sql.to_owned(), source }
}

/// Returns the query of the key `skip` rows behind the first one after `low`.
fn ends(backfill: &Backfill, low: Option<&Vec<String>>, skip: u64) -> String {
    let key = backfill.key.join(", ");
    format!("{} ORDER BY {key} OFFSET {skip} LIMIT 1", keys_after(backfill, low))
}

/// Returns the query of the last key after `low`.
fn last(backfill: &Backfill, low: Option<&Vec<String>>) -> String {
    let key = backfill.key.iter().map(|column| format!("{column} DESC")).collect::<Vec<_>>().join(", ");
    format!("{} ORDER BY {key} LIMIT 1", keys_after(backfill, low))
}

fn keys_after(backfill: &Backfill, low: Option<&Vec<String>>) -> String {
    let key = backfill.key.join(", ");
    let after = low.map(|low| format!(" WHERE ({key}) > ({})", literals(low))).unwrap_or_default();
    format!("SELECT {key} FROM {}{after}", backfill.table)
}
