//! JUnit XML: a test suite per proof, for the many tools that show test results.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, TestCase, TestCaseStatus, TestSuite};
use underpin_model::{Finding, ProofReport, Report, Severity, Verdict};

use crate::printable::{one_line, printable};

/// Returns the report as JUnit XML.
///
/// Every error is a failed test case; a proof without one is a single test case that passed, was
/// skipped, or (inconclusive) ended with an error. Warnings and notes are the suite's output.
pub fn render(report: &Report) -> String {
    let mut junit = quick_junit::Report::new(format!("underpin {}", one_line(&report.project)));
    junit.set_time(Duration::from_millis(report.duration_ms));
    junit.timestamp = report.started_at.parse().ok();
    for proof in &report.proofs {
        junit.add_test_suite(suite(proof));
    }
    // Writing to memory cannot fail; should it ever, the reader sees why.
    junit.to_string().unwrap_or_else(|error| format!("<!-- {error} -->\n"))
}

fn suite(proof: &ProofReport) -> TestSuite {
    let mut suite = TestSuite::new(one_line(&proof.proof));
    suite.set_time(Duration::from_millis(proof.duration_ms));
    suite.add_property(Property::new("verdict", proof.verdict.word()));
    for finding in proof.findings.iter().filter(|finding| finding.severity == Severity::Error) {
        suite.add_test_case(failure(proof, finding));
    }
    if suite.test_cases.is_empty() || matches!(proof.verdict, Verdict::Inconclusive | Verdict::Skipped) {
        suite.add_test_case(whole(proof));
    }
    let output = output(proof);
    if !output.is_empty() {
        suite.set_system_out(output);
    }
    suite
}

fn failure(proof: &ProofReport, finding: &Finding) -> TestCase {
    let object =
        finding.object.as_ref().map(|object| format!(" {}", object.display_name())).unwrap_or_default();
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_type(format!("{} {}", one_line(&finding.code), one_line(&finding.rule)));
    status.set_message(one_line(&finding.message));
    status.set_description(details(finding));
    let mut case = TestCase::new(one_line(&format!("{}{object}", finding.rule)), status);
    case.set_classname(format!("underpin.{}", one_line(&proof.proof)));
    if let Some(at) = &finding.at {
        case.extra.insert("file".into(), one_line(at.file.as_str()).into());
        case.extra.insert("line".into(), at.line.to_string().into());
    }
    case
}

fn details(finding: &Finding) -> String {
    let mut text = printable(&finding.message);
    if let Some(at) = &finding.at {
        text.push_str(&format!("\n--> {}", one_line(&at.to_string())));
    }
    if let Some(hint) = &finding.hint {
        text.push_str(&format!("\nhint: {}", printable(hint.trim())));
    }
    text
}

fn whole(proof: &ProofReport) -> TestCase {
    let reason = one_line(proof.reason.as_deref().unwrap_or_default());
    let mut status = match proof.verdict {
        Verdict::Proven => TestCaseStatus::success(),
        Verdict::Skipped => TestCaseStatus::skipped(),
        Verdict::Inconclusive => TestCaseStatus::non_success(NonSuccessKind::Error),
        Verdict::Broken => TestCaseStatus::non_success(NonSuccessKind::Failure),
    };
    if proof.verdict != Verdict::Proven {
        status.set_message(reason);
    }
    let mut case = TestCase::new(one_line(&proof.proof), status);
    case.set_classname(format!("underpin.{}", one_line(&proof.proof)));
    case.set_time(Duration::from_millis(proof.duration_ms));
    case
}

fn output(proof: &ProofReport) -> String {
    let lesser = proof.findings.iter().filter(|finding| finding.severity < Severity::Error);
    let lines: Vec<String> = lesser
        .map(|finding| {
            let (severity, code) = (finding.severity.word(), one_line(&finding.code));
            format!("{severity}[{code}] {}: {}", one_line(&finding.rule), details(finding))
        })
        .collect();
    lines.join("\n")
}
