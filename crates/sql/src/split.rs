//! Where one statement of a file ends and the next begins.

use std::ops::Range;

use camino::Utf8Path;
use underpin_model::project::Diagnostic;
use underpin_model::statement::Statement;

use crate::chunks::{ChunkKind, chunks};
use crate::facts::statement_facts;
use crate::lexer::{Kind, Lexer, Token};
use crate::position::Lines;
use crate::syntax;

pub use crate::syntax::SyntaxError;

/// Returns the statements of a file, each with its line and what the grammar says about it.
///
/// The server's own parser splits, so that dollar quotes, nested comments and `BEGIN ATOMIC`
/// bodies are right. Lines that follow `COPY … FROM stdin;` are kept as the statement's data. A byte
/// order mark is skipped. Backslash commands of psql are errors, except the `\restrict` and
/// `\unrestrict` of pg_dump, which are skipped.
pub fn statements(text: &str) -> Result<Vec<Statement>, SyntaxError> {
    let split = Split::read(text);
    match split.faults.into_iter().next() {
        Some(fault) => Err(fault.error),
        None => Ok(split.statements.into_iter().map(|located| located.statement).collect()),
    }
}

/// A file, split.
pub(crate) struct Split {
    /// The text that the spans speak of: no byte order mark, backslash commands and COPY data blank.
    pub(crate) sql: String,
    /// The statements; not all of them when there are faults.
    pub(crate) statements: Vec<Located>,
    /// Every fault, in order of place.
    pub(crate) faults: Vec<Fault>,
}

/// A statement with its place in the text.
pub(crate) struct Located {
    pub(crate) statement: Statement,
    pub(crate) span: Range<usize>,
}

/// A fault in the text of a file of SQL.
pub(crate) struct Fault {
    pub(crate) error: SyntaxError,
    pub(crate) hint: Option<&'static str>,
}

/// Faults after which a file is given up: by then one cause has had many effects.
const MOST_FAULTS: usize = 20;

impl Split {
    /// Splits a file.
    pub(crate) fn read(text: &str) -> Split {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let (sql, data, mut faults) = plain_sql(text);
        let (mut statements, errors) = located(&sql);
        faults.extend(errors.into_iter().map(|error| Fault { error, hint: None }));
        faults.sort_by_key(|fault| (fault.error.line, fault.error.column));
        let copies = statements.iter_mut().filter(|located| reads_stdin(&located.statement));
        for (located, data) in copies.zip(data) {
            located.statement.copy_data = Some(data);
        }
        Split { sql, statements, faults }
    }

    /// Returns the faults as a project's diagnostics.
    pub(crate) fn diagnostics(&self, file: &Utf8Path) -> Vec<Diagnostic> {
        let diagnostic = |fault: &Fault| {
            let message = format!("PostgreSQL does not understand this: {}.", fault.error.message);
            let diagnostic = Diagnostic::new(file, message).line(fault.error.line);
            fault.hint.into_iter().fold(diagnostic, |diagnostic, hint| diagnostic.hint(hint))
        };
        self.faults.iter().map(diagnostic).collect()
    }
}

/// Returns the text with everything blank that is no SQL, line ends kept, and the data of each COPY.
fn plain_sql(text: &str) -> (String, Vec<String>, Vec<Fault>) {
    let (mut sql, mut data, mut faults) = (String::with_capacity(text.len()), Vec::new(), Vec::new());
    for chunk in chunks(text) {
        let part = &text[chunk.span.clone()];
        if chunk.kind == ChunkKind::Sql {
            sql.push_str(part);
            continue;
        }
        sql.extend(part.chars().filter(|&c| c == '\n'));
        let fault = match chunk.kind {
            ChunkKind::Command => psql_command(part),
            ChunkKind::OpenCopyData => Some(OPEN_COPY),
            _ => {
                data.push(part[..part.rfind("\\.").unwrap_or(part.len())].to_owned());
                None
            }
        };
        faults.extend(fault.map(|(message, hint)| Fault {
            error: SyntaxError::at(text, chunk.span.start, message.replace("{}", command_name(part))),
            hint: Some(hint),
        }));
    }
    (sql, data, faults)
}

const OPEN_COPY: (&str, &str) = (
    "the data of COPY … FROM stdin has no end",
    "End the data with a line that holds only `\\.`, as pg_dump does.",
);

fn psql_command(command: &str) -> Option<(&'static str, &'static str)> {
    match command_name(command) {
        // pg_dump brackets its output in these since August 2025 (CVE-2025-8714).
        "\\restrict" | "\\unrestrict" => None,
        _ => Some((
            "`{}` is a command of psql, not SQL",
            "Statements go to the server without psql: write SQL, and leave `\\` commands out.",
        )),
    }
}

fn command_name(command: &str) -> &str {
    command.split(|c: char| c.is_whitespace() || c == ';').next().unwrap_or_default()
}

/// Returns the statements of plain SQL, and the errors of those that the grammar refuses.
fn located(sql: &str) -> (Vec<Located>, Vec<SyntaxError>) {
    let lines = Lines::new(sql);
    let (mut statements, mut errors, mut start) = (Vec::new(), Vec::new(), 0);
    while errors.len() < MOST_FAULTS {
        match syntax::ranges(&sql[start..]) {
            Ok(ranges) => {
                let spans =
                    ranges.into_iter().filter_map(|range| trim(sql, start + range.start..start + range.end));
                for span in spans {
                    match located_statement(sql, span, &lines) {
                        Ok(located) => statements.push(located),
                        Err(error) => errors.push(error),
                    }
                }
                break;
            }
            Err((offset, message)) => {
                errors.push(SyntaxError::at(sql, start + offset, message));
                let semicolon = |token: &Token| token.kind == Kind::Semicolon && token.span.start >= offset;
                match Lexer::new(&sql[start..]).find(semicolon) {
                    Some(token) => start += token.span.end,
                    None => break,
                }
            }
        }
    }
    (statements, errors)
}

/// Returns the range without the blanks and comments at its ends.
fn trim(sql: &str, range: Range<usize>) -> Option<Range<usize>> {
    let mut code = Lexer::new(&sql[range.clone()]).filter(Token::is_code);
    let first = code.next()?;
    let last = code.last().unwrap_or_else(|| first.clone());
    Some(range.start + first.span.start..range.start + last.span.end)
}

fn located_statement(sql: &str, span: Range<usize>, lines: &Lines<'_>) -> Result<Located, SyntaxError> {
    let (text, line) = (&sql[span.clone()], lines.line(span.start));
    let facts =
        statement_facts(text).map_err(|error| SyntaxError { line: error.line + line - 1, ..error })?;
    let statement = Statement { sql: text.to_owned(), line, facts, copy_data: None };
    Ok(Located { statement, span })
}

fn reads_stdin(statement: &Statement) -> bool {
    use pg_query::protobuf::node::Node;
    statement.facts.node == "CopyStmt"
        && matches!(
            syntax::tree(&statement.sql),
            Ok(Some(Node::CopyStmt(copy))) if copy.is_from && copy.filename.is_empty()
        )
}

#[cfg(test)]
mod tests {
    use underpin_model::statement::Verb;

    use super::*;

    fn split(text: &str) -> Vec<(u32, String)> {
        let statements = statements(text).unwrap_or_else(|error| panic!("{error} in {text}"));
        statements.into_iter().map(|statement| (statement.line, statement.sql)).collect()
    }

    fn pairs(expected: &[(u32, &str)]) -> Vec<(u32, String)> {
        expected.iter().map(|(line, sql)| (*line, (*sql).to_owned())).collect()
    }

    #[test]
    fn statements_lose_semicolon_and_outer_comments_only() {
        let text =
            "-- head\n/* a /* b */ */ SELECT 1; -- tail\n\nSELECT /* in; */ 2 -- x\n  , 3 -- end\n;;\n";
        assert_eq!(split(text), pairs(&[(2, "SELECT 1"), (4, "SELECT /* in; */ 2 -- x\n  , 3")]));
        assert_eq!(split("SELECT 1 -- no semicolon"), pairs(&[(1, "SELECT 1")]));
    }

    #[test]
    fn nothing_is_no_statement() {
        for text in ["", " \n\t", "-- only a comment", "/* x */\n;;", "\u{feff}"] {
            assert_eq!(split(text), [], "{text:?}");
        }
    }

    #[test]
    fn umlauts_shift_nothing() {
        let text = "\u{feff}-- größer\r\nSELECT 'ä;ö' AS \"ü\";\r\n\r\nSELECT 'ß';";
        assert_eq!(split(text), pairs(&[(2, "SELECT 'ä;ö' AS \"ü\""), (4, "SELECT 'ß'")]));
    }

    #[test]
    fn bodies_stay_whole() {
        let body = "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $f$ BEGIN RETURN $$1;$$; END $f$";
        let atomic =
            "CREATE FUNCTION g() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 1 END; END";
        let rule = "CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2)";
        let text = format!("{body};\n{atomic};\n{rule};\n");
        assert_eq!(split(&text), pairs(&[(1, body), (2, atomic), (3, rule)]));
    }

    #[test]
    fn facts_are_filled() {
        let statements = statements("BEGIN; INSERT INTO a VALUES (1); COMMIT").expect("statements");
        let verbs: Vec<_> = statements.iter().map(|statement| statement.facts.verb).collect();
        assert_eq!(verbs, [Verb::Begin, Verb::Insert, Verb::Commit]);
    }

    #[test]
    fn copy_data_belongs_to_its_statement() {
        let text = "\\restrict abc\nCOPY a FROM stdin;\n1\tit's\n\\.\n\nCOPY b TO stdout;\nCOPY c FROM stdin;\n\\.\nSELECT 1;\n\\unrestrict abc\n";
        let statements = statements(text).expect("statements");
        let seen: Vec<_> =
            statements.iter().map(|s| (s.line, s.sql.as_str(), s.copy_data.as_deref())).collect();
        assert_eq!(
            seen,
            [
                (2, "COPY a FROM stdin", Some("1\tit's\n")),
                (6, "COPY b TO stdout", None),
                (7, "COPY c FROM stdin", Some("")),
                (9, "SELECT 1", None),
            ]
        );
    }

    #[test]
    fn every_fault_of_a_file_is_found() {
        let split = Split::read("SELCT 1;\nSELECT 2;\n\\connect x\nSELECT 3 4;\nCOPY a FROM stdin;\n1\n");
        let faults: Vec<_> =
            split.diagnostics(Utf8Path::new("a.sql")).iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(faults.join("\n"), @r#"
        a.sql:1: PostgreSQL does not understand this: syntax error at or near "SELCT".
        a.sql:3: PostgreSQL does not understand this: `\connect` is a command of psql, not SQL.
        a.sql:4: PostgreSQL does not understand this: syntax error at or near "4".
        a.sql:6: PostgreSQL does not understand this: the data of COPY … FROM stdin has no end.
        "#);
    }

    #[test]
    fn the_first_error_has_its_place() {
        let error = statements("SELECT 1;\n  SELECT 'ä' FORM x y;").expect_err("an error");
        assert_eq!((error.line, error.column), (2, 19));
        assert_eq!(error.to_string(), "syntax error at or near \"x\"");
    }

    #[test]
    fn hostile_texts_are_errors_and_no_crash() {
        for text in
            ["'", "$$", "/*", "\"", "\\", "SELECT '\0'", "SELECT E'\\", "COPY a FROM stdin;", "U&'\\zzzz'"]
        {
            assert!(statements(text).is_err(), "{text:?}");
        }
        let _ = statements(&"(".repeat(100_000));
        let _ = statements(&"SELECT 1 x y z;".repeat(50));
    }
}
