//! What each index costs every write: log, blocks and time, with it and without.

use std::collections::BTreeMap;

use underpin_model::sql_text::{quote_identifier, quote_qualified};
use underpin_pg::Session;
use underpin_plan::Explained;

use crate::error::LabError;
use crate::planning::surface::Index;
use crate::proof::Experiment;

/// Rows that are written at a time.
const ROWS: u64 = 500;

/// What one index adds to writing one row.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Tax {
    /// Bytes of log per row.
    pub wal: f64,
    /// Blocks touched per row.
    pub buffers: f64,
}

/// Writes rows of each table anew on a copy of the database, with all indexes and without each; by oid.
pub(super) async fn measure(
    experiment: &Experiment<'_>,
    indexes: &[Index],
) -> Result<BTreeMap<String, Tax>, LabError> {
    let sandbox = experiment.lab.sandbox().await?;
    let session = sandbox.session().await?;
    let mut found = BTreeMap::new();
    let mut tables: BTreeMap<&str, Vec<&Index>> = BTreeMap::new();
    indexes
        .iter()
        .filter(|index| index.rows > 0)
        .for_each(|index| tables.entry(&index.table_oid).or_default().push(index));
    for group in tables.values() {
        let Some(statements) = statements(experiment, group[0]) else { continue };
        let Some(with) = written(&session, &statements, "").await? else { continue };
        for index in group {
            let unseen = format!(
                "UPDATE pg_catalog.pg_index SET indisvalid = false, indisready = false WHERE indexrelid = {}",
                index.oid
            );
            let Some(without) = written(&session, &statements, &unseen).await? else { continue };
            let rows = with.root.rows_inserted().max(1.0);
            let wal = with.root.wal.bytes as f64 - without.root.wal.bytes as f64;
            let buffers = with.root.buffers.touched() as f64 - without.root.buffers.touched() as f64;
            found.insert(
                index.oid.clone(),
                Tax { wal: wal.max(0.0) / rows, buffers: buffers.max(0.0) / rows },
            );
        }
    }
    session.close().await;
    sandbox.drop().await?;
    Ok(found)
}

/// What is run for a table: put rows aside and away, and write them again.
struct Statements {
    aside: String,
    write: String,
}

fn statements(experiment: &Experiment<'_>, index: &Index) -> Option<Statements> {
    let table = experiment.lab.catalog().table(&index.schema, &index.table)?;
    let columns: Vec<String> = table
        .columns
        .iter()
        .filter(|column| column.generated.is_none())
        .map(|column| quote_identifier(&column.name))
        .collect();
    let (columns, name) = (columns.join(", "), quote_qualified(&index.schema, &index.table));
    Some(Statements {
        aside: format!(
            "CREATE TEMPORARY TABLE underpin_rows ON COMMIT DROP AS SELECT {columns} FROM {name} LIMIT {ROWS};\n\
             DELETE FROM {name} WHERE ctid IN (SELECT ctid FROM {name} LIMIT {ROWS})"
        ),
        write: format!(
            "INSERT INTO {name} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM underpin_rows"
        ),
    })
}

/// Returns the executed INSERT; nothing when the server refuses it.
async fn written(
    session: &Session,
    statements: &Statements,
    before: &str,
) -> Result<Option<Explained>, LabError> {
    // As a replica would: no triggers, no checks of foreign keys, which would cost more than any index.
    let text = format!(
        "BEGIN;\nSET LOCAL session_replication_role = replica;\n{}{}{};\n\
         EXPLAIN (ANALYZE, BUFFERS, WAL, TIMING OFF, FORMAT JSON) {};\nROLLBACK",
        statements.aside,
        if before.is_empty() { "" } else { ";\n" },
        before,
        statements.write
    );
    match session.rows(&text).await {
        Ok(rows) => {
            let text =
                rows.rows.first().and_then(|row| row.first()).and_then(Option::as_deref).unwrap_or_default();
            Ok(underpin_plan::read(text).ok())
        }
        Err(error) if error.sqlstate().is_some() => {
            session.execute("ROLLBACK").await?;
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}
