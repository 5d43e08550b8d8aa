//! JUnit XML.

use underpin_model::{Report, Verdict};
use underpin_report::junit::render;

use crate::sample;

fn only(names: &[&str]) -> Report {
    let mut report = sample::report();
    report.proofs.retain(|proof| names.contains(&proof.proof.as_str()));
    report
}

#[test]
fn every_verdict_has_a_test_case() {
    let xml = render(&only(&["seed", "read-model", "roles", "isolation"]));
    let read = quick_junit::Report::deserialize_from_str(&xml).unwrap();
    assert_eq!((read.tests, read.failures, read.errors), (4, 1, 1), "{xml}");
    let suites: Vec<&str> = read.test_suites.iter().map(|suite| suite.name.as_str()).collect();
    assert_eq!(suites, ["seed", "read-model", "roles", "isolation"]);
    assert!(read.test_suites.iter().all(|suite| suite.test_cases.len() == 1), "{xml}");
    assert!(xml.contains("UP301 read-model-drift") && xml.contains("<skipped"), "{xml}");
}

#[test]
fn hostile_text_stays_well_formed() {
    let mut report = only(&["read-model"]);
    let finding = &mut report.proofs[0].findings[0];
    finding.message = "]]> <a b=\"&\u{1}\u{1b}[0m".to_owned();
    let xml = render(&report);
    let read = quick_junit::Report::deserialize_from_str(&xml).unwrap();
    assert_eq!(read.test_suites[0].test_cases.len(), 1);
    assert!(!xml.contains(['\u{1}', '\u{1b}']));
}

#[test]
fn a_broken_proof_without_findings_still_fails() {
    let mut report = only(&["seed"]);
    report.proofs[0].verdict = Verdict::Broken;
    assert!(render(&report).contains("failures=\"1\""));
}
