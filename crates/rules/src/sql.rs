//! SQL text for hints: readable, and working as typed.

use underpin_model::catalog::Table;
use underpin_model::sql_text::{quote_identifier, quote_literal};

use crate::names;

/// Returns a name as people would type it: quoted only where the server needs it.
pub(crate) fn identifier(name: &str) -> String {
    let first = |c: char| c.is_ascii_lowercase() || c == '_';
    let plain = name.starts_with(first) && name.chars().all(|c| first(c) || c.is_ascii_digit());
    if plain && !names::RESERVED.contains(&name) { name.to_owned() } else { quote_identifier(name) }
}

/// Returns several names, separated by commas.
pub(crate) fn identifiers<S: AsRef<str>>(names: &[S]) -> String {
    names.iter().map(|name| identifier(name.as_ref())).collect::<Vec<_>>().join(", ")
}

/// Returns an object's name for a hint; the schema is left out when it is `public`.
pub(crate) fn object(schema: &str, name: &str) -> String {
    if schema == "public" { identifier(name) } else { format!("{}.{}", identifier(schema), identifier(name)) }
}

/// Returns a table's name for a hint.
pub(crate) fn table(table: &Table) -> String {
    object(&table.schema, &table.name)
}

/// Returns a list of string literals for `IN (…)`.
pub(crate) fn literals<S: AsRef<str>>(texts: &[S]) -> String {
    texts.iter().map(|text| quote_literal(text.as_ref())).collect::<Vec<_>>().join(", ")
}

/// Returns the statement that builds an index without blocking writes.
///
/// A partitioned table takes no `CONCURRENTLY` (CREATE INDEX, "Building Indexes Concurrently").
pub(crate) fn create_index<S: AsRef<str>>(on: &Table, columns: &[S]) -> String {
    let how = if on.partition_key.is_some() { "" } else { "CONCURRENTLY " };
    format!("CREATE INDEX {how}ON {} ({});", table(on), identifiers(columns))
}

/// Returns the statements that make columns unique without blocking writes for the build.
pub(crate) fn add_unique<S: AsRef<str>>(on: &Table, columns: &[S]) -> String {
    let joined: Vec<&str> = columns.iter().map(AsRef::as_ref).collect();
    let name = identifier(&shortened(&format!("{}_{}_key", on.name, joined.join("_"))));
    let (table, columns) = (table(on), identifiers(columns));
    if on.partition_key.is_some() {
        return format!("ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE ({columns});");
    }
    format!(
        "CREATE UNIQUE INDEX CONCURRENTLY {name} ON {table} ({columns});\n\
         ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE USING INDEX {name};"
    )
}

/// Returns the statements that set NOT NULL without a scan under an exclusive lock.
///
/// A valid CHECK lets SET NOT NULL skip its scan (ALTER TABLE, `SET NOT NULL`).
pub(crate) fn set_not_null(on: &Table, column: &str) -> String {
    let check = identifier(&shortened(&format!("{}_{column}_not_null", on.name)));
    let (table, column) = (table(on), identifier(column));
    format!(
        "ALTER TABLE {table} ADD CONSTRAINT {check} CHECK ({column} IS NOT NULL) NOT VALID;\n\
         ALTER TABLE {table} VALIDATE CONSTRAINT {check};\n\
         ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL;\n\
         ALTER TABLE {table} DROP CONSTRAINT {check};"
    )
}

/// Returns a name cut to the 63 bytes that the server keeps.
fn shortened(name: &str) -> String {
    let end = (0..=name.len().min(63)).rev().find(|&end| name.is_char_boundary(end)).unwrap_or(0);
    name[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_only_when_they_must_be() {
        assert_eq!(identifier("orders"), "orders");
        assert_eq!(identifier("order"), "\"order\"");
        assert_eq!(identifier("userId"), "\"userId\"");
        assert_eq!(object("billing", "user"), "billing.\"user\"");
    }
}
