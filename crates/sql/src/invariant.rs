//! Files of invariants.

use camino::Utf8Path;
use underpin_model::project::{Diagnostic, Invariant};
use underpin_model::statement::Verb;

use crate::directive;
use crate::split::Split;

/// Returns the invariant of a file, or every fault found in it.
///
/// An invariant is one query; each row that it returns is a violation.
pub fn parse_invariant(file: &Utf8Path, text: &str) -> Result<Invariant, Vec<Diagnostic>> {
    let mut split = Split::read(text);
    let mut faults = split.diagnostics(file);
    if !faults.is_empty() {
        return Err(faults);
    }
    let start = split.statements.first().map_or(split.sql.len(), |located| located.span.start);
    let comments = directive::comments(&split.sql, 0, start);
    let (directives, wrong) = directive::read(file, &comments, &["name", "recount"]);
    faults.extend(wrong);
    let one = "An invariant is one SELECT that returns the rows that must not exist.";
    let statement = (!split.statements.is_empty()).then(|| split.statements.remove(0).statement);
    if let Some(second) = split.statements.first() {
        let fault = Diagnostic::new(file, "The file holds more than one statement.");
        faults.push(fault.line(second.statement.line).hint(one));
    }
    match statement {
        None => faults.push(Diagnostic::new(file, "The file holds no statement.").hint(one)),
        Some(statement) if statement.facts.verb != Verb::Select => {
            faults.push(Diagnostic::new(file, "The statement is no SELECT.").line(statement.line).hint(one));
        }
        Some(statement) if faults.is_empty() => {
            return Ok(Invariant {
                name: directives.name.unwrap_or_else(|| file.file_stem().unwrap_or("invariant").to_owned()),
                file: file.to_owned(),
                statement,
                recounts: directives.recounts,
            });
        }
        Some(_) => {}
    }
    faults.sort_by_key(|fault| fault.line);
    Err(faults)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> String {
        let faults = parse_invariant(Utf8Path::new("invariants/seats.sql"), text).expect_err("faults");
        faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn an_invariant_is_one_query() {
        let text = "-- recount: courses.seats, courses.sold\nSELECT id FROM courses WHERE seats < 0;\n";
        let invariant = parse_invariant(Utf8Path::new("invariants/seats.sql"), text).expect("an invariant");
        assert_eq!((invariant.name.as_str(), invariant.recounts.len()), ("seats", 2));
        assert_eq!(invariant.statement.line, 2);
        let with = "-- name: other\nWITH x AS (SELECT 1) TABLE x";
        assert_eq!(parse_invariant(Utf8Path::new("a.sql"), with).expect("an invariant").name, "other");
    }

    #[test]
    fn anything_else_is_refused() {
        insta::assert_snapshot!(faults(""), @r#"invariants/seats.sql: The file holds no statement."#);
        insta::assert_snapshot!(faults("-- recuont: a.b\nDELETE FROM a;\nSELECT 1"), @r#"
        invariants/seats.sql:1: The directive `-- recuont` is not known.
        invariants/seats.sql:2: The statement is no SELECT.
        invariants/seats.sql:3: The file holds more than one statement.
        "#);
        insta::assert_snapshot!(faults("SELECT 1;\n SELECT )"), @r#"invariants/seats.sql:2: PostgreSQL does not understand this: syntax error at or near ")"."#);
    }
}
