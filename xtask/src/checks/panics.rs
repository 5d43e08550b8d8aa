//! No `unwrap()` and no `expect("…")` outside tests, macro arguments included, where clippy does not look.

use crate::problem::Outcome;
use crate::repository::Repository;
use crate::source::Source;
use crate::tokens::{Lexeme, Token, begins_with};

/// Looks at all code but tests.
pub fn check(repository: &Repository) -> Outcome {
    let mut outcome = Outcome::default();
    for source in &repository.sources {
        panics_of(source, &mut outcome);
    }
    let count = outcome.problems.len().to_string();
    outcome.figure("unwrap and expect outside tests", count, "0");
    outcome
}

fn panics_of(source: &Source, outcome: &mut Outcome) {
    for (index, token) in source.tokens.iter().enumerate() {
        if let Some(method) = panicking_call(&source.tokens[index..])
            && !source.is_test(token.line)
        {
            let message = format!("`{method}` panics: return an error that says what was attempted");
            outcome.problem(&source.path, token.line, message);
        }
    }
}

/// Returns the method when the tokens begin with `.unwrap()` or `.expect("…")`.
///
/// `expect("end")?` gives a `Result` and is a parser's own method, as is `expect(Token::End)`.
fn panicking_call(tokens: &[Token]) -> Option<&'static str> {
    let is_text = |token: &Token| matches!(&token.lexeme, Lexeme::Literal(text) if text.contains('"'));
    if begins_with(tokens, &[".", "unwrap", "(", ")"]) {
        Some("unwrap")
    } else if begins_with(tokens, &[".", "expect", "("]) && tokens.get(3).is_some_and(is_text) {
        let is_fallible = tokens.get(4..).is_some_and(|after| begins_with(after, &[")", "?"]));
        (!is_fallible).then_some("expect")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_found_in_code_and_in_macros() {
        let text = "fn f() {\n    a.unwrap();\n    format!(\"{}\", b\n        .expect(\"b\"));\n}\n";
        let outcome = check(&Repository::of(&[("crates/pg/src/a.rs", text)]));
        assert_eq!(
            outcome.lines(),
            [
                "crates/pg/src/a.rs:2: `unwrap` panics: return an error that says what was attempted",
                "crates/pg/src/a.rs:4: `expect` panics: return an error that says what was attempted",
            ]
        );
        assert_eq!(outcome.figures[0].measured, "2");
    }

    #[test]
    fn tests_comments_and_other_methods_are_left_alone() {
        let text = "/// a.unwrap()\nfn f() { a.unwrap_or(1); parser.expect(Token::Comma)?; parser.expect(\"end\")?; }\n#[test]\nfn t() { a.unwrap(); }\n";
        assert!(check(&Repository::of(&[("crates/pg/src/a.rs", text)])).problems.is_empty());
    }
}
