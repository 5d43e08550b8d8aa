//! The table `underpin.migrations`: what the database remembers of its own history.

use underpin_model::project::Migration;
use underpin_model::sql_text::{quote_literal, quote_nullable};
use underpin_pg::{QueryError, Session};

use super::MigrateError;
use super::state::State;

/// One applied (or begun) migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerRow {
    /// Version as the file has it.
    pub version: String,
    /// The rest of the file's name.
    pub name: String,
    /// Checksum of the file when it was applied; absent when another tool applied it.
    pub checksum: Option<String>,
    /// When, as text.
    pub applied_at: Option<String>,
    /// How far it is, as [`State`] writes it.
    pub phase: String,
}

impl LedgerRow {
    /// Returns whether the whole migration is applied.
    pub fn finished(&self) -> bool {
        self.state() == Some(State::Done)
    }

    /// Returns how far the migration is; nothing when a newer Underpin wrote what we do not know.
    pub fn state(&self) -> Option<State> {
        State::read(&self.phase)
    }
}

/// Creates the ledger where it is missing.
pub async fn ledger_create(session: &Session) -> Result<(), MigrateError> {
    session
        .execute(include_str!("ledger.sql"))
        .await
        .map(|_| ())
        .map_err(|source| MigrateError::Ledger { doing: "created", source })
}

/// Returns the ledger's rows; none when there is no ledger.
pub async fn ledger_read(session: &Session) -> Result<Vec<LedgerRow>, MigrateError> {
    let reading = |source| MigrateError::Ledger { doing: "read", source };
    let there = session.value("SELECT to_regclass('underpin.migrations')").await.map_err(reading)?;
    if there.is_none() {
        return Ok(Vec::new());
    }
    let sql = "SELECT version, name, checksum, applied_at::text, phase FROM underpin.migrations ORDER BY applied_at, version";
    let rows = session.rows(sql).await.map_err(reading)?;
    let row = |cells: &Vec<Option<String>>| LedgerRow {
        version: cells[0].clone().unwrap_or_default(),
        name: cells[1].clone().unwrap_or_default(),
        checksum: cells[2].clone(),
        applied_at: cells[3].clone(),
        phase: cells[4].clone().unwrap_or_default(),
    };
    Ok(rows.rows.iter().map(row).collect())
}

/// Writes a migration's row, replacing the one of an interrupted run.
pub async fn ledger_write(
    session: &Session,
    migration: &Migration,
    state: &State,
    duration_ms: u64,
) -> Result<(), QueryError> {
    let sql = format!(
        "INSERT INTO underpin.migrations (version, name, checksum, duration_ms, phase) \
         VALUES ({}, {}, {}, {duration_ms}, {}) \
         ON CONFLICT (version) DO UPDATE SET checksum = excluded.checksum, applied_at = clock_timestamp(), \
         duration_ms = excluded.duration_ms, applied_by = excluded.applied_by, phase = excluded.phase",
        quote_literal(&migration.version),
        quote_literal(&migration.name),
        quote_nullable(Some(&migration.checksum)),
        quote_literal(&state.to_string()),
    );
    session.execute(&sql).await.map(|_| ())
}

/// Removes the row of a migration that was taken back.
pub async fn ledger_forget(session: &Session, migration: &Migration) -> Result<(), QueryError> {
    let version = quote_literal(&migration.version);
    let sql = format!("DELETE FROM underpin.migrations WHERE version = {version}");
    session.execute(&sql).await.map(|_| ())
}
