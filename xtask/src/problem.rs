//! What a check gives: breaches of the rules and measured figures.

use std::fmt;

/// One breach of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// File relative to the repository.
    pub path: String,
    /// Line, from 1.
    pub line: usize,
    /// What is wrong and what to do instead.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// One measured figure with its bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// What was measured.
    pub measure: String,
    /// The result.
    pub measured: String,
    /// What is allowed.
    pub bound: String,
}

/// Everything that a check, or all of them, found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Breaches.
    pub problems: Vec<Problem>,
    /// Figures for the summary.
    pub figures: Vec<Figure>,
}

impl Outcome {
    /// Adds a breach.
    pub fn problem(&mut self, path: &str, line: usize, message: impl Into<String>) {
        self.problems.push(Problem { path: path.to_owned(), line, message: message.into() });
    }

    /// Adds a figure.
    pub fn figure(&mut self, measure: &str, measured: impl Into<String>, bound: impl Into<String>) {
        let (measured, bound) = (measured.into(), bound.into());
        self.figures.push(Figure { measure: measure.to_owned(), measured, bound });
    }

    /// Adds everything of another outcome.
    pub fn extend(&mut self, other: Outcome) {
        self.problems.extend(other.problems);
        self.figures.extend(other.figures);
    }

    /// Returns the messages as printed, for tests.
    pub fn lines(&self) -> Vec<String> {
        self.problems.iter().map(Problem::to_string).collect()
    }
}
