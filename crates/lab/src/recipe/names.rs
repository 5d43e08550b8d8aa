//! Names in the SQL that recipes write: quoted only where the server needs it, and replaced only where they are names.

use underpin_model::catalog::Table;
use underpin_model::sql_text::quote_identifier;
use underpin_sql::facts::statement_facts;

/// Returns a name for SQL, quoted where the server would not read it back otherwise.
pub(super) fn name(name: &str) -> String {
    let simple = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    // The grammar knows which words are reserved.
    if simple && statement_facts(&format!("ALTER TABLE t ADD {name} int")).is_ok() {
        name.to_owned()
    } else {
        quote_identifier(name)
    }
}

/// Returns a table's name for SQL, with its schema unless that is `public`.
pub(super) fn qualified(table: &Table) -> String {
    match table.schema.as_str() {
        "public" => name(&table.name),
        schema => format!("{}.{}", name(schema), name(&table.name)),
    }
}

/// Returns names for SQL, separated by commas.
pub(super) fn list<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    names.into_iter().map(|one| name(one)).collect::<Vec<_>>().join(", ")
}

/// Returns the expression with every column of `columns` written by `replace`, literals left alone.
pub(super) fn with_columns(expression: &str, columns: &[&str], replace: impl Fn(&str) -> String) -> String {
    let (mut result, mut rest) = (String::new(), expression);
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' => literal(rest),
            '"' => rest[1..].find('"').map_or(rest.len(), |end| end + 2),
            c if c.is_alphabetic() || c == '_' => {
                rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '$').unwrap_or(rest.len())
            }
            c if c.is_ascii_digit() => {
                rest.find(|c: char| !c.is_alphanumeric() && c != '.').unwrap_or(rest.len())
            }
            c => c.len_utf8(),
        };
        let (word, after) = rest.split_at(length);
        let plain = word.trim_matches('"');
        // `x.phone` names another table's column, `phone(` a function, `::phone` a type.
        let other = result.ends_with(['.', ':']) || after.starts_with('(');
        match columns.iter().find(|column| **column == plain && !other && first != '\'') {
            Some(column) => result.push_str(&replace(column)),
            None => result.push_str(word),
        }
        rest = after;
    }
    result
}

/// Returns whether an expression names the column.
pub(super) fn names_column(expression: &str, column: &str) -> bool {
    with_columns(expression, &[column], |_| "\0".to_owned()).contains('\0')
}

/// Returns a template without its header, which ends at the first empty line, with `{word}` replaced by its value.
pub(super) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let body = template.find("\n\n").map_or(template, |end| &template[end + 2..]);
    let mut text = body.to_owned();
    for (word, value) in values {
        text = text.replace(&format!("{{{word}}}"), value);
    }
    text
}

/// Returns the length of the literal that the text begins with; a doubled quote goes on.
fn literal(text: &str) -> usize {
    let mut at = 1;
    while let Some(end) = text[at..].find('\'') {
        at += end + 1;
        if !text[at..].starts_with('\'') {
            return at;
        }
        at += 1;
    }
    text.len()
}

/// Returns a derived name within the server's 63 bytes.
pub(super) fn derived(base: &str, column: &str, to: &str) -> String {
    let derived = if base.contains(column) { base.replace(column, to) } else { format!("{base}_{to}") };
    derived.chars().take(63).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_where_they_must() {
        assert_eq!(
            [name("phone"), name("order"), name("Phone"), name("1st")],
            ["phone", "\"order\"", "\"Phone\"", "\"1st\""]
        );
    }

    #[test]
    fn only_names_of_columns_are_replaced() {
        let new = |expression: &str| with_columns(expression, &["phone"], |column| format!("NEW.{column}"));
        assert_eq!(
            new("split_part(phone, 'phone', 1) || \"phone\""),
            "split_part(NEW.phone, 'phone', 1) || NEW.phone"
        );
        assert_eq!(
            new("phone(u.phone, x::phone, phones, 'it''s phone')"),
            "phone(u.phone, x::phone, phones, 'it''s phone')"
        );
        assert!(names_column("lower(phone)", "phone") && !names_column("lower('phone')", "phone"));
    }
}
