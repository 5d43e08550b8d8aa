//! Header directives: comments of the form `-- word: rest` that speak to Underpin.

mod value;

use camino::Utf8Path;
use underpin_model::phases::TableLock;
use underpin_model::project::{Allow, Diagnostic, Param};

use crate::lexer::{Kind, Lexer, Token};
use crate::position::Lines;

/// The directives of one header.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Directives {
    /// `-- name:`, sqlc's `:many` and the like removed.
    pub name: Option<String>,
    /// `-- param:` lines, in order.
    pub params: Vec<Param>,
    /// `-- rate:` as calls per second.
    pub rate: Option<f64>,
    /// `-- budget:` clauses.
    pub budget: Vec<String>,
    /// `-- role:`.
    pub role: Option<String>,
    /// `-- tenant:`.
    pub tenant: Option<String>,
    /// `-- allow:` lines, in order.
    pub allow: Vec<Allow>,
    /// `-- recount:` as `table.column`.
    pub recounts: Vec<String>,
    /// `-- batch:`.
    pub batch: Option<Batch>,
    /// `-- lock:` lines, in order.
    pub locks: Vec<TableLock>,
    /// `-- no-transaction`.
    pub no_transaction: bool,
}

/// `-- batch: TABLE by KEY, ROWS`: the key range that a backfill walks over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Table, as written.
    pub table: String,
    /// Columns of the key, as written, in order.
    pub key: Vec<String>,
    /// Rows per batch.
    pub rows: u64,
    /// Line of the directive, from 1.
    pub line: u32,
}

/// The words of all directives.
pub const WORDS: &[&str] = &[
    "name",
    "param",
    "rate",
    "budget",
    "role",
    "tenant",
    "allow",
    "recount",
    "batch",
    "lock",
    "no-transaction",
];

/// Returns the directives in the comments before the first statement of `text`, and every fault in them.
pub fn read_header(file: &Utf8Path, text: &str) -> (Directives, Vec<Diagnostic>) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let end = Lexer::new(text).find(Token::is_code).map_or(text.len(), |token| token.span.start);
    read(file, &comments(text, 0, end), WORDS)
}

/// Returns the `-- allow:` lines anywhere in a file, and every fault in them.
pub fn allows(file: &Utf8Path, text: &str) -> (Vec<Allow>, Vec<Diagnostic>) {
    let mut comments = comments(text, 0, text.len());
    comments.retain(|comment| comment.word() == Some("allow"));
    let (directives, faults) = read(file, &comments, &["allow"]);
    (directives.allow, faults)
}

/// A line comment, without its `--`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Comment<'a> {
    pub(crate) text: &'a str,
    pub(crate) line: u32,
}

impl Comment<'_> {
    /// Returns the word of the directive that the comment looks like.
    pub(crate) fn word(&self) -> Option<&str> {
        directive_of(self.text).map(|(word, _)| word)
    }
}

/// Returns the line comments between two bytes of the text.
pub(crate) fn comments(text: &str, start: usize, end: usize) -> Vec<Comment<'_>> {
    let lines = Lines::new(text);
    Lexer::new(&text[start..end])
        .filter(|token| token.kind == Kind::LineComment)
        .map(|token| Comment {
            text: text[start..end][token.span.clone()].trim_start_matches("--").trim(),
            line: lines.line(start + token.span.start),
        })
        .collect()
}

/// Returns the directives among the comments, and every fault in them.
///
/// Only misspellings of `words` are faults; other comments are left alone.
pub(crate) fn read(
    file: &Utf8Path,
    comments: &[Comment<'_>],
    words: &[&str],
) -> (Directives, Vec<Diagnostic>) {
    let (mut directives, mut faults) = (Directives::default(), Vec::new());
    for comment in comments {
        let Some((word, rest)) = directive_of(comment.text) else { continue };
        // `lock` is an ordinary word of comments everywhere but in migrations.
        let outcome = if WORDS.contains(&word) && (word != "lock" || words.contains(&word)) {
            directives.set(word, rest, comment.line)
        } else {
            match meant(word, words) {
                Some(known) => Err(Fault::new(
                    format!("The directive `-- {word}` is not known."),
                    format!("Did you mean `-- {known}`?"),
                )),
                None => Ok(()),
            }
        };
        if let Err(fault) = outcome {
            faults.push(Diagnostic::new(file, fault.message).line(comment.line).hint(fault.hint));
        }
    }
    (directives, faults)
}

/// Splits a comment into the word and the rest of a directive.
fn directive_of(comment: &str) -> Option<(&str, &str)> {
    let (word, rest) = match comment.split_once(':') {
        Some((word, rest)) => (word.trim_end(), rest.trim()),
        None if comment.contains("transaction") => (comment, ""),
        None => return None,
    };
    let fits = !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-' || b == b'_');
    fits.then_some((word, rest))
}

/// Ordinary words of comments that are close to a directive's.
const ORDINARY: &[&str] = &[
    "date",
    "note",
    "notes",
    "rule",
    "rules",
    "rates",
    "match",
    "patch",
    "below",
    "page",
    "block",
    "clock",
    "look",
    "lock",
    "transaction",
];

/// Returns the directive that a word is a misspelling of.
fn meant<'a>(word: &str, words: &[&'a str]) -> Option<&'a str> {
    // In a word of four letters two changes leave too little of it: `note` is no misspelt `name`.
    let close = |known: &&str| strsim::osa_distance(word, known) <= if known.len() > 4 { 2 } else { 1 };
    if ORDINARY.contains(&word) {
        return None;
    }
    words.iter().copied().filter(close).min_by_key(|known| strsim::osa_distance(word, known))
}

/// What is wrong with a directive.
struct Fault {
    message: String,
    hint: String,
}

impl Fault {
    fn new(message: impl Into<String>, hint: impl Into<String>) -> Fault {
        Fault { message: message.into(), hint: hint.into() }
    }
}

impl Directives {
    fn set(&mut self, word: &str, rest: &str, line: u32) -> Result<(), Fault> {
        match word {
            "name" => once(&mut self.name, word, value::name(rest)?),
            "param" => {
                let param = value::param(rest, line)?;
                if self.params.iter().any(|other| other.name == param.name) {
                    return Err(twice(&format!("param: {}", param.name)));
                }
                self.params.push(param);
                Ok(())
            }
            "rate" => once(&mut self.rate, word, value::rate(rest)?),
            "budget" => value::budget(rest).map(|clauses| self.budget.extend(clauses)),
            "role" => once(&mut self.role, word, value::word("role", rest)?),
            "tenant" => once(&mut self.tenant, word, value::text("tenant", rest)?),
            "allow" => value::allow(rest, line).map(|allow| self.allow.push(allow)),
            "recount" => value::recounts(rest).map(|recounts| self.recounts.extend(recounts)),
            "batch" => once(&mut self.batch, word, value::batch(rest, line)?),
            "lock" => value::lock(rest, line).map(|lock| self.locks.push(lock)),
            _ => {
                self.no_transaction = true;
                Ok(())
            }
        }
    }
}

fn once<T>(place: &mut Option<T>, word: &str, value: T) -> Result<(), Fault> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(twice(word)),
    }
}

fn twice(what: &str) -> Fault {
    Fault::new(format!("The directive `-- {what}` is given twice."), "Remove one of the two lines.")
}

#[cfg(test)]
mod tests;
