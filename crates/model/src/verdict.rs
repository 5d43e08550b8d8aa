//! How a proof ended.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The end of a proof; ordered so that the worst of several is their maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The question does not arise for this project, or a prerequisite is missing; the reason says which.
    Skipped,
    /// The experiment ran to its end and found no error.
    Proven,
    /// The experiment could not be completed: nothing is known, and nothing is claimed.
    Inconclusive,
    /// The experiment found at least one error.
    Broken,
}

impl Verdict {
    /// Returns the word that people and JSON read.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Skipped => "skipped",
            Verdict::Proven => "proven",
            Verdict::Inconclusive => "inconclusive",
            Verdict::Broken => "broken",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}
