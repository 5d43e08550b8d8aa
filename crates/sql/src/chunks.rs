//! What a file for psql holds: SQL, backslash commands, and the data of COPY.

use std::ops::Range;

use crate::lexer::{Kind, Lexer, Token};

/// A part of a file. All chunks together are the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) kind: ChunkKind,
    pub(crate) span: Range<usize>,
}

/// What a chunk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChunkKind {
    /// Statements, or a part of one.
    Sql,
    /// A backslash command up to the line end, which is left to the next chunk.
    Command,
    /// The lines after `COPY … FROM stdin;`, the line `\.` included.
    CopyData,
    /// The same without a line `\.`: the file ends in them.
    OpenCopyData,
}

/// Returns the chunks of a file, in order.
pub(crate) fn chunks(text: &str) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    let mut lexer = Lexer::new(text);
    let mut statement = CopyWatch::default();
    let mut start = 0;
    while let Some(token) = lexer.next() {
        let (kind, special) = match token.kind {
            Kind::Backslash => (ChunkKind::Command, token.span.start..line_end(text, token.span.end)),
            Kind::Semicolon if statement.is_copy_from_stdin() => {
                let data = (line_end(text, token.span.end) + 1).min(text.len());
                copy_data(text, data)
            }
            _ => {
                statement.see(&token, text);
                continue;
            }
        };
        statement = CopyWatch::default();
        lexer.seek(special.end);
        push(&mut chunks, ChunkKind::Sql, start..special.start);
        start = special.end;
        push(&mut chunks, kind, special);
    }
    push(&mut chunks, ChunkKind::Sql, start..text.len());
    chunks
}

fn push(chunks: &mut Vec<Chunk>, kind: ChunkKind, span: Range<usize>) {
    if !span.is_empty() || kind == ChunkKind::OpenCopyData {
        chunks.push(Chunk { kind, span });
    }
}

/// Returns the byte of the line feed that ends the line, or the end of the text.
fn line_end(text: &str, from: usize) -> usize {
    text[from..].find('\n').map_or(text.len(), |at| from + at)
}

fn copy_data(text: &str, start: usize) -> (ChunkKind, Range<usize>) {
    let mut at = start;
    for line in text[start..].split_inclusive('\n') {
        at += line.len();
        if line.trim_end_matches(['\n', '\r']) == "\\." {
            return (ChunkKind::CopyData, start..at);
        }
    }
    (ChunkKind::OpenCopyData, start..text.len())
}

/// Tells `COPY … FROM stdin` by its words, since the text before substitution need not parse.
#[derive(Default)]
struct CopyWatch {
    words: usize,
    depth: usize,
    is_copy: bool,
    after_from: bool,
    from_stdin: bool,
}

impl CopyWatch {
    fn see(&mut self, token: &Token, text: &str) {
        let word = &text[token.span.clone()];
        match (token.kind, word) {
            (Kind::Semicolon, _) if self.depth == 0 => return *self = CopyWatch::default(),
            (Kind::Other, "(") => self.depth += 1,
            (Kind::Other, ")") => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        if !token.is_code() {
            return;
        }
        let is = |keyword: &str| token.kind == Kind::Word && word.eq_ignore_ascii_case(keyword);
        self.is_copy |= self.words == 0 && is("copy");
        self.from_stdin |= self.after_from && is("stdin");
        self.after_from = self.depth == 0 && is("from");
        self.words += 1;
    }

    fn is_copy_from_stdin(&self) -> bool {
        self.is_copy && self.from_stdin && self.depth == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<(ChunkKind, &str)> {
        let chunks = chunks(text);
        let joined: String = chunks.iter().map(|chunk| &text[chunk.span.clone()]).collect();
        assert_eq!(joined, text, "the chunks are the text");
        chunks.into_iter().map(|chunk| (chunk.kind, &text[chunk.span])).collect()
    }

    #[test]
    fn copy_data_ends_at_its_mark() {
        use ChunkKind::{CopyData, Sql};
        assert_eq!(
            parts("copy a (x) from STDIN with (format csv); -- now\nit's;\n\\N\n\\.\nSELECT 1;"),
            [
                (Sql, "copy a (x) from STDIN with (format csv); -- now\n"),
                (CopyData, "it's;\n\\N\n\\.\n"),
                (Sql, "SELECT 1;")
            ]
        );
        assert_eq!(parts("COPY a FROM stdin;\r\n1\r\n\\.\r\n")[1], (CopyData, "1\r\n\\.\r\n"));
        assert_eq!(parts("COPY a FROM stdin;\n\\.")[1], (CopyData, "\\."));
    }

    #[test]
    fn copy_data_without_an_end_is_marked() {
        assert_eq!(parts("COPY a FROM stdin;\n1\n")[1], (ChunkKind::OpenCopyData, "1\n"));
        assert_eq!(parts("COPY a FROM stdin;")[1], (ChunkKind::OpenCopyData, ""));
    }

    #[test]
    fn other_copies_have_no_data() {
        for text in
            ["COPY a FROM '/x';\n1", "COPY (SELECT * FROM stdin) TO stdout;\n1", "SELECT 1 FROM stdin;\n"]
        {
            assert_eq!(parts(text), [(ChunkKind::Sql, text)]);
        }
    }

    #[test]
    fn backslash_commands_end_with_their_line() {
        use ChunkKind::{Command, Sql};
        assert_eq!(
            parts("\\set x 'it'\nSELECT '\\x';\n\\echo y"),
            [(Command, "\\set x 'it'"), (Sql, "\nSELECT '\\x';\n"), (Command, "\\echo y")]
        );
    }
}
