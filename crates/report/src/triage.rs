//! A triage as text for the terminal.

use underpin_model::{Triage, TriageFinding};

/// Returns each finding as a paragraph with its objects, first query and first fix, then what could not be seen.
pub fn text(triage: &Triage) -> String {
    let mut text: String = triage.findings.iter().map(paragraph).collect();
    if triage.findings.is_empty() {
        text.push_str("No finding.\n");
    }
    for unseen in &triage.unseen {
        text.push_str(&format!("not seen: {unseen}\n"));
    }
    text
}

fn paragraph(finding: &TriageFinding) -> String {
    format!(
        "{}[{}] {}: {}\n  --> {}\n  look: {};\n  fix:  {};\n\n",
        finding.severity.word(),
        finding.code,
        finding.mode.word(),
        finding.message,
        finding.objects.join(", "),
        finding.first_query,
        finding.first_fix
    )
}
