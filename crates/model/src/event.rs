//! What a run tells while it goes on.

use crate::report::{ProofReport, Report};

/// One thing that happened in a run. Renderers listen; nothing flows back.
#[derive(Clone, Debug)]
pub enum Event {
    /// A run begins.
    RunStarted {
        /// Name of the project.
        project: String,
        /// Proofs that will run, in order.
        proofs: Vec<String>,
    },
    /// A server process is up.
    ServerStarted {
        /// What it is for: `lab`, `durable`, `restore target`.
        purpose: String,
        /// `server_version`.
        version: String,
        /// Time from the decision to the first answer, in milliseconds.
        duration_ms: u64,
    },
    /// The template is ready for cloning.
    TemplateReady {
        /// Taken from the cache instead of built.
        cached: bool,
        /// Duration in milliseconds.
        duration_ms: u64,
    },
    /// A proof begins.
    ProofStarted {
        /// Its name.
        proof: String,
    },
    /// A long step of whatever is running begins or goes on.
    Progress {
        /// What is being done, such as `seed.sql`.
        what: String,
        /// Units done.
        done: u64,
        /// Units in all; 0 when unknown.
        total: u64,
        /// Name of the unit, such as `statements`.
        unit: &'static str,
    },
    /// Something worth a line on standard error, as a full sentence.
    Remark {
        /// The sentence.
        text: String,
    },
    /// A proof ended.
    ProofFinished {
        /// Its answer.
        report: Box<ProofReport>,
    },
    /// A run ended.
    RunFinished {
        /// The whole document.
        report: Box<Report>,
    },
}

/// Whoever listens to a run.
pub trait EventSink: Send + Sync {
    /// Takes one event; must not block for long and must not fail.
    fn emit(&self, event: Event);
}

/// Listens to nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl EventSink for Silent {
    fn emit(&self, _event: Event) {}
}
