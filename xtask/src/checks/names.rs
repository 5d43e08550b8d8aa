//! No file named after nothing: what would go into `utils` belongs to a question of its own.

use crate::problem::Outcome;
use crate::repository::Repository;

/// Names that say nothing about the content.
const EMPTY_NAMES: &[&str] = &["utils", "util", "helpers", "helper", "common", "misc", "imp", "shared"];

/// Looks at the files and folders of every crate.
pub fn check(repository: &Repository) -> Outcome {
    let mut outcome = Outcome::default();
    for source in &repository.sources {
        let mut parts = source.path.trim_end_matches(".rs").split('/');
        if let Some(name) = parts.find(|part| EMPTY_NAMES.contains(part)) {
            outcome.problem(
                &source.path,
                1,
                format!("`{name}` says nothing: name the file by the question it answers"),
            );
        }
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_names_are_breaches_as_file_and_as_folder() {
        let repository = Repository::of(&[
            ("crates/pg/src/utils.rs", ""),
            ("crates/pg/tests/common/mod.rs", ""),
            ("crates/pg/src/common_locks.rs", ""),
        ]);
        let lines = check(&repository).lines();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert_eq!(
            lines[0],
            "crates/pg/src/utils.rs:1: `utils` says nothing: name the file by the question it answers"
        );
    }
}
