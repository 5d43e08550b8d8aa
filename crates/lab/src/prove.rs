//! Runs proofs of a project, one after the other or side by side, and gathers one report.

use std::time::{Instant, SystemTime};

use camino::Utf8PathBuf;
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use underpin_model::project::Project;
use underpin_model::report::{REPORT_VERSION, ServerInfo};
use underpin_model::{Event, EventSink, ProofReport, Report, Severity, Verdict};

use crate::accepted;
use crate::error::LabError;
use crate::lab::{Lab, LabSpec, elapsed_ms};
use crate::proof::{Document, Experiment, Outcome, Proof, RunProfile};
use crate::{proofs, unbuilt};

/// What to prove, and how.
#[derive(Clone, Debug)]
pub struct ProveOptions {
    /// Names of proofs; all when empty.
    pub proofs: Vec<String>,
    /// How thorough to be.
    pub profile: RunProfile,
    /// How many proofs may run at once.
    pub jobs: usize,
    /// The lab.
    pub lab: LabSpec,
    /// Accepts the plans as they are, for this reason.
    pub bless: Option<String>,
}

/// What a run gives.
#[derive(Clone, Debug)]
pub struct Proved {
    /// The report.
    pub report: Report,
    /// Documents that proofs wrote, not yet on disk.
    pub documents: Vec<Document>,
}

/// Returns the proofs that the options name, in their fixed order.
pub fn select(names: &[String]) -> Result<Vec<&'static Proof>, UnknownProof> {
    for name in names {
        if !proofs::ALL.iter().any(|proof| proof.name == name) {
            return Err(UnknownProof { name: name.clone() });
        }
    }
    Ok(proofs::ALL
        .iter()
        .filter(|proof| names.is_empty() || names.iter().any(|name| name == proof.name))
        .collect())
}

/// A proof that does not exist was asked for.
#[derive(Debug, thiserror::Error)]
#[error("there is no proof called {name}")]
pub struct UnknownProof {
    /// The name as given.
    pub name: String,
}

/// One proof's place in the order, its report and its documents.
type Answer = (usize, ProofReport, Vec<Document>);

/// Opens a lab on the project, runs the selected proofs and returns the report.
///
/// A template that the project's own files keep from being built is a finding, not an error: see [`unbuilt`].
pub fn prove<'a>(
    project: &'a Project,
    selected: &'a [&'static Proof],
    options: &'a ProveOptions,
    events: &'a dyn EventSink,
) -> LocalBoxFuture<'a, Result<Proved, LabError>> {
    Box::pin(async move {
        let run = Run::start(project, selected.iter().map(|proof| proof.name), events);
        let (server, mut answers) = match Lab::open(project, &options.lab, events).await {
            Ok(lab) => answers(project, selected, options, (lab, events)).await?,
            Err(error) => {
                let settings = std::collections::BTreeMap::new();
                let server = ServerInfo { version: options.lab.installation.version.text.clone(), settings };
                (server, unbuilt_answers(project, selected, error, events)?)
            }
        };
        let documents = answers.iter_mut().flat_map(|(_, _, documents)| std::mem::take(documents)).collect();
        let proofs = answers.into_iter().map(|(_, report, _)| report).collect();
        Ok(Proved { report: run.finish(server, proofs), documents })
    })
}

async fn answers(
    project: &Project,
    selected: &[&'static Proof],
    options: &ProveOptions,
    (lab, events): (Lab, &dyn EventSink),
) -> Result<(ServerInfo, Vec<Answer>), LabError> {
    let server = lab.server_info().await?;
    let experiment = Experiment {
        project,
        lab: &lab,
        spec: &options.lab,
        events,
        profile: options.profile,
        bless: options.bless.as_deref(),
    };
    let mut order: Vec<_> = selected.iter().enumerate().collect();
    order.sort_by_key(|(_, proof)| !proof.own_servers);
    let mut answers: Vec<Answer> = futures_util::stream::iter(order)
        .map(|(index, proof)| answer(index, proof, &experiment))
        .buffer_unordered(options.jobs.max(1))
        .collect()
        .await;
    answers.sort_by_key(|(index, ..)| *index);
    lab.close().await?;
    Ok((server, answers))
}

fn unbuilt_answers(
    project: &Project,
    selected: &[&'static Proof],
    error: LabError,
    events: &dyn EventSink,
) -> Result<Vec<Answer>, LabError> {
    let reason = unbuilt::reason(&error);
    let (guilty, finding) = unbuilt::finding(error)?;
    let answer = |(index, proof): (usize, &&'static Proof)| {
        let start = begin(proof, events);
        let outcome = if proof.name == guilty {
            Outcome { findings: vec![finding.clone()], ..Outcome::default() }
        } else {
            Outcome { unexamined: vec![reason.clone()], ..Outcome::default() }
        };
        let (report, documents) = conclude(proof, start, outcome, (project, events));
        (index, report, documents)
    };
    Ok(selected.iter().enumerate().map(answer).collect())
}

/// A run under way: whose it is and when it began.
pub(crate) struct Run<'a> {
    project: String,
    start: Instant,
    started_at: String,
    events: &'a dyn EventSink,
}

impl<'a> Run<'a> {
    /// Begins a run of the proofs or drills of these names and says so.
    pub(crate) fn start<'n>(
        project: &Project,
        names: impl IntoIterator<Item = &'n str>,
        events: &'a dyn EventSink,
    ) -> Run<'a> {
        let start = Instant::now();
        let started_at = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        let project = project.config.project.name.clone();
        let proofs = names.into_iter().map(str::to_owned).collect();
        events.emit(Event::RunStarted { project: project.clone(), proofs });
        Run { project, start, started_at, events }
    }

    /// Ends the run, says so, and returns the report of its proofs.
    pub(crate) fn finish(self, server: ServerInfo, proofs: Vec<ProofReport>) -> Report {
        let report = Report {
            report: REPORT_VERSION,
            underpin: env!("CARGO_PKG_VERSION").to_owned(),
            project: self.project,
            server,
            started_at: self.started_at,
            duration_ms: elapsed_ms(self.start),
            verdict: Report::overall(&proofs),
            proofs,
        };
        self.events.emit(Event::RunFinished { report: Box::new(report.clone()) });
        report
    }
}

async fn answer(index: usize, proof: &Proof, experiment: &Experiment<'_>) -> Answer {
    let start = begin(proof, experiment.events);
    let settings = experiment.project.config.proofs.get(proof.name);
    let outcome = if settings.is_some_and(|settings| settings.enabled == Some(false)) {
        Outcome::skipped(format!("[proofs.{}] enabled = false", proof.name))
    } else {
        match (proof.run)(experiment).await {
            Ok(outcome) => outcome,
            Err(error) => Outcome { unexamined: vec![error.chain()], ..Outcome::default() },
        }
    };
    let (report, documents) = conclude(proof, start, outcome, (experiment.project, experiment.events));
    (index, report, documents)
}

fn begin(proof: &Proof, events: &dyn EventSink) -> Instant {
    events.emit(Event::ProofStarted { proof: proof.name.to_owned() });
    Instant::now()
}

fn conclude(
    proof: &Proof,
    start: Instant,
    mut outcome: Outcome,
    (project, events): (&Project, &dyn EventSink),
) -> (ProofReport, Vec<Document>) {
    let allow =
        project.config.proofs.get(proof.name).map(|settings| settings.allow.as_slice()).unwrap_or_default();
    accepted::by_header(project, &mut outcome.findings, &accepted::today());
    let (mut report, documents) = finish(proof.name, outcome, allow);
    report.duration_ms = elapsed_ms(start);
    events.emit(Event::ProofFinished { report: Box::new(report.clone()) });
    (report, documents)
}

/// Turns an outcome into a report: accepted findings become notes, the rest is sorted worst first.
pub fn finish(name: &str, mut outcome: Outcome, allow: &[String]) -> (ProofReport, Vec<Document>) {
    accepted::by_settings(name, allow, &mut outcome.findings);
    outcome.findings.sort_by(|a, b| (b.severity, &a.code, &a.object).cmp(&(a.severity, &b.code, &b.object)));
    let report = ProofReport {
        proof: name.to_owned(),
        verdict: outcome.verdict(),
        reason: outcome.reason(),
        duration_ms: 0,
        findings: outcome.findings,
        evidence: outcome.evidence,
        measures: outcome.measures,
    };
    (report, outcome.documents)
}

/// Writes documents into the project's folder; returns those whose content changed.
pub fn write_documents(project: &Project, documents: &[Document]) -> Result<Vec<Utf8PathBuf>, LabError> {
    let mut changed = Vec::new();
    for document in documents {
        let path = project.root.join(&document.path);
        if fs_err::read_to_string(&path).is_ok_and(|old| old == document.content) {
            continue;
        }
        let doing = |error| LabError::file(format!("writing {path}"), error);
        if let Some(folder) = path.parent() {
            fs_err::create_dir_all(folder).map_err(doing)?;
        }
        fs_err::write(&path, &document.content).map_err(doing)?;
        changed.push(path);
    }
    Ok(changed)
}

/// Returns the exit code of a run, as the manual page lists them.
///
/// A finding at or above `fail_on` or a broken proof is 1, otherwise an inconclusive proof is 4.
pub fn exit_code(report: &Report, fail_on: Option<Severity>) -> u8 {
    let failing = fail_on.is_some_and(|least| {
        report.proofs.iter().flat_map(|proof| &proof.findings).any(|finding| finding.severity >= least)
    });
    let broken = fail_on.is_some() && report.verdict == Verdict::Broken;
    match report.verdict {
        _ if failing || broken => 1,
        Verdict::Inconclusive => 4,
        _ => 0,
    }
}
