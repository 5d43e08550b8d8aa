//! A lexer for SQL text with psql's variables and backslash commands.
//!
//! It follows `psqlscan.l`: the server's scanner cannot be used, because it knows neither `:name`
//! nor `\set`, and refuses a whole text for one open quote. See the PostgreSQL manual, "Lexical
//! Structure" and "psql: SQL Interpolation".

use std::ops::Range;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Blanks and line ends.
    Space,
    /// `-- …` without its line end.
    LineComment,
    /// `/* … */`, nested.
    BlockComment,
    /// A key word or a name without quotes.
    Word,
    /// `"…"`.
    QuotedName,
    /// `'…'` in all its forms, or `$tag$…$tag$`.
    Literal,
    /// A number.
    Number,
    /// `$1`.
    Param,
    /// `:name`, `:'name'` or `:"name"`.
    Variable(Form),
    /// `;`.
    Semicolon,
    /// `\`, the first character of a backslash command.
    Backslash,
    /// Any other character, and `::` and `:=`.
    Other,
}

/// How psql writes the value of a variable into the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `:name`: unchanged.
    Plain,
    /// `:'name'`: as a literal.
    Literal,
    /// `:"name"`: as an identifier.
    Identifier,
}

/// A piece of the text. All tokens together are the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) span: Range<usize>,
    /// False for a quote or comment that the text ends in.
    pub(crate) closed: bool,
}

impl Token {
    /// Returns whether the token is neither blank nor comment.
    pub(crate) fn is_code(&self) -> bool {
        !matches!(self.kind, Kind::Space | Kind::LineComment | Kind::BlockComment)
    }
}

/// Reads a text token by token.
pub(crate) struct Lexer<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Lexer<'a> {
    /// Returns a lexer at the start of `text`.
    pub(crate) fn new(text: &'a str) -> Lexer<'a> {
        Lexer { text, position: 0 }
    }

    /// Goes on at the byte `position`, which must be a character's first.
    pub(crate) fn seek(&mut self, position: usize) {
        self.position = position;
    }

    fn rest(&self) -> &'a str {
        &self.text[self.position..]
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let rest = self.rest();
        let first = rest.chars().next()?;
        let scanned = scan(rest, first);
        let (kind, length, closed) = match scanned {
            Scanned::Token(kind, length) => (kind, length, true),
            Scanned::Closed(kind, Some(length)) => (kind, length, true),
            Scanned::Closed(kind, None) => (kind, rest.len(), false),
        };
        let start = self.position;
        self.position += length;
        Some(Token { kind, span: start..self.position, closed })
    }
}

enum Scanned {
    Token(Kind, usize),
    /// A token with an end mark, and its length if the mark is there.
    Closed(Kind, Option<usize>),
}

fn scan(rest: &str, first: char) -> Scanned {
    match first {
        _ if rest.starts_with("--") => {
            Scanned::Token(Kind::LineComment, rest.find(['\n', '\r']).unwrap_or(rest.len()))
        }
        _ if rest.starts_with("/*") => Scanned::Closed(Kind::BlockComment, block_comment(rest)),
        '\'' => Scanned::Closed(Kind::Literal, quoted(rest, '\'')),
        '"' => Scanned::Closed(Kind::QuotedName, quoted(rest, '"')),
        '$' => dollar(rest),
        ':' => colon(rest),
        ';' => Scanned::Token(Kind::Semicolon, 1),
        '\\' => Scanned::Token(Kind::Backslash, 1),
        _ if is_space(first) => Scanned::Token(Kind::Space, length_of(rest, is_space)),
        _ if is_name_start(first) => word(rest),
        '0'..='9' => Scanned::Token(
            Kind::Number,
            length_of(rest, |c| c.is_ascii_alphanumeric() || c == '_' || c == '.'),
        ),
        _ => Scanned::Token(Kind::Other, first.len_utf8()),
    }
}

/// Returns whether the server's scanner takes the character for a blank.
pub(crate) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0c' | '\x0b')
}

/// Returns whether a name or a variable may begin with the character.
pub(crate) fn is_name_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

/// Returns whether a variable's name may go on with the character.
pub(crate) fn is_name_part(c: char) -> bool {
    is_name_start(c) || c.is_ascii_digit()
}

/// Returns whether `:name` can name it.
pub(crate) fn is_variable_name(name: &str) -> bool {
    name.starts_with(is_name_start) && name.chars().all(is_name_part)
}

fn length_of(rest: &str, accept: impl Fn(char) -> bool) -> usize {
    rest.find(|c| !accept(c)).unwrap_or(rest.len())
}

fn block_comment(rest: &str) -> Option<usize> {
    let (bytes, mut depth, mut at) = (rest.as_bytes(), 0_usize, 0);
    loop {
        match bytes.get(at..at + 2)? {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

/// Returns the length of a quoted token whose quote is escaped by doubling it.
fn quoted(rest: &str, quote: char) -> Option<usize> {
    let mut from = 1;
    loop {
        from += rest[from..].find(quote)? + 1;
        if !rest[from..].starts_with(quote) {
            return Some(from);
        }
        from += 1;
    }
}

/// Returns the length of a string with backslash escapes, after its `E`.
///
/// Strings apart by a line end are one string to the server, so the next one has escapes too.
fn escape_string(rest: &str) -> Option<usize> {
    let (bytes, mut at) = (rest.as_bytes(), 1);
    loop {
        match bytes.get(at)? {
            b'\\' => at += 2,
            b'\'' if bytes.get(at + 1) == Some(&b'\'') => at += 2,
            b'\'' => match continuation(&rest[at + 1..]) {
                Some(gap) => at += gap + 2,
                None => return Some(at + 1),
            },
            _ => at += 1,
        }
    }
}

fn continuation(rest: &str) -> Option<usize> {
    let gap = length_of(rest, is_space);
    (rest[..gap].contains(['\n', '\r']) && rest[gap..].starts_with('\'')).then_some(gap)
}

fn word(rest: &str) -> Scanned {
    let prefixed = |prefix: &str| rest.get(..prefix.len()).is_some_and(|s| s.eq_ignore_ascii_case(prefix));
    if prefixed("e'") {
        return Scanned::Closed(Kind::Literal, escape_string(&rest[1..]).map(|length| length + 1));
    }
    if prefixed("u&'") {
        return Scanned::Closed(Kind::Literal, quoted(&rest[2..], '\'').map(|length| length + 2));
    }
    if prefixed("u&\"") {
        return Scanned::Closed(Kind::QuotedName, quoted(&rest[2..], '"').map(|length| length + 2));
    }
    Scanned::Token(Kind::Word, length_of(rest, |c| is_name_part(c) || c == '$'))
}

fn dollar(rest: &str) -> Scanned {
    let after = &rest[1..];
    let digits = length_of(after, |c| c.is_ascii_digit());
    if digits > 0 {
        return Scanned::Token(Kind::Param, 1 + digits);
    }
    let tag = length_of(after, is_name_part);
    if !after[tag..].starts_with('$') {
        return Scanned::Token(Kind::Other, 1);
    }
    let mark = &rest[..tag + 2];
    Scanned::Closed(Kind::Literal, rest[mark.len()..].find(mark).map(|at| at + 2 * mark.len()))
}

fn colon(rest: &str) -> Scanned {
    let after = &rest[1..];
    match after.chars().next() {
        Some(':' | '=') => Scanned::Token(Kind::Other, 2),
        Some(c) if is_name_start(c) => {
            Scanned::Token(Kind::Variable(Form::Plain), 1 + length_of(after, is_name_part))
        }
        Some(quote @ ('\'' | '"')) => {
            let name = length_of(&after[1..], is_name_part);
            let form = if quote == '"' { Form::Identifier } else { Form::Literal };
            if name > 0 && after[1 + name..].starts_with(quote) {
                return Scanned::Token(Kind::Variable(form), name + 3);
            }
            Scanned::Token(Kind::Other, 1)
        }
        _ => Scanned::Token(Kind::Other, 1),
    }
}

/// Returns the name in a variable token's text.
pub(crate) fn variable_name(token: &str) -> &str {
    token.trim_matches([':', '\'', '"'])
}

/// Returns the `:name`s inside a text that is no code, such as the inside of a literal.
pub(crate) fn colon_names(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices(':').filter_map(move |(at, _)| {
        let after = &text[at + 1..];
        let preceded = text[..at].ends_with(':');
        (!preceded && after.starts_with(is_name_start)).then(|| &after[..length_of(after, is_name_part)])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Vec<(Kind, &str)> {
        let tokens: Vec<_> = Lexer::new(text).collect();
        let joined: String = tokens.iter().map(|token| &text[token.span.clone()]).collect();
        assert_eq!(joined, text, "the tokens are the text");
        tokens.into_iter().filter(Token::is_code).map(|token| (token.kind, &text[token.span])).collect()
    }

    #[test]
    fn quotes_hide_what_is_inside() {
        let text = r#"a 'it''s ; :x' "b"";" E'\';' u&'\0041' $$ ; $x$ $$ $t$ $$ ; $t$ ;"#;
        let kinds: Vec<_> = code(text).into_iter().map(|(kind, _)| kind).collect();
        use Kind::*;
        assert_eq!(kinds, [Word, Literal, QuotedName, Literal, Literal, Literal, Literal, Semicolon]);
    }

    #[test]
    fn comments_nest_and_stop_at_the_line_end() {
        assert_eq!(code("/* a /* ; */ ' */ x -- ' ;\ny"), [(Kind::Word, "x"), (Kind::Word, "y")]);
        assert_eq!(code("-- a\rx"), [(Kind::Word, "x")]);
    }

    #[test]
    fn variables_are_told_from_casts_and_slices() {
        let variables = |text| -> Vec<&str> {
            code(text).into_iter().filter(|(k, _)| matches!(k, Kind::Variable(_))).map(|(_, t)| t).collect()
        };
        assert_eq!(
            variables("x::int a[1:2] :b :'c' :\"d\" f(p := 1) :größe1"),
            [":b", ":'c'", ":\"d\"", ":größe1"]
        );
        assert_eq!(variables(":a::int"), [":a"]);
        assert_eq!(variables("':a' \":a\" $$:a$$ E'\\':a' -- :a\n/* :a */"), [""; 0]);
        assert_eq!(variables("'12' :'a b' : x"), [""; 0]);
    }

    #[test]
    fn an_escape_string_goes_on_after_a_line_end() {
        assert_eq!(code("E'a'\n'\\';' ;").len(), 2);
        assert_eq!(code("'a'\n'\\' ;").len(), 3);
    }

    #[test]
    fn open_quotes_and_comments_are_marked() {
        for text in ["'abc", "E'abc\\", "\"abc", "$$abc", "$a$ $$", "/* /* */", "é'é", "E'\\é"] {
            let last = Lexer::new(text).last().expect("a token");
            assert!(!last.closed, "{text}");
            assert_eq!(last.span.end, text.len());
        }
    }

    #[test]
    fn a_dollar_inside_a_name_opens_no_quote() {
        assert_eq!(code("a$b$c; $1"), [(Kind::Word, "a$b$c"), (Kind::Semicolon, ";"), (Kind::Param, "$1")]);
    }

    #[test]
    fn a_variable_inside_a_literal_is_found_on_request() {
        let names: Vec<_> = colon_names("'x :a b::c 12:30 {\"k\":true}'").collect();
        assert_eq!(names, ["a", "true"]);
    }
}
