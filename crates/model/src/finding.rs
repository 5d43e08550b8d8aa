//! One fault, as data.

use camino::Utf8PathBuf;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::evidence::EvidenceId;
use crate::object::ObjectRef;

/// How much a finding matters; ordered so that the worst of several is their maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Taste, or something worth knowing; never fails a run by default.
    Note,
    /// Likely to hurt.
    Warning,
    /// A measured fact that hurts.
    Error,
}

impl Severity {
    /// Returns the word that people and JSON read.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// A place in a file of the project.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct SourceLine {
    /// Path relative to the project folder.
    #[schemars(with = "String")]
    pub file: Utf8PathBuf,
    /// Line, counted from 1.
    pub line: u32,
}

impl SourceLine {
    /// Returns the place `line` of `file`.
    pub fn new(file: impl Into<Utf8PathBuf>, line: u32) -> SourceLine {
        SourceLine { file: file.into(), line }
    }
}

impl std::fmt::Display for SourceLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// One fault that an experiment found. A finding is a result, never an `Err`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Stable number of the kind of finding, such as `UP104`.
    pub code: String,
    /// Slug of the kind of finding, such as `fk-no-index`.
    pub rule: String,
    /// How much it matters.
    pub severity: Severity,
    /// The object at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectRef>,
    /// Where it is declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<SourceLine>,
    /// What happened, with the measured fact, as a full sentence.
    pub message: String,
    /// What to do next; SQL or a command where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Evidence of the same proof that shows it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<EvidenceId>,
}

impl Finding {
    /// Returns a finding of the given kind with its usual severity.
    pub fn new(code: &Code, message: impl Into<String>) -> Finding {
        Finding {
            code: code.code.to_owned(),
            rule: code.rule.to_owned(),
            severity: code.severity,
            object: None,
            at: None,
            message: message.into(),
            hint: None,
            evidence: Vec::new(),
        }
    }

    /// Returns the finding with the object at fault.
    pub fn object(mut self, object: ObjectRef) -> Finding {
        self.object = Some(object);
        self
    }

    /// Returns the finding with the place where the fault is declared.
    pub fn at(mut self, at: SourceLine) -> Finding {
        self.at = Some(at);
        self
    }

    /// Returns the finding with the next step.
    pub fn hint(mut self, hint: impl Into<String>) -> Finding {
        self.hint = Some(hint.into());
        self
    }

    /// Returns the finding with a severity that differs from the usual one.
    pub fn severity(mut self, severity: Severity) -> Finding {
        self.severity = severity;
        self
    }

    /// Returns the finding with a reference to evidence of the same proof.
    pub fn evidence(mut self, id: &EvidenceId) -> Finding {
        self.evidence.push(id.clone());
        self
    }
}
