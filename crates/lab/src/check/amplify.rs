//! More rows for tables of a project without a scale file: the rows that are there, again and again under new keys.

use std::collections::{BTreeMap, BTreeSet};

use underpin_model::sql_text::quote_literal;
use underpin_pg::Session;

use crate::error::LabError;

/// Rows that a table has at least, at the smaller size.
pub(super) const ROWS: u64 = 2_000;

/// How many rows a table gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Copies {
    /// At least so many.
    UpTo(u64),
    /// So many times those that it has.
    Times(u64),
    /// So many of a hundred rows once more; another salt takes other rows.
    Part {
        /// Of a hundred rows.
        percent: u64,
        /// Which of them.
        salt: u64,
    },
}

impl Copies {
    /// Returns how often the rows of a table with `count` rows are copied.
    fn of(self, count: u64) -> u64 {
        match self {
            _ if count == 0 => 0,
            Copies::UpTo(target) => target.div_ceil(count).saturating_sub(1),
            Copies::Times(times) => times.saturating_sub(1),
            Copies::Part { .. } => 1,
        }
    }

    /// Returns the condition on a row, under the name `t`, to be copied.
    fn condition(self) -> String {
        match self {
            Copies::Part { percent, salt } => {
                format!(" WHERE (hashtextextended(t::text, {salt}) & 65535) % 100 < {percent}")
            }
            _ => String::new(),
        }
    }
}

struct Column {
    name: String,
    base: String,
    referring: bool,
    /// Unique indexes that it is part of.
    keys: BTreeSet<String>,
}

/// Copies the rows of each table so often. A table stays as it is when it is empty, when all columns of a
/// unique key refer to other tables, or when a check refuses the copies.
pub(crate) async fn amplify(session: &Session, wanted: Copies) -> Result<(), LabError> {
    let rows = session.rows(include_str!("amplify.sql")).await?;
    let mut tables: BTreeMap<String, Vec<Column>> = BTreeMap::new();
    let mut hopeless = BTreeSet::new();
    for row in rows.iter() {
        let keys = row.text("keys").split(',').filter(|key| !key.is_empty()).map(str::to_owned).collect();
        let column = Column {
            name: row.text("column").to_owned(),
            base: row.text("base").to_owned(),
            referring: row.text("referring") == "true",
            keys,
        };
        // A key over an expression cannot be told to change with a column.
        if row.text("expressions") == "true" {
            hopeless.insert(row.text("quoted").to_owned());
        }
        tables.entry(row.text("quoted").to_owned()).or_default().push(column);
    }
    for (table, columns) in tables.iter().filter(|(table, _)| !hopeless.contains(*table)) {
        let Some(shifted) = shifted(columns) else { continue };
        let count: u64 = value(session, &format!("SELECT count(*) FROM {table}")).await?;
        let copies = wanted.of(count);
        if copies == 0 {
            continue;
        }
        let mut spans = BTreeMap::new();
        for column in
            columns.iter().filter(|column| shifted.contains(column.name.as_str()) && is_integer(column))
        {
            let sql = format!("SELECT max({0}::numeric) - min({0}::numeric) + 1 FROM {table}", column.name);
            spans.insert(column.name.as_str(), value::<u64>(session, &sql).await?.max(1));
        }
        let expression = |column: &Column| match shifted.contains(column.name.as_str()) {
            true => shift(column, spans.get(column.name.as_str()).copied().unwrap_or(1)),
            false => column.name.clone(),
        };
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let list: Vec<String> = columns.iter().map(expression).collect();
        let sql = format!(
            "INSERT INTO {table} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {table} AS t, generate_series(1, {copies}) AS underpin_nth{}",
            names.join(", "),
            list.join(", "),
            wanted.condition()
        );
        match session.execute(&sql).await {
            Err(refused) if refused.ends_session() => return Err(refused.into()),
            // A check refuses the made-up values: then the table stays small.
            Err(_) => continue,
            Ok(_) => {}
        }
        for column in spans.keys() {
            let (table, bare) = (quote_literal(table), quote_literal(&column.replace('"', "")));
            let sql = format!(
                "SELECT setval(s, (SELECT max({column}) FROM {})) FROM pg_get_serial_sequence({table}, {bare}) AS s WHERE s IS NOT NULL",
                table.trim_matches('\'')
            );
            session.execute(&sql).await?;
        }
    }
    Ok(())
}

async fn value<T: std::str::FromStr + Default>(session: &Session, sql: &str) -> Result<T, LabError> {
    Ok(session.value(sql).await?.and_then(|text| text.parse().ok()).unwrap_or_default())
}

fn is_integer(column: &Column) -> bool {
    matches!(column.base.as_str(), "int2" | "int4" | "int8")
}

/// Returns one column of every unique key that can take new values; none when a key has no such column.
fn shifted(columns: &[Column]) -> Option<BTreeSet<&str>> {
    let keys: BTreeSet<&String> = columns.iter().flat_map(|column| &column.keys).collect();
    let can = |column: &&Column| {
        let types = [
            "int4",
            "int8",
            "numeric",
            "text",
            "varchar",
            "citext",
            "uuid",
            "timestamp",
            "timestamptz",
            "date",
        ];
        !column.referring && types.contains(&column.base.as_str())
    };
    keys.into_iter()
        .map(|key| {
            columns
                .iter()
                .filter(can)
                .find(|column| column.keys.contains(key))
                .map(|column| column.name.as_str())
        })
        .collect()
}

/// Returns the column's value for the copy `underpin_nth`.
fn shift(column: &Column, span: u64) -> String {
    let Column { name, base, .. } = column;
    match base.as_str() {
        "uuid" => format!("md5({name}::text || underpin_nth)::uuid"),
        "text" | "varchar" | "citext" => format!("{name} || '-' || underpin_nth"),
        "timestamp" | "timestamptz" => format!("{name} - underpin_nth * interval '1 hour 1 second'"),
        "date" => format!("{name} - underpin_nth::int"),
        _ => format!("{name} + underpin_nth * {span}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, base: &str, keys: &[&str]) -> Column {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        Column { name: name.into(), base: base.into(), referring: name.ends_with("_id"), keys }
    }

    #[test]
    fn copies_fill_up_or_multiply() {
        assert_eq!([Copies::UpTo(10).of(0), Copies::UpTo(10).of(3), Copies::UpTo(10).of(10)], [0, 3, 0]);
        assert_eq!([Copies::Times(4).of(0), Copies::Times(4).of(7)], [0, 3]);
    }

    #[test]
    fn every_unique_key_gets_a_new_value_or_the_table_stays() {
        let users =
            [column("id", "int8", &["1"]), column("email", "text", &["2"]), column("name", "text", &[])];
        assert_eq!(shifted(&users), Some(BTreeSet::from(["id", "email"])));
        let members = [column("team_id", "int8", &["1"]), column("user_id", "int8", &["1"])];
        assert_eq!(shifted(&members), None);
        assert_eq!(shift(&users[1], 1), "email || '-' || underpin_nth");
        assert_eq!(shift(&users[0], 12), "id + underpin_nth * 12");
    }
}
