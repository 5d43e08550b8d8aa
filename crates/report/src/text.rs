//! The report for a terminal: short, readable, and it ends with what to do next.

mod finding;
mod index_table;
mod paint;
mod wrap;

use camino::Utf8PathBuf;
use underpin_model::{ProofReport, Report, Severity, Verdict};

use crate::amounts::{counted, duration};
use crate::printable::one_line;
use paint::Ink;

/// How the terminal wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextStyle {
    /// ANSI colours; without them every word is still there.
    pub color: bool,
    /// Columns of the terminal; messages are wrapped to it, commands and SQL never are.
    pub width: usize,
    /// The project folder as seen from the current one, so that printed paths can be opened; may be empty.
    pub root: Utf8PathBuf,
    /// The HTML report of the same run, as seen from the current folder, when one was written.
    pub html: Option<Utf8PathBuf>,
}

impl Default for TextStyle {
    /// Returns the style for a pipe: no colour, 100 columns.
    fn default() -> TextStyle {
        TextStyle { color: false, width: 100, root: Utf8PathBuf::new(), html: None }
    }
}

impl TextStyle {
    fn paint(&self, ink: Ink, text: &str) -> String {
        if self.color { ink.around(text) } else { text.to_owned() }
    }
}

/// Returns the result of a run: one line per proof, the findings worst first, counts, the next command.
pub fn render(report: &Report, style: &TextStyle) -> String {
    let mut text = String::new();
    for proof in &report.proofs {
        text.push_str(&proof_line(proof, style));
        text.push('\n');
    }
    text.push_str(&index_table::table(report, style));
    for block in finding::blocks(report, style) {
        text.push('\n');
        text.push_str(&block);
        text.push('\n');
    }
    text.push('\n');
    text.push_str(&summary(report, style));
    let steps = next_steps(report, style);
    if !steps.is_empty() {
        text.push('\n');
    }
    for step in steps {
        text.push_str(&format!("{} {step}\n", style.paint(Ink::Cyan, "hint:")));
    }
    text
}

/// Room of a verdict: as wide as `inconclusive`.
const VERDICT_COLUMN: usize = 12;
/// Room of a proof's name: as wide as the longest of the built-in ones.
const NAME_COLUMN: usize = 12;
/// Room of a duration: `59 min 59 s`, right-aligned.
const DURATION_COLUMN: usize = 11;
/// Below this much room the sentence stands on a line of its own.
const LEAST_SENTENCE: usize = 36;

/// Returns one proof's verdict, name, duration and sentence, without a newline at the end.
///
/// The sentence is wrapped; further lines are indented below its first word.
pub fn proof_line(proof: &ProofReport, style: &TextStyle) -> String {
    let word = format!("{:VERDICT_COLUMN$}", proof.verdict);
    let name = format!("{:NAME_COLUMN$}", one_line(&proof.proof));
    let took = match proof.verdict {
        Verdict::Skipped => "-".to_owned(),
        _ => duration(proof.duration_ms as f64),
    };
    let head = format!(
        "{}  {} {}",
        style.paint(Ink::of_verdict(proof.verdict), &word),
        style.paint(Ink::Strong, &name),
        style.paint(Ink::Faint, &format!("{took:>DURATION_COLUMN$}")),
    );
    match sentence(proof) {
        Some(sentence) => head + &beside(&sentence, style.width),
        None => head,
    }
}

fn sentence(proof: &ProofReport) -> Option<String> {
    let reason = proof.reason.as_deref().map(one_line).filter(|reason| !reason.is_empty());
    let (errors, warnings) = (proof.count(Severity::Error), proof.count(Severity::Warning));
    match (reason, errors, warnings) {
        (Some(reason), _, _) => Some(reason),
        (None, 0, 0) => None,
        (None, 0, warnings) => Some(format!("{}.", counted(warnings, "warning"))),
        (None, errors, _) => Some(format!("{}.", counted(errors, "error"))),
    }
}

fn beside(sentence: &str, width: usize) -> String {
    let beside = VERDICT_COLUMN + 2 + NAME_COLUMN + 1 + DURATION_COLUMN + 2;
    let (indent, lead) = match width.saturating_sub(beside) {
        room if room >= LEAST_SENTENCE => (beside, "  ".to_owned()),
        _ => (4, format!("\n{:4}", "")),
    };
    let lines = wrap::wrapped(sentence, width.saturating_sub(indent).max(LEAST_SENTENCE));
    lead + &lines.join(&format!("\n{:indent$}", ""))
}

fn summary(report: &Report, style: &TextStyle) -> String {
    let verdicts: Vec<String> = [Verdict::Broken, Verdict::Inconclusive, Verdict::Proven, Verdict::Skipped]
        .into_iter()
        .filter_map(|verdict| tally(report, verdict))
        .collect();
    let findings: Vec<String> = [Severity::Error, Severity::Warning, Severity::Note]
        .into_iter()
        .filter(|severity| report.count(*severity) > 0)
        .map(|severity| counted(report.count(severity), severity.word()))
        .collect();
    let found = if findings.is_empty() { "no findings".to_owned() } else { findings.join(", ") };
    format!(
        "{}: {} on PostgreSQL {} in {}.\n{}: {}; {found}.\n",
        style.paint(Ink::Strong, &one_line(&report.project)),
        style.paint(Ink::of_verdict(report.verdict), report.verdict.word()),
        one_line(&report.server.version),
        duration(report.duration_ms as f64),
        counted(report.proofs.len(), "proof"),
        if verdicts.is_empty() { "none ran".to_owned() } else { verdicts.join(", ") },
    )
}

fn tally(report: &Report, verdict: Verdict) -> Option<String> {
    let proofs = report.proofs.iter().filter(|proof| proof.verdict == verdict).count();
    (proofs > 0).then(|| format!("{proofs} {verdict}"))
}

fn next_steps(report: &Report, style: &TextStyle) -> Vec<String> {
    let mut steps = Vec::new();
    if let Some(worst) = finding::worst(report) {
        let rule = one_line(&worst.rule);
        steps.push(format!("`underpin explain {}` tells why {rule} matters and how to mend it", worst.code));
    }
    if report.proofs.iter().any(|proof| proof.verdict == Verdict::Inconclusive) {
        steps.push("`underpin doctor` shows what is missing on this machine".to_owned());
    }
    match &style.html {
        Some(html) => steps.push(format!("open {html} for the evidence")),
        None if report.proofs.is_empty() => {}
        None => {
            steps.push("the same with `--report html=report.html` writes the evidence as a page".to_owned())
        }
    }
    steps
}
