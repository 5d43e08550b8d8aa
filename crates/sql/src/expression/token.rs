//! The words and signs of pgbench's expressions.

use super::ExpressionError;
use crate::lexer::{is_name_part, is_name_start, is_space};

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Lexeme<'a> {
    /// A key word, in lower case.
    Word(&'static str),
    /// The name of a function.
    Name(&'a str),
    /// `:name`
    Variable(&'a str),
    /// Digits only.
    Integer(&'a str),
    Double(f64),
    /// An operator, a parenthesis or a comma.
    Operator(&'static str),
    End,
}

const WORDS: &[&str] = &[
    "and", "or", "not", "is", "isnull", "notnull", "null", "true", "false", "case", "when", "then", "else",
    "end",
];

/// Longer ones before their beginnings.
const OPERATORS: &[&str] = &[
    "<<", ">>", "<=", ">=", "<>", "!=", "<", ">", "=", "+", "-", "*", "/", "%", "|", "&", "#", "~", "(", ")",
    ",",
];

/// More lexemes are no expression that somebody wrote, and its tree could exhaust the stack.
const MOST_LEXEMES: usize = 1000;

/// The lexemes of an expression, and how far it is read.
pub(super) struct Lexemes<'a> {
    text: &'a str,
    list: Vec<(Lexeme<'a>, usize)>,
    position: usize,
}

impl<'a> Lexemes<'a> {
    pub(super) fn read(text: &'a str) -> Result<Lexemes<'a>, ExpressionError> {
        let mut lexemes = Lexemes { text, list: Vec::new(), position: 0 };
        let mut at = 0;
        loop {
            at += text[at..].find(|c| !is_space(c)).unwrap_or(text.len() - at);
            let scanned = scan(&text[at..]);
            let end = matches!(scanned, Some((Lexeme::End, _)));
            let (lexeme, length) = scanned.unwrap_or((Lexeme::End, 0));
            lexemes.list.push((lexeme, at));
            if end {
                return Ok(lexemes);
            }
            if lexemes.list.len() > MOST_LEXEMES {
                return Err(lexemes.error("the expression is too long"));
            }
            if length == 0 {
                lexemes.position = lexemes.list.len() - 1;
                let sign = text[at..].chars().next().unwrap_or_default();
                return Err(lexemes.error(&format!("`{sign}` has no meaning in an expression")));
            }
            at += length;
        }
    }

    pub(super) fn peek(&self) -> Lexeme<'a> {
        self.list.get(self.position).map_or(Lexeme::End, |(lexeme, _)| *lexeme)
    }

    pub(super) fn next(&mut self) {
        self.position += 1;
    }

    /// Goes past the word or sign if it comes next.
    pub(super) fn accept(&mut self, wanted: &str) -> bool {
        let found = matches!(self.peek(), Lexeme::Word(word) | Lexeme::Operator(word) if word == wanted);
        self.position += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, wanted: &str) -> Result<(), ExpressionError> {
        match self.accept(wanted) {
            true => Ok(()),
            false => Err(self.unexpected(&format!("`{}`", wanted.to_uppercase()))),
        }
    }

    /// Returns an error at the current lexeme.
    pub(super) fn error(&self, message: &str) -> ExpressionError {
        let offset = self.list.get(self.position).map_or(self.text.len(), |(_, offset)| *offset);
        let column = self.text[..offset].chars().count() as u32 + 1;
        ExpressionError { message: message.to_owned(), column }
    }

    pub(super) fn unexpected(&self, wanted: &str) -> ExpressionError {
        let offset = |position: usize| self.list.get(position).map_or(self.text.len(), |(_, offset)| *offset);
        let found = self.text[offset(self.position)..offset(self.position + 1)].trim();
        self.error(&match self.peek() {
            Lexeme::End => format!("the expression ends where {wanted} is expected"),
            _ => format!("`{found}` stands where {wanted} is expected"),
        })
    }
}

fn scan(rest: &str) -> Option<(Lexeme<'_>, usize)> {
    let Some(first) = rest.chars().next() else { return Some((Lexeme::End, 0)) };
    let name = |text: &str| text.find(|c| !is_name_part(c)).unwrap_or(text.len());
    if first.is_ascii_digit() || rest.starts_with('.') {
        return number(rest);
    }
    if first == ':' {
        let length = name(&rest[1..]);
        return rest[1..]
            .starts_with(is_name_start)
            .then(|| (Lexeme::Variable(&rest[1..=length]), length + 1));
    }
    if is_name_start(first) {
        let word = &rest[..name(rest)];
        let keyword = WORDS.iter().find(|keyword| keyword.eq_ignore_ascii_case(word));
        return Some((keyword.map_or(Lexeme::Name(word), |keyword| Lexeme::Word(keyword)), word.len()));
    }
    let operator = OPERATORS.iter().find(|operator| rest.starts_with(**operator))?;
    Some((Lexeme::Operator(if *operator == "!=" { "<>" } else { operator }), operator.len()))
}

/// Reads `1`, `1.5`, `.5`, `1.` and `1e3`.
fn number(rest: &str) -> Option<(Lexeme<'_>, usize)> {
    let digits = |from: usize| rest[from..].bytes().take_while(u8::is_ascii_digit).count();
    let mut length = digits(0);
    if length > 0 && !rest[length..].starts_with(['.', 'e', 'E']) {
        return Some((Lexeme::Integer(&rest[..length]), length));
    }
    if rest[length..].starts_with('.') {
        length += 1 + digits(length + 1);
    }
    if rest[length..].starts_with(['e', 'E']) {
        let sign = usize::from(rest[length + 1..].starts_with(['+', '-']));
        length += 1 + sign + digits(length + 1 + sign);
    }
    rest[..length].parse().ok().map(|number| (Lexeme::Double(number), length))
}
