//! Which tables the load updates, which of their columns get another value, and which indexes hold these.

use std::time::{Duration, Instant};

use underpin_model::sql_text::quote_qualified;
use underpin_pg::Session;

use crate::error::LabError;
use crate::lab::Sandbox;

/// A table that the load updated.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    /// Oid as text, the same on every copy.
    pub(super) oid: String,
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) rows: u64,
    /// Rows updated, and those of them that stayed on their page without a new index entry.
    pub(super) updates: u64,
    pub(super) hot: u64,
    /// As declared.
    pub(super) fillfactor: u32,
    /// Columns that changed, with how often.
    pub(super) columns: String,
    /// Indexes that hold one of these.
    pub(super) indexes: Vec<Index>,
}

/// An index that holds a column which changed.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// Oid as text.
    pub(super) oid: String,
    /// Name, with its schema where that is not `public`.
    pub(super) name: String,
}

impl Table {
    /// Returns the name, the schema left out when it is `public`.
    pub(super) fn display(&self) -> String {
        display(&self.schema, &self.name)
    }

    /// Returns the name for SQL.
    pub(super) fn quoted(&self) -> String {
        quote_qualified(&self.schema, &self.name)
    }
}

fn display(schema: &str, name: &str) -> String {
    if schema == "public" { name.to_owned() } else { format!("{schema}.{name}") }
}

/// Prepares a copy for [`tables`]: from now on it notes which columns change.
pub(super) async fn watch(sandbox: &Sandbox<'_>) -> Result<(), LabError> {
    let session = sandbox.session().await?;
    session.execute(include_str!("watch.sql")).await?;
    session.close().await;
    Ok(())
}

/// Reads the tables that were updated, the most updated first.
pub(super) async fn tables(sandbox: &Sandbox<'_>) -> Result<Vec<Table>, LabError> {
    let session = sandbox.session().await?;
    settle(&session).await?;
    let rows = session.rows(include_str!("tables.sql")).await?;
    let indexes = session.rows(include_str!("indexes.sql")).await?;
    session.close().await;
    let count = |value: Option<i64>| value.unwrap_or_default().max(0) as u64;
    let table = |row: underpin_pg::Row<'_>| Table {
        oid: row.text("oid").to_owned(),
        schema: row.text("schema").to_owned(),
        name: row.text("name").to_owned(),
        rows: count(row.int("rows")),
        updates: count(row.int("updates")),
        hot: count(row.int("hot")),
        fillfactor: row.text("fillfactor").parse().unwrap_or(100),
        columns: row.text("columns").to_owned(),
        indexes: indexes
            .iter()
            .filter(|index| index.text("table_oid") == row.text("oid"))
            .map(|index| Index {
                oid: index.text("oid").to_owned(),
                name: display(index.text("schema"), index.text("name")),
            })
            .collect(),
    };
    Ok(rows.iter().map(table).collect())
}

/// A session reports its counters at the latest when it ends, and ends a moment after its client has gone.
const LEAVING: Duration = Duration::from_secs(30);

/// Waits until every other session of the database has ended: then its counters are complete.
pub(super) async fn settle(session: &Session) -> Result<(), LabError> {
    let others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
                  AND backend_type = 'client backend'";
    let start = Instant::now();
    while session.value(others).await?.as_deref() != Some("0") {
        if start.elapsed() > LEAVING {
            let what = "the end of the load's sessions".to_owned();
            return Err(LabError::Deadline { what, seconds: LEAVING.as_secs() });
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(())
}
