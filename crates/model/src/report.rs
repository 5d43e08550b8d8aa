//! All verdicts, findings and evidence of one run.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::evidence::Evidence;
use crate::finding::{Finding, Severity};
use crate::verdict::Verdict;

/// The version of the report's JSON form; raised when a field changes its meaning or goes away.
pub const REPORT_VERSION: u32 = 1;

/// One run. Every output format is a view of this document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Version of this form: [`REPORT_VERSION`].
    pub report: u32,
    /// Version of Underpin.
    pub underpin: String,
    /// Name of the project.
    pub project: String,
    /// The server that the experiments ran on.
    pub server: ServerInfo,
    /// Start of the run, RFC 3339 in UTC.
    pub started_at: String,
    /// Duration of the run in milliseconds.
    pub duration_ms: u64,
    /// The worst verdict of all proofs that were not skipped; `skipped` when all were.
    pub verdict: Verdict,
    /// One entry per proof, in the order of execution.
    pub proofs: Vec<ProofReport>,
}

/// The server that the experiments ran on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServerInfo {
    /// `server_version` as PostgreSQL prints it.
    pub version: String,
    /// Settings that differ from the server's defaults and matter for the evidence.
    pub settings: BTreeMap<String, String>,
}

/// One proof's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProofReport {
    /// Name of the proof, such as `restore`.
    pub proof: String,
    /// How it ended.
    pub verdict: Verdict,
    /// Why it was skipped or is inconclusive; for the others, what was done in one sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Duration in milliseconds.
    pub duration_ms: u64,
    /// Faults, worst first.
    pub findings: Vec<Finding>,
    /// What was measured.
    pub evidence: Vec<Evidence>,
    /// Numbers worth comparing from run to run.
    pub measures: Vec<Measure>,
}

/// A number worth comparing from run to run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Measure {
    /// Slug such as `constraints_tried`.
    pub name: String,
    /// The number.
    pub value: f64,
    /// Unit such as `count`, `ms`, `bytes`, `rows/s`.
    pub unit: String,
}

impl Measure {
    /// Returns a measure.
    pub fn new(name: &str, value: f64, unit: &str) -> Measure {
        Measure { name: name.to_owned(), value, unit: unit.to_owned() }
    }
}

impl ProofReport {
    /// Returns how many findings have the given severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

impl Report {
    /// Returns the verdict of a run from the verdicts of its proofs: the worst that was not skipped.
    pub fn overall(proofs: &[ProofReport]) -> Verdict {
        proofs.iter().map(|proof| proof.verdict).max().unwrap_or(Verdict::Skipped)
    }

    /// Returns how many findings of all proofs have the given severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.proofs.iter().map(|proof| proof.count(severity)).sum()
    }
}
