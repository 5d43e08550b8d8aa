//! Values worth trying: the ones at the edges of types, and the ones that a definition talks about.

use super::targets::Column;

/// A value in text form; `None` is NULL.
pub type Value = Option<String>;

/// Longest text that is made up; a limit beyond it is not reached.
const LONGEST: usize = 1_000_000;

/// What candidates are made for.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The column.
    pub column: &'a Column,
    /// Its value in the row at hand; always the first candidate.
    pub current: Option<&'a str>,
    /// The check or predicate.
    pub definition: &'a str,
    /// Values of the other columns that the definition reads, when of the same type.
    pub neighbours: &'a [String],
}

/// Returns the values to try in order of readability, the current one first; NULL only where it is allowed.
pub fn candidates(question: &Question<'_>) -> Vec<Value> {
    let column = question.column;
    let mut values = vec![question.current.map(str::to_owned)];
    if !column.not_null {
        values.push(None);
    }
    let mut some: Vec<String> = match column.category.as_str() {
        "N" => numbers(column, question.definition),
        "S" => texts(question),
        "B" => vec!["false".into(), "true".into()],
        "E" => column.labels.clone().unwrap_or_default(),
        "D" => owned(moments(&column.base_type)),
        "T" => owned(&["-1 day", "0", "1 second", "1000 years"]),
        "A" => owned(&["{}", "{NULL}"]),
        "I" => owned(&["0.0.0.0", "203.0.113.77", "2001:db8::77", "::"]),
        "R" => owned(&["empty", "(,)"]),
        _ => owned(others(&column.base_type)),
    };
    some.extend(question.neighbours.iter().cloned());
    for value in some {
        if !values.iter().any(|known| known.as_deref() == Some(value.as_str())) {
            values.push(Some(value));
        }
    }
    values
}

/// Returns values that hardly any table holds, for keys that must differ and references that must miss.
pub fn unusual(column: &Column) -> Vec<String> {
    match (column.category.as_str(), column.base_type.as_str()) {
        ("N", "int2") => owned(&["32003", "31991", "-32003", "7", "8", "9"]),
        ("N", "int4" | "oid") => owned(&["2000000011", "1999999973", "1999999943", "7", "8", "9"]),
        ("N", "int8") => owned(&["9000000000000000041", "9000000000000000011", "8999999999999999993"]),
        ("N", _) => owned(&["7.13", "3.91", "-7.77", "7", "8", "9", "0"]),
        ("S", _) => owned(&["underpin-absent", "Underpin 7", "zq", "ZQ", "q", "~"]),
        ("B", _) => owned(&["true", "false"]),
        ("E", _) => column.labels.clone().unwrap_or_default(),
        ("D", base) if base.starts_with("time") && !base.starts_with("timestamp") => {
            owned(&["03:04:05.678", "04:05:06.789"])
        }
        ("D", _) => owned(&["1901-02-03", "1902-03-04", "1903-04-05"]),
        ("T", _) => owned(&["1234567 seconds", "2345678 seconds"]),
        ("I", _) => owned(&["203.0.113.77", "2001:db8::77"]),
        ("R", "int4range" | "int8range" | "numrange") => owned(&["[-7,-6)", "[-17,-16)"]),
        ("R", _) => owned(&["[1901-02-03,1901-02-04)", "[1902-02-03,1902-02-04)"]),
        (_, "uuid") => {
            owned(&["dead0000-dead-4000-8000-dead00000001", "dead0000-dead-4000-8000-dead00000002"])
        }
        (_, "bytea") => owned(&["\\xdeadbeef07", "\\xdeadbeef08"]),
        (_, "jsonb" | "json") => owned(&["{\"underpin\": 1}", "{\"underpin\": 2}"]),
        _ => Vec::new(),
    }
}

/// Returns values that often pass checks of the usual kinds, for rows that must be made up.
pub fn plausible(column: &Column) -> Vec<String> {
    match (column.category.as_str(), column.base_type.as_str()) {
        ("N", _) => owned(&["1", "2", "10", "100", "0"]),
        ("S", _) => plausible_texts(),
        ("B", _) => owned(&["true", "false"]),
        ("E", _) => column.labels.clone().unwrap_or_default(),
        ("D", base) if base.starts_with("time") && !base.starts_with("timestamp") => {
            owned(&["12:00", "13:00"])
        }
        ("D", _) => owned(&["2026-01-01", "2026-01-02", "2025-12-31"]),
        ("T", _) => owned(&["1 hour", "1 day"]),
        ("A", _) => owned(&["{}"]),
        ("I", _) => owned(&["192.0.2.1", "192.0.2.0/24"]),
        ("R", "int4range" | "int8range" | "numrange") => owned(&["[1,2)"]),
        ("R", _) => owned(&["[2026-01-01,2026-01-02)"]),
        (_, "uuid") => {
            owned(&["0190a000-0000-7000-8000-000000000001", "0190a000-0000-7000-8000-000000000002"])
        }
        (_, "bytea") => {
            owned(&["\\x00", "\\x0000000000000000000000000000000000000000000000000000000000000000"])
        }
        (_, "jsonb" | "json") => owned(&["{}", "[]"]),
        (_, "tsvector") => owned(&["example"]),
        (_, "point") => owned(&["(1,1)"]),
        _ => Vec::new(),
    }
}

fn plausible_texts() -> Vec<String> {
    let mut texts = owned(&[
        "example",
        "en",
        "USD",
        "usd",
        "example-1",
        "a@example.com",
        "https://example.com/a",
        "/a",
        "AB12",
        "+491701234567",
        "0190a000-0000-7000-8000-000000000001",
        "FFFFFFFF-FFFF-4FFF-8FFF-FFFFFFFFFFFF",
        "DE",
        "de_DE",
        "12345",
        "1.0.0",
        "Europe/Berlin",
        "2026-01-01",
        "a/b",
        "text/plain",
        "#aabbcc",
    ]);
    texts.extend([32, 40, 64, 128].map(|length| "0".repeat(length)));
    texts.push(format!("$2b$12${}", "a".repeat(53)));
    texts.push(format!("$argon2id$v=19$m=65536,t=3,p=4${}${}", "a".repeat(22), "a".repeat(43)));
    texts
}

fn owned(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

fn moments(base_type: &str) -> &'static [&'static str] {
    match base_type {
        "time" | "timetz" => &["00:00", "12:00", "23:59:59"],
        _ => &["1900-01-01", "2999-12-31", "2000-01-01", "infinity", "-infinity"],
    }
}

fn others(base_type: &str) -> &'static [&'static str] {
    match base_type {
        "uuid" => &["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
        "json" | "jsonb" => &["{}", "[]", "null", "1", "\"x\"", "[1]", "{\"x\": null}"],
        "bytea" => &["\\x", "\\x00"],
        "tsvector" => &["", "x"],
        _ => &[],
    }
}

fn numbers(column: &Column, definition: &str) -> Vec<String> {
    let (low, high, whole): (f64, f64, bool) = match column.base_type.as_str() {
        "int2" => (-32768.0, 32767.0, true),
        "int4" => (-2_147_483_648.0, 2_147_483_647.0, true),
        "int8" => (-9.0e15, 9.0e15, true),
        _ => {
            let limit = numeric_limit(&column.type_name);
            (-limit, limit, false)
        }
    };
    let mut values = vec![-1.0, 0.0, 1.0];
    // The server prints negative constants in quotes: '-1'::integer.
    let quoted = string_literals(definition).into_iter().filter_map(|literal| literal.parse::<f64>().ok());
    for literal in number_literals(definition).into_iter().chain(quoted) {
        if whole {
            values.extend([literal.floor() + 1.0, literal.ceil() - 1.0, literal.floor(), literal.ceil()]);
        } else {
            values.extend([literal + 1.0, literal - 1.0, literal, literal + 0.01, literal - 0.01]);
        }
    }
    values.extend([high, low, 2.0, 1000.0]);
    let mut texts = Vec::new();
    for value in values.into_iter().filter(|value| (low..=high).contains(value)) {
        let text = if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.2}") };
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    if matches!(column.base_type.as_str(), "float4" | "float8") || column.type_name == "numeric" {
        texts.push("NaN".into());
    }
    texts
}

/// Returns the largest whole number that `numeric(p,s)` holds; a thousand million where there is no modifier.
fn numeric_limit(type_name: &str) -> f64 {
    let modifier = type_name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    let Some((precision, scale)) = modifier.and_then(|text| text.split_once(',')) else { return 1e9 };
    match (precision.trim().parse::<i32>(), scale.trim().parse::<i32>()) {
        (Ok(precision), Ok(scale)) => 10f64.powi((precision - scale).clamp(0, 9)) - 1.0,
        _ => 1e9,
    }
}

fn texts(question: &Question<'_>) -> Vec<String> {
    let mut values = owned(&["", " ", "?", "Ä ö\t!"]);
    let current = question.current.unwrap_or("x");
    values.extend([
        current.to_uppercase(),
        current.to_lowercase(),
        format!("{current} "),
        format!("{current}!"),
    ]);
    for literal in string_literals(question.definition) {
        values.extend([format!("{literal}~"), literal.to_uppercase(), literal]);
    }
    let mut lengths: Vec<usize> =
        whole_numbers(question.definition).filter(|n| (1..LONGEST).contains(n)).collect();
    lengths.sort_unstable();
    lengths.dedup();
    for length in lengths {
        values.extend(["x".repeat(length + 1), "x".repeat(length.saturating_sub(1))]);
    }
    values.extend(["x".repeat(300), "x".repeat(70_000)]);
    values
}

/// Returns the numbers that stand outside of quotes, in order.
pub fn number_literals(definition: &str) -> Vec<f64> {
    let outside: String = pieces(definition).filter(|piece| !piece.quoted).map(|piece| piece.text).collect();
    let word = |c: char| !(c.is_alphanumeric() || c == '_' || c == '.');
    outside
        .split(word)
        .filter(|word| word.starts_with(|c: char| c.is_ascii_digit()))
        .filter_map(|w| w.parse().ok())
        .collect()
}

/// Returns every whole number in the definition, those inside of patterns included.
fn whole_numbers(definition: &str) -> impl Iterator<Item = usize> {
    definition.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok())
}

/// Returns the quoted strings, in order.
pub fn string_literals(definition: &str) -> Vec<String> {
    pieces(definition).filter(|piece| piece.quoted).map(|piece| piece.text).collect()
}

struct Quoting {
    quoted: bool,
    text: String,
}

/// Cuts at single quotes; a doubled quote inside of a string stays one quote.
fn pieces(definition: &str) -> impl Iterator<Item = Quoting> {
    let marked = definition.replace("''", "\u{1}");
    let texts: Vec<String> = marked.split('\'').map(|text| text.replace('\u{1}', "'")).collect();
    texts.into_iter().enumerate().map(|(at, text)| Quoting { quoted: at % 2 == 1, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(category: &str, base_type: &str, not_null: bool) -> Column {
        Column {
            name: "c".into(),
            type_name: base_type.into(),
            base_type: base_type.into(),
            category: category.into(),
            not_null,
            ..Column::default()
        }
    }

    fn values(column: &Column, definition: &str) -> Vec<Value> {
        candidates(&Question { column, current: Some("3"), definition, neighbours: &[] })
    }

    #[test]
    fn a_bound_is_tried_on_both_sides() {
        let values = values(&column("N", "int4", true), "((rating >= 1) AND (rating <= 5))");
        for expected in ["0", "6", "4"] {
            assert!(values.contains(&Some(expected.into())), "{expected} in {values:?}");
        }
        assert!(!values.contains(&None));
    }

    #[test]
    fn a_length_is_overstepped_by_one() {
        let values = values(&column("S", "text", false), "(char_length(title) <= 160)");
        assert!(values.contains(&Some("x".repeat(161))));
        assert!(values.contains(&None));
    }

    #[test]
    fn words_of_the_definition_are_tried_and_spoiled() {
        let values =
            values(&column("S", "text", true), "(status = ANY (ARRAY['draft'::text, 'it''s'::text]))");
        for expected in ["draft", "draft~", "it's"] {
            assert!(values.contains(&Some(expected.into())), "{expected}");
        }
    }

    #[test]
    fn negative_bounds_are_read_from_quotes() {
        assert!(values(&column("N", "int4", true), "(x >= '-90'::integer)").contains(&Some("-91".into())));
    }

    #[test]
    fn values_fit_their_type() {
        let numeric = Column { type_name: "numeric(5,2)".into(), ..column("N", "numeric", true) };
        assert!(values(&numeric, "(percent_off <= (100)::numeric)").contains(&Some("101".into())));
        assert!(!values(&numeric, "(percent_off <= (100)::numeric)").contains(&Some("NaN".into())));
        assert!(!values(&column("N", "int2", true), "(x < 99999)").contains(&Some("100000".into())));
    }

    #[test]
    fn literals_are_told_from_names() {
        assert_eq!(number_literals("(col1 > 12 AND x ~ '^[0-9]{2}$' OR y < 0.5)"), [12.0, 0.5]);
        assert_eq!(string_literals("a = 'x''y'::text OR b = 'z'"), ["x'y", "z"]);
    }
}
