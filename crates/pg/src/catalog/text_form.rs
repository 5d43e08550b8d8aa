//! The settings on which the text of values and definitions depends, and how to fix them.
//!
//! The server writes `'2026-01-01 00:00:00+00'::timestamptz` in a default, and a timestamp in a row,
//! as the session's time zone and date style say; names come with or without their schema as
//! `search_path` says. Whoever compares texts of two sessions must fix all that first.

use underpin_model::sql_text::quote_literal;

use crate::query_error::QueryError;
use crate::session::Session;

/// Reference: manual, "Client Connection Defaults", and what `pg_dump` sets before it reads.
const FIXED: &[(&str, &str)] = &[
    // Everything outside pg_catalog is written with its schema, in definitions as in regclass columns.
    ("search_path", "pg_catalog"),
    ("DateStyle", "ISO, MDY"),
    ("IntervalStyle", "postgres"),
    ("TimeZone", "UTC"),
    // From 1 on, the shortest text that reads back as the same number.
    ("extra_float_digits", "1"),
    ("bytea_output", "hex"),
    ("lc_monetary", "C"),
    ("quote_all_identifiers", "off"),
    // An error instead of silently fewer rows where a policy applies to the role.
    ("row_security", "off"),
    // Compilation costs more than these queries.
    ("jit", "off"),
];

/// Returns a statement that fixes the settings until the transaction ends.
///
/// In front of a query, in one message, it holds for that query even outside a transaction block:
/// several statements in one message are one transaction (manual, "Multiple Statements in a Simple Query").
pub(crate) fn fixed_for_transaction() -> String {
    set_all(FIXED.iter().copied(), "true")
}

/// Returns a statement that fixes the settings for the rest of the session.
pub(crate) fn fixed_for_session() -> String {
    set_all(FIXED.iter().copied(), "false")
}

/// Returns the statement that gives a transaction block the settings back that it has now.
///
/// Outside a block there is nothing to give back, and the statement has no effect.
pub(crate) async fn restoration(session: &Session) -> Result<String, QueryError> {
    let names = FIXED.iter().map(|(name, _)| format!("pg_catalog.current_setting('{name}')"));
    let rows = session.rows(&format!("SELECT {}", names.collect::<Vec<_>>().join(", "))).await?;
    let values = rows.rows.into_iter().next().unwrap_or_default();
    let settings =
        FIXED.iter().zip(&values).map(|((name, _), value)| (*name, value.as_deref().unwrap_or("")));
    Ok(set_all(settings, "true"))
}

fn set_all<'a>(settings: impl Iterator<Item = (&'a str, &'a str)>, local: &str) -> String {
    let calls = settings
        .map(|(name, value)| format!("pg_catalog.set_config('{name}', {}, {local})", quote_literal(value)));
    format!("SELECT {}", calls.collect::<Vec<_>>().join(", "))
}
