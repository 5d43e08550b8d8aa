//! Long SQL lives in `.sql` files, where it has a header, is formatted, and can be run by hand.

use crate::problem::Outcome;
use crate::repository::Repository;
use crate::tokens::Lexeme;

/// A string literal with more lines of SQL belongs in a file.
const MOST_LINES: usize = 6;

/// First words of SQL statements.
const FIRST_WORDS: &[&str] = &[
    "alter", "analyze", "begin", "call", "comment", "copy", "create", "declare", "delete", "do", "drop",
    "explain", "grant", "insert", "lock", "merge", "revoke", "select", "set", "truncate", "update", "values",
    "with",
];

/// Looks at the string literals of all code but tests.
pub fn check(repository: &Repository) -> Outcome {
    let mut outcome = Outcome::default();
    for source in &repository.sources {
        for token in source.tokens.iter().filter(|token| !source.is_test(token.line)) {
            let Lexeme::Literal(literal) = &token.lexeme else { continue };
            if let Some(lines) = sql_lines(literal).filter(|lines| *lines > MOST_LINES) {
                let message = format!(
                    "{lines} lines of SQL in a string: a `.sql` file beside the module, `include_str!`"
                );
                outcome.problem(&source.path, token.line, message);
            }
        }
    }
    outcome
}

/// Returns how many lines a literal has, as written or as read, when it is SQL.
fn sql_lines(literal: &str) -> Option<usize> {
    let text = syn::parse_str::<syn::LitStr>(literal).ok()?.value();
    let is_comment = |line: &&str| line.trim().is_empty() || line.trim_start().starts_with("--");
    let start = text.lines().find(|line| !is_comment(line))?;
    let word: String = start.trim_start().chars().take_while(char::is_ascii_alphabetic).collect();
    let lower = word.to_ascii_lowercase();
    let is_sql =
        FIRST_WORDS.contains(&lower.as_str()) && (word == lower || word == word.to_ascii_uppercase());
    is_sql.then(|| literal.lines().count().max(text.trim().lines().count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(literal: &str) -> Vec<String> {
        check(&Repository::of(&[("crates/pg/src/a.rs", &format!("const A: &str = {literal};"))])).lines()
    }

    #[test]
    fn long_sql_is_a_breach_however_it_is_broken() {
        let expected = [
            "crates/pg/src/a.rs:1: 7 lines of SQL in a string: a `.sql` file beside the module, `include_str!`",
        ];
        assert_eq!(lines("\"SELECT 1\n,2\n,3\n,4\n,5\n,6\n,7\""), expected);
        assert_eq!(lines("\"select 1 \\\n,2 \\\n,3 \\\n,4 \\\n,5 \\\n,6 \\\n,7\""), expected);
        assert_eq!(lines("r\"-- why\nWITH a AS (\n1\n)\n\n\n;\""), expected);
        assert_eq!(lines("\"CREATE TABLE a (\\n1\\n2\\n3\\n4\\n5\\n)\""), expected);
    }

    #[test]
    fn short_sql_and_long_prose_are_not() {
        assert!(lines("\"SELECT 1\n,2\n,3\n,4\n,5\n,6\"").is_empty());
        assert!(lines("\"With this\n2\n3\n4\n5\n6\n7\n8\"").is_empty());
        let test = "#[test]\nfn t() { run(\"SELECT\n1\n2\n3\n4\n5\n6\n7\") }";
        assert!(check(&Repository::of(&[("crates/pg/src/a.rs", test)])).problems.is_empty());
    }
}
