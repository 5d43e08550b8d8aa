//! What each foreign key asks when a parent goes, and which index answers.

use underpin_model::{Code, Finding, ObjectKind, ObjectRef};
use underpin_plan::Thresholds;
use underpin_plan::compare::amount;
use underpin_plan::gate;

use crate::error::LabError;
use crate::planning::reference::{Reference, references};
use crate::planning::surface::Index;
use crate::planning::{Measured, Planner, hidden};
use crate::proof::Outcome;

pub(super) const WALKS: Code = Code::warning(
    "UP525",
    "fk-check-walks",
    "deleting a parent walks through the referring table, though few rows refer to it",
);

/// Blocks of a check that an index of its own answers.
const FEW_BLOCKS: u64 = 5;

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
    let mut found = Vec::new();
    for reference in references(owner.session()).await? {
        let (asked, schema) = (reference.asked(), reference.schema.as_str());
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
            underpin_model::sql_text::quote_qualified(schema, &reference.table),
            reference.columns.join(", ")
        );
        // With an index of its own no check of a few rows touches more blocks than this: nothing to compare.
        if measured.buffers() > FEW_BLOCKS {
            let best = owner.measure(asked, &build).await?;
            // What is read is a table from its beginning to its end, which grows: few blocks more count already.
            let limits = Thresholds { buffers_more: FEW_BLOCKS as f64, ..Thresholds::default() };
            if gate::grows(best.buffers(), measured.buffers(), &limits) {
                outcome.findings.push(walks(&reference, &measured, &best, &build));
            }
        }
        found.push(ForeignKey {
            name: reference.name(),
            table: (reference.schema, reference.table),
            columns: reference.columns,
            measured,
            serving,
        });
    }
    Ok(found)
}

fn walks(reference: &Reference, measured: &Measured, best: &Measured, build: &str) -> Finding {
    let (table, name) = (&reference.table, &reference.constraint);
    let message = format!(
        "The check of {name} reads {} buffers of {table} to find {} rows; with an index of its own {}.",
        amount(measured.buffers() as f64),
        amount(measured.record.rows as f64),
        amount(best.buffers() as f64)
    );
    let object = ObjectRef::in_schema(ObjectKind::Constraint, &reference.schema, format!("{table}.{name}"));
    Finding::new(&WALKS, message)
        .object(object)
        .hint(build.replace("INDEX underpin_fk ON", "INDEX CONCURRENTLY ON") + ";")
}
