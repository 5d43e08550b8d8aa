//! The table `underpin.migrations`: what the database remembers of its own history.

use underpin_model::project::Migration;
use underpin_model::sql_text::{quote_literal, quote_nullable};
use underpin_pg::{QueryError, Session};

use super::MigrateError;

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
    /// `done`, or `running N` while a file outside a transaction has finished N statements.
    pub phase: String,
}

impl LedgerRow {
    /// Returns whether the whole file is applied.
    pub fn finished(&self) -> bool {
        self.phase == "done"
    }

    /// Returns how many statements of an interrupted file are finished.
    pub fn statements_done(&self) -> usize {
        self.phase.strip_prefix("running ").and_then(|count| count.parse().ok()).unwrap_or(0)
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
    phase: &str,
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
        quote_literal(phase),
    );
    session.execute(&sql).await.map(|_| ())
}
