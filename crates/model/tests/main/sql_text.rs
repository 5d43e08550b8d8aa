//! Quoting.

use underpin_model::sql_text::{quote_literal, quote_nullable, quote_qualified};

#[test]
fn literals_survive_quotes_and_backslashes() {
    assert_eq!(quote_literal("it's"), "'it''s'");
    assert_eq!(quote_literal(r"a\b'"), r" E'a\\b'''");
    assert_eq!(quote_nullable(None), "NULL");
}

#[test]
fn identifiers_are_always_quoted() {
    assert_eq!(quote_qualified("public", "odd\"name"), "\"public\".\"odd\"\"name\"");
}
