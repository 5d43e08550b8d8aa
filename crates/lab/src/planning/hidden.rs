//! Indexes that the planner does not see, and indexes that a statement scanned.

use std::collections::BTreeMap;

use underpin_pg::Rows;

/// Returns statements that hide indexes (by oid) from the planner within the transaction at hand.
///
/// An index that is not valid is kept up to date and not used (manual, "pg_index"): the planner then does as if it were
/// dropped, and unlike DROP this works for indexes of constraints. Updating `pg_index` invalidates what is known of the
/// index only; plans that functions keep are discarded too.
pub(crate) fn hide(oids: &[&str]) -> String {
    let list = oids.join(", ");
    format!("UPDATE pg_catalog.pg_index SET indisvalid = false WHERE indexrelid IN ({list});\nDISCARD PLANS")
}

/// Returns the indexes whose count grew, by oid, with the growth.
pub(crate) fn grown(before: &Rows, after: &Rows) -> BTreeMap<String, i64> {
    let counts = |rows: &Rows| -> BTreeMap<String, i64> {
        rows.iter().map(|row| (row.text("index").to_owned(), row.int("scans").unwrap_or(0))).collect()
    };
    let old = counts(before);
    let grown = counts(after).into_iter().map(|(oid, count)| {
        let by = count - old.get(&oid).copied().unwrap_or(0);
        (oid, by)
    });
    grown.filter(|(_, by)| *by > 0).collect()
}
