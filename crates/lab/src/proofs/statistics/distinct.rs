//! Numbers of distinct values that a sample gets wrong, against a count.
//!
//! A sample of rows says little of how many values there are when few are frequent and many are rare: the server then takes the
//! rare ones for few (`compute_scalar_stats` in `analyze.c`, the estimator of Haas and Stokes).

use underpin_model::sql_text::{quote_identifier, quote_literal, quote_qualified};
use underpin_plan::PlanNode;

use super::REPAIRED;
use super::remedy::{self, Column, Distinct, Remedy};
use crate::error::LabError;
use crate::planning::Planner;

/// Of more rows than this part, the number of values is taken to grow with the table, as ANALYZE takes it.
const GROWS: f64 = 0.1;

/// Returns what may repair the estimate of a node, the cheapest first.
///
/// Costs a pass over the table for each column that the node asks of it.
pub(crate) async fn remedies(planner: &Planner, node: &PlanNode) -> Result<Vec<Remedy>, LabError> {
    let mut wrong = Vec::new();
    for column in remedy::columns(node) {
        wrong.extend(counted(planner, column).await?);
    }
    Ok(remedy::remedies(node, &wrong))
}

/// Returns the column with the number to set for it; nothing where the server believes about as many values as there are.
async fn counted(planner: &Planner, column: Column) -> Result<Option<Distinct>, LabError> {
    let session = planner.session();
    let believed = format!(
        "SELECT n_distinct FROM pg_stats WHERE NOT inherited AND schemaname = {} AND tablename = {} AND attname = {}",
        quote_literal(&column.schema),
        quote_literal(&column.table),
        quote_literal(&column.name)
    );
    let believed = session.value(&believed).await?.and_then(|text| text.parse::<f64>().ok());
    // 0 says that nobody knows: the type has no equality, and no count would do.
    let Some(believed) = believed.filter(|number| *number != 0.0) else { return Ok(None) };
    let count = format!(
        "SELECT count(*) AS total, count(DISTINCT {}) AS distinct FROM {}",
        quote_identifier(&column.name),
        quote_qualified(&column.schema, &column.table)
    );
    let rows = session.rows(&count).await?;
    let Some(row) = rows.iter().next() else { return Ok(None) };
    let (total, distinct) = (row.float("total").unwrap_or(0.0), row.float("distinct").unwrap_or(0.0));
    Ok(to_set(believed, total, distinct).map(|n_distinct| Distinct { column, n_distinct }))
}

/// Returns `n_distinct` for so many values in so many rows; nothing when what the server believes is off less than twice.
fn to_set(believed: f64, total: f64, distinct: f64) -> Option<f64> {
    // Below zero it is a part of the rows (manual, "ALTER TABLE").
    let meant = if believed < 0.0 { -believed * total } else { believed }.max(1.0);
    let factor = (meant / distinct.max(1.0)).max(distinct / meant);
    let part = distinct / total.max(1.0);
    let number = if part > GROWS { -(part * 10_000.0).round() / 10_000.0 } else { distinct };
    (distinct > 0.0 && factor >= REPAIRED).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_number_that_is_off_is_set_and_as_a_part_when_it_grows() {
        assert_eq!(to_set(44.0, 40_000.0, 4_000.0), Some(4_000.0));
        assert_eq!(to_set(44.0, 40_000.0, 4_010.0), Some(-0.1003));
        assert_eq!(to_set(-0.5, 1_000.0, 1_000.0), Some(-1.0));
        assert_eq!(to_set(-0.9, 1_000.0, 1_000.0), None);
        assert_eq!(to_set(300.0, 1_000.0, 500.0), None);
        assert_eq!(to_set(-1.0, 0.0, 0.0), None);
    }
}
