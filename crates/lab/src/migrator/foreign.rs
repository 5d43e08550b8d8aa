//! Ledgers of other migration tools: read, adopted, and kept true where their form allows it.
//!
//! An application that still runs its own migrator at start must find its ledger complete, or it
//! would apply our files a second time. sqlx, dbmate and golang-migrate ledgers are therefore
//! written beside ours; Flyway's and refinery's carry checksums of their own making and are only read.

use underpin_model::project::Migration;
use underpin_model::sql_text::{quote_literal, quote_nullable};
use underpin_pg::{QueryError, Session};

use super::MigrateError;

/// Another tool's ledger, as found in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignLedger {
    kind: Kind,
    /// Versions that it says are applied, as it writes them.
    versions: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Sqlx,
    Dbmate,
    GolangMigrate,
    Refinery,
    Flyway,
}

impl ForeignLedger {
    /// Returns the tool's name.
    pub fn tool(&self) -> &'static str {
        match self.kind {
            Kind::Sqlx => "sqlx",
            Kind::Dbmate => "dbmate",
            Kind::GolangMigrate => "golang-migrate",
            Kind::Refinery => "refinery",
            Kind::Flyway => "Flyway",
        }
    }

    /// Returns whether we keep the ledger true when we apply a migration.
    pub fn writable(&self) -> bool {
        !matches!(self.kind, Kind::Refinery | Kind::Flyway)
    }

    /// Writes an applied migration into the ledger, in the form its tool expects.
    pub async fn record(
        &self,
        session: &Session,
        migration: &Migration,
        duration_ms: u64,
    ) -> Result<(), QueryError> {
        let version = quote_literal(&migration.version);
        let sql = match self.kind {
            Kind::Sqlx => format!(
                "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES ({version}::bigint, {}, true, sha384(convert_to({}, 'UTF8')), {}) ON CONFLICT DO NOTHING",
                quote_literal(&migration.name.replace('_', " ")),
                quote_literal(&migration.sql.text),
                duration_ms * 1_000_000,
            ),
            Kind::Dbmate => {
                format!("INSERT INTO schema_migrations (version) VALUES ({version}) ON CONFLICT DO NOTHING")
            }
            Kind::GolangMigrate => {
                format!("UPDATE schema_migrations SET version = {version}::bigint, dirty = false")
            }
            Kind::Refinery | Kind::Flyway => return Ok(()),
        };
        session.execute(&sql).await.map(|_| ())
    }

    fn has(&self, migration: &Migration) -> bool {
        let same = |version: &String| underpin_sql::migration::compare_versions(version, &migration.version);
        match self.kind {
            // One row: everything up to it is applied.
            Kind::GolangMigrate => self.versions.iter().any(|version| same(version).is_ge()),
            _ => self.versions.iter().any(|version| same(version).is_eq()),
        }
    }
}

/// Returns the other tool's ledger that rules this database, if there is one.
pub async fn find(session: &Session) -> Result<Option<ForeignLedger>, MigrateError> {
    let reading = |source| MigrateError::Ledger { doing: "read", source };
    let found = session.rows(include_str!("foreign.sql")).await.map_err(reading)?;
    let Some(kind) = found.rows.first().and_then(|row| row[0].as_deref()).and_then(kind_of) else {
        return Ok(None);
    };
    let sql = match kind {
        Kind::Sqlx => "SELECT version, NOT success FROM _sqlx_migrations ORDER BY version",
        Kind::Dbmate => "SELECT version, false FROM schema_migrations ORDER BY version",
        Kind::GolangMigrate => "SELECT version, dirty FROM schema_migrations",
        Kind::Refinery => "SELECT version, false FROM refinery_schema_history ORDER BY version",
        Kind::Flyway => {
            "SELECT version, NOT success FROM flyway_schema_history WHERE version IS NOT NULL ORDER BY installed_rank"
        }
    };
    let rows = session.rows(sql).await.map_err(reading)?;
    let cell = |row: &Vec<Option<String>>| row[0].clone().unwrap_or_default();
    let ledger = ForeignLedger { kind, versions: rows.rows.iter().map(cell).collect() };
    match rows.rows.iter().find(|row| row[1].as_deref() == Some("t")) {
        Some(row) => Err(MigrateError::Dirty { tool: ledger.tool(), version: cell(row) }),
        None => Ok(Some(ledger)),
    }
}

fn kind_of(word: &str) -> Option<Kind> {
    match word {
        "sqlx" => Some(Kind::Sqlx),
        "dbmate" => Some(Kind::Dbmate),
        "golang-migrate" => Some(Kind::GolangMigrate),
        "refinery" => Some(Kind::Refinery),
        "flyway" => Some(Kind::Flyway),
        _ => None,
    }
}

/// Copies what the other ledger knows into ours, without a checksum: we did not see those files run.
pub async fn adopt(
    session: &Session,
    foreign: Option<&ForeignLedger>,
    migrations: &[Migration],
) -> Result<(), MigrateError> {
    let Some(ledger) = foreign else { return Ok(()) };
    for migration in migrations.iter().filter(|migration| ledger.has(migration)) {
        let sql = format!(
            "INSERT INTO underpin.migrations (version, name, checksum, applied_by) VALUES ({}, {}, {}, {}) \
             ON CONFLICT (version) DO NOTHING",
            quote_literal(&migration.version),
            quote_literal(&migration.name),
            quote_nullable(None),
            quote_literal(ledger.tool()),
        );
        session.execute(&sql).await.map_err(|source| MigrateError::Ledger { doing: "written", source })?;
    }
    Ok(())
}
