//! Small charts as SVG: no script, no fixed colours, the same bytes for the same numbers.
//!
//! Colours are CSS variables of the page around them (`--accent`, `--ink`, `--faint`, `--line`), so a
//! chart follows light and dark. Bars and lines stretch in percent while letters keep their size,
//! which keeps them readable on a telephone; a `viewBox` would shrink both.

pub mod bars;
pub mod line;
pub mod lines;
pub mod plan;
pub mod scale;
pub mod schedule;
pub mod text_width;

use crate::printable::printable;

/// Returns `text` for use between tags and in quoted attributes.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in printable(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Returns a coordinate with at most two decimals, such as `12.5`.
pub fn coordinate(value: f64) -> String {
    if !value.is_finite() {
        return "0".to_owned();
    }
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_leave_its_place() {
        assert_eq!(escape("<a b='c'>\"&\u{1}"), "&lt;a b=&#39;c&#39;&gt;&quot;&amp;␁");
    }

    #[test]
    fn coordinates_are_short() {
        assert_eq!([1.0, 0.126, -0.001, f64::NAN].map(coordinate), ["1", "0.13", "0", "0"]);
    }
}
