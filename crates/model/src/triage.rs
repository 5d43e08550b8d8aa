//! What is wrong with a live database right now: the object that `underpin triage --format json` prints.

use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::finding::Severity;

/// The kind of trouble a finding belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TriageMode {
    /// Keys, constraints and tables as they are declared.
    Schema,
    /// Missing, broken, useless indexes.
    Index,
    /// What the planner believes.
    Statistics,
    /// Dead rows, and who keeps them.
    Bloat,
    /// Connections and transactions.
    Pooling,
    /// Locks, builds and half-done changes.
    Migration,
    /// Partitions, tenants, replicas and size.
    Sharding,
}

impl TriageMode {
    /// Returns the word that people and JSON read.
    pub fn word(self) -> &'static str {
        match self {
            TriageMode::Schema => "schema",
            TriageMode::Index => "index",
            TriageMode::Statistics => "statistics",
            TriageMode::Bloat => "bloat",
            TriageMode::Pooling => "pooling",
            TriageMode::Migration => "migration",
            TriageMode::Sharding => "sharding",
        }
    }
}

/// One fault of a live database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriageFinding {
    /// The kind of trouble.
    pub mode: TriageMode,
    /// Stable number such as `UP650`; `underpin explain` prints its page.
    pub code: String,
    /// How much it matters.
    pub severity: Severity,
    /// Names: tables as `schema.table`, columns as `schema.table.column`, indexes, applications, slots, settings.
    pub objects: Vec<String>,
    /// The first thing to look at: read-only SQL, ready to paste.
    pub first_query: String,
    /// The first thing to do: SQL, ready to paste.
    pub first_fix: String,
    /// What happens, with the measured fact, as full sentences.
    pub message: String,
}

impl TriageFinding {
    /// Returns a finding of the given kind with its usual severity.
    pub fn new(mode: TriageMode, code: &Code, message: impl Into<String>) -> TriageFinding {
        TriageFinding {
            mode,
            code: code.code.to_owned(),
            severity: code.severity,
            objects: Vec::new(),
            first_query: String::new(),
            first_fix: String::new(),
            message: message.into(),
        }
    }

    /// Returns the finding with the names of what it is about.
    pub fn objects<S: Into<String>>(mut self, objects: impl IntoIterator<Item = S>) -> TriageFinding {
        self.objects = objects.into_iter().map(Into::into).filter(|name| !name.is_empty()).collect();
        self
    }

    /// Returns the finding with the first query.
    pub fn query(mut self, sql: impl Into<String>) -> TriageFinding {
        self.first_query = sql.into();
        self
    }

    /// Returns the finding with the first fix.
    pub fn fix(mut self, sql: impl Into<String>) -> TriageFinding {
        self.first_fix = sql.into();
        self
    }

    /// Returns the finding with a severity that differs from the usual one.
    pub fn severity(mut self, severity: Severity) -> TriageFinding {
        self.severity = severity;
        self
    }
}

/// Everything that one look at a database gave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Triage {
    /// Faults, the root cause first.
    pub findings: Vec<TriageFinding>,
    /// What could not be seen, and why; absent when everything was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unseen: Vec<String>,
}
