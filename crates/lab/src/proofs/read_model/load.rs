//! Random concurrent writes: the project's own transactions from several sessions, with rollbacks and errors mixed in.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use underpin_model::Evidence;
use underpin_model::script::TransactionScript;
use underpin_pg::Session;

use crate::error::LabError;
use crate::lab::Sandbox;
use crate::params;
use crate::proof::{Experiment, RunProfile};
use crate::script_run::{ScriptRun, StepFault};

/// Sessions when `[proofs.read-model] sessions` is not set.
const SESSIONS: u32 = 8;

/// Seconds when `[proofs.read-model] load_seconds` is not set.
const SECONDS: u64 = 4;

/// What the sessions did.
#[derive(Clone, Debug, Default)]
pub(super) struct Load {
    /// Transactions that ended with COMMIT.
    pub(super) committed: u64,
    /// Transactions that we gave up half way, by ROLLBACK or by an error of our own.
    pub(super) rolled_back: u64,
    /// Transactions that the server refused, by name and code.
    refused: BTreeMap<(String, String), u64>,
    /// Commits by transaction.
    by_name: BTreeMap<String, u64>,
}

impl Load {
    /// Returns how many transactions the server refused.
    pub(super) fn failed(&self) -> u64 {
        self.refused.values().sum()
    }

    /// Returns what happened, by transaction.
    pub(super) fn evidence(&self) -> Evidence {
        let commits = self
            .by_name
            .iter()
            .map(|(name, count)| vec![name.clone(), "COMMIT".to_owned(), count.to_string()]);
        let refused = self
            .refused
            .iter()
            .map(|((name, code), count)| vec![name.clone(), format!("refused: {code}"), count.to_string()]);
        let given_up = std::iter::once(vec![
            String::new(),
            "given up half way".to_owned(),
            self.rolled_back.to_string(),
        ]);
        let rows = commits.chain(refused).chain(given_up).collect();
        Evidence::table("load", "Concurrent writes", &["transaction", "end", "times"], rows)
    }

    /// Counts the end of one transaction.
    fn record(&mut self, script: &TransactionScript, outcome: Result<bool, StepFault>) {
        match outcome {
            Ok(true) => {
                self.committed += 1;
                *self.by_name.entry(script.name.clone()).or_default() += 1;
            }
            Ok(false) => self.rolled_back += 1,
            Err(fault) => {
                let code = fault.sqlstate().map_or_else(|| fault.to_string(), str::to_owned);
                *self.refused.entry((script.name.clone(), code)).or_default() += 1;
            }
        }
    }

    fn add(&mut self, other: Load) {
        self.committed += other.committed;
        self.rolled_back += other.rolled_back;
        for (key, count) in other.refused {
            *self.refused.entry(key).or_default() += count;
        }
        for (key, count) in other.by_name {
            *self.by_name.entry(key).or_default() += count;
        }
    }
}

/// Runs the project's transactions in the sandbox from several sessions at once.
pub(super) async fn run_load(experiment: &Experiment<'_>, sandbox: &Sandbox<'_>) -> Result<Load, LabError> {
    let settings = experiment.project.config.proofs.get("read-model").cloned().unwrap_or_default();
    let seconds = match experiment.profile {
        RunProfile::Quick => 1,
        RunProfile::Full => settings.load_seconds.unwrap_or(SECONDS),
    };
    let deadline = Instant::now() + Duration::from_secs(seconds);
    let sessions = settings.sessions.unwrap_or(SESSIONS);
    let workers = (0..sessions).map(|nth| work(experiment, sandbox, u64::from(nth) + 1, deadline));
    let mut load = Load::default();
    for answer in futures_util::future::join_all(workers).await {
        load.add(answer?);
    }
    Ok(load)
}

/// One session's work until the deadline. `seed` makes its choices its own.
async fn work(
    experiment: &Experiment<'_>,
    sandbox: &Sandbox<'_>,
    seed: u64,
    deadline: Instant,
) -> Result<Load, LabError> {
    let scripts = &experiment.project.transactions;
    let mut load = Load::default();
    if scripts.is_empty() {
        return Ok(load);
    }
    let chooser = sandbox.session().await?;
    let mut choice = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut turn = 0usize;
    while Instant::now() < deadline {
        choice = choice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let script = &scripts[(turn + seed as usize) % scripts.len()];
        turn += 1;
        // Of ten transactions two are given up half way: one by ROLLBACK, one by an error.
        let ending = match (choice >> 33) % 10 {
            0 => Ending::Rollback,
            1 => Ending::Error,
            _ => Ending::Commit,
        };
        let stop = 1 + (choice >> 40) as usize % 5;
        let attempt = Attempt { script, ending, stop, seed: choice };
        load.record(script, attempt.make(experiment, sandbox, &chooser).await?);
    }
    chooser.close().await;
    Ok(load)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Commit,
    Rollback,
    Error,
}

/// One transaction to run, and where to give it up.
struct Attempt<'s> {
    script: &'s TransactionScript,
    ending: Ending,
    /// Steps after which it is given up, unless it is to commit.
    stop: usize,
    seed: u64,
}

impl Attempt<'_> {
    /// Runs the transaction in a session of its own; returns whether it went through, or the step that did not.
    async fn make(
        &self,
        experiment: &Experiment<'_>,
        sandbox: &Sandbox<'_>,
        chooser: &Session,
    ) -> Result<Result<bool, StepFault>, LabError> {
        let values = params::evaluate(chooser, &self.script.name, &self.script.params).await?;
        let role = self.script.role.as_ref().or(experiment.project.config.database.app_role.as_ref());
        let session = match role {
            Some(role) => sandbox.session_as(role).await?,
            None => sandbox.session().await?,
        };
        let mut run = match ScriptRun::new(self.script, values, self.seed) {
            Ok(run) => run,
            Err(fault) => return Err(LabError::Unexpected(fault.chain())),
        };
        let outcome = drive(&mut run, &session, self.ending, self.stop).await;
        // Closing rolls back whatever is open.
        session.close().await;
        Ok(outcome)
    }
}

/// Runs the script to its end, or gives up after `stop` steps; returns whether it went through.
async fn drive(
    run: &mut ScriptRun<'_>,
    session: &Session,
    ending: Ending,
    stop: usize,
) -> Result<bool, StepFault> {
    let mut steps = 0;
    while run.step(session).await?.is_some() {
        steps += 1;
        if ending != Ending::Commit && steps >= stop && run.in_transaction() {
            let give_up = if ending == Ending::Error { "SELECT 1 / 0" } else { "ROLLBACK" };
            let _ = session.execute(give_up).await;
            return Ok(false);
        }
    }
    Ok(true)
}
