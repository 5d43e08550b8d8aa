//! Breaking text into lines of a given width.

/// Returns `text` broken at blanks into lines of at most `width` characters.
///
/// A word that is longer than a line stands alone and whole: it is often a name or a path that
/// somebody will copy. There is always at least one line.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let Some(line) = lines.last_mut() else { continue };
        let length = line.chars().count();
        if length == 0 {
            line.push_str(word);
        } else if length + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// Returns `text` with every line after the first indented by `indent` blanks.
pub(super) fn hanging(text: &str, indent: usize) -> String {
    text.lines().map(str::trim_end).collect::<Vec<_>>().join(&format!("\n{:indent$}", ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_words_stay_whole() {
        assert_eq!(wrapped("", 10), [""]);
        assert_eq!(wrapped("one two three", 8), ["one two", "three"]);
        assert_eq!(wrapped("a averyveryverylongword b", 8), ["a", "averyveryverylongword", "b"]);
    }

    #[test]
    fn further_lines_hang() {
        assert_eq!(hanging("SELECT 1\n  FROM t  \n", 4), "SELECT 1\n      FROM t");
    }
}
