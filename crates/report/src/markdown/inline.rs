//! Text inside Markdown: nothing that a name contains becomes markup, a link or a mention.

use crate::printable::{one_line, printable};

/// Returns one line of text with markup escaped; what stands between a pair of backticks stays code.
///
/// An at sign at the start of a word becomes an entity: on GitHub it would call somebody.
pub(super) fn inline(text: &str) -> String {
    let line = one_line(text);
    let parts: Vec<&str> = line.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return escaped(&line);
    }
    let part = |(place, part): (usize, &&str)| match place % 2 {
        0 => escaped(part),
        _ => format!("`{part}`"),
    };
    parts.iter().enumerate().map(part).collect()
}

/// Returns text for a cell of a table: lines are separated by `<br>`, bars are escaped.
///
/// A bar needs its backslash even inside code (GitHub Flavored Markdown, 4.10, example 200).
pub(super) fn cell(text: &str) -> String {
    let lines: Vec<String> =
        printable(text.trim()).lines().map(|line| inline(line).replace('|', "\\|")).collect();
    lines.join("<br>")
}

/// Returns a fenced block; the fence is longer than any run of backticks inside.
pub(super) fn fenced(language: &str, text: &str) -> String {
    let text = printable(text);
    let longest = text.split(|letter: char| letter != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let language: String = language.chars().filter(char::is_ascii_alphanumeric).collect();
    let lines: Vec<&str> = text.trim_end().lines().map(str::trim_end).collect();
    format!("{fence}{language}\n{}\n{fence}\n", lines.join("\n"))
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut before = ' ';
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let within_word =
            before.is_alphanumeric() && letters.peek().is_some_and(|next| next.is_alphanumeric());
        match letter {
            '\\' | '`' | '*' | '[' | ']' | '~' => escaped.extend(['\\', letter]),
            '_' if !within_word => escaped.extend(['\\', letter]),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '@' if !before.is_alphanumeric() => escaped.push_str("&#64;"),
            _ => escaped.push(letter),
        }
        before = letter;
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_no_markup() {
        assert_eq!(
            inline("user_id *x* [a](b) <b> @team a@b.c _y_"),
            "user_id \\*x\\* \\[a\\](b) &lt;b&gt; &#64;team a@b.c \\_y\\_"
        );
        assert_eq!(inline("run `a | <b>` now"), "run `a | <b>` now");
        assert_eq!(cell("a|b\nc `d|e`"), "a\\|b<br>c `d\\|e`");
    }

    #[test]
    fn fences_are_longer_than_what_they_hold() {
        assert_eq!(fenced("sql", "SELECT 1  \n"), "```sql\nSELECT 1\n```\n");
        assert_eq!(fenced("markdown", "````\nx"), "`````markdown\n````\nx\n`````\n");
    }
}
