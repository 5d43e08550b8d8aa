//! Takes a snapshot of production, read-only, and reads it back beside the project.

use camino::Utf8Path;
use underpin_model::production::{
    ColumnStatistics, ProductionSnapshot, SNAPSHOT_VERSION, StatementLoad, TableSize,
};
use underpin_pg::{Address, Session};

use crate::error::LabError;

/// The file in the project folder that `migrate check` reads by itself.
pub const FILE: &str = "snapshot.json";

/// Most statements that are kept.
const STATEMENTS: u32 = 100;

/// Reads sizes and statistics of the database at `address`; nothing is written, and no table is read.
pub async fn take(address: &Address) -> Result<ProductionSnapshot, LabError> {
    let session = Session::connect(address).await?;
    session
        .execute(
            "SET default_transaction_read_only = on; SET lock_timeout = '200ms'; SET statement_timeout = '30s'",
        )
        .await?;
    let mut tables: Vec<TableSize> = Vec::new();
    for row in session.rows(include_str!("snapshot.sql")).await?.iter() {
        if tables.last().is_none_or(|last| last.name != row.text("name")) {
            let number = |column| row.int(column).unwrap_or_default().unsigned_abs();
            let (rows, pages) = (number("rows"), number("pages"));
            tables.push(TableSize { name: row.text("name").to_owned(), rows, pages, columns: Vec::new() });
        }
        let column = ColumnStatistics {
            name: row.text("column").to_owned(),
            null_fraction: row.float("null_fraction").unwrap_or_default(),
            distinct: row.float("distinct").unwrap_or_default(),
            width: row.int("width").and_then(|width| width.try_into().ok()).unwrap_or_default(),
        };
        if let Some(table) = tables.last_mut().filter(|_| !column.name.is_empty()) {
            table.columns.push(column);
        }
    }
    let statements = statements(&session).await?;
    let server = session.value("SHOW server_version").await?.unwrap_or_default();
    session.close().await;
    let taken_at = humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string();
    Ok(ProductionSnapshot { snapshot: SNAPSHOT_VERSION, server, taken_at, tables, statements })
}

/// Returns the statements of the application; a text that the server does not normalise (DDL, COPY) may hold values and is
/// left out.
async fn statements(session: &Session) -> Result<Vec<StatementLoad>, LabError> {
    let sql = format!(
        "SELECT query, calls::text AS calls, mean_exec_time::text AS mean, rows::text AS rows FROM pg_stat_statements \
         WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND toplevel \
         AND query ~* '^\\s*(select|insert|update|delete|with|merge)\\y' \
         ORDER BY total_exec_time DESC LIMIT {STATEMENTS}"
    );
    let Ok(rows) = session.rows(&sql).await else { return Ok(Vec::new()) };
    let statement = |row: underpin_pg::Row<'_>| StatementLoad {
        sql: row.text("query").to_owned(),
        calls: row.int("calls").unwrap_or_default().unsigned_abs(),
        mean_ms: row.float("mean").unwrap_or_default(),
        rows: row.int("rows").unwrap_or_default().unsigned_abs(),
    };
    Ok(rows.iter().map(statement).collect())
}

/// Reads a snapshot from `file`.
pub fn read(file: &Utf8Path) -> Result<ProductionSnapshot, LabError> {
    let refuse = |source| LabError::Snapshot { file: file.to_owned(), source };
    let text = fs_err::read_to_string(file).map_err(refuse)?;
    let snapshot: ProductionSnapshot =
        serde_json::from_str(&text).map_err(|error| refuse(std::io::Error::other(error)))?;
    if snapshot.snapshot == SNAPSHOT_VERSION {
        return Ok(snapshot);
    }
    let what = format!("its form is {}, and this version reads {SNAPSHOT_VERSION}", snapshot.snapshot);
    Err(refuse(std::io::Error::other(what)))
}

/// Reads the snapshot that lies in the project folder, if one does.
pub fn of_project(root: &Utf8Path) -> Result<Option<ProductionSnapshot>, LabError> {
    let file = root.join(FILE);
    file.exists().then(|| read(&file)).transpose()
}
