//! Files of named queries.

use std::collections::BTreeSet;

use camino::Utf8Path;
use underpin_model::project::{Diagnostic, Query};

use crate::directive::{self, Comment, Directives};
use crate::lexer::{Kind, Lexer};
use crate::split::{Located, Split};

const WORDS: &[&str] = &["name", "param", "rate", "budget", "role", "tenant", "allow"];

const NO_COLON: &str =
    "Write $1, $2, and so on, in the order of the `-- param:` lines; `:name` is for transactions.";

/// Returns the queries of a file and every fault found in it.
///
/// A file holds one query, or several with a `-- name:` before each; sqlc's `-- name: X :many` reads
/// too. The query of a file without any name is named after the file.
pub fn parse_queries(file: &Utf8Path, text: &str) -> (Vec<Query>, Vec<Diagnostic>) {
    let split = Split::read(text);
    let mut faults = split.diagnostics(file);
    if !faults.is_empty() {
        let colon = |fault: &&mut Diagnostic| fault.hint.is_none() && fault.message.contains("near \":\"");
        faults.iter_mut().filter(colon).for_each(|fault| fault.hint = Some(NO_COLON.to_owned()));
        return (Vec::new(), faults);
    }
    if split.statements.is_empty() {
        let fault = Diagnostic::new(file, "The file holds no query.");
        return (Vec::new(), vec![fault.hint("Write one statement, or remove the file.")]);
    }
    let mut queries = Vec::new();
    let mut end = 0;
    let several = split.statements.len() > 1;
    for located in &split.statements {
        let header = directive::comments(&split.sql, end, located.span.start);
        let header = own_header(file, header, &mut faults);
        let (directives, wrong) = directive::read(file, header.as_slice(), WORDS);
        faults.extend(wrong);
        if several && directives.name.is_none() {
            faults.push(nameless(file, located));
        }
        faults.extend(wrong_params(file, located, &directives));
        queries.push(query(file, located, directives));
        end = located.span.end;
    }
    let rest = directive::comments(&split.sql, end, split.sql.len());
    faults.extend(names(&rest).map(|name| without_statement(file, name)));
    faults.sort_by_key(|fault| fault.line);
    (queries, faults)
}

/// Returns the comments from the last `-- name:` on; a name before it has no statement.
fn own_header<'a>(
    file: &Utf8Path,
    header: Vec<Comment<'a>>,
    faults: &mut Vec<Diagnostic>,
) -> Vec<Comment<'a>> {
    let count = names(&header).count();
    if count < 2 {
        return header;
    }
    faults.extend(names(&header).take(count - 1).map(|name| without_statement(file, name)));
    let last = header.iter().rposition(|comment| comment.word() == Some("name")).unwrap_or(0);
    header.into_iter().skip(last).collect()
}

fn names<'a, 'b>(header: &'b [Comment<'a>]) -> impl Iterator<Item = &'b Comment<'a>> {
    header.iter().filter(|comment| comment.word() == Some("name"))
}

fn without_statement(file: &Utf8Path, name: &Comment<'_>) -> Diagnostic {
    Diagnostic::new(file, format!("No statement follows `-- {}`.", name.text))
        .line(name.line)
        .hint("Write the query's one statement below its header, or remove the line.")
}

fn nameless(file: &Utf8Path, located: &Located) -> Diagnostic {
    Diagnostic::new(file, "This statement has no `-- name:` of its own; a query is exactly one statement.")
        .line(located.statement.line)
        .hint("Write `-- name: NAME` above each statement of a file with several, or keep one.")
}

fn wrong_params(file: &Utf8Path, located: &Located, directives: &Directives) -> Option<Diagnostic> {
    let sql = &located.statement.sql;
    let declared = directives.params.len();
    let used: BTreeSet<usize> = Lexer::new(sql)
        .filter(|token| token.kind == Kind::Param)
        .filter_map(|token| sql[token.span].trim_start_matches('$').parse().ok())
        .collect();
    let highest = used.last().copied().unwrap_or(0);
    if declared == 0 || declared == highest {
        return None;
    }
    let message = match highest {
        0 => "The header declares parameters, but the statement uses none.".to_owned(),
        _ => format!("The statement uses parameters up to ${highest}, but the header declares {declared}."),
    };
    let hint = "Write one `-- param: NAME TYPE` per parameter, in the order of $1, $2, and so on.";
    Some(Diagnostic::new(file, message).line(located.statement.line).hint(hint))
}

fn query(file: &Utf8Path, located: &Located, directives: Directives) -> Query {
    Query {
        name: directives.name.unwrap_or_else(|| file.file_stem().unwrap_or("query").to_owned()),
        file: file.to_owned(),
        statement: located.statement.clone(),
        params: directives.params,
        rate: directives.rate,
        budget: directives.budget,
        role: directives.role,
        tenant: directives.tenant,
        enters: None,
        allow: directives.allow,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (Vec<Query>, String) {
        let (queries, faults) = parse_queries(Utf8Path::new("queries/courses.sql"), text);
        (queries, faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    }

    fn parse_well(text: &str) -> Vec<Query> {
        let (queries, faults) = parse(text);
        assert_eq!(faults, "");
        queries
    }

    #[test]
    fn one_query_is_named_after_its_file() {
        let queries = parse_well(
            "\u{feff}-- param: id bigint = 1\r\n-- rate: 60/min\r\n\r\nSELECT $1::bigint, '$2';\r\n",
        );
        assert_eq!(queries[0].name, "courses");
        assert_eq!((queries[0].statement.line, queries[0].rate), (4, Some(1.0)));
        assert_eq!(queries[0].statement.sql, "SELECT $1::bigint, '$2'");
    }

    #[test]
    fn several_queries_have_a_header_each() {
        let queries = parse_well(
            "-- name: a :many\n-- role: x\nSELECT $1;\n-- name: b :one\n-- param: n int\nSELECT $1 LIMIT $1;\n-- done\n",
        );
        let names: Vec<_> =
            queries.iter().map(|q| (q.name.as_str(), q.role.as_deref(), q.params.len())).collect();
        assert_eq!(names, [("a", Some("x"), 0), ("b", None, 1)]);
    }

    #[test]
    fn faults_of_a_file_come_together() {
        let (_, faults) = parse(
            "-- name: a\n-- name: b\n-- rate: 1\nSELECT 1;\nSELECT 2;\n-- name: c\n-- param: x int\nSELECT $2;\n\
             -- name: d\n-- param: x int\nSELECT 1;\n-- name: e\n",
        );
        insta::assert_snapshot!(faults, @r#"
        queries/courses.sql:1: No statement follows `-- name: a`.
        queries/courses.sql:3: `-- rate: 1` is no rate.
        queries/courses.sql:5: This statement has no `-- name:` of its own; a query is exactly one statement.
        queries/courses.sql:8: The statement uses parameters up to $2, but the header declares 1.
        queries/courses.sql:11: The header declares parameters, but the statement uses none.
        queries/courses.sql:12: No statement follows `-- name: e`.
        "#);
        assert_eq!(parse(" -- nothing\n").1, "queries/courses.sql: The file holds no query.");
    }

    #[test]
    fn a_syntax_error_is_a_fault_with_its_line() {
        insta::assert_snapshot!(parse("-- name: a\nSELECT FROM WHERE;\n-- name: b\nSELECT 'x").1, @r#"
        queries/courses.sql:2: PostgreSQL does not understand this: syntax error at or near "WHERE".
        queries/courses.sql:4: PostgreSQL does not understand this: unterminated quoted string at or near "'x".
        "#);
    }
}
