//! Indexes that the planner does not see, until the transaction is rolled back.

/// Returns statements that hide indexes (by oid) from the planner within the transaction at hand.
///
/// An index that is not valid is kept up to date and not used (manual, "pg_index"): the planner then does as if it were
/// dropped, and unlike DROP this works for indexes of constraints. Updating `pg_index` invalidates what is known of the
/// index only; plans that functions keep are discarded too.
pub(crate) fn hide(oids: &[&str]) -> String {
    format!(
        "UPDATE pg_catalog.pg_index SET indisvalid = false WHERE indexrelid IN ({});\nDISCARD PLANS;",
        oids.join(", ")
    )
}
