//! What a snapshot of production says about a file: how many rows there are, and which new constraints they break.

use std::collections::BTreeMap;

use underpin_model::catalog::{Catalog, Table};
use underpin_model::deployment::{Conflict, Deployment, Step};
use underpin_model::production::ProductionSnapshot;
use underpin_model::statement::Access;
use underpin_pg::Session;

use crate::error::LabError;

/// Rows of every table, as the server estimates them after ANALYZE.
pub(super) async fn estimated_rows(session: &Session) -> Result<BTreeMap<String, u64>, LabError> {
    let sql = "SELECT CASE WHEN n.nspname = 'public' THEN c.relname ELSE n.nspname || '.' || c.relname END AS name, \
               greatest(c.reltuples, 0)::bigint::text AS rows \
               FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace \
               WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'underpin')";
    let rows = session.rows(sql).await?;
    let row = |row: underpin_pg::Row<'_>| {
        (row.text("name").to_owned(), row.int("rows").unwrap_or_default().unsigned_abs())
    };
    Ok(rows.iter().map(row).collect())
}

/// Writes down what production's statistics say against constraints that are in `after` and not in `before`.
pub(super) fn compare(
    deployment: &mut Deployment,
    snapshot: &ProductionSnapshot,
    before: &Catalog,
    after: &Catalog,
) {
    for table in &after.tables {
        let name = display(table);
        let same = |other: &&Table| other.schema == table.schema && other.name == table.name;
        let (Some(old), Some(size)) = (before.tables.iter().find(same), snapshot.table(&name)) else {
            continue;
        };
        // The file changes rows of the table: what they are then, statistics of before do not tell.
        if changes_rows(&deployment.steps, &table.name) {
            continue;
        }
        for column in &table.columns {
            let was = old.columns.iter().find(|other| other.name == column.name);
            let (Some(was), Some(statistics)) = (was, size.column(&column.name)) else { continue };
            let place = format!("{name}.{}", column.name);
            if column.not_null && !was.not_null && statistics.null_fraction > 0.0 {
                let rows = (statistics.null_fraction * size.rows as f64).round();
                let fact =
                    format!("about {rows} rows of {place} are NULL (snapshot of {})", snapshot.taken_at);
                deployment.conflicts.push(Conflict { column: place.clone(), fact });
            }
            let unique = |table: &Table| {
                table.indexes.iter().any(|index| {
                    index.unique && index.predicate.is_none() && index.keys == [column.name.clone()]
                })
            };
            let repeating = size.repeating(statistics);
            // Statistics of a sample are never exact.
            if unique(table) && !unique(old) && repeating * 50 > size.rows {
                let fact = format!(
                    "about {repeating} rows of {place} repeat a value (snapshot of {})",
                    snapshot.taken_at
                );
                deployment.conflicts.push(Conflict { column: place, fact });
            }
        }
    }
}

fn display(table: &Table) -> String {
    if table.schema == "public" { table.name.clone() } else { format!("{}.{}", table.schema, table.name) }
}

fn changes_rows(steps: &[Step], table: &str) -> bool {
    steps.iter().any(|step| {
        step.small.rows_changed > 0
            && step
                .statement
                .facts
                .relations
                .iter()
                .any(|one| one.access == Access::Write && one.name == table)
    })
}
