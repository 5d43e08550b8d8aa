//! The report as one HTML file: no script, nothing fetched, light and dark, screen and paper.

mod evidence_view;
mod finding_view;
mod rich_text;
mod sql_listing;

use askama::Template;
use underpin_model::evidence::Bars;
use underpin_model::{ProofReport, Report, Severity, Verdict};

use crate::amounts::{counted, duration, measure};
use crate::printable::{one_line, printable};
use crate::{er, svg};
use evidence_view::{Body, EvidenceView};
use finding_view::{FindingView, finding_views};
use rich_text::{rich_text, slug};

/// Returns the page.
pub fn render(report: &Report) -> String {
    // Writing to memory cannot fail; should it ever, the reader sees why instead of an empty page.
    let page = Page::of(report).render().unwrap_or_else(|error| error.to_string());
    // Every text was escaped where it was placed; this takes what escaping leaves: control characters.
    printable(&page)
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    style: String,
    underpin: String,
    project: String,
    verdict: &'static str,
    lead: String,
    server: String,
    settings: Vec<(String, String)>,
    started_at: String,
    started: String,
    durations: String,
    findings: Vec<FindingView>,
    notes: Vec<FindingView>,
    notes_title: String,
    proofs: Vec<ProofView>,
}

impl Page {
    fn of(report: &Report) -> Page {
        let proofs: Vec<ProofView> = report.proofs.iter().map(ProofView::of).collect();
        let mut all: Vec<FindingView> =
            proofs.iter().flat_map(|proof| proof.findings.iter().cloned()).collect();
        all.sort_by_key(|finding| std::cmp::Reverse(finding.rank));
        let (notes, findings): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|finding| finding.rank == Severity::Note);
        Page {
            style: format!("{}{}", include_str!("../templates/report.css"), er::STYLE),
            underpin: one_line(&report.underpin),
            project: one_line(&report.project),
            verdict: report.verdict.word(),
            lead: lead(report),
            server: one_line(&report.server.version),
            settings: report
                .server
                .settings
                .iter()
                .map(|(name, value)| (one_line(name), one_line(value)))
                .collect(),
            started_at: one_line(&report.started_at),
            started: readable_time(&one_line(&report.started_at)),
            durations: durations(report),
            notes_title: counted(notes.len(), "note"),
            findings,
            notes,
            proofs,
        }
    }
}

/// Returns the result in a sentence.
fn lead(report: &Report) -> String {
    let tally = |verdict: Verdict| report.proofs.iter().filter(|proof| proof.verdict == verdict).count();
    let parts: Vec<String> = [Verdict::Proven, Verdict::Broken, Verdict::Inconclusive, Verdict::Skipped]
        .into_iter()
        .filter(|verdict| tally(*verdict) > 0)
        .map(|verdict| format!("{} {verdict}", tally(verdict)))
        .collect();
    let found: Vec<String> = [Severity::Error, Severity::Warning, Severity::Note]
        .into_iter()
        .filter(|severity| report.count(*severity) > 0)
        .map(|severity| counted(report.count(severity), severity.word()))
        .collect();
    format!(
        "{}: {}; {}; {}.",
        counted(report.proofs.len(), "proof"),
        if parts.is_empty() { "none ran".to_owned() } else { parts.join(", ") },
        if found.is_empty() { "no findings".to_owned() } else { found.join(", ") },
        duration(report.duration_ms as f64),
    )
}

/// Returns `2026-08-14 09:30 UTC` for an RFC 3339 time in UTC; other texts as they are.
fn readable_time(started_at: &str) -> String {
    match (started_at.get(..10), started_at.get(10..11), started_at.get(11..16)) {
        (Some(day), Some("T"), Some(minute)) if started_at.ends_with('Z') => format!("{day} {minute} UTC"),
        _ => started_at.to_owned(),
    }
}

fn durations(report: &Report) -> String {
    let ran = report.proofs.iter().filter(|proof| proof.verdict != Verdict::Skipped);
    let bars = ran.map(|proof| (proof.proof.clone(), proof.duration_ms as f64)).collect();
    svg::bars::bars(&Bars { unit: "ms".to_owned(), bars })
}

/// One proof, on the board and in its section.
struct ProofView {
    id: String,
    name: String,
    verdict: &'static str,
    duration: String,
    /// HTML.
    reason: String,
    tally: String,
    measures: Vec<(String, String)>,
    findings: Vec<FindingView>,
    evidence: Vec<EvidenceView>,
}

impl ProofView {
    fn of(proof: &ProofReport) -> ProofView {
        let id = format!("proof-{}", slug(&proof.proof));
        ProofView {
            name: one_line(&proof.proof),
            verdict: proof.verdict.word(),
            duration: match proof.verdict {
                Verdict::Skipped => String::new(),
                _ => duration(proof.duration_ms as f64),
            },
            reason: rich_text(proof.reason.as_deref().unwrap_or_default()),
            tally: tally(proof),
            measures: proof
                .measures
                .iter()
                .map(|number| (one_line(&number.name).replace('_', " "), measure(number.value, &number.unit)))
                .collect(),
            findings: finding_views(proof, &id),
            evidence: evidence_view::evidence_views(proof, &id),
            id,
        }
    }
}

fn tally(proof: &ProofReport) -> String {
    let parts: Vec<String> = [Severity::Error, Severity::Warning, Severity::Note]
        .into_iter()
        .filter(|severity| proof.count(*severity) > 0)
        .map(|severity| counted(proof.count(severity), severity.word()))
        .collect();
    parts.join(", ")
}
