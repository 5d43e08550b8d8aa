//! What a proof is: one question about the project, answered by an experiment.

use std::future::Future;
use std::pin::Pin;

use underpin_model::project::Project;
use underpin_model::{EventSink, Evidence, Finding, Measure, Severity, Verdict};

use crate::drill::ground::Ground;
use crate::error::LabError;
use crate::lab::{Lab, LabSpec};

/// A future that an experiment runs as; it stays on its thread, as servers do the work.
pub type Experimenting<'a> = Pin<Box<dyn Future<Output = Result<Outcome, LabError>> + 'a>>;

/// A proof that `underpin prove` can run.
pub struct Proof {
    /// Its name on the command line and in reports.
    pub name: &'static str,
    /// The question it answers.
    pub question: &'static str,
    /// Its page in Markdown.
    pub page: &'static str,
    /// Starts servers of its own, which takes longest: such a proof begins before the others.
    pub own_servers: bool,
    /// The experiment.
    pub run: for<'a> fn(&'a Experiment<'a>) -> Experimenting<'a>,
}

/// What an experiment works with.
pub struct Experiment<'a> {
    /// The project.
    pub project: &'a Project,
    /// The lab with the project's template.
    pub lab: &'a Lab,
    /// How the lab was made, for another one like it.
    pub spec: &'a LabSpec,
    /// Whoever listens.
    pub events: &'a dyn EventSink,
    /// How thorough to be.
    pub profile: RunProfile,
    /// Why the plans are accepted as they are; absent when they are judged.
    pub bless: Option<&'a str>,
}

impl Experiment<'_> {
    /// Returns what the servers of a drill begin with: the project's template.
    pub(crate) fn ground(&self) -> Ground<'_> {
        let stock = Some((self.project, self.lab.template_data()));
        Ground { installation: self.lab.installation(), stock }
    }

    /// Returns the outcome of a proof whose programs are not all there; nothing when they are.
    pub(crate) fn lacking(&self, programs: &[&str]) -> Option<Outcome> {
        let absent = |program: &&&str| !self.lab.installation().has(program);
        let missing: Vec<&str> = programs.iter().filter(absent).copied().collect();
        let gap = format!("{} not installed beside this server", missing.join(", "));
        (!missing.is_empty()).then(|| Outcome { unexamined: vec![gap], ..Outcome::default() })
    }

    /// Returns the outcome of a proof that kills servers where a quick run was wanted; nothing in a full one.
    pub(crate) fn too_quick_to_kill(&self) -> Option<Outcome> {
        let quick = self.profile == RunProfile::Quick;
        quick.then(|| Outcome::skipped("a quick run kills no servers; leave out --profile quick"))
    }
}

/// How thorough a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RunProfile {
    /// Leaves out what takes long, and says so: server crashes, long loads.
    Quick,
    /// Everything.
    #[default]
    Full,
}

/// What an experiment found.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// What was done, in one sentence.
    pub summary: String,
    /// Faults.
    pub findings: Vec<Finding>,
    /// What was measured.
    pub evidence: Vec<Evidence>,
    /// Numbers worth comparing.
    pub measures: Vec<Measure>,
    /// Documents for the project's folder.
    pub documents: Vec<Document>,
    /// What could not be examined; any entry makes a proof without errors inconclusive.
    pub unexamined: Vec<String>,
    /// Why the question does not arise; makes the proof skipped.
    pub skipped: Option<String>,
}

/// A generated document of the project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Path relative to the project, such as `evidence/backup-runbook.md`.
    pub path: String,
    /// The whole content.
    pub content: String,
}

impl Outcome {
    /// Returns the outcome of a question that does not arise.
    pub fn skipped(reason: impl Into<String>) -> Outcome {
        Outcome { skipped: Some(reason.into()), ..Outcome::default() }
    }

    /// Adds a measure.
    pub fn measure(&mut self, name: &str, value: f64, unit: &str) {
        self.measures.push(Measure::new(name, value, unit));
    }

    /// Returns how the proof ended: an error breaks it, a gap in what was examined leaves it open.
    pub fn verdict(&self) -> Verdict {
        if self.skipped.is_some() {
            Verdict::Skipped
        } else if self.findings.iter().any(|finding| finding.severity == Severity::Error) {
            Verdict::Broken
        } else if !self.unexamined.is_empty() {
            Verdict::Inconclusive
        } else {
            Verdict::Proven
        }
    }

    /// Returns the sentence that goes with the verdict.
    pub fn reason(&self) -> Option<String> {
        if let Some(reason) = &self.skipped {
            return Some(reason.clone());
        }
        let mut text = self.summary.clone();
        if !self.unexamined.is_empty() {
            text.push_str(&format!(" Not examined: {}.", self.unexamined.join("; ")));
        }
        (!text.is_empty()).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use underpin_model::Code;

    const FAULT: Code = Code::error("UP999", "test-fault", "a fault");

    #[test]
    fn what_was_not_examined_is_never_proven() {
        let outcome = Outcome { unexamined: vec!["a table".into()], ..Outcome::default() };
        assert_eq!(outcome.verdict(), Verdict::Inconclusive);
    }

    #[test]
    fn an_error_breaks_and_a_note_does_not() {
        let mut outcome = Outcome { findings: vec![Finding::new(&FAULT, "x")], ..Outcome::default() };
        assert_eq!(outcome.verdict(), Verdict::Broken);
        outcome.findings[0].severity = Severity::Note;
        assert_eq!(outcome.verdict(), Verdict::Proven);
    }
}
