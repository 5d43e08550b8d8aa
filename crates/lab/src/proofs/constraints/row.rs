//! Rows that violating writes are derived from, and the statements that write a changed copy.

use underpin_model::sql_text::{quote_literal, quote_nullable};
use underpin_pg::Session;

use super::candidates::Value;
use super::search::{Assignment, typed};
use super::targets::{Column, Table};
use crate::error::LabError;

/// A row of a table, as text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// Condition that finds it.
    pub place: String,
    /// The partition that holds it, quoted for SQL, when that is not the table itself.
    pub partition: Option<String>,
    /// Column and value, generated columns included.
    pub values: Vec<(String, Value)>,
    /// It was made up for the experiment.
    pub made_up: bool,
}

impl Row {
    /// Returns a value; nothing for NULL.
    pub fn value(&self, column: &str) -> Option<&str> {
        self.values.iter().find(|(name, _)| name == column).and_then(|(_, value)| value.as_deref())
    }

    /// Returns the row with other values.
    pub fn with(&self, assignment: &Assignment) -> Row {
        let mut row = self.clone();
        for (column, value) in assignment {
            match row.values.iter_mut().find(|(name, _)| name == column) {
                Some((_, old)) => *old = value.clone(),
                None => row.values.push((column.clone(), value.clone())),
            }
        }
        row
    }

    /// Returns the INSERT of a copy with other values.
    ///
    /// A generated column is written only when the assignment names it; its expression must be dropped before.
    pub fn insert(&self, table: &Table, assignment: &Assignment) -> String {
        let assigned = |column: &Column| assignment.iter().any(|(name, _)| *name == column.name);
        let written: Vec<&Column> =
            table.columns.iter().filter(|column| column.generated.is_none() || assigned(column)).collect();
        let names: Vec<String> = written.iter().map(|column| column.quoted()).collect();
        let copy = self.with(assignment);
        let literal = |column: &&Column| {
            let value = copy.value(&column.name).map(str::to_owned);
            if assigned(column) { typed(column, &value) } else { quote_nullable(value.as_deref()) }
        };
        let values: Vec<String> = written.iter().map(literal).collect();
        let (names, values) = (names.join(", "), values.join(", "));
        format!("INSERT INTO {} ({names}) OVERRIDING SYSTEM VALUE VALUES ({values})", table.quoted())
    }

    /// Returns the UPDATE of this row.
    pub fn update(&self, table: &Table, assignment: &Assignment) -> String {
        let set = |(name, value): &(String, Value)| {
            let column = table.column(name)?;
            Some(format!("{} = {}", column.quoted(), typed(column, value)))
        };
        let sets: Vec<String> = assignment.iter().filter_map(set).collect();
        format!("UPDATE {} SET {} WHERE {}", table.quoted(), sets.join(", "), self.place)
    }
}

/// Returns the first row that fulfils the condition.
pub async fn find(session: &Session, table: &Table, condition: &str) -> Result<Option<Row>, LabError> {
    let names: Vec<String> = table.columns.iter().map(Column::quoted).collect();
    let list = if names.is_empty() { String::new() } else { format!(", {}", names.join(", ")) };
    let target = table.quoted();
    let sql = format!(
        "SELECT tableoid::oid, ctid, CASE WHEN tableoid <> {}::regclass THEN tableoid::regclass END{list} \
         FROM {target} WHERE {condition} LIMIT 1",
        quote_literal(&target)
    );
    let rows = session.rows(&sql).await?;
    let Some(cells) = rows.rows.into_iter().next() else { return Ok(None) };
    let mut cells = cells.into_iter();
    let mut next = || cells.next().flatten();
    let (relation, place, partition) = (next().unwrap_or_default(), next().unwrap_or_default(), next());
    Ok(Some(Row {
        place: format!("tableoid = {relation} AND ctid = '{place}'"),
        partition,
        values: table.columns.iter().map(|column| column.name.clone()).zip(cells).collect(),
        made_up: false,
    }))
}

/// Returns one of the values that no row of the table holds in the column.
pub async fn absent(
    session: &Session,
    (table, column): (&str, &Column),
    values: &[String],
) -> Result<Option<String>, LabError> {
    if values.is_empty() {
        return Ok(None);
    }
    let tuple = |(key, value): (usize, &String)| format!("({key}, {})", typed(column, &Some(value.clone())));
    let tuples: Vec<String> = values.iter().enumerate().map(tuple).collect();
    let sql = format!(
        "SELECT c.v FROM (VALUES {}) AS c (k, v) WHERE NOT EXISTS (SELECT FROM {table} AS x WHERE x.{} = c.v) \
         ORDER BY c.k LIMIT 1",
        tuples.join(", "),
        column.quoted()
    );
    session.execute("SAVEPOINT underpin_absent").await?;
    let answer = session.value(&sql).await;
    session.execute("ROLLBACK TO SAVEPOINT underpin_absent").await?;
    match answer {
        Err(error) if error.ends_session() => Err(error.into()),
        // A type without equality, or a value that does not fit: nothing can be said.
        Err(_) => Ok(None),
        Ok(value) => Ok(value),
    }
}

/// Returns an assignment as people read it, long values shortened.
pub fn shown(assignment: &Assignment) -> String {
    let one = |(column, value): &(String, Value)| match value {
        None => format!("{column} = NULL"),
        Some(value) => format!("{column} = {}", quote_nullable(Some(&shortened(value))).trim_start()),
    };
    assignment.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Returns at most some 40 characters of a value, with its length when it is longer.
pub fn shortened(value: &str) -> String {
    let length = value.chars().count();
    if length <= 40 {
        return value.to_owned();
    }
    let start: String = value.chars().take(24).collect();
    format!("{start}… ({length} characters)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (Table, Row) {
        let column = |name: &str, type_name: &str| Column {
            name: name.into(),
            type_name: type_name.into(),
            ..Column::default()
        };
        let mut total = column("total", "integer");
        total.generated = Some("(a + 1)".into());
        let table = Table {
            schema: "public".into(),
            name: "t".into(),
            columns: vec![column("a", "integer"), column("b", "text"), total],
            ..Table::default()
        };
        let values =
            vec![("a".into(), Some("1".into())), ("b".into(), None), ("total".into(), Some("2".into()))];
        (table, Row { place: "ctid = '(0,1)'".into(), values, ..Row::default() })
    }

    #[test]
    fn a_copy_leaves_generated_columns_to_the_server() {
        let (table, row) = sample();
        let sql = row.insert(&table, &vec![("b".into(), Some("it's".into()))]);
        let expected = r#"INSERT INTO "public"."t" ("a", "b") OVERRIDING SYSTEM VALUE VALUES ('1', CAST('it''s' AS text))"#;
        assert_eq!(sql, expected);
        assert!(row.insert(&table, &vec![("total".into(), None)]).contains("CAST(NULL AS integer)"));
    }

    #[test]
    fn an_update_names_its_row() {
        let (table, row) = sample();
        let sql = row.update(&table, &vec![("a".into(), Some("7".into()))]);
        assert_eq!(sql, r#"UPDATE "public"."t" SET "a" = CAST('7' AS integer) WHERE ctid = '(0,1)'"#);
    }

    #[test]
    fn long_values_are_shortened() {
        assert_eq!(
            shown(&vec![("b".into(), Some("x".repeat(300)))]),
            "b = 'xxxxxxxxxxxxxxxxxxxxxxxx… (300 characters)'"
        );
        assert_eq!(shown(&vec![("b".into(), None)]), "b = NULL");
    }
}
