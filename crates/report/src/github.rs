//! Workflow commands of GitHub Actions: findings as annotations on the lines of a pull request.

use camino::Utf8Path;
use underpin_model::{Finding, Report, Severity, Verdict};

use crate::printable::printable;

/// Returns one `::error`, `::warning` or `::notice` command per finding, worst first.
///
/// GitHub shows the first ten of each kind and step, so the order matters. A proof that is
/// inconclusive is an error too: nothing is known, and a green page would hide that. `folder` is the
/// project's in the repository: paths of a report begin there, GitHub's at the top.
pub fn annotations(report: &Report, folder: &Utf8Path) -> String {
    let mut findings: Vec<&Finding> = report.proofs.iter().flat_map(|proof| &proof.findings).collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let unknown = report.proofs.iter().filter(|proof| proof.verdict == Verdict::Inconclusive).map(|proof| {
        let title = property(&format!("{} is inconclusive", proof.proof));
        format!(
            "::error title={title}::{}\n",
            data(proof.reason.as_deref().unwrap_or("No reason was given."))
        )
    });
    unknown.chain(findings.into_iter().map(|finding| annotation(finding, folder))).collect()
}

fn annotation(finding: &Finding, folder: &Utf8Path) -> String {
    let command = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let place = finding
        .at
        .as_ref()
        .map(|at| format!("file={},line={},", property(folder.join(&at.file).as_str()), at.line))
        .unwrap_or_default();
    let title = property(&format!("{} {}", finding.code, finding.rule));
    let hint = finding.hint.as_deref().map(|hint| format!("\nhint: {}", hint.trim())).unwrap_or_default();
    format!("::{command} {place}title={title}::{}\n", data(&format!("{}{hint}", finding.message)))
}

/// Escapes as the toolkit's `escapeData` does (actions/toolkit, packages/core/src/command.ts).
fn data(text: &str) -> String {
    printable(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes as the toolkit's `escapeProperty` does.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_its_command() {
        assert_eq!(data("100 %\r\nnext ::error::x"), "100 %25%0Anext ::error::x");
        assert_eq!(property("a,b:c"), "a%2Cb%3Ac");
    }
}
