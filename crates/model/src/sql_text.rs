//! Quoting values and names into SQL text.

/// Returns `name` as an identifier that the server reads back unchanged, always quoted.
pub fn quote_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Returns `schema.name`, both quoted.
pub fn quote_qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", quote_identifier(schema), quote_identifier(name))
}

/// Returns `value` as a string literal, independent of `standard_conforming_strings`.
///
/// A backslash makes it an `E''` string with the backslash doubled, as libpq's
/// `PQescapeLiteral` does.
pub fn quote_literal(value: &str) -> String {
    let doubled = value.replace('\'', "''");
    if doubled.contains('\\') {
        format!(" E'{}'", doubled.replace('\\', "\\\\"))
    } else {
        format!("'{doubled}'")
    }
}

/// Returns `value` as a literal, `NULL` when absent.
pub fn quote_nullable(value: Option<&str>) -> String {
    value.map_or_else(|| "NULL".to_owned(), quote_literal)
}
