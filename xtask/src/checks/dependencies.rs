//! The lock file stays lean: a ceiling, raised only by a reviewed change of this constant.

use crate::problem::Outcome;
use crate::repository::Repository;

/// Locked packages of others; jj, a tool of like size, allows itself 550.
const CEILING: usize = 450;

/// Counts the packages of `Cargo.lock` that come from elsewhere.
pub fn check(repository: &Repository) -> Outcome {
    let mut outcome = Outcome::default();
    let Some(lock) = repository.texts.get("Cargo.lock") else {
        outcome.problem("Cargo.lock", 1, "the lock file is missing: it is committed");
        return outcome;
    };
    let count = lock.lines().filter(|line| line.starts_with("source = ")).count();
    outcome.figure("locked dependencies", count.to_string(), format!("<= {CEILING}"));
    if count > CEILING {
        let message = format!(
            "{count} locked dependencies, at most {CEILING}: `cargo tree --duplicates` shows a start"
        );
        outcome.problem("Cargo.lock", 1, message);
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ceiling_holds_and_our_own_crates_do_not_count() {
        let ours = "[[package]]\nname = \"underpin\"\n\n";
        let theirs = "[[package]]\nname = \"a\"\nsource = \"registry\"\n\n";
        let outcome = check(&Repository::of(&[("Cargo.lock", &(ours.repeat(9) + &theirs.repeat(CEILING)))]));
        assert!(outcome.problems.is_empty());
        assert_eq!(outcome.figures[0].measured, "450");
        let outcome = check(&Repository::of(&[("Cargo.lock", &theirs.repeat(CEILING + 1))]));
        assert!(outcome.lines()[0].starts_with("Cargo.lock:1: 451 locked dependencies, at most 450"));
    }

    #[test]
    fn the_lock_file_is_committed() {
        assert_eq!(
            check(&Repository::of(&[])).lines(),
            ["Cargo.lock:1: the lock file is missing: it is committed"]
        );
    }
}
