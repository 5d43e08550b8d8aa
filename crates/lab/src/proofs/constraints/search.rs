//! Searches for values under which an expression is false (or true), by letting the server evaluate it.

use underpin_model::sql_text::{quote_identifier, quote_nullable};
use underpin_pg::Session;

use super::candidates::{Question, Value, candidates, plausible};
use super::row::Row;
use super::targets::{Column, Table};
use crate::error::LabError;

/// Most combinations that one search evaluates; a cheap expression takes some 20 ms for them.
const COMBINATIONS: usize = 20_000;

/// Words of an expression that compares and does nothing else.
const COMPARING: &[&str] = &[
    "AND",
    "OR",
    "NOT",
    "IS",
    "NULL",
    "true",
    "false",
    "numeric",
    "integer",
    "bigint",
    "smallint",
    "double",
    "precision",
    "real",
];

/// What an expression must evaluate to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The check refuses.
    False,
    /// The check passes or the predicate holds.
    True,
}

/// New values for some columns of a row.
pub type Assignment = Vec<(String, Value)>;

/// What is searched.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    /// The table.
    pub table: &'a Table,
    /// Columns that the expression reads.
    pub columns: &'a [String],
    /// The expression.
    pub expression: &'a str,
    /// What it must give.
    pub wanted: Wanted,
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// Assignments that give what is wanted, simplest first.
    pub assignments: Vec<Assignment>,
    /// Combinations that were evaluated.
    pub tried: usize,
    /// The server could not evaluate the expression for some value, so nothing is known.
    pub failed: Option<String>,
}

/// Searches the candidates of all columns together; columns keep the row's value where that is enough.
pub async fn search(session: &Session, search: &Search<'_>, row: &Row) -> Result<Found, LabError> {
    let lists = lists(search, row);
    if lists.is_empty() {
        return Ok(Found::default());
    }
    let tried = lists.iter().map(|(_, values)| values.len()).product();
    session.execute("SAVEPOINT underpin_search").await?;
    let answer = session.rows(&statement(search, &lists)).await;
    session.execute("ROLLBACK TO SAVEPOINT underpin_search").await?;
    match answer {
        Ok(rows) => {
            let assignment = |row: &Vec<Option<String>>| assignment(&lists, row);
            Ok(Found { assignments: rows.rows.iter().map(assignment).collect(), tried, failed: None })
        }
        Err(error) if error.ends_session() => Err(error.into()),
        Err(error) => Ok(Found { assignments: Vec::new(), tried, failed: Some(error.to_string()) }),
    }
}

/// Returns the assignments that change one column only, for trial without evaluation.
pub fn singles(search: &Search<'_>, row: &Row) -> Vec<Assignment> {
    let one = |(column, values): (&Column, Vec<Value>)| -> Vec<Assignment> {
        values.into_iter().skip(1).map(|value| vec![(column.name.clone(), value)]).collect()
    };
    lists(search, row).into_iter().flat_map(one).collect()
}

type Lists<'a> = Vec<(&'a Column, Vec<Value>)>;

fn lists<'a>(search: &Search<'a>, row: &Row) -> Lists<'a> {
    let columns: Vec<&Column> = search.columns.iter().filter_map(|name| search.table.column(name)).collect();
    let most = per_column(columns.len());
    let list = |column: &&'a Column| {
        let neighbours: Vec<String> = columns
            .iter()
            .filter(|other| other.name != column.name && other.base_type == column.base_type)
            .filter_map(|other| row.value(&other.name).map(str::to_owned))
            .collect();
        let question = Question {
            column,
            current: row.value(&column.name),
            definition: search.expression,
            neighbours: &neighbours,
        };
        let mut values = candidates(&question);
        if search.wanted == Wanted::True {
            let known: Vec<Value> = plausible(column).into_iter().map(Some).collect();
            values.splice(1..1, known);
        }
        values.truncate(most);
        (*column, values)
    };
    columns.iter().map(list).collect()
}

/// Returns how many values each of `columns` columns may have so that all combinations can be evaluated.
fn per_column(columns: usize) -> usize {
    match columns {
        0 | 1 => COMBINATIONS,
        n => (COMBINATIONS as f64).powf(1.0 / n as f64).floor().max(2.0) as usize,
    }
}

fn statement(search: &Search<'_>, lists: &Lists<'_>) -> String {
    let sources: Vec<String> =
        lists.iter().enumerate().map(|(at, (column, values))| source(at, column, values)).collect();
    let keys: Vec<String> = (0..lists.len()).map(|at| format!("underpin_k{at}")).collect();
    let changed: Vec<String> = keys.iter().map(|key| format!("({key} > 0)::int")).collect();
    let wanted = match search.wanted {
        Wanted::False => "FALSE",
        Wanted::True => "TRUE",
    };
    format!(
        "SELECT {keys} FROM {} WHERE ({}) IS {wanted} ORDER BY {}, {}, {keys} LIMIT 6",
        sources.join(" CROSS JOIN "),
        search.expression,
        changed.join(" + "),
        keys.join(" + "),
        keys = keys.join(", "),
    )
}

fn source(at: usize, column: &Column, values: &[Value]) -> String {
    let tuple = |(key, value): (usize, &Value)| format!("({key}, {})", typed(column, value));
    let tuples: Vec<String> = values.iter().enumerate().map(tuple).collect();
    let name = quote_identifier(&column.name);
    format!("(VALUES {}) AS underpin_c{at} (underpin_k{at}, {name})", tuples.join(", "))
}

/// Returns the value as a literal of the column's type below domains.
pub fn typed(column: &Column, value: &Value) -> String {
    format!("CAST({} AS {})", quote_nullable(value.as_deref()), column.type_name)
}

fn assignment(lists: &Lists<'_>, keys: &[Option<String>]) -> Assignment {
    let mut assignment = Assignment::new();
    for ((column, values), key) in lists.iter().zip(keys) {
        let key = key.as_deref().and_then(|key| key.parse::<usize>().ok()).unwrap_or(0);
        if let Some(value) = values.get(key).filter(|_| key > 0) {
            assignment.push((column.name.clone(), value.clone()));
        }
    }
    assignment
}

/// Returns whether the candidates stand for every value that there is: the expression compares one whole
/// number with constants and does nothing else, so that its truth can change beside a constant only.
pub fn is_exhaustive(search: &Search<'_>) -> bool {
    let [name] = search.columns else { return false };
    let whole = |column: &&Column| matches!(column.base_type.as_str(), "int2" | "int4" | "int8");
    let Some(column) = search.table.column(name).filter(whole) else { return false };
    let apart = |c: char| !(c.is_alphanumeric() || c == '_' || c == '.');
    let known = |word: &str| {
        word.is_empty()
            || word == column.name
            || (word == "VALUE" && column.name == "value")
            || COMPARING.contains(&word)
            || word.parse::<f64>().is_ok()
    };
    let computes = search.expression.contains(" - ");
    !computes
        && search.expression.split(apart).all(known)
        && !search.expression.contains(['+', '*', '/', '%', '^', '|', '&', '#', '~'])
}

/// Returns the columns of the table that an expression names.
pub fn columns_named(table: &Table, expression: &str) -> Vec<String> {
    let word = |c: char| !(c.is_alphanumeric() || c == '_' || c == '$');
    let words: Vec<&str> = expression.split(word).collect();
    let named = |column: &&Column| {
        words.contains(&column.name.as_str()) || expression.contains(&quote_identifier(&column.name))
    };
    table.columns.iter().filter(named).map(|column| column.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_evaluates_every_combination() {
        let column = |name: &str| Column {
            name: name.into(),
            type_name: "boolean".into(),
            base_type: "bool".into(),
            category: "B".into(),
            not_null: true,
            ..Column::default()
        };
        let table = Table { columns: vec![column("a"), column("b")], ..Table::default() };
        let columns = columns_named(&table, "(a OR b)");
        let search =
            Search { table: &table, columns: &columns, expression: "(a OR b)", wanted: Wanted::False };
        let row = Row {
            values: vec![("a".into(), Some("true".into())), ("b".into(), Some("false".into()))],
            ..Row::default()
        };
        let expected = [
            "SELECT underpin_k0, underpin_k1 FROM ",
            "(VALUES (0, CAST('true' AS boolean)), (1, CAST('false' AS boolean)))",
            r#" AS underpin_c0 (underpin_k0, "a")"#,
            " CROSS JOIN ",
            "(VALUES (0, CAST('false' AS boolean)), (1, CAST('true' AS boolean)))",
            r#" AS underpin_c1 (underpin_k1, "b")"#,
            " WHERE ((a OR b)) IS FALSE",
            " ORDER BY (underpin_k0 > 0)::int + (underpin_k1 > 0)::int, ",
            "underpin_k0 + underpin_k1, underpin_k0, underpin_k1",
            " LIMIT 6",
        ];
        assert_eq!(statement(&search, &lists(&search, &row)), expected.concat());
    }

    #[test]
    fn comparisons_of_one_number_are_searched_completely() {
        let column = |name: &str, base_type: &str| Column {
            name: name.into(),
            base_type: base_type.into(),
            ..Column::default()
        };
        let columns = vec![column("n", "int4"), column("t", "text"), column("d", "numeric")];
        let table = Table { columns, ..Table::default() };
        let exhaustive = |name: &str, expression: &str| {
            let columns = [name.to_owned()];
            is_exhaustive(&Search { table: &table, columns: &columns, expression, wanted: Wanted::False })
        };
        assert!(exhaustive("n", "((n > 0) OR (n <= (0)::numeric))"));
        assert!(!exhaustive("n", "(abs(n) > 5)"));
        assert!(!exhaustive("n", "((n % 7) <> 3)"));
        assert!(!exhaustive("t", "(t <> 'x'::text)"));
        assert!(!exhaustive("d", "((d <= 0.001) OR (d >= 0.002))"));
    }

    #[test]
    fn combinations_stay_within_the_limit() {
        for columns in 1..8 {
            assert!(per_column(columns).pow(columns as u32) <= COMBINATIONS.max(2usize.pow(columns as u32)));
        }
    }

    #[test]
    fn names_are_found_as_words() {
        let column = |name: &str| Column { name: name.into(), ..Column::default() };
        let table = Table { columns: vec![column("price"), column("list_price")], ..Table::default() };
        assert_eq!(columns_named(&table, "(list_price >= 0)"), ["list_price"]);
    }
}
