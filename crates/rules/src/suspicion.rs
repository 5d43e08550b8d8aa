//! A suspicion, the question that settles it, and the server's answer.

use std::collections::BTreeMap;

use underpin_model::{Finding, Severity};

type Judge = Box<dyn FnOnce(&Answer, Finding) -> Option<Finding> + Send + Sync>;

/// Something that looks wrong in the catalog, with the query that confirms or refutes it.
pub struct Suspicion {
    draft: Finding,
    sql: String,
    judge: Judge,
}

impl Suspicion {
    /// Returns a suspicion: `sql` is one read-only `SELECT` that yields one row of named columns.
    pub(crate) fn new(
        draft: Finding,
        sql: String,
        judge: impl FnOnce(&Answer, Finding) -> Option<Finding> + Send + Sync + 'static,
    ) -> Suspicion {
        Suspicion { draft, sql, judge: Box::new(judge) }
    }

    /// Returns the finding as it stands before anything is measured; for messages when the probe fails.
    pub fn draft(&self) -> &Finding {
        &self.draft
    }

    /// Returns the `SELECT` that settles the suspicion; it needs a superuser's view of all rows.
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// Returns the finding with its measured fact, or nothing when the answer clears the suspicion.
    pub fn judge(self, answer: &Answer) -> Option<Finding> {
        (self.judge)(answer, self.draft)
    }
}

/// The one row that a probe returned, as text by column name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer(BTreeMap<String, Option<String>>);

impl Answer {
    /// Returns a column as a whole number; 0 for NULL and for what is no number.
    pub fn int(&self, column: &str) -> i64 {
        self.text(column).parse().unwrap_or(0)
    }

    /// Returns a column as text; empty for NULL.
    pub fn text(&self, column: &str) -> &str {
        self.0.get(column).and_then(Option::as_deref).unwrap_or("")
    }

    /// Returns whether a column is true.
    pub fn is_true(&self, column: &str) -> bool {
        matches!(self.text(column), "t" | "true")
    }

    /// Returns the columns and their values, by name; NULL is `None`.
    pub fn columns(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_deref()))
    }
}

impl<N: Into<String>> FromIterator<(N, Option<String>)> for Answer {
    fn from_iter<I: IntoIterator<Item = (N, Option<String>)>>(row: I) -> Answer {
        Answer(row.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }
}

/// Restating a draft once the fact is known.
pub(crate) trait Restate: Sized {
    /// Returns the finding with another message.
    fn saying(self, message: String) -> Self;

    /// Returns the finding with another severity; unchanged when there is none.
    fn rated(self, severity: Option<Severity>) -> Self;
}

impl Restate for Finding {
    fn saying(mut self, message: String) -> Finding {
        self.message = message;
        self
    }

    fn rated(self, severity: Option<Severity>) -> Finding {
        match severity {
            Some(severity) => self.severity(severity),
            None => self,
        }
    }
}
