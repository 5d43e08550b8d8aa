//! A Rust file as a flat list of tokens with lines, and the paths that it mentions.
//!
//! Tokens reach into macro calls, where a syntax tree ends; comments and the insides of strings stay out.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// One token and its line, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Line of its first letter.
    pub line: usize,
    /// What it is.
    pub lexeme: Lexeme,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lexeme {
    /// A word.
    Word(String),
    /// A sign, one letter at a time.
    Sign(char),
    /// A literal as written.
    Literal(String),
    /// `(`, `[` or `{`.
    Open(char),
    /// `)`, `]` or `}`.
    Close(char),
}

/// A path of several segments such as `std::fs::read`, also out of `use std::{fs::read, net}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// Line, from 1.
    pub line: usize,
    /// Segments joined by `::`.
    pub path: String,
}

impl Mention {
    /// Returns whether the path is `other` or lies below it.
    pub fn is_below(&self, other: &str) -> bool {
        self.path.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    }

    /// Returns whether the path is `other` or ends in it.
    pub fn ends_in(&self, other: &str) -> bool {
        self.path.strip_suffix(other).is_some_and(|rest| rest.is_empty() || rest.ends_with("::"))
    }
}

/// Returns the tokens of a stream as a flat list, delimiters included.
pub fn tokens(stream: TokenStream) -> Vec<Token> {
    let mut flat = Vec::new();
    flatten(stream, &mut flat);
    flat
}

fn flatten(stream: TokenStream, flat: &mut Vec<Token>) {
    for tree in stream {
        let line = tree.span().start().line;
        let lexeme = match tree {
            TokenTree::Ident(word) => Lexeme::Word(word.to_string()),
            TokenTree::Punct(sign) => Lexeme::Sign(sign.as_char()),
            TokenTree::Literal(literal) => Lexeme::Literal(literal.to_string()),
            TokenTree::Group(group) => {
                flatten_group(&group, flat);
                continue;
            }
        };
        flat.push(Token { line, lexeme });
    }
}

fn flatten_group(group: &Group, flat: &mut Vec<Token>) {
    let signs = match group.delimiter() {
        Delimiter::Parenthesis => Some(('(', ')')),
        Delimiter::Bracket => Some(('[', ']')),
        Delimiter::Brace => Some(('{', '}')),
        Delimiter::None => None,
    };
    if let Some((open, _)) = signs {
        flat.push(Token { line: group.span_open().start().line, lexeme: Lexeme::Open(open) });
    }
    flatten(group.stream(), flat);
    if let Some((_, close)) = signs {
        flat.push(Token { line: group.span_close().start().line, lexeme: Lexeme::Close(close) });
    }
}

/// Returns whether `tokens` begin with what `pattern` spells: words as they are, each sign and delimiter alone.
pub fn begins_with(tokens: &[Token], pattern: &[&str]) -> bool {
    let spells = |token: &Token, text: &&str| match &token.lexeme {
        Lexeme::Word(word) => word == text,
        Lexeme::Sign(sign) | Lexeme::Open(sign) | Lexeme::Close(sign) => text.chars().eq([*sign]),
        Lexeme::Literal(_) => false,
    };
    tokens.len() >= pattern.len() && tokens.iter().zip(pattern).all(|(token, text)| spells(token, text))
}

/// Returns every path of several segments that the tokens mention.
pub fn mentions(tokens: &[Token]) -> Vec<Mention> {
    let mut found = Vec::new();
    let mut rest = tokens;
    while !rest.is_empty() {
        rest = mentions_in_group(rest, "", &mut found);
    }
    found
}

/// Collects the paths up to the closing delimiter of this group, each below `prefix`; returns what follows it.
fn mentions_in_group<'a>(mut rest: &'a [Token], prefix: &str, found: &mut Vec<Mention>) -> &'a [Token] {
    while let Some((token, after)) = rest.split_first() {
        match &token.lexeme {
            Lexeme::Close(_) => return after,
            Lexeme::Word(word) => {
                rest = mention(after, Mention { line: token.line, path: join(prefix, word) }, found)
            }
            _ => rest = after,
        }
    }
    rest
}

/// Completes the path that has begun with the word before `rest`; returns what follows it.
fn mention<'a>(mut rest: &'a [Token], mut begun: Mention, found: &mut Vec<Mention>) -> &'a [Token] {
    while begins_with(rest, &[":", ":"]) {
        match rest.get(2).map(|token| &token.lexeme) {
            Some(Lexeme::Word(word)) => {
                begun.path = join(&begun.path, word);
                rest = &rest[3..];
            }
            Some(Lexeme::Open('{')) => return mentions_in_group(&rest[3..], &begun.path, found),
            _ => break,
        }
    }
    if begun.path.contains("::") {
        found.push(begun);
    }
    rest
}

fn join(prefix: &str, word: &str) -> String {
    match (prefix, word) {
        ("", word) => word.to_owned(),
        (prefix, "self") => prefix.to_owned(),
        (prefix, word) => format!("{prefix}::{word}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        mentions(&tokens(text.parse().unwrap())).into_iter().map(|mention| mention.path).collect()
    }

    #[test]
    fn use_trees_are_unfolded() {
        let text = "use std::{fs::{self, read}, net}; fn f() { g(); }";
        assert_eq!(paths(text), ["std::fs", "std::fs::read", "std::net"]);
    }

    #[test]
    fn macro_arguments_are_read_and_strings_are_not() {
        assert_eq!(paths(r#"format!("std::fs {}", ::std::env::temp_dir())"#), ["std::env::temp_dir"]);
    }

    #[test]
    fn a_path_is_compared_by_segments() {
        let mention = Mention { line: 1, path: "std::fs::read".to_owned() };
        assert!(mention.is_below("std::fs") && mention.ends_in("fs::read"));
        assert!(!mention.is_below("std::f") && !mention.ends_in("s::read"));
    }
}
