//! The words of an expression as the server prints it in a plan.

use underpin_model::sql_text::{quote_identifier, quote_literal};

/// One word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// A name or key word, quotes removed from quoted names.
    Word {
        /// The text.
        text: String,
        /// It was quoted, so it is no key word.
        quoted: bool,
    },
    /// A string literal, quotes removed.
    Text(String),
    /// A number.
    Number(String),
    /// `$1`.
    Param(usize),
    /// `::`.
    Cast,
    /// `.`.
    Dot,
    /// `,`.
    Comma,
    /// `(`.
    Open,
    /// `)`.
    Close,
    /// `[` or `]`.
    Bracket(char),
    /// An operator such as `>=` or `@@`.
    Operator(String),
}

/// Splits `text` into words; what is no expression gives words all the same.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (token, length) = next(rest, first);
        found.extend(token);
        rest = &rest[length.max(first.len_utf8())..];
    }
    found
}

fn next(rest: &str, first: char) -> (Option<Token>, usize) {
    let single = |token| (Some(token), 1);
    match first {
        '(' => single(Token::Open),
        ')' => single(Token::Close),
        ',' => single(Token::Comma),
        '.' => single(Token::Dot),
        '[' | ']' => single(Token::Bracket(first)),
        '\'' => quoted(rest, '\'', Token::Text),
        '"' => quoted(rest, '"', |text| Token::Word { text, quoted: true }),
        '$' => {
            let length = 1 + rest[1..].bytes().take_while(u8::is_ascii_digit).count();
            (rest[1..length].parse().ok().map(Token::Param), length)
        }
        _ if rest.starts_with("::") => (Some(Token::Cast), 2),
        _ if first.is_ascii_digit() => {
            let part = |c: char| c.is_ascii_alphanumeric() || c == '.';
            let length = rest.find(|c: char| !part(c)).unwrap_or(rest.len());
            (Some(Token::Number(rest[..length].to_owned())), length)
        }
        _ if first.is_alphabetic() || first == '_' => {
            let length =
                rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(rest.len());
            (Some(Token::Word { text: rest[..length].to_owned(), quoted: false }), length)
        }
        _ if first.is_whitespace() => (None, first.len_utf8()),
        _ => {
            let length = rest.find(|c: char| !"+-*/<>=~!@#%^&|`?:".contains(c)).unwrap_or(rest.len());
            (Some(Token::Operator(rest[..length].to_owned())), length)
        }
    }
}

/// Reads a quoted word; a doubled quote stands for one.
fn quoted(rest: &str, quote: char, token: impl Fn(String) -> Token) -> (Option<Token>, usize) {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != quote {
            text.push(c);
        } else if chars.peek().is_some_and(|(_, following)| *following == quote) {
            text.push(quote);
            chars.next();
        } else {
            return (Some(token(text)), at + 1);
        }
    }
    (Some(token(text)), rest.len())
}

/// Returns SQL that reads as these words.
pub fn sql(list: &[Token]) -> String {
    let mut text = String::new();
    for (at, token) in list.iter().enumerate() {
        let tight =
            matches!(token, Token::Dot | Token::Cast | Token::Comma | Token::Close | Token::Bracket(_))
                || (*token == Token::Open
                    && matches!(list.get(at.wrapping_sub(1)), Some(Token::Word { .. })))
                || matches!(
                    list.get(at.wrapping_sub(1)),
                    None | Some(Token::Dot | Token::Cast | Token::Open | Token::Bracket('['))
                );
        if !tight {
            text.push(' ');
        }
        text.push_str(&token.sql());
    }
    text
}

impl Token {
    fn sql(&self) -> String {
        match self {
            Token::Word { text, quoted: true } => quote_identifier(text),
            Token::Word { text, .. } | Token::Number(text) | Token::Operator(text) => text.clone(),
            Token::Text(text) => quote_literal(text),
            Token::Param(number) => format!("${number}"),
            Token::Cast => "::".to_owned(),
            Token::Dot => ".".to_owned(),
            Token::Comma => ",".to_owned(),
            Token::Open => "(".to_owned(),
            Token::Close => ")".to_owned(),
            Token::Bracket(bracket) => bracket.to_string(),
        }
    }

    /// Returns whether it is the unquoted word `word`, in any case.
    pub fn is(&self, word: &str) -> bool {
        matches!(self, Token::Word { text, quoted: false } if text.eq_ignore_ascii_case(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_strings_and_casts_are_told_apart() {
        let found = tokens(r#"((c."Odd ""x""")::text >= $12) AND (s = 'it''s é')"#);
        assert_eq!(found[2], Token::Word { text: "c".into(), quoted: false });
        assert_eq!(found[4], Token::Word { text: "Odd \"x\"".into(), quoted: true });
        assert_eq!(found[6], Token::Cast);
        assert!(found.contains(&Token::Param(12)) && found.contains(&Token::Operator(">=".into())));
        assert_eq!(found[found.len() - 2], Token::Text("it's é".into()));
    }

    #[test]
    fn words_become_sql_again() {
        let text = "to_tsvector('english'::regconfig, ((a || ' '::text) || \"B\".x[1]))";
        assert_eq!(sql(&tokens(text)), text);
    }

    #[test]
    fn what_ends_too_early_ends() {
        for text in ["'open", "\"", "$", "::", "é'", "a.", "\u{a0}1e"] {
            tokens(text);
        }
    }
}
