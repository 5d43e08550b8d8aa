//! PostgreSQL's own check of tables and indexes on a restored database: equal rows say nothing of an index's order.

use std::time::Duration;

use underpin_model::sql_text::quote_identifier;
use underpin_pg::{Address, Installation, Session, ToolCall, run_tool};

use super::{BackupError, DEADLINE};

/// What `pg_amcheck` said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Structure {
    /// Nothing is wrong; with the time it took.
    Sound(Duration),
    /// What is wrong, a few lines of it.
    Damaged(Vec<String>),
    /// It did not run: why, as the end of a sentence.
    Unexamined(&'static str),
}

impl Structure {
    /// Returns a sentence for a reader of the result.
    pub fn words(&self) -> String {
        match self {
            Structure::Sound(_) => "pg_amcheck finds every table and every B-tree in order.".to_owned(),
            Structure::Damaged(lines) => format!("pg_amcheck: {}", lines.join("; ")),
            Structure::Unexamined(why) => {
                format!("The order of indexes and the structure of pages were not examined: {why}.")
            }
        }
    }
}

/// Schema that holds the extension while the check runs, where the database has none of its own.
const SCHEMA: &str = "underpin_amcheck";

/// Lines of complaints that are kept.
const KEPT_LINES: usize = 4;

/// Runs `pg_amcheck` on the database, as its superuser; the extension goes again if it was not there.
pub async fn structure(installation: &Installation, address: &Address) -> Result<Structure, BackupError> {
    if !installation.has("pg_amcheck") {
        return Ok(Structure::Unexamined("pg_amcheck is not installed"));
    }
    let session = Session::connect(address).await.map_err(BackupError::Connect)?;
    let asked = "SELECT installed_version IS NULL AS lent, \
                        (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS may \
                   FROM pg_available_extensions WHERE name = 'amcheck'";
    let known = session.rows(asked).await.map_err(BackupError::Ask)?;
    let flag = |name: &str| known.first().and_then(|row| row.bool(name));
    let refused = match flag("may") {
        None => Some("the server lacks the extension amcheck"),
        Some(false) => Some("this takes a superuser"),
        Some(true) => None,
    };
    if let Some(why) = refused {
        session.close().await;
        return Ok(Structure::Unexamined(why));
    }
    let lent = flag("lent") == Some(true);
    if lent {
        let install = format!("CREATE SCHEMA {SCHEMA}; CREATE EXTENSION amcheck SCHEMA {SCHEMA}");
        session.execute(&install).await.map_err(BackupError::Ask)?;
    }
    let found = checked(installation, address).await;
    if lent {
        let remove = format!("DROP EXTENSION amcheck; DROP SCHEMA {SCHEMA}");
        session.execute(&remove).await.map_err(BackupError::Ask)?;
    }
    session.close().await;
    found
}

async fn checked(installation: &Installation, address: &Address) -> Result<Structure, BackupError> {
    // The name could be taken for a connection string, hence quoted as a pattern.
    let database = format!("--database={}", quote_identifier(&address.database));
    let call = ToolCall::new("pg_amcheck").arg(database).on(address).deadline(DEADLINE);
    let output = run_tool(installation, &call).await.map_err(BackupError::Tool)?;
    match output.exit {
        0 => Ok(Structure::Sound(Duration::from_millis(output.duration_ms))),
        // The program's own number for "corruption was found" (pg_amcheck.c).
        2 => {
            let lines = output.stdout.lines().map(str::trim).filter(|line| !line.is_empty());
            // The server's whole query follows some complaints.
            let lines = lines.filter(|line| !line.starts_with("query"));
            Ok(Structure::Damaged(lines.take(KEPT_LINES).map(str::to_owned).collect()))
        }
        _ => Err(BackupError::Program { output: Box::new(output) }),
    }
}
