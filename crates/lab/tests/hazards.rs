//! Every hazard and its safe twin, as a server shows them.

#![expect(clippy::print_stderr, reason = "what was found is read when a case differs")]

use std::collections::BTreeSet;
use std::time::Instant;

use camino::{Utf8Path, Utf8PathBuf};
use underpin_lab::check::Case;
use underpin_model::deployment::Deployment;
use underpin_model::{Finding, Severity};
use underpin_pg::{Profile, Server, ServerSpec};
use underpin_rules::migration;

use crate::sample;

fn files() -> Vec<Utf8PathBuf> {
    let folder = Utf8Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hazards"));
    let mut files: Vec<_> = folder.read_dir_utf8().unwrap().map(|entry| entry.unwrap().into_path()).collect();
    if let Ok(part) = std::env::var("UNDERPIN_CASE") {
        files.retain(|file| file.as_str().contains(&part));
        return files;
    }
    files.sort();
    assert!(files.len() >= 90, "{}", files.len());
    files
}

/// Returns the words after `-- key:` in the head of a case, or after `-- key-from-MAJOR:` where the server is new enough.
fn expected(text: &str, key: &str, major: u32) -> BTreeSet<String> {
    let newer = (14..=major).rev().map(|major| format!("-- {key}-from-{major}:"));
    let keys: Vec<String> = newer.chain([format!("-- {key}:")]).collect();
    let line = keys.iter().find_map(|key| text.lines().find_map(|line| line.strip_prefix(key.as_str())));
    let words = line.unwrap_or_default().split([',', ' ']).map(str::trim);
    words.filter(|word| !word.is_empty() && *word != "nothing").map(str::to_owned).collect()
}

/// Returns the rules of the findings of one severity.
pub fn rules(findings: &[Finding], severity: Severity) -> BTreeSet<String> {
    findings.iter().filter(|one| one.severity == severity).map(|one| one.rule.clone()).collect()
}

/// Runs a case on a server that runs no other at the time.
pub async fn run_case(server: &Server, text: &str, name: &str) -> Deployment {
    let case = Case::read(text).unwrap_or_else(|fault| panic!("{name}: {fault}"));
    let deployment = case.run(&server.address(), "case").await;
    deployment.unwrap_or_else(|error| panic!("{name}: {error:?}"))
}

/// Returns what is found, with what the file accepts; `text` is the case.
pub fn judge(deployment: &Deployment, text: &str) -> Vec<Finding> {
    let mut findings = migration::judge(deployment);
    let (_, file) = text.split_once("-- == migration\n").unwrap_or_default();
    let file = file.split("-- == ").next().unwrap_or_default();
    let (allow, _) = underpin_sql::directive::allows(&deployment.file, file);
    let lines: Vec<u32> = deployment.steps.iter().map(|step| step.statement.line).collect();
    migration::accept(&mut findings, &allow, (&deployment.file, &lines), "2026-06-01");
    findings
}

/// Runs every case of which the number leaves `part` when divided by `parts`, and returns what differs.
fn run(part: usize, parts: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let faults = runtime.block_on(async {
        let installation = sample::installation();
        let major = installation.version.major;
        let server = Server::start(ServerSpec::new(installation, Profile::Fast, "hazards")).await.unwrap();
        let mut faults = Vec::new();
        for (_, file) in files().into_iter().enumerate().filter(|(nth, _)| nth % parts == part) {
            let start = Instant::now();
            let text = fs_err::read_to_string(&file).unwrap();
            let name = file.file_stem().unwrap();
            let deployment = run_case(&server, &text, name).await;
            let findings = judge(&deployment, &text);
            let words =
                [("expects", Severity::Error), ("warnings", Severity::Warning), ("notes", Severity::Note)];
            let differs = |(word, severity)| rules(&findings, severity) != expected(&text, word, major);
            eprintln!("{name}: {} ms", start.elapsed().as_millis());
            for one in &findings {
                eprintln!("{name}: {} [{}]: {}", one.rule, one.severity.word(), one.message);
            }
            if words.into_iter().any(differs) {
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
fn every_case_of_part_1_shows_what_it_expects() {
    run(0, 4);
}

#[test]
fn every_case_of_part_2_shows_what_it_expects() {
    run(1, 4);
}

#[test]
fn every_case_of_part_3_shows_what_it_expects() {
    run(2, 4);
}

#[test]
fn every_case_of_part_4_shows_what_it_expects() {
    run(3, 4);
}
