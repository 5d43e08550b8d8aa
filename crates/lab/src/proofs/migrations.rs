//! `migrations`: can every migration be deployed while the application runs?

mod load;
mod log;
mod phases;
mod phases_report;
mod runbook;

use underpin_model::{Code, Severity};

use crate::check::{self, Bench, Checked, RunningCode, Selection};
use crate::error::LabError;
use crate::lab::Lab;
use crate::proof::{Experiment, Experimenting, Outcome, Proof};
use crate::snapshot;

/// The proof.
pub const PROOF: Proof = Proof {
    name: "migrations",
    question: "Can every migration be deployed while the application runs?",
    page: include_str!("../../../../docs/proofs/migrations.md"),
    own_servers: true,
    run: |experiment| -> Experimenting<'_> { Box::pin(run(experiment)) },
};

/// Every code that this proof reports beside those of the rules for migrations.
pub const CODES: &[Code] = phases::CODES;

async fn run(experiment: &Experiment<'_>) -> Result<Outcome, LabError> {
    let Experiment { project, spec, events, .. } = *experiment;
    // The log that a statement writes is counted for the whole server: nobody else may work on it.
    let lab = Lab::open(project, spec, events).await?;
    let running = RunningCode::of(project);
    let production = snapshot::of_project(&project.root)?;
    let bench = Bench { lab: &lab, spec, base: project, production: production.as_ref(), events };
    let checked = check::check(project, &running, &Selection::from(project, None), &bench).await?;
    lab.close().await?;
    let mut outcome = outcome(checked);
    join(&mut outcome, phases::prove_phases(experiment).await?);
    Ok(outcome)
}

/// Adds what was found in another half of the proof.
fn join(outcome: &mut Outcome, other: Outcome) {
    if !other.summary.is_empty() {
        outcome.summary = format!("{} {}", outcome.summary, other.summary);
    }
    outcome.findings.extend(other.findings);
    outcome.evidence.extend(other.evidence);
    outcome.measures.extend(other.measures);
    outcome.documents.extend(other.documents);
    outcome.unexamined.extend(other.unexamined);
}

/// Returns what a check found as an outcome.
pub fn outcome(checked: Checked) -> Outcome {
    let statements: usize = checked.deployments.iter().map(|deployment| deployment.steps.len()).sum();
    let (files, unsafe_files) = (checked.deployments.len(), unsafe_files(&checked));
    let blocking = checked.deployments.iter().flat_map(|deployment| &deployment.steps);
    let blocking = blocking.filter(|step| step.grows() && step.widest().blocks()).count();
    let mut outcome = Outcome {
        summary: match files {
            0 => "There is no file to judge.".to_owned(),
            _ => format!(
                "{} in {} ran statement by statement at two sizes: others wait for {} while its work grows with the rows, {} unsafe.",
                counted(statements, "statement"),
                counted(files, "file"),
                match blocking {
                    0 => "none".to_owned(),
                    count => count.to_string(),
                },
                match unsafe_files {
                    0 => "no file is".to_owned(),
                    1 => "1 file is".to_owned(),
                    count => format!("{count} files are"),
                },
            ),
        },
        findings: checked.findings,
        evidence: checked.evidence,
        unexamined: checked.unexamined,
        ..Outcome::default()
    };
    outcome.measure("files", files as f64, "count");
    outcome.measure("statements", statements as f64, "count");
    let steps = || checked.deployments.iter().flat_map(|one| &one.steps);
    let alone: f64 = steps().filter_map(|step| step.large.as_ref()).map(|work| work.duration_ms).sum();
    outcome.measure("statements alone, larger size", alone.round(), "ms");
    let traced: f64 = checked.deployments.iter().map(|one| one.traced_ms).sum();
    outcome.measure("the same, measured", traced.round(), "ms");
    let slowest = checked.durations_ms.values().copied().fold(0.0, f64::max);
    outcome.measure("slowest file", slowest.round(), "ms");
    outcome
}

fn unsafe_files(checked: &Checked) -> usize {
    let errors = checked.findings.iter().filter(|finding| finding.severity == Severity::Error);
    let mut files: Vec<_> = errors.filter_map(|finding| finding.at.as_ref()).map(|at| &at.file).collect();
    files.sort();
    files.dedup();
    files.len()
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
