//! Numbers of distinct values that somebody set by hand, against the data.

use underpin_model::{Code, Finding, ObjectKind, ObjectRef};
use underpin_plan::compare::amount;

use crate::error::LabError;
use crate::planning::Planner;
use crate::proof::Outcome;

pub(super) const OVERRIDE: Code = Code::error(
    "UP542",
    "statistics-override-wrong",
    "a number of distinct values set by hand contradicts the data",
);

/// Off by this factor, an override is worse than the estimate that it replaces.
const FAR_OFF: f64 = 10.0;

/// Counts the distinct values of every column with `n_distinct` set.
pub(super) async fn examine(planner: &Planner, outcome: &mut Outcome) -> Result<(), LabError> {
    let rows = planner.session().rows(include_str!("overrides.sql")).await?;
    for row in rows.iter() {
        let count = planner.session().rows(row.text("count_sql")).await?;
        let Some(counted) = count.first() else { continue };
        let (total, distinct) =
            (counted.float("total").unwrap_or(0.0), counted.float("distinct").unwrap_or(0.0));
        let set = row.float("n_distinct").unwrap_or(0.0);
        // Below zero it is a part of the rows (manual, "ALTER TABLE").
        let meant = if set < 0.0 { -set * total } else { set };
        let factor = (meant.max(1.0) / distinct.max(1.0)).max(distinct.max(1.0) / meant.max(1.0));
        if distinct == 0.0 || factor < FAR_OFF {
            continue;
        }
        let (table, column) = (row.text("table"), row.text("column"));
        let message = format!(
            "{table}.{column} has n_distinct = {set}, which says {} values; there are {}.",
            amount(meant),
            amount(distinct)
        );
        let object = ObjectRef::in_schema(ObjectKind::Column, row.text("schema"), table).column(column);
        let quoted = underpin_model::sql_text::quote_qualified(row.text("schema"), table);
        let column = underpin_model::sql_text::quote_identifier(column);
        let hint = format!("ALTER TABLE {quoted} ALTER COLUMN {column} RESET (n_distinct);");
        outcome.findings.push(Finding::new(&OVERRIDE, message).object(object).hint(hint));
    }
    Ok(())
}
