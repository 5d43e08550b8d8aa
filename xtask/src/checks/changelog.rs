//! The changelog opens with what is not yet released, so that a change has a place for its line.

use crate::problem::Outcome;
use crate::repository::Repository;

const FILE: &str = "CHANGELOG.md";

/// Looks at the first section of the changelog.
pub fn check(repository: &Repository) -> Outcome {
    let mut outcome = Outcome::default();
    let text = repository.texts.get(FILE).map_or("", String::as_str);
    let first = text.lines().enumerate().find(|(_, line)| line.starts_with("## "));
    let (index, heading) = first.unwrap_or_default();
    if heading.trim_start_matches("## ").trim_matches(['[', ']', ' ']) != "Unreleased" {
        outcome.problem(FILE, index + 1, "the first section is `## Unreleased`");
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_section_is_unreleased() {
        let breach = |line: usize| vec![format!("CHANGELOG.md:{line}: the first section is `## Unreleased`")];
        assert_eq!(check(&Repository::of(&[])).lines(), breach(1));
        let late = ("CHANGELOG.md", "# Changes\n\n## 0.1.0\n\n## Unreleased\n");
        assert_eq!(check(&Repository::of(&[late])).lines(), breach(3));
        let right = ("CHANGELOG.md", "# Changes\n\n## Unreleased\n\n## 0.1.0\n");
        assert!(check(&Repository::of(&[right])).problems.is_empty());
    }
}
