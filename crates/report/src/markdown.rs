//! Markdown: the summary of a job or a comment on a pull request, and documents of evidence to commit.

mod body;
mod inline;

use underpin_model::{Evidence, Finding, ProofReport, Report, Severity, Verdict};

use crate::amounts::{counted, duration};
use crate::printable::one_line;
use body::{Durations, body};
use inline::{cell, inline};

/// Findings of one severity that a summary shows; GitHub cuts job summaries at 1 MiB, comments at 64 KiB.
const MOST_FINDINGS: usize = 50;
/// Bytes of evidence that a summary holds, for the same reason.
const MOST_EVIDENCE: usize = 40_000;

/// Returns the summary of a run: verdict table, findings, and the evidence folded away.
pub fn render(report: &Report) -> String {
    let mut text = format!(
        "## {} {}: {}\n\n{}\n\n",
        sign(report.verdict),
        inline(&report.project),
        report.verdict,
        result(report),
    );
    text.push_str("| | proof | verdict | time | |\n|---|---|---|---:|---|\n");
    report.proofs.iter().for_each(|proof| text.push_str(&proof_row(proof)));
    for severity in [Severity::Error, Severity::Warning, Severity::Note] {
        text.push_str(&findings(report, severity));
    }
    text.push_str(&folded_evidence(report));
    text
}

/// Returns a document of evidence that is the same from run to run: durations are left out.
///
/// `intro` is Markdown and stands as it is; everything else is escaped.
pub fn evidence_document(title: &str, intro: &str, evidence: &[Evidence]) -> String {
    document(title, intro, evidence, Durations::Hidden)
}

/// Returns the page of a scenario that was raced: `file` names it on the command line, `evidence` has one piece for each
/// isolation level. The same run gives the same bytes.
pub fn scenario_page(title: &str, why: Option<&str>, file: &str, evidence: &[Evidence]) -> String {
    let why = why.map(|why| format!("{why}\n\n")).unwrap_or_default();
    evidence_document(title, &format!("{why}```console\n$ underpin race {file}\n```"), evidence)
}

/// Returns a document of evidence with the durations of its commands and statements.
pub fn evidence_document_with_durations(title: &str, intro: &str, evidence: &[Evidence]) -> String {
    document(title, intro, evidence, Durations::Shown)
}

fn document(title: &str, intro: &str, evidence: &[Evidence], durations: Durations) -> String {
    let mut text = format!("# {}\n", inline(title));
    if !intro.trim().is_empty() {
        text.push_str(&format!("\n{}\n", intro.trim()));
    }
    for piece in evidence {
        text.push_str(&format!(
            "\n## {}\n\n{}\n",
            inline(&piece.title),
            body(&piece.body, durations).trim_end()
        ));
    }
    text
}

/// A sign for each verdict; the word stands beside it.
fn sign(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Proven => "✅",
        Verdict::Broken => "❌",
        Verdict::Inconclusive => "❔",
        Verdict::Skipped => "⏭️",
    }
}

fn result(report: &Report) -> String {
    let found: Vec<String> = [Severity::Error, Severity::Warning, Severity::Note]
        .into_iter()
        .filter(|severity| report.count(*severity) > 0)
        .map(|severity| counted(report.count(severity), severity.word()))
        .collect();
    format!(
        "{} on PostgreSQL {} in {}; {}.",
        counted(report.proofs.len(), "proof"),
        inline(&report.server.version),
        duration(report.duration_ms as f64),
        if found.is_empty() { "no findings".to_owned() } else { found.join(", ") },
    )
}

fn proof_row(proof: &ProofReport) -> String {
    let took = match proof.verdict {
        Verdict::Skipped => String::new(),
        _ => duration(proof.duration_ms as f64),
    };
    let reason = cell(proof.reason.as_deref().unwrap_or_default());
    format!("| {} | {} | {} | {took} | {reason} |\n", sign(proof.verdict), cell(&proof.proof), proof.verdict)
}

fn findings(report: &Report, severity: Severity) -> String {
    let all: Vec<&Finding> = report
        .proofs
        .iter()
        .flat_map(|proof| &proof.findings)
        .filter(|finding| finding.severity == severity)
        .collect();
    if all.is_empty() {
        return String::new();
    }
    let mut list: String = all.iter().take(MOST_FINDINGS).map(|finding| item(finding)).collect();
    if all.len() > MOST_FINDINGS {
        list.push_str(&format!("- and {} more in the JSON report\n", all.len() - MOST_FINDINGS));
    }
    let title = counted(all.len(), severity.word());
    match severity {
        Severity::Note => format!("\n<details><summary>{title}</summary>\n\n{list}\n</details>\n"),
        _ => format!("\n### {title}\n\n{list}"),
    }
}

fn item(finding: &Finding) -> String {
    let code = format!("{} {}", one_line(&finding.code), one_line(&finding.rule)).replace('`', "'");
    let mut item = format!("- **`{code}`** {}", inline(&finding.message));
    if let Some(at) = &finding.at {
        item.push_str(&format!(" (`{}`)", one_line(&at.to_string()).replace('`', "'")));
    }
    item.push('\n');
    if let Some(hint) = finding.hint.as_deref().map(str::trim).filter(|hint| !hint.is_empty()) {
        let block = inline::fenced("sql", hint).replace('\n', "\n  ");
        item.push_str(&format!("\n  {}\n", block.trim_end()));
    }
    item
}

fn folded_evidence(report: &Report) -> String {
    let mut text = String::new();
    for proof in report.proofs.iter().filter(|proof| !proof.evidence.is_empty()) {
        let pieces: String = proof
            .evidence
            .iter()
            .map(|piece| {
                format!(
                    "#### {}\n\n{}\n\n",
                    inline(&piece.title),
                    body(&piece.body, Durations::Shown).trim_end()
                )
            })
            .collect();
        if text.len() + pieces.len() > MOST_EVIDENCE {
            continue;
        }
        let name = crate::svg::escape(&one_line(&proof.proof));
        text.push_str(&format!("\n<details><summary>Evidence of {name}</summary>\n\n{pieces}</details>\n"));
    }
    text
}
