//! What each foreign key asks when a parent goes, and which index answers.

use camino::Utf8PathBuf;
use underpin_model::project::{Param, Query};
use underpin_model::statement::{Statement, StatementFacts, Verb};
use underpin_model::{Code, Finding, ObjectKind, ObjectRef};
use underpin_plan::Thresholds;
use underpin_plan::compare::amount;
use underpin_plan::gate;

use super::surface::Index;
use crate::error::LabError;
use crate::planning::{Asked, Measured, Mode, Planner, hidden};
use crate::proof::Outcome;

pub(super) const WALKS: Code = Code::warning(
    "UP525",
    "fk-check-walks",
    "deleting a parent walks through the referring table, though few rows refer to it",
);

/// A referential check with and without each index that answers it.
pub(super) struct ForeignKey {
    /// `table.constraint`.
    pub name: String,
    /// Schema and name of the referring table.
    table: (String, String),
    /// Its columns.
    columns: Vec<String>,
    /// Executed with all indexes.
    pub measured: Measured,
    /// Oid of an index that it reads, and the check without it.
    pub serving: Vec<(String, Measured)>,
}

impl ForeignKey {
    /// Returns whether the first keys of the index are the columns of the foreign key, in any order.
    pub(super) fn could_use(&self, index: &Index) -> bool {
        let first = index.keys.get(..self.columns.len()).unwrap_or_default();
        index.schema == self.table.0
            && index.table == self.table.1
            && !first.is_empty()
            && first.iter().all(|key| self.columns.contains(key))
    }
}

/// Runs the query of each foreign key's check, for a parent with few rows that refer to it, under the plan for any key: the
/// server keeps the plan of a check as well.
pub(super) async fn examine(
    owner: &Planner,
    indexes: &[Index],
    outcome: &mut Outcome,
) -> Result<Vec<ForeignKey>, LabError> {
    let rows = owner.session().rows(include_str!("foreign_keys.sql")).await?;
    let mut found = Vec::new();
    for row in rows.iter() {
        let (table, schema) = (row.text("table"), row.text("schema"));
        let Some(key) = owner.session().rows(row.text("key_sql")).await?.rows.into_iter().next() else {
            continue;
        };
        let query = check(row.text("name"), row.text("check_sql"), row.text("types"));
        let asked = Asked { query: &query, values: &key, mode: Mode::Generic };
        let measured = owner.measure(asked, "").await?;
        let mut serving = Vec::new();
        let read: Vec<&str> =
            measured.plan.root.all().into_iter().filter_map(|node| node.index.as_deref()).collect();
        for index in
            indexes.iter().filter(|index| index.schema == schema && read.contains(&index.name.as_str()))
        {
            serving.push((index.oid.clone(), owner.measure(asked, &hidden::hide(&[&index.oid])).await?));
        }
        let build = format!(
            "CREATE INDEX underpin_fk ON {} ({})",
            underpin_model::sql_text::quote_qualified(schema, table),
            row.text("columns")
        );
        // With an index of its own no check of a few rows touches more blocks than this: nothing to compare.
        if measured.buffers() > 16 {
            let best = owner.measure(asked, &build).await?;
            if gate::grows(best.buffers(), measured.buffers(), &Thresholds::default()) {
                outcome.findings.push(walks(row, &measured, &best, &build));
            }
        }
        found.push(ForeignKey {
            name: format!("{table}.{}", row.text("name")),
            table: (schema.to_owned(), table.to_owned()),
            columns: row.text("columns").split(", ").map(str::to_owned).collect(),
            measured,
            serving,
        });
    }
    Ok(found)
}

fn walks(row: underpin_pg::Row<'_>, measured: &Measured, best: &Measured, build: &str) -> Finding {
    let (table, name) = (row.text("table"), row.text("name"));
    let message = format!(
        "The check of {name} reads {} buffers of {table} to find {} rows; with an index of its own {}.",
        amount(measured.buffers() as f64),
        amount(measured.record.rows as f64),
        amount(best.buffers() as f64)
    );
    let object = ObjectRef::in_schema(ObjectKind::Constraint, row.text("schema"), format!("{table}.{name}"));
    Finding::new(&WALKS, message)
        .object(object)
        .hint(build.replace("INDEX underpin_fk ON", "INDEX CONCURRENTLY ON") + ";")
}

/// Returns the check as a query, which a superuser asks.
fn check(name: &str, sql: &str, types: &str) -> Query {
    let param = |(nth, type_name): (usize, &str)| Param {
        name: format!("key{nth}"),
        type_name: type_name.to_owned(),
        value: None,
        line: 1,
    };
    let facts = StatementFacts { verb: Verb::Select, ..StatementFacts::default() };
    Query {
        name: name.to_owned(),
        file: Utf8PathBuf::new(),
        statement: Statement { sql: sql.to_owned(), line: 1, facts, copy_data: None },
        params: types.split(';').enumerate().map(param).collect(),
        rate: None,
        budget: Vec::new(),
        role: None,
        tenant: None,
        enters: None,
        allow: Vec::new(),
    }
}
