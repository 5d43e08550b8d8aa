//! Plain sentences as HTML.

use crate::svg::escape;

/// Returns a sentence as HTML, with what stands between a pair of backticks as code.
pub(super) fn rich_text(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    // An odd number of backticks leaves one without a partner: then none of them marks code.
    if parts.len().is_multiple_of(2) {
        return escape(text);
    }
    let part = |(place, part): (usize, &&str)| match place % 2 {
        0 => escape(part),
        _ => format!("<code>{}</code>", escape(part)),
    };
    parts.iter().enumerate().map(part).collect()
}

/// Returns a name as part of an anchor: small letters, digits and dashes.
pub(super) fn slug(name: &str) -> String {
    let letter =
        |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
    name.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backticks_mark_code_only_in_pairs() {
        assert_eq!(rich_text("run `a < b` now"), "run <code>a &lt; b</code> now");
        assert_eq!(rich_text("a ` <b>"), "a ` &lt;b&gt;");
        assert_eq!(slug("Soft Delete\"<"), "soft-delete--");
    }
}
