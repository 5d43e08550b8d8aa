//! SQL with its keywords, strings, numbers and comments marked.
//!
//! A scanner, not a grammar: it only has to know where strings and comments end (PostgreSQL manual,
//! 4.1, "Lexical Structure"). What it does not know stays unmarked.

use crate::svg::escape;

/// Returns SQL as HTML with `span` elements of the classes `k`, `s`, `n` and `c`.
pub(super) fn highlighted(sql: &str) -> String {
    let mut html = String::with_capacity(sql.len() * 2);
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let (class, length) = token(rest, first);
        let (text, after) = rest.split_at(length.clamp(first.len_utf8(), rest.len()));
        match class {
            Some(class) => html.push_str(&format!("<span class=\"{class}\">{}</span>", escape(text))),
            None => html.push_str(&escape(text)),
        }
        rest = after;
    }
    html
}

fn token(rest: &str, first: char) -> (Option<char>, usize) {
    if rest.starts_with("--") {
        (Some('c'), rest.find('\n').unwrap_or(rest.len()))
    } else if rest.starts_with("/*") {
        (Some('c'), block_comment(rest))
    } else if first == '\'' {
        (Some('s'), quoted(rest, '\''))
    } else if first == '"' {
        (None, quoted(rest, '"'))
    } else if let Some(length) = dollar_quoted(rest) {
        (Some('s'), length)
    } else if first.is_ascii_digit() {
        (Some('n'), while_letters(rest, |letter| letter.is_ascii_alphanumeric() || letter == '.'))
    } else if first.is_alphabetic() || first == '_' {
        word(rest)
    } else {
        (None, first.len_utf8())
    }
}

fn while_letters(rest: &str, belongs: impl Fn(char) -> bool) -> usize {
    rest.find(|letter| !belongs(letter)).unwrap_or(rest.len())
}

fn word(rest: &str) -> (Option<char>, usize) {
    let length = while_letters(rest, |letter| letter.is_alphanumeric() || letter == '_' || letter == '$');
    let keyword = KEYWORDS.binary_search(&rest[..length].to_ascii_uppercase().as_str()).is_ok();
    (keyword.then_some('k'), length)
}

/// Returns the length of a comment; they nest.
fn block_comment(rest: &str) -> usize {
    let (mut depth, mut place) = (0_usize, 0);
    while place < rest.len() {
        let here = &rest.as_bytes()[place..];
        if here.starts_with(b"/*") {
            depth += 1;
            place += 2;
        } else if here.starts_with(b"*/") {
            depth -= 1;
            place += 2;
            if depth == 0 {
                return place;
            }
        } else {
            place += 1;
        }
    }
    rest.len()
}

/// Returns the length of a quoted text; a doubled quote stands for itself.
fn quoted(rest: &str, quote: char) -> usize {
    let mut letters = rest.char_indices().skip(1).peekable();
    while let Some((place, letter)) = letters.next() {
        if letter == quote && letters.next_if(|(_, next)| *next == quote).is_none() {
            return place + 1;
        }
    }
    rest.len()
}

fn dollar_quoted(rest: &str) -> Option<usize> {
    let after = rest.strip_prefix('$')?;
    let tag = &after[..after.find('$')?];
    let named = tag.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
    if !named || tag.starts_with(|letter: char| letter.is_ascii_digit()) {
        return None;
    }
    let mark = tag.len() + 2;
    let end = rest[mark..].find(&rest[..mark])?;
    Some(mark + end + mark)
}

/// Sorted, for the binary search.
const KEYWORDS: &[&str] = &[
    "ADD",
    "ALL",
    "ALTER",
    "ALWAYS",
    "ANALYZE",
    "AND",
    "AS",
    "ASC",
    "BEGIN",
    "BETWEEN",
    "BUFFERS",
    "BY",
    "CASCADE",
    "CASE",
    "CHECK",
    "COLUMN",
    "COMMENT",
    "COMMIT",
    "CONCURRENTLY",
    "CONFLICT",
    "CONSTRAINT",
    "COPY",
    "CREATE",
    "CROSS",
    "DATABASE",
    "DEFAULT",
    "DEFERRABLE",
    "DELETE",
    "DESC",
    "DISTINCT",
    "DO",
    "DOMAIN",
    "DROP",
    "ELSE",
    "END",
    "EXCLUDE",
    "EXECUTE",
    "EXISTS",
    "EXPLAIN",
    "EXTENSION",
    "FALSE",
    "FOR",
    "FORCE",
    "FOREIGN",
    "FROM",
    "FULL",
    "FUNCTION",
    "GENERATED",
    "GRANT",
    "GROUP",
    "HAVING",
    "IDENTITY",
    "IF",
    "ILIKE",
    "IN",
    "INCLUDE",
    "INDEX",
    "INNER",
    "INSERT",
    "INTERVAL",
    "INTO",
    "IS",
    "JOIN",
    "KEY",
    "LATERAL",
    "LEFT",
    "LIKE",
    "LIMIT",
    "LOCK",
    "MATERIALIZED",
    "NOT",
    "NOTHING",
    "NULL",
    "OFFSET",
    "ON",
    "OR",
    "ORDER",
    "OUTER",
    "OVER",
    "OWNER",
    "PARTITION",
    "POLICY",
    "PRIMARY",
    "REFERENCES",
    "RENAME",
    "RESTRICT",
    "RETURNING",
    "REVOKE",
    "RIGHT",
    "ROLE",
    "ROLLBACK",
    "SCHEMA",
    "SECURITY",
    "SELECT",
    "SEQUENCE",
    "SET",
    "SHARE",
    "TABLE",
    "THEN",
    "TO",
    "TRIGGER",
    "TRUE",
    "TRUNCATE",
    "TYPE",
    "UNION",
    "UNIQUE",
    "UPDATE",
    "USING",
    "VACUUM",
    "VALID",
    "VALIDATE",
    "VALUES",
    "VIEW",
    "WHEN",
    "WHERE",
    "WINDOW",
    "WITH",
    "WITHOUT",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_sorted() {
        assert!(KEYWORDS.is_sorted());
    }

    #[test]
    fn strings_and_comments_end_where_they_end() {
        let sql =
            "SELECT 'it''s -- no', \"from\", $x$ ' $x$, 1.5 FROM été -- é <b>\n/* a /* b */ c */ WHERE $1";
        assert_eq!(
            highlighted(sql),
            [
                "<span class=\"k\">SELECT</span> <span class=\"s\">&#39;it&#39;&#39;s -- no&#39;</span>, ",
                "&quot;from&quot;, <span class=\"s\">$x$ &#39; $x$</span>, <span class=\"n\">1.5</span> ",
                "<span class=\"k\">FROM</span> été <span class=\"c\">-- é &lt;b&gt;</span>\n",
                "<span class=\"c\">/* a /* b */ c */</span> <span class=\"k\">WHERE</span> $<span class=\"n\">1</span>",
            ]
            .concat()
        );
    }

    #[test]
    fn unfinished_text_is_shown_to_its_end() {
        for sql in ["'open", "/* open", "$a$ open", "\"open", "'a''", "--", "$", "é'", "/*/"] {
            let html = highlighted(sql);
            let mut shown = String::new();
            html.split('<')
                .for_each(|part| shown.push_str(part.split_once('>').map_or(part, |(_, text)| text)));
            assert_eq!(shown.replace("&#39;", "'").replace("&quot;", "\""), sql);
        }
    }
}
