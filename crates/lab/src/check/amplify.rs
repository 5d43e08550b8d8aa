//! More rows for tables of a project without a scale file: the rows that are there, again and again under new keys.

use std::collections::{BTreeMap, BTreeSet};

use underpin_model::sql_text::quote_literal;
use underpin_pg::Session;

use crate::error::LabError;

/// Rows of a table of which nobody knows how large it is in production, at the smaller size.
const ROWS: u64 = 2_000;

/// Most rows of one that is large there: four times as many are loaded in seconds still.
const MOST_ROWS: u64 = 20_000;

/// How many rows the tables are to have.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sizes {
    /// Rows in production, by table; empty where nothing is known of it.
    pub(super) production: BTreeMap<String, u64>,
    /// Times as many as at the smaller size.
    pub(super) factor: u64,
}

impl Sizes {
    fn rows(&self, table: &str) -> u64 {
        self.production.get(table).map_or(ROWS, |rows| (*rows).min(MOST_ROWS)) * self.factor
    }
}

/// How many rows a table gets.
#[derive(Clone, Debug)]
pub(crate) enum Copies {
    /// About as many as production has.
    Like(Sizes),
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
    fn of(&self, table: &str, count: u64) -> u64 {
        match self {
            _ if count == 0 => 0,
            Copies::Like(target) => target.rows(table).div_ceil(count).saturating_sub(1),
            Copies::Times(times) => times.saturating_sub(1),
            Copies::Part { .. } => 1,
        }
    }

    /// Returns the condition on a row, under the name `t`, to be copied.
    fn condition(&self) -> String {
        match self {
            Copies::Part { percent, salt } => {
                format!(" WHERE (hashtextextended(t::text, {salt}) & 65535) % 100 < {percent}")
            }
            _ => String::new(),
        }
    }
}

/// A column of a table that is copied.
struct Column {
    name: String,
    base: String,
    referring: bool,
    /// Unique indexes that it is part of.
    keys: BTreeSet<String>,
}

/// How the rows of a table are copied under new keys.
pub(crate) struct Copying {
    /// The table, quoted and with its schema.
    pub table: String,
    /// Its name as people write it.
    pub name: String,
    /// The columns that are written, quoted, separated by commas.
    pub columns: String,
    /// Their values in the copy number `underpin_nth`, from 1.
    pub values: String,
    /// Integer columns that get new values, quoted.
    counted: Vec<String>,
}

/// Copies the rows of each table so often. A table stays as it is when it is empty, when all columns of a
/// unique key refer to other tables, or when a check refuses the copies.
pub(crate) async fn amplify(session: &Session, wanted: &Copies) -> Result<(), LabError> {
    for copying in copyings(session).await? {
        let table = &copying.table;
        let count: u64 = value(session, &format!("SELECT count(*) FROM {table}")).await?;
        let copies = wanted.of(&copying.name, count);
        if copies == 0 {
            continue;
        }
        let sql = format!(
            "INSERT INTO {table} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {table} AS t, generate_series(1, {copies}) AS underpin_nth{}",
            copying.columns,
            copying.values,
            wanted.condition()
        );
        match session.execute(&sql).await {
            Err(refused) if refused.ends_session() => return Err(refused.into()),
            // A check refuses the made-up values: then the table stays small.
            Err(_) => continue,
            Ok(_) => {}
        }
        for column in &copying.counted {
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

/// Returns how each table can be copied; a table of which a unique key cannot get new values is left out.
pub(crate) async fn copyings(session: &Session) -> Result<Vec<Copying>, LabError> {
    let rows = session.rows(include_str!("amplify.sql")).await?;
    let mut tables: BTreeMap<String, Vec<Column>> = BTreeMap::new();
    let mut hopeless = BTreeSet::new();
    let mut names = BTreeMap::new();
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
        names.insert(row.text("quoted").to_owned(), row.text("name").to_owned());
        tables.entry(row.text("quoted").to_owned()).or_default().push(column);
    }
    let mut found = Vec::new();
    for (table, columns) in tables.iter().filter(|(table, _)| !hopeless.contains(*table)) {
        let Some(shifted) = shifted(columns) else { continue };
        let copying = copying(session, table, (columns, &shifted)).await?;
        found.push(Copying { name: names[table].clone(), ..copying });
    }
    Ok(found)
}

async fn copying(
    session: &Session,
    table: &str,
    (columns, shifted): (&[Column], &BTreeSet<&str>),
) -> Result<Copying, LabError> {
    let mut spans = BTreeMap::new();
    for column in columns.iter().filter(|column| shifted.contains(column.name.as_str()) && is_integer(column))
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
    Ok(Copying {
        table: table.to_owned(),
        name: String::new(),
        columns: names.join(", "),
        values: list.join(", "),
        counted: spans.keys().map(|column| (*column).to_owned()).collect(),
    })
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
    fn a_table_grows_to_its_size_in_production_within_limits() {
        let production = BTreeMap::from([("plans".to_owned(), 7), ("events".to_owned(), 3_000_000)]);
        let target = Sizes { production, factor: 4 };
        assert_eq!(["plans", "events", "new"].map(|table| target.rows(table)), [28, 80_000, 8_000]);
    }

    #[test]
    fn copies_fill_up_or_multiply() {
        let like = Copies::Like(Sizes { production: BTreeMap::from([("t".to_owned(), 10)]), factor: 1 });
        assert_eq!([0, 3, 10].map(|count| like.of("t", count)), [0, 3, 0]);
        assert_eq!([0, 7].map(|count| Copies::Times(4).of("t", count)), [0, 3]);
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
