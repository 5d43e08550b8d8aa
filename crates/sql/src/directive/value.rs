//! The values of single directives.

use underpin_model::phases::TableLock;
use underpin_model::project::{Allow, Param};

use super::{Batch, Fault};
use crate::facts::statement_facts;
use crate::lexer::is_variable_name;
use crate::syntax;

/// Reads `-- name:`, with or without sqlc's command such as `:many`.
pub(super) fn name(rest: &str) -> Result<String, Fault> {
    let mut words = rest.split_whitespace();
    match (words.next(), words.next(), words.next()) {
        (Some(name), None, _) => Ok(name.to_owned()),
        (Some(name), Some(command), None) if command.starts_with(':') => Ok(name.to_owned()),
        _ => Err(Fault::new(
            format!("`-- name: {rest}` is not one name."),
            "Write one word, such as `-- name: top_courses`.",
        )),
    }
}

/// Reads `-- param: NAME TYPE [= SQL EXPRESSION]`.
pub(super) fn param(rest: &str, line: u32) -> Result<Param, Fault> {
    let form = "Write `-- param: NAME TYPE` or `-- param: NAME TYPE = SQL EXPRESSION`.";
    let (declaration, value) = match rest.split_once('=') {
        Some((declaration, value)) => (declaration.trim(), Some(value.trim().to_owned())),
        None => (rest, None),
    };
    let Some((name, type_name)) = declaration.split_once(char::is_whitespace) else {
        return Err(Fault::new(format!("`-- param: {rest}` has no type."), form));
    };
    if !is_variable_name(name) {
        return Err(Fault::new(format!("`{name}` is no name of a parameter."), form));
    }
    let type_name = type_name.trim().to_owned();
    if let Err(message) = syntax::check_type_name(&type_name) {
        return Err(Fault::new(format!("`{type_name}` is no type: {message}."), form));
    }
    // The line feed keeps a comment at the end of the value from swallowing the parenthesis.
    if let Some(expression) = &value
        && let Err(error) = statement_facts(&format!("SELECT (\n{expression}\n)"))
    {
        return Err(Fault::new(format!("The value of `{name}` is no SQL expression: {error}."), form));
    }
    Ok(Param { name: name.to_owned(), type_name, value, line })
}

/// Reads `-- rate:` as calls per second.
pub(super) fn rate(rest: &str) -> Result<f64, Fault> {
    let read = || {
        let (number, unit) = rest.split_once('/')?;
        let number: f64 = number.trim().replace('_', "").parse().ok()?;
        let seconds = match unit.trim() {
            "s" | "sec" | "second" => 1.0,
            "m" | "min" | "minute" => 60.0,
            "h" | "hour" => 3600.0,
            "d" | "day" => 86_400.0,
            _ => return None,
        };
        (number.is_finite() && number >= 0.0).then_some(number / seconds)
    };
    read().ok_or_else(|| {
        Fault::new(
            format!("`-- rate: {rest}` is no rate."),
            "Write calls per second, minute, hour or day, such as `-- rate: 400/s` or `-- rate: 2/min`.",
        )
    })
}

/// Reads `-- budget:`: clauses separated by commas outside parentheses.
pub(super) fn budget(rest: &str) -> Result<Vec<String>, Fault> {
    let mut depth = 0_i32;
    let separates = |c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    };
    let clauses: Vec<_> = rest.split(separates).map(|clause| clause.trim().to_owned()).collect();
    if clauses.iter().any(String::is_empty) {
        return Err(Fault::new(
            format!("`-- budget: {rest}` has an empty clause."),
            "Write clauses separated by commas, such as `-- budget: 20 ms, no-seq-scan(purchases)`.",
        ));
    }
    Ok(clauses)
}

/// Reads a value that is one word.
pub(super) fn word(directive: &str, rest: &str) -> Result<String, Fault> {
    let word = text(directive, rest)?;
    if word.contains(char::is_whitespace) {
        return Err(Fault::new(
            format!("`-- {directive}: {rest}` is more than one word."),
            format!("Write one name: `-- {directive}: NAME`."),
        ));
    }
    Ok(word)
}

/// Reads a value that is any text.
pub(super) fn text(directive: &str, rest: &str) -> Result<String, Fault> {
    if rest.is_empty() {
        return Err(Fault::new(
            format!("The directive `-- {directive}:` has no value."),
            "Write the value after the colon, or remove the line.",
        ));
    }
    Ok(rest.to_owned())
}

/// Reads `-- allow: RULE because … [until YYYY-MM-DD]`.
pub(super) fn allow(rest: &str, line: u32) -> Result<Allow, Fault> {
    let form =
        "Write `-- allow: RULE because REASON`, at the end `until YYYY-MM-DD` if it is for a time only.";
    let (rule, reason) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let reason =
        reason.trim().strip_prefix("because").filter(|reason| reason.starts_with(char::is_whitespace));
    let Some(reason) = reason.map(str::trim).filter(|reason| !reason.is_empty() && !rule.is_empty()) else {
        return Err(Fault::new(format!("`-- allow: {rest}` gives no reason."), form));
    };
    let (because, until) = match reason.rsplit_once(" until ") {
        Some((because, date)) if date.trim().starts_with(|c: char| c.is_ascii_digit()) => {
            (because.trim(), Some(date.trim().trim_end_matches('.')))
        }
        _ => (reason, None),
    };
    if let Some(date) = until.filter(|date| !is_date(date)) {
        return Err(Fault::new(format!("`{date}` is no date."), form));
    }
    Ok(Allow { rule: rule.to_owned(), because: because.to_owned(), until: until.map(str::to_owned), line })
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let number =
        |part: &str, digits: usize| (part.len() == digits).then(|| part.parse::<u16>().ok()).flatten();
    match parts[..] {
        [year, month, day] => {
            let days = match (number(month, 2), number(year, 4)) {
                (Some(2), Some(year)) if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
                (Some(2), Some(_)) => 28,
                (Some(4 | 6 | 9 | 11), Some(_)) => 30,
                (Some(1..=12), Some(_)) => 31,
                _ => 0,
            };
            number(day, 2).is_some_and(|day| (1..=days).contains(&day))
        }
        _ => false,
    }
}

/// Reads `-- recount: table.column, table.column`.
pub(super) fn recounts(rest: &str) -> Result<Vec<String>, Fault> {
    let columns: Vec<_> = rest.split(',').map(|column| column.trim().to_owned()).collect();
    let qualified = |column: &String| {
        column.contains('.')
            && column.split('.').all(|part| !part.is_empty() && !part.contains(char::is_whitespace))
    };
    match columns.iter().find(|column| !qualified(column)) {
        None => Ok(columns),
        Some(column) => Err(Fault::new(
            format!("`{column}` in `-- recount:` is no column of a table."),
            "Write `-- recount: table.column, table.column`.",
        )),
    }
}

/// Reads `-- batch: TABLE by KEY, ROWS`, where KEY is a column or `(COLUMN, COLUMN, …)`.
pub(super) fn batch(rest: &str, line: u32) -> Result<Batch, Fault> {
    let read = || {
        let (range, rows) = rest.rsplit_once(',')?;
        let rows = rows.trim().replace('_', "").parse().ok().filter(|rows| *rows > 0)?;
        let (table, key) = range.split_once(" by ")?;
        let (table, key) = (table.trim(), key.trim());
        let inner = key.strip_prefix('(').and_then(|key| key.strip_suffix(')')).unwrap_or(key);
        let key: Vec<String> = inner.split(',').map(|column| column.trim().to_owned()).collect();
        let named = statement_facts(&format!("SELECT {} FROM {table}", key.join(", "))).ok()?;
        let plain = |column: &String| !column.is_empty() && !column.contains(['(', ' ', '*']);
        let fits = named.relations.len() == 1 && !table.contains([' ', ',']) && key.iter().all(plain);
        fits.then(|| Batch { table: table.to_owned(), key, rows, line })
    };
    read().ok_or_else(|| {
        Fault::new(
            format!("`-- batch: {rest}` is no key range."),
            "Write `-- batch: TABLE by KEY, ROWS`, such as `-- batch: users by id, 5000` or \
             `-- batch: orders by (tenant_id, id), 5000`.",
        )
    })
}

/// Modes of `LOCK TABLE`; those whose words end another one's come after it.
const LOCK_MODES: &[&str] = &[
    "SHARE UPDATE EXCLUSIVE",
    "SHARE ROW EXCLUSIVE",
    "ACCESS EXCLUSIVE",
    "ROW EXCLUSIVE",
    "ACCESS SHARE",
    "ROW SHARE",
    "EXCLUSIVE",
    "SHARE",
];

/// Reads `-- lock: TABLE, TABLE MODE`; without a mode ACCESS EXCLUSIVE, as `LOCK TABLE` has it.
pub(super) fn lock(rest: &str, line: u32) -> Result<TableLock, Fault> {
    let upper = rest.to_ascii_uppercase();
    let mode = LOCK_MODES.iter().find(|mode| upper.ends_with(&format!(" {mode}")));
    let tables = mode.map_or(rest, |mode| &rest[..rest.len() - mode.len()]).trim();
    let mode = (*mode.unwrap_or(&"ACCESS EXCLUSIVE")).to_owned();
    let lock = TableLock { tables: tables.to_owned(), mode, line };
    match statement_facts(&lock.sql()) {
        Ok(facts) if facts.node == "LockStmt" && !tables.is_empty() => Ok(lock),
        _ => Err(Fault::new(
            format!("`-- lock: {rest}` names no tables with a lock mode."),
            "Write `-- lock: TABLE, TABLE MODE`, such as `-- lock: orders, order_lines ACCESS EXCLUSIVE`.",
        )),
    }
}
