//! Values that a file removes: counted before, looked for everywhere afterwards.

use std::collections::{BTreeMap, BTreeSet};

use underpin_model::deployment::Lost;
use underpin_model::project::Migration;
use underpin_model::sql_text::{quote_identifier, quote_qualified};
use underpin_model::statement::{Access, Statement, Verb};
use underpin_pg::Session;

use crate::error::LabError;

/// What the tables that a file may change hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Holdings {
    /// Every table and partition there is, counted or not; true for what is no part of another.
    tables: BTreeMap<String, bool>,
    /// Rows by table.
    rows: BTreeMap<String, u64>,
    /// By table and column.
    columns: BTreeMap<(String, String), Values>,
}

/// What a column holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Values {
    type_name: String,
    /// Values that are not NULL.
    count: u64,
    /// Different values.
    distinct: u64,
    /// Sum of their hashes, which no order changes.
    sum: String,
}

/// Returns the tables whose values the file's text may remove: everything it names but to add to it.
pub(super) fn tables_at_risk(migration: &Migration) -> Option<BTreeSet<String>> {
    let mut tables = BTreeSet::new();
    for statement in &migration.sql.statements {
        let facts = &statement.facts;
        match facts.verb {
            Verb::Insert | Verb::Select if !changes_rows(statement) => continue,
            Verb::Set | Verb::Grant | Verb::Copy => continue,
            Verb::Do | Verb::Call => return None,
            _ if takes_others_along(statement) => return None,
            _ => {}
        }
        if matches!(
            facts.node.as_str(),
            "IndexStmt" | "CreateStmt" | "CreateTrigStmt" | "CreateFunctionStmt" | "ViewStmt" | "CommentStmt"
        ) {
            continue;
        }
        tables.extend(written_by(statement));
    }
    Some(tables)
}

/// Returns whether the statement changes rows besides inserting some: in a WITH clause, or on conflict.
fn changes_rows(statement: &Statement) -> bool {
    has_word(statement, &["delete", "update", "merge"])
}

/// Returns whether the statement may remove what it does not name.
fn takes_others_along(statement: &Statement) -> bool {
    matches!(statement.facts.node.as_str(), "DropStmt" | "TruncateStmt" | "AlterTableStmt" | "DropOwnedStmt")
        && has_word(statement, &["cascade"])
}

fn has_word(statement: &Statement, wanted: &[&str]) -> bool {
    let text = statement.sql.to_lowercase();
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| wanted.contains(&word))
}

/// Returns every table that the file's text writes or defines: where removed values may stand afterwards.
pub(super) fn tables_written(migration: &Migration) -> Option<BTreeSet<String>> {
    let mut tables = BTreeSet::new();
    for statement in &migration.sql.statements {
        if matches!(statement.facts.verb, Verb::Do | Verb::Call) || takes_others_along(statement) {
            return None;
        }
        tables.extend(written_by(statement));
    }
    Some(tables)
}

fn written_by(statement: &Statement) -> impl Iterator<Item = String> {
    let written = statement.facts.relations.iter().filter(|relation| relation.access != Access::Read);
    written.map(|relation| match relation.schema.as_deref() {
        None | Some("public") => relation.name.clone(),
        Some(schema) => format!("{schema}.{}", relation.name),
    })
}

/// Reads the holdings of the named tables and partitions; of all tables for `None`.
pub(super) async fn take(session: &Session, only: Option<&BTreeSet<String>>) -> Result<Holdings, LabError> {
    let named = |name: &str| only.is_some_and(|only| only.contains(name));
    take_those(session, |name, whole| named(name) || whole && only.is_none()).await
}

/// Reads the holdings of what the file wrote, and of the tables that were not there before, by whatever name.
pub(super) async fn take_after(
    session: &Session,
    written: Option<&BTreeSet<String>>,
    before: &Holdings,
) -> Result<Holdings, LabError> {
    let named = |name: &str| written.is_some_and(|written| written.contains(name));
    let new = |name: &str| !before.tables.get(name).copied().unwrap_or_default();
    take_those(session, |name, whole| named(name) || whole && (written.is_none() || new(name))).await
}

/// Reads the holdings of those that `wanted` says yes to, asked with the name and whether it is no partition.
async fn take_those(session: &Session, wanted: impl Fn(&str, bool) -> bool) -> Result<Holdings, LabError> {
    let mut holdings = Holdings::default();
    let columns = session.rows(include_str!("columns.sql")).await?;
    // Schema, table and name for people; column, type and the text that is compared.
    let mut tables: BTreeMap<[String; 3], Vec<[String; 3]>> = BTreeMap::new();
    for row in columns.iter() {
        let [schema, table, name] = ["schema", "table", "name"].map(|column| row.text(column).to_owned());
        let whole = row.text("part") == "false";
        holdings.tables.insert(name.clone(), whole);
        if wanted(&name, whole) {
            let column = ["column", "type", "compared"].map(|column| row.text(column).to_owned());
            tables.entry([schema, table, name]).or_default().push(column);
        }
    }
    for ([schema, table, name], columns) in tables {
        let mut list = vec!["count(*)".to_owned()];
        for [column, _, compared] in &columns {
            let column = quote_identifier(column);
            let hash = format!("hashtextextended({compared}, 0)");
            list.push(format!("count({column}), count(DISTINCT {hash}), coalesce(sum({hash}), 0)::text"));
        }
        let sql = format!("SELECT {} FROM {}", list.join(", "), quote_qualified(&schema, &table));
        let answer = session.rows(&sql).await?;
        let Some(row) = answer.first() else { continue };
        let number = |at: usize| row.at(at).and_then(|text| text.parse().ok()).unwrap_or(0);
        holdings.rows.insert(name.clone(), number(0));
        for (nth, [column, type_name, _]) in columns.into_iter().enumerate() {
            let at = 1 + nth * 3;
            let sum = row.at(at + 2).unwrap_or_default().to_owned();
            let values = Values { type_name, count: number(at), distinct: number(at + 1), sum };
            holdings.columns.insert((name.clone(), column), values);
        }
    }
    Ok(holdings)
}

/// Returns what was there before and is nowhere now; `after` holds every table.
pub(super) fn lost(before: &Holdings, after: &Holdings) -> Vec<Lost> {
    let mut lost = Vec::new();
    for (table, rows) in before.rows.iter().filter(|(_, rows)| **rows > 0) {
        match after.rows.get(table) {
            Some(0) if lives_on(table, before, after) => {}
            Some(0) => {
                lost.push(Lost { what: table.clone(), count: *rows, how: "every row was removed".into() })
            }
            Some(_) => lost.extend(lost_columns(table, before, after)),
            // A table that became a partition is counted with the whole.
            None if after.tables.contains_key(table) || lives_on(table, before, after) => {}
            None => {
                lost.push(Lost { what: table.clone(), count: *rows, how: "the table was dropped".into() })
            }
        }
    }
    lost
}

fn lost_columns(table: &str, before: &Holdings, after: &Holdings) -> Vec<Lost> {
    let mut lost = Vec::new();
    let own = before.columns.iter().filter(|((owner, _), values)| owner == table && values.count > 0);
    let fewer_rows = after.rows.get(table) < before.rows.get(table);
    for ((_, column), values) in own {
        let now = after.columns.get(&(table.to_owned(), column.clone()));
        let how = match now {
            None => "the column was dropped".to_owned(),
            Some(now) if now.count == 0 => "every value was set to NULL".to_owned(),
            Some(now)
                if now.type_name != values.type_name
                    && now.sum != values.sum
                    && now.distinct < values.distinct =>
            {
                format!(
                    "as {} only {} of {} different values are left",
                    now.type_name, now.distinct, values.distinct
                )
            }
            // Rows may have been removed on purpose, duplicates for one; the values of the others are looked at.
            Some(now) if now.count < values.count && !fewer_rows => "values were set to NULL".to_owned(),
            _ => continue,
        };
        if !held_elsewhere(table, values, before, after) {
            let count = values.count - now.map_or(0, |now| now.count.min(values.count));
            let count = if count == 0 { values.distinct - now.map_or(0, |now| now.distinct) } else { count };
            lost.push(Lost { what: format!("{table}.{column}"), count, how });
        }
    }
    lost
}

/// Returns whether the same values stand in another column of the table, or in one elsewhere that did not hold them before:
/// two tables may be numbered alike. A partition that was detached counts as new.
fn held_elsewhere(table: &str, values: &Values, before: &Holdings, after: &Holdings) -> bool {
    let same = |other: &Values| other.count == values.count && other.sum == values.sum;
    let part = |table: &str| before.tables.get(table) == Some(&false);
    let new =
        |place: &(String, String)| part(&place.0) || before.columns.get(place).is_none_or(|then| !same(then));
    after.columns.iter().any(|(place, now)| same(now) && (place.0 == table || new(place)))
}

/// Returns whether every filled column of a table that is gone stands elsewhere.
fn lives_on(table: &str, before: &Holdings, after: &Holdings) -> bool {
    let mut own = before.columns.iter().filter(|((owner, _), values)| owner == table && values.count > 0);
    own.all(|(_, values)| held_elsewhere(table, values, before, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holdings(columns: &[(&str, &str, u64, u64, &str)]) -> Holdings {
        let mut holdings = Holdings::default();
        for (table, column, count, distinct, sum) in columns {
            holdings.rows.insert((*table).to_owned(), *count);
            let values = Values {
                type_name: "text".into(),
                count: *count,
                distinct: *distinct,
                sum: (*sum).to_owned(),
            };
            holdings.columns.insert(((*table).to_owned(), (*column).to_owned()), values);
        }
        holdings
    }

    #[test]
    fn a_renamed_column_loses_nothing_and_a_dropped_one_does() {
        let before = holdings(&[("users", "id", 9, 9, "1"), ("users", "phone", 9, 7, "2")]);
        let renamed = holdings(&[("users", "id", 9, 9, "1"), ("users", "mobile", 9, 7, "2")]);
        assert_eq!(lost(&before, &renamed), []);
        let dropped = holdings(&[("users", "id", 9, 9, "1")]);
        let found = lost(&before, &dropped);
        assert_eq!((found[0].what.as_str(), found[0].count), ("users.phone", 9));
    }

    #[test]
    fn a_table_that_became_a_partition_is_there() {
        let before = holdings(&[("events_2026", "id", 9, 9, "1")]);
        let mut after = holdings(&[]);
        after.tables.insert("events_2026".to_owned(), false);
        assert_eq!(lost(&before, &after), []);
    }

    #[test]
    fn a_dropped_table_lives_on_in_its_copy() {
        let before = holdings(&[("logs", "line", 9, 9, "1")]);
        assert_eq!(lost(&before, &holdings(&[("events", "line", 9, 9, "1")])), []);
        assert_eq!(lost(&before, &holdings(&[])).len(), 1);
    }
}
