//! The server's grammar as one call, with the place of an error.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use pg_query::protobuf::node::Node;

use crate::lexer::{Lexer, Token};
use crate::position::Lines;

/// A text that the server's grammar refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// The server's message, such as `syntax error at or near "selct"`.
    pub message: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl SyntaxError {
    /// Returns an error at a byte of the text.
    pub(crate) fn at(text: &str, offset: usize, message: impl Into<String>) -> SyntaxError {
        let lines = Lines::new(text);
        SyntaxError { message: message.into(), line: lines.line(offset), column: lines.column(offset) }
    }
}

/// Returns the byte ranges of the statements of `text`, or the first error and its byte offset.
///
/// The ranges hold the blanks and comments around the statements, but no semicolon.
pub(crate) fn ranges(text: &str) -> Result<Vec<Range<usize>>, (usize, String)> {
    let slices = in_turn(|| pg_query::split_with_parser(text)).map_err(|error| {
        let message = message_of(&error);
        (offset_of(text, &error, &message), message)
    })?;
    let start = |slice: &str| slice.as_ptr() as usize - text.as_ptr() as usize;
    Ok(slices.into_iter().map(|slice| start(slice)..start(slice) + slice.len()).collect())
}

/// How the binding says that a tree, though correct, cannot be handed over.
const TOO_DEEP: &[&str] = &["nested too deeply to serialize", "stack depth limit exceeded"];

/// Returns the tree of the only statement in `sql`; `None` when it nests too deeply to be handed over.
///
/// The limit is protobuf's (100 levels); the server itself goes on until its stack is full.
pub(crate) fn tree(sql: &str) -> Result<Option<Node>, SyntaxError> {
    let parsed = match in_turn(|| pg_query::parse(sql, 0)) {
        Ok(parsed) => parsed,
        Err(pg_query::Error::Decode(_)) => return Ok(None),
        Err(pg_query::Error::Parse(message)) if TOO_DEEP.iter().any(|deep| message.contains(deep)) => {
            return Ok(None);
        }
        Err(error) => {
            let message = message_of(&error);
            return Err(SyntaxError::at(sql, offset_of(sql, &error, &message), message));
        }
    };
    let mut statements = parsed.protobuf.stmts.into_iter();
    let only = statements.next().and_then(|raw| raw.stmt).and_then(|node| node.node);
    match (only, statements.next()) {
        (Some(node), None) => Ok(Some(node)),
        (None, _) => Err(SyntaxError::at(sql, 0, "no statement where one is expected")),
        (_, Some(second)) => {
            let offset = second.stmt_location.max(0) as usize;
            Err(SyntaxError::at(sql, offset, "several statements where one is expected"))
        }
    }
}

/// Returns the statement as its tree is written out again; `None` when it has no tree that can be.
pub(crate) fn canonical(sql: &str) -> Option<String> {
    in_turn(|| pg_query::parse(sql, 0).and_then(|parsed| parsed.deparse(pg_query::DeparseOptions::default())))
        .ok()
}

/// Returns the server's message when `text` is no type name, such as `numeric(12,2)[]`.
pub(crate) fn check_type_name(text: &str) -> Result<(), String> {
    let parsed = in_turn(|| pg_query::parse(text, pg_query::ParserOptions::TYPE_NAME));
    parsed.map(drop).map_err(|error| message_of(&error))
}

/// Returns the parser's own summary of a statement, which knows no limit of depth.
pub(crate) fn summary(sql: &str) -> Option<pg_query::SummaryResult> {
    in_turn(|| pg_query::summary(sql, 0, -1)).ok()
}

/// Calls the grammar while no other thread does.
///
/// It catches warnings by turning the process's standard error into a pipe and back; two threads at
/// once would leave it turned for good.
fn in_turn<T>(call: impl FnOnce() -> T) -> T {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    call()
}

fn message_of(error: &pg_query::Error) -> String {
    use pg_query::Error::{Conversion, Parse, Scan, Split};
    match error {
        Parse(message) | Split(message) | Scan(message) => message.clone(),
        Conversion(_) => "a NUL character, which PostgreSQL accepts in no text".to_owned(),
        other => other.to_string(),
    }
}

/// Returns the byte offset of an error, which the grammar's binding does not hand over.
///
/// An LALR parser stops at the first token that continues no statement: up to the token before, a
/// prefix of the text fails with "at end of input" or not at all, from the token on it fails with
/// another message. So the token is found by halving.
fn offset_of(text: &str, error: &pg_query::Error, message: &str) -> usize {
    if let pg_query::Error::Conversion(nul) = error {
        return nul.nul_position();
    }
    let tokens: Vec<_> = Lexer::new(text).filter(|token| token.is_code() || !token.closed).collect();
    let at_end = message.ends_with("at end of input");
    let accepted = |token: &Token| match in_turn(|| pg_query::split_with_parser(&text[..token.span.end])) {
        Ok(_) => true,
        Err(error) => message_of(&error).ends_with("at end of input"),
    };
    let culprit = if at_end { tokens.len() } else { tokens.partition_point(accepted) };
    match tokens.get(culprit).or(tokens.last()) {
        Some(token) => token.span.start,
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> (String, u32, u32) {
        let (offset, message) = ranges(text).expect_err("an error");
        let error = SyntaxError::at(text, offset, message);
        (error.message, error.line, error.column)
    }

    #[test]
    fn errors_are_placed_at_the_first_wrong_token() {
        let near = |what: &str| format!("syntax error at or near \"{what}\"");
        assert_eq!(place("SELECT 1;\n-- ä\n  SELCT 2; 'x"), (near("SELCT"), 3, 3));
        assert_eq!(place("SELECT 'ä', foo bar foo\n, bar x y"), (near("foo"), 1, 21));
        assert_eq!(place("SELECT 1;\nCREATE TABLE t (a int,);"), (near(")"), 2, 23));
    }

    #[test]
    fn an_early_end_is_placed_at_the_last_token() {
        let (message, line, column) = place("SELECT 1;\nSELECT (1 +\n -- why\n");
        assert_eq!((message.as_str(), line, column), ("syntax error at end of input", 2, 11));
    }

    #[test]
    fn open_quotes_are_placed_where_they_open() {
        let (message, line, column) = place("SELECT 1;\nSELECT 'ö', 'abc\n;");
        assert!(message.starts_with("unterminated quoted string"), "{message}");
        assert_eq!((line, column), (2, 13));
        assert_eq!(place("SELECT $a$ x\n").1, 1);
        assert_eq!(place("SELECT 1;\n\n/* x").1, 3);
    }

    #[test]
    fn a_nul_is_placed() {
        assert_eq!(place("SELECT 1;\nSELECT '\0'").1, 2);
    }

    #[test]
    fn nesting_without_end_is_an_error_and_no_crash() {
        for text in [
            "(".repeat(200_000),
            format!("SELECT {}1", "(".repeat(50_000)),
            "SELECT 1".to_owned() + &"+1".repeat(100_000),
        ] {
            let _ = ranges(&text);
            let _ = tree(&text);
        }
    }

    #[test]
    fn too_deep_for_protobuf_is_not_an_error() {
        let chain = format!("SELECT 'a'{}", " || 'b'".repeat(300));
        assert_eq!(tree(&chain), Ok(None));
    }

    #[test]
    fn type_names_are_checked() {
        for good in ["uuid", "numeric(12,2)", "timestamp with time zone", "text[]", "public.mood"] {
            assert_eq!(check_type_name(good), Ok(()));
        }
        assert!(check_type_name("int int").is_err());
    }
}
