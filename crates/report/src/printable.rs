//! What may be shown: text from a database or a program with everything invisible made visible.

/// Returns `text` with control characters replaced by their Unicode picture (`␛` for ESC).
///
/// Newline and tab stay; `\r\n` becomes `\n`. Without this a row's content could move the cursor,
/// recolour the terminal, or make an XML or HTML document invalid. Marks that reorder text
/// (U+202A to U+202E, U+2066 to U+2069) become U+FFFD: they let a line read as what it is not.
pub fn printable(text: &str) -> String {
    text.replace("\r\n", "\n").chars().map(visible).collect()
}

/// Returns `text` as one line: printable, every run of white space one blank.
pub fn one_line(text: &str) -> String {
    printable(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Returns `text` with its end replaced by `...` so that it has at most `limit` characters.
pub fn shortened(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let kept: String = text.chars().take(limit.saturating_sub(3)).collect();
    format!("{}...", kept.trim_end())
}

fn visible(character: char) -> char {
    match character {
        '\n' | '\t' => character,
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + character as u32).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{feff}'
        | '\u{fffe}'
        | '\u{ffff}' => '\u{fffd}',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_lose_their_power() {
        assert_eq!(printable("a\u{1b}[31mred\u{7}\r\nb\tc\u{0}"), "a␛[31mred␇\nb\tc␀");
        assert_eq!(printable("user\u{202e}nimda\u{9b}2J"), "user\u{fffd}nimda\u{fffd}2J");
        assert_eq!(one_line("  two\n  lines\r\n"), "two lines");
    }

    #[test]
    fn long_text_is_cut_at_a_character() {
        assert_eq!(shortened("größe", 5), "größe");
        assert_eq!(shortened("größer als", 8), "größe...");
    }
}
