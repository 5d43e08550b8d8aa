//! All checks on one repository, and the page that they print.

use std::fmt;
use std::path::Path;

use crate::checks;
use crate::problem::Outcome;
use crate::repository::{ReadError, Repository};

/// Runs every check on the repository in `root`; breaches come sorted by place.
///
/// # Errors
/// A file of the repository cannot be read.
pub fn tidy(root: &Path) -> Result<Outcome, ReadError> {
    let repository = Repository::read(root)?;
    let mut all = Outcome::default();
    for check in checks::ALL {
        all.extend(check(&repository));
    }
    all.problems.sort();
    all.problems.dedup();
    Ok(all)
}

impl Outcome {
    /// Returns the outcome with only the breaches below one of the given folders or files; all when none is given.
    pub fn below(mut self, folders: &[String]) -> Outcome {
        let folders: Vec<&str> = folders.iter().map(|folder| folder.trim_end_matches('/')).collect();
        let is_below = |path: &str, folder: &str| {
            path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.problems.retain(|problem| {
            folders.is_empty() || folders.iter().any(|folder| is_below(&problem.path, folder))
        });
        self
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.problems {
            writeln!(f, "{problem}")?;
        }
        if !self.problems.is_empty() {
            writeln!(f)?;
        }
        let width = |text: fn(&crate::problem::Figure) -> &str| {
            self.figures.iter().map(|figure| text(figure).chars().count()).max().unwrap_or(0)
        };
        let (measure, measured) = (width(|figure| &figure.measure), width(|figure| &figure.measured));
        for figure in &self.figures {
            writeln!(f, "{:measure$}  {:measured$}  {}", figure.measure, figure.measured, figure.bound)?;
        }
        match self.problems.len() {
            0 => write!(f, "\nTidy."),
            1 => write!(f, "\n1 breach."),
            count => write!(f, "\n{count} breaches."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome() -> Outcome {
        let mut outcome = Outcome::default();
        outcome.problem("crates/pg/src/lib.rs", 3, "wrong");
        outcome.problem("crates/pgx.rs", 1, "wrong");
        outcome.figure("locked dependencies", "7", "<= 450");
        outcome
    }

    #[test]
    fn the_page_lists_breaches_then_figures() {
        let page = "crates/pg/src/lib.rs:3: wrong\ncrates/pgx.rs:1: wrong\n\nlocked dependencies  7  <= 450\n\n2 breaches.";
        assert_eq!(outcome().to_string(), page);
    }

    #[test]
    fn a_folder_is_not_a_prefix_of_letters() {
        let below = outcome().below(&["crates/pg/".to_owned()]);
        assert_eq!(below.lines(), ["crates/pg/src/lib.rs:3: wrong"]);
    }
}
