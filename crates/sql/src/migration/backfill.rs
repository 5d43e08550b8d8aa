//! `backfill.sql`: one statement over a range of keys.

use camino::Utf8Path;
use underpin_model::phases::{Backfill, BackfillPiece};
use underpin_model::project::Diagnostic;
use underpin_model::statement::Verb;

use crate::directive::{self, Batch};
use crate::lexer::{Kind, Lexer, Token, variable_name};
use crate::position::Lines;
use crate::split::Split;

const FORM: &str = "Write the range as `KEY > :low AND KEY <= :high`; a key of two columns as \
                    `(tenant_id, id) > (:low) AND (tenant_id, id) <= (:high)`.";

/// Returns the backfill of a file, or every fault found in it.
pub(super) fn parse_backfill(file: &Utf8Path, text: &str) -> Result<Backfill, Vec<Diagnostic>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let start = Lexer::new(text).find(Token::is_code).map_or(text.len(), |token| token.span.start);
    let comments = directive::comments(text, 0, start);
    let (directives, mut faults) = directive::read(file, &comments, &["batch"]);
    let Some(batch) = directives.batch else {
        if faults.is_empty() {
            let hint = "Write it on the first line, such as `-- batch: users by id, 5000`.";
            faults.push(
                Diagnostic::new(file, "The backfill has no `-- batch: TABLE by KEY, ROWS`.").hint(hint),
            );
        }
        return Err(faults);
    };
    match cut(file, text, start) {
        Ok(pieces) => {
            let line = Lines::new(text).line(start);
            faults.extend(wrong_statement(file, &pieces, Place { columns: batch.key.len(), line }));
            faults.extend(missing_ends(file, &pieces));
            let Batch { table, key, rows, .. } = batch;
            let backfill = Backfill { file: file.to_owned(), table, key, rows, line, pieces };
            if faults.is_empty() { Ok(backfill) } else { Err(faults) }
        }
        Err(wrong) => {
            faults.extend(wrong);
            Err(faults)
        }
    }
}

/// Cuts the statement at the ends of its range.
fn cut(file: &Utf8Path, text: &str, start: usize) -> Result<Vec<BackfillPiece>, Vec<Diagnostic>> {
    let lines = Lines::new(text);
    let (mut cutter, mut faults) = (Cutter::default(), Vec::new());
    for token in Lexer::new(&text[start..]) {
        let word = &text[start..][token.span.clone()];
        let line = lines.line(start + token.span.start);
        match token.kind {
            Kind::Variable(_) => match cutter.end(word) {
                Ok(()) => {}
                Err(message) => faults.push(Diagnostic::new(file, message).line(line).hint(FORM)),
            },
            Kind::Space | Kind::LineComment | Kind::BlockComment => cutter.push(word),
            _ => {
                cutter.push(word);
                cutter.code.push((word.to_owned(), cutter.pieces.len()));
            }
        }
    }
    if faults.is_empty() { Ok(cutter.finish()) } else { Err(faults) }
}

#[derive(Default)]
struct Cutter {
    pieces: Vec<BackfillPiece>,
    /// Words of code before this place, blanks and comments left out, each with how many pieces there were.
    code: Vec<(String, usize)>,
}

impl Cutter {
    fn push(&mut self, word: &str) {
        // Each word is a piece of its own until the end: an operator may have to be taken out again.
        self.pieces.push(BackfillPiece::Text(word.to_owned()));
    }

    /// Adds `:low` or `:high`; the message says what is wrong with it.
    fn end(&mut self, word: &str) -> Result<(), String> {
        let mut before = self.code.iter().rev().skip_while(|(word, _)| word == "(");
        let piece = match variable_name(word) {
            "low" => {
                let above = before.next().filter(|(word, _)| word == ">").map(|(_, at)| at - 1);
                // `<>` and `->` end in `>` as well.
                let above = above.filter(|_| before.next().is_none_or(|(word, _)| !is_operator(word)));
                let Some(at) = above else {
                    return Err("`:low` does not stand behind `>`.".to_owned());
                };
                self.pieces[at] = BackfillPiece::Above;
                BackfillPiece::Low
            }
            "high" => {
                let pair = [before.next(), before.next()].map(|word| word.map_or("", |(word, _)| word));
                if pair != ["=", "<"] {
                    return Err("`:high` does not stand behind `<=`.".to_owned());
                }
                BackfillPiece::High
            }
            other => return Err(format!("The variable `:{other}` is not known in a backfill.")),
        };
        self.pieces.push(piece);
        self.code.push((word.to_owned(), self.pieces.len()));
        Ok(())
    }

    /// Returns the pieces with neighbouring texts joined.
    fn finish(self) -> Vec<BackfillPiece> {
        let mut joined: Vec<BackfillPiece> = Vec::new();
        for piece in self.pieces {
            match (joined.last_mut(), piece) {
                (Some(BackfillPiece::Text(text)), BackfillPiece::Text(more)) => text.push_str(&more),
                (_, piece) => joined.push(piece),
            }
        }
        if let Some(BackfillPiece::Text(last)) = joined.last_mut() {
            last.truncate(last.trim_end().trim_end_matches(';').trim_end().len());
        }
        joined
    }
}

fn is_operator(word: &str) -> bool {
    word.chars().all(|c| "<>=-+*/~!@#%^&|`?".contains(c))
}

fn missing_ends(file: &Utf8Path, pieces: &[BackfillPiece]) -> Option<Diagnostic> {
    let missing: Vec<&str> = [(BackfillPiece::Low, ":low"), (BackfillPiece::High, ":high")]
        .into_iter()
        .filter(|(piece, _)| !pieces.contains(piece))
        .map(|(_, word)| word)
        .collect();
    let message = format!("The backfill does not use `{}`.", missing.join("` and `"));
    (!missing.is_empty()).then(|| Diagnostic::new(file, message).hint(FORM))
}

/// What a statement is read with.
struct Place {
    /// Columns of the key.
    columns: usize,
    /// Line of the statement, from 1.
    line: u32,
}

/// Returns what is wrong with the statement, read with NULL in the places of the range's ends.
fn wrong_statement(file: &Utf8Path, pieces: &[BackfillPiece], place: Place) -> Vec<Diagnostic> {
    let nulls = vec!["NULL"; place.columns].join(", ");
    let text: String = pieces
        .iter()
        .map(|piece| match piece {
            BackfillPiece::Text(text) => text.as_str(),
            BackfillPiece::Above => ">",
            BackfillPiece::Low | BackfillPiece::High => &nulls,
        })
        .collect();
    // Empty lines in place of the header, so that faults have the lines of the file.
    let split = Split::read(&("\n".repeat(place.line as usize - 1) + &text));
    if !split.faults.is_empty() {
        return split.diagnostics(file);
    }
    let one = "A backfill is one statement; each range of keys is its own transaction.";
    let hint = "Write one INSERT, UPDATE, DELETE or MERGE; several changes fit into one WITH.";
    match split.statements.as_slice() {
        [only] if changes(only.statement.facts.verb) => Vec::new(),
        [only] => vec![
            Diagnostic::new(file, "The backfill's statement changes no rows.")
                .line(only.statement.line)
                .hint(hint),
        ],
        [] => vec![Diagnostic::new(file, "The backfill has no statement.").hint(hint)],
        [_, second, ..] => vec![Diagnostic::new(file, one).line(second.statement.line).hint(hint)],
    }
}

/// Returns whether a statement may change rows; SELECT may, through a WITH or a function.
fn changes(verb: Verb) -> bool {
    matches!(verb, Verb::Insert | Verb::Update | Verb::Delete | Verb::Merge | Verb::Select)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Backfill, String> {
        parse_backfill(Utf8Path::new("backfill.sql"), text).map_err(|faults| {
            let line = |f: &Diagnostic| format!("{f} | {}", f.hint.as_deref().unwrap_or_default());
            faults.iter().map(line).collect::<Vec<_>>().join("\n")
        })
    }

    #[test]
    fn the_range_is_cut_out_of_the_statement() {
        let text = "-- batch: users by id, 5000\nUPDATE users SET mobile = phone -- all\nWHERE id > :low AND id <= :high;\n";
        let backfill = parse(text).expect("a backfill");
        assert_eq!((backfill.table.as_str(), backfill.rows, backfill.line), ("users", 5000, 2));
        assert_eq!(
            backfill.source(),
            "UPDATE users SET mobile = phone -- all\nWHERE id > :low AND id <= :high"
        );
        assert_eq!(backfill.pieces.iter().filter(|piece| **piece == BackfillPiece::Above).count(), 1);
        let pair = "-- batch: o by (t, id), 10\nINSERT INTO n SELECT * FROM o WHERE (t, id) > ( :low) AND (t, id) <= (:high) ON CONFLICT DO NOTHING";
        let backfill = parse(pair).expect("a backfill");
        assert_eq!(backfill.key, ["t", "id"]);
        assert!(backfill.pieces.contains(&BackfillPiece::Above));
    }

    #[test]
    fn faults_have_lines_and_hints() {
        insta::assert_snapshot!(parse("UPDATE t SET a = 1 WHERE id > :low AND id <= :high").expect_err("faults"), @"backfill.sql: The backfill has no `-- batch: TABLE by KEY, ROWS`. | Write it on the first line, such as `-- batch: users by id, 5000`.");
        let fault = |rest: &str| parse(&format!("-- batch: t by id, 10\n{rest}")).expect_err("faults");
        insta::assert_snapshot!(fault("UPDATE t SET a = 1;"), @r#"backfill.sql: The backfill does not use `:low` and `:high`. | Write the range as `KEY > :low AND KEY <= :high`; a key of two columns as `(tenant_id, id) > (:low) AND (tenant_id, id) <= (:high)`."#);
        insta::assert_snapshot!(fault("UPDATE t SET a = 1\nWHERE id >= :low AND id < :high AND b = :c;"), @r#"
        backfill.sql:3: `:low` does not stand behind `>`. | Write the range as `KEY > :low AND KEY <= :high`; a key of two columns as `(tenant_id, id) > (:low) AND (tenant_id, id) <= (:high)`.
        backfill.sql:3: `:high` does not stand behind `<=`. | Write the range as `KEY > :low AND KEY <= :high`; a key of two columns as `(tenant_id, id) > (:low) AND (tenant_id, id) <= (:high)`.
        backfill.sql:3: The variable `:c` is not known in a backfill. | Write the range as `KEY > :low AND KEY <= :high`; a key of two columns as `(tenant_id, id) > (:low) AND (tenant_id, id) <= (:high)`.
        "#);
        insta::assert_snapshot!(fault("UPDATE t SET a = 1 WHERE id > :low AND id <= :high;\nUPDATE t SET b = 1;"), @r#"backfill.sql:3: A backfill is one statement; each range of keys is its own transaction. | Write one INSERT, UPDATE, DELETE or MERGE; several changes fit into one WITH."#);
        assert!(fault("UPDATE t SET a = 1 WHERE id <> :low AND id <= :high").contains("behind `>`"));
        insta::assert_snapshot!(fault("TRUNCATE t;\n"), @r#"
        backfill.sql:2: The backfill's statement changes no rows. | Write one INSERT, UPDATE, DELETE or MERGE; several changes fit into one WITH.
        backfill.sql: The backfill does not use `:low` and `:high`. | Write the range as `KEY > :low AND KEY <= :high`; a key of two columns as `(tenant_id, id) > (:low) AND (tenant_id, id) <= (:high)`.
        "#);
        insta::assert_snapshot!(fault("UPDATE t SET WHERE id > :low AND id <= :high"), @r#"backfill.sql:2: PostgreSQL does not understand this: syntax error at or near "WHERE". |"#);
    }
}
