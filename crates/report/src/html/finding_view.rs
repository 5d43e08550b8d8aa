//! A finding as the page shows it.

use underpin_model::{EvidenceId, Finding, ProofReport, Severity};

use super::rich_text::{rich_text, slug};
use super::sql_listing::highlighted;
use crate::printable::one_line;
use crate::svg::escape;

/// A finding, in the table and in its proof's section.
#[derive(Clone)]
pub(super) struct FindingView {
    pub(super) id: String,
    pub(super) proof: String,
    pub(super) proof_id: String,
    pub(super) rank: Severity,
    pub(super) severity: &'static str,
    pub(super) code: String,
    pub(super) rule: String,
    /// HTML.
    pub(super) message: String,
    /// File and line, when there is one.
    pub(super) at: String,
    /// Object, file and line.
    pub(super) place: String,
    /// HTML.
    pub(super) hint: String,
    /// Anchors and titles.
    pub(super) evidence: Vec<(String, String)>,
}

/// Returns the findings of a proof whose section has the given id.
pub(super) fn finding_views(proof: &ProofReport, proof_id: &str) -> Vec<FindingView> {
    let view = |(number, finding)| view(proof, proof_id, number, finding);
    proof.findings.iter().enumerate().map(view).collect()
}

fn view(proof: &ProofReport, proof_id: &str, number: usize, finding: &Finding) -> FindingView {
    let at = finding.at.as_ref().map(|at| one_line(&at.to_string())).unwrap_or_default();
    let object = finding.object.as_ref().map(|object| one_line(&object.to_string())).unwrap_or_default();
    let between = if at.is_empty() || object.is_empty() { "" } else { " · " };
    FindingView {
        id: format!("{proof_id}-finding-{}", number + 1),
        proof: one_line(&proof.proof),
        proof_id: proof_id.to_owned(),
        rank: finding.severity,
        severity: finding.severity.word(),
        code: one_line(&finding.code),
        rule: one_line(&finding.rule),
        message: rich_text(&finding.message),
        place: format!("{object}{between}{at}"),
        at,
        hint: hint(finding.hint.as_deref().unwrap_or_default().trim()),
        evidence: finding.evidence.iter().filter_map(|id| link(proof, proof_id, id)).collect(),
    }
}

fn link(proof: &ProofReport, proof_id: &str, id: &EvidenceId) -> Option<(String, String)> {
    let evidence = proof.evidence.iter().find(|evidence| evidence.id == *id)?;
    Some((evidence_anchor(proof_id, id), one_line(&evidence.title)))
}

/// Returns the anchor of a piece of evidence.
pub(super) fn evidence_anchor(proof_id: &str, id: &EvidenceId) -> String {
    format!("{proof_id}-evidence-{}", slug(&id.0))
}

/// Returns a hint as HTML: a statement is listed, a sentence is text.
fn hint(text: &str) -> String {
    let first = text.split(' ').next().unwrap_or_default();
    let statement = first.len() > 1 && first.bytes().all(|byte| byte.is_ascii_uppercase());
    if statement { highlighted(text) } else { escape(text) }
}
