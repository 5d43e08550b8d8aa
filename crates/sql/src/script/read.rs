//! Cutting a script into statements and backslash commands.

use underpin_model::script::Piece;

use super::Fault;
use crate::lexer::{Form, Kind, Lexer, Token, colon_names, variable_name};
use crate::position::Lines;

/// What a script consists of, flat.
pub(super) struct Read {
    pub(super) parts: Vec<Part>,
    pub(super) faults: Vec<Fault>,
    /// Every `:name` inside a literal or quoted name, with its line.
    pub(super) quoted: Vec<(String, u32)>,
}

/// A statement or a command.
pub(super) enum Part {
    Statement { pieces: Vec<Piece>, line: u32 },
    Command { name: String, arguments: String, line: u32 },
}

/// Returns the byte at which the comments before the first statement or command end.
pub(super) fn header_end(text: &str) -> usize {
    Lexer::new(text).find(Token::is_code).map_or(text.len(), |token| token.span.start)
}

/// Cuts a script.
pub(super) fn read(text: &str) -> Read {
    let mut reader = Reader {
        text,
        lines: Lines::new(text),
        read: Read { parts: Vec::new(), faults: Vec::new(), quoted: Vec::new() },
        open: None,
    };
    let mut lexer = Lexer::new(text);
    while let Some(token) = lexer.next() {
        match token.kind {
            Kind::Backslash => lexer.seek(reader.command(&token)),
            Kind::Semicolon if reader.ends_statement() => reader.finish(),
            _ => reader.see(&token),
        }
    }
    reader.unfinished();
    reader.read
}

struct Reader<'a> {
    text: &'a str,
    lines: Lines<'a>,
    read: Read,
    open: Option<Open>,
}

/// A statement whose end is not read yet.
struct Open {
    pieces: Vec<Piece>,
    /// Blanks and comments that belong to the statement only if more of it follows.
    gap: String,
    line: u32,
    depth: usize,
}

impl Open {
    fn push(&mut self, text: &str) {
        let text = std::mem::take(&mut self.gap) + text;
        match self.pieces.last_mut() {
            Some(Piece::Text(last)) => last.push_str(&text),
            _ => self.pieces.push(Piece::Text(text)),
        }
    }
}

impl Reader<'_> {
    /// Returns whether a semicolon here is the end; inside parentheses it belongs to CREATE RULE.
    fn ends_statement(&self) -> bool {
        self.open.as_ref().is_none_or(|open| open.depth == 0)
    }

    fn finish(&mut self) {
        if let Some(Open { pieces, line, .. }) = self.open.take() {
            self.read.parts.push(Part::Statement { pieces, line });
        }
    }

    fn see(&mut self, token: &Token) {
        let (word, line) = (&self.text[token.span.clone()], self.lines.line(token.span.start));
        if !token.closed {
            let hint = "Close it; the rest of the file is inside.";
            self.read.faults.push(Fault::new(
                line,
                "A quote or comment is opened here and never closed.",
                hint,
            ));
        }
        if !token.is_code() {
            if let Some(open) = &mut self.open {
                open.gap.push_str(word);
            }
            return;
        }
        let open =
            self.open.get_or_insert_with(|| Open { pieces: Vec::new(), gap: String::new(), line, depth: 0 });
        if let Kind::Variable(form) = token.kind {
            let name = variable_name(word);
            if form != Form::Plain {
                let hint = format!("Write `:{name}`: it is bound as a value and needs no quotes.");
                self.read.faults.push(Fault::new(line, format!("pgbench does not know `{word}`."), hint));
            }
            if !open.gap.is_empty() {
                open.push("");
            }
            open.pieces.push(Piece::Variable(name.to_owned()));
            return;
        }
        match (token.kind, word) {
            (Kind::Literal | Kind::QuotedName, _) => {
                let names = colon_names(word).map(|name| (name.to_owned(), line));
                self.read.quoted.extend(names);
            }
            (_, "(") => open.depth += 1,
            (_, ")") => open.depth = open.depth.saturating_sub(1),
            _ => {}
        }
        open.push(word);
    }

    /// Reads a backslash command up to the end of its line and returns where reading goes on.
    fn command(&mut self, token: &Token) -> usize {
        let line = self.lines.line(token.span.start);
        let (command, end) = command_text(self.text, token.span.end);
        let (name, arguments) = command.split_once(char::is_whitespace).unwrap_or((&command, ""));
        if let Some(open) = &self.open
            && !matches!(name, "gset" | "aset")
        {
            let message = format!("A statement ends at `\\{name}` without `;`.");
            self.read.faults.push(Fault::new(open.line, message, "End the statement with `;`."));
        }
        self.finish();
        let (name, arguments) = (name.to_owned(), arguments.trim().to_owned());
        self.read.parts.push(Part::Command { name, arguments, line });
        end
    }

    fn unfinished(&mut self) {
        if let Some(open) = &self.open {
            let hint = "End every statement with `;`.";
            self.read.faults.push(Fault::new(open.line, "The last statement has no `;`.", hint));
        }
        self.finish();
    }
}

/// Returns the text of a command and the byte after it; a backslash before the line end continues the line.
fn command_text(text: &str, start: usize) -> (String, usize) {
    let (mut command, mut at) = (String::new(), start);
    for line in text[start..].split_inclusive('\n') {
        at += line.len();
        let line = line.trim_end_matches(['\n', '\r']);
        match line.strip_suffix('\\') {
            Some(continued) => command.push_str(continued),
            None => {
                command.push_str(line);
                break;
            }
        }
    }
    (command.trim().to_owned(), at)
}
