//! A note of open work carries the number of its issue, or it is never read again.

use crate::problem::Outcome;
use crate::repository::Repository;

/// The words, in two halves so that this file does not accuse itself.
const WORDS: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME")];

/// Looks at every text of the repository: code, SQL, documents, scripts.
pub fn check(repository: &Repository) -> Outcome {
    let mut outcome = Outcome::default();
    for (path, text) in &repository.texts {
        for (index, line) in text.lines().enumerate() {
            if let Some(word) = WORDS.iter().find(|word| is_unnumbered(line, word)) {
                let message = format!("{word} without the number of its issue: `{word}(#12): …`");
                outcome.problem(path, index + 1, message);
            }
        }
    }
    outcome
}

/// Returns whether the line holds `word` as a word of its own and no `#` with a number after it.
fn is_unnumbered(line: &str, word: &str) -> bool {
    let is_letter = |letter: char| letter.is_alphanumeric() || letter == '_';
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + word.len()..]);
        !before.ends_with(is_letter) && !after.starts_with(is_letter) && !names_an_issue(after)
    })
}

fn names_an_issue(text: &str) -> bool {
    text.split('#').skip(1).any(|after| after.starts_with(|letter: char| letter.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_needs_the_number_of_an_issue() {
        let word = WORDS[0];
        let text =
            format!("// {word}: later\n// {word}(#12): later\nlet {word}_LIST = 1;\n-- {} x\n", WORDS[1]);
        let lines = check(&Repository::of(&[("crates/pg/src/a.sql", &text)])).lines();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(
            lines[0].starts_with("crates/pg/src/a.sql:1: ")
                && lines[1].starts_with("crates/pg/src/a.sql:4: ")
        );
    }
}
