//! Every hazard and its safe twin, as a server shows them.

#![expect(clippy::print_stderr, reason = "what was found is read when a case differs")]

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};
use underpin_lab::check::Case;
use underpin_model::{Finding, Severity};
use underpin_pg::{Profile, Server, ServerSpec};

use crate::sample;

fn files() -> Vec<Utf8PathBuf> {
    let folder = Utf8Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hazards"));
    let mut files: Vec<_> = folder.read_dir_utf8().unwrap().map(|entry| entry.unwrap().into_path()).collect();
    files.sort();
    assert!(files.len() > 10, "{}", files.len());
    files
}

/// Returns the words after `-- key:` in the head of a case.
fn expected(text: &str, key: &str) -> BTreeSet<String> {
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("-- {key}:")));
    let words = line.unwrap_or_default().split([',', ' ']).map(str::trim);
    words.filter(|word| !word.is_empty() && *word != "nothing").map(str::to_owned).collect()
}

fn rules(findings: &[Finding], severity: Severity) -> BTreeSet<String> {
    findings.iter().filter(|one| one.severity == severity).map(|one| one.rule.clone()).collect()
}

/// Runs every case of which the number leaves `part` when divided by `parts`, and returns what differs.
fn run(part: usize, parts: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let faults = runtime.block_on(async {
        let server =
            Server::start(ServerSpec::new(sample::installation(), Profile::Fast, "hazards")).await.unwrap();
        let mut faults = Vec::new();
        for (nth, file) in files().into_iter().enumerate().filter(|(nth, _)| nth % parts == part) {
            let text = fs_err::read_to_string(&file).unwrap();
            let name = file.file_stem().unwrap();
            let case = Case::read(&text).unwrap_or_else(|fault| panic!("{name}: {fault}"));
            let deployment = case.run(&server.address(), &format!("case_{nth}")).await;
            let deployment = deployment.unwrap_or_else(|error| panic!("{name}: {error:?}"));
            let findings = underpin_rules::migration::judge(&deployment);
            let found = (rules(&findings, Severity::Error), rules(&findings, Severity::Note));
            for one in &findings {
                eprintln!("{name}: {} [{}]: {}", one.rule, one.severity.word(), one.message);
            }
            if found != (expected(&text, "expects"), expected(&text, "notes")) {
                let said: Vec<_> =
                    findings.iter().map(|one| format!("  {}: {}", one.rule, one.message)).collect();
                faults.push(format!("{name}\n{}\n  {:#?}", said.join("\n"), deployment.steps));
            }
        }
        server.stop().await.unwrap();
        faults
    });
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_case_of_the_first_half_shows_what_it_expects() {
    run(0, 2);
}

#[test]
fn every_case_of_the_second_half_shows_what_it_expects() {
    run(1, 2);
}
