//! Old rows that a constraint `NOT VALID` does not check today, and punishes at their next change.

use std::collections::BTreeSet;

use underpin_model::deployment::Punished;
use underpin_model::project::Migration;
use underpin_pg::Session;

use crate::error::LabError;

/// A row does not keep a CHECK constraint (`check_violation`).
const VIOLATED: &str = "23514";

/// CHECK constraints that their tables do not keep for certain, as table and name.
pub(super) type Unproven = BTreeSet<(String, String)>;

/// Returns the constraints `NOT VALID` before the file; nothing when its text makes none.
pub(super) async fn before(session: &Session, migration: &Migration) -> Result<Option<Unproven>, LabError> {
    let makes =
        |sql: &str| sql.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ").contains("not valid");
    if !migration.sql.statements.iter().any(|statement| makes(&statement.sql)) {
        return Ok(None);
    }
    let rows = session.rows(include_str!("unproven.sql")).await?;
    Ok(Some(rows.iter().map(|row| (row.text("table").to_owned(), row.text("name").to_owned())).collect()))
}

/// Returns the new constraints of which some row would be refused when it is written again, with the number of rows.
///
/// A row counts only after the server refused it: a trigger of the file may mend it on its way.
pub(super) async fn punished(session: &Session, before: &Unproven) -> Result<Vec<Punished>, LabError> {
    let now = session.rows(include_str!("unproven.sql")).await?;
    let mut punished = Vec::new();
    for row in now.iter() {
        let [table, name, check, column, shown] =
            ["table", "name", "check", "column", "shown"].map(|column| row.text(column).to_owned());
        if before.contains(&(table.clone(), name.clone())) {
            continue;
        }
        let bad = format!("FROM ONLY {table} WHERE NOT ({check})");
        let rows = session.value(&format!("SELECT count(*) {bad}")).await?;
        let rows: u64 = rows.and_then(|rows| rows.parse().ok()).unwrap_or_default();
        if rows == 0 {
            continue;
        }
        session.execute("BEGIN").await?;
        let again =
            format!("UPDATE ONLY {table} SET {column} = {column} WHERE ctid = (SELECT min(ctid) {bad})");
        let answer = session.execute(&again).await;
        session.execute("ROLLBACK").await?;
        if answer.is_err_and(|refused| refused.sqlstate() == Some(VIOLATED)) {
            punished.push(Punished { table: shown, constraint: name, rows });
        }
    }
    Ok(punished)
}
