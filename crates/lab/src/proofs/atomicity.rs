//! `atomicity`: is every multi-step write all or nothing?

mod commits;
mod crash;
mod document;
mod failure;

use underpin_model::checksum::DatabaseChecksum;
use underpin_model::script::{ScriptItem, ScriptStatement, TransactionScript};
use underpin_model::statement::Verb;
use underpin_model::{Code, Event, Evidence, Finding, ObjectKind, ObjectRef, SourceLine};
use underpin_pg::{Session, checksum};

use crate::error::LabError;
use crate::lab::Sandbox;
use crate::params::{self, Values};
use crate::proof::{Experiment, Experimenting, Outcome, Proof, RunProfile};
use crate::script_run::{ScriptRun, StepFault};
use crate::template;

use commits::Moment;
use failure::{Failure, Point};

/// The proof.
pub const PROOF: Proof = Proof {
    name: "atomicity",
    question: "Is every multi-step write all or nothing?",
    page: include_str!("../../../../docs/proofs/atomicity.md"),
    run: |experiment| -> Experimenting<'_> { Box::pin(run(experiment)) },
};

/// Every code that this proof reports.
pub const CODES: &[Code] = &[PARTIAL, FAILS, NO_EFFECT];

const PARTIAL: Code =
    Code::error("UP260", "partial-write", "a failure half way leaves part of a write behind");
const FAILS: Code =
    Code::error("UP261", "transaction-fails", "a transaction does not succeed with its own parameters");
const NO_EFFECT: Code =
    Code::warning("UP262", "transaction-without-effect", "a transaction succeeds and changes nothing");

/// What was learned about one script.
struct Examined<'s> {
    script: &'s TransactionScript,
    values: Values,
    points: Vec<Point>,
    /// Statements of the run that went through, with their values.
    recorded: Vec<document::Recorded>,
    changed: Vec<String>,
}

async fn run(experiment: &Experiment<'_>) -> Result<Outcome, LabError> {
    let project = experiment.project;
    if project.transactions.is_empty() {
        return Ok(Outcome::skipped("the project has no transactions/*.sql"));
    }
    // A server of its own: what commits on it is the scripts' doing.
    let alone = experiment.lab.twin("atomicity").await?;
    let outcome = fail_all(&Experiment { lab: &alone, ..*experiment }).await;
    alone.close().await?;
    outcome
}

async fn fail_all(experiment: &Experiment<'_>) -> Result<Outcome, LabError> {
    let project = experiment.project;
    let mut outcome = Outcome::default();
    let mut examined = Vec::new();
    let template = experiment.lab.address().database(template::DATABASE);
    // Every database of this proof is a clone of the template, so this is the content of all of them.
    let before = checksum::database_checksums(&template, &checksum::Options::default()).await?;
    for (nth, script) in project.transactions.iter().enumerate() {
        let (done, total) = (nth as u64, project.transactions.len() as u64);
        experiment.events.emit(Event::Progress {
            what: script.name.clone(),
            done,
            total,
            unit: "transactions",
        });
        examined.extend(examine(experiment, script, &before, &mut outcome).await?);
    }
    match experiment.profile {
        RunProfile::Full => crash::crash_all(experiment, &before, &mut examined, &mut outcome).await?,
        RunProfile::Quick => outcome.summary.push_str("Server crashes were left out (--profile quick). "),
    }
    conclude(&mut outcome, &examined);
    Ok(outcome)
}

/// Fails the script after every step in two ways, then lets it go through.
async fn examine<'s>(
    experiment: &Experiment<'_>,
    script: &'s TransactionScript,
    before: &DatabaseChecksum,
    outcome: &mut Outcome,
) -> Result<Option<Examined<'s>>, LabError> {
    let sandbox = experiment.lab.sandbox().await?;
    let case = Case::prepare(experiment, &sandbox, script, before).await?;
    let mut one =
        Examined { script, values: case.values.clone(), points: vec![], recorded: vec![], changed: vec![] };
    let tried = try_failures(&case, &mut one.points).await?;
    let whole = tried.is_ok() && one.points.iter().all(|point| point.left.is_empty());
    let ended = match tried {
        Ok(()) if whole => go_through(&case, &mut one).await?,
        tried => tried,
    };
    case.watcher.close().await;
    sandbox.drop().await?;
    if let Err(fault) = ended {
        outcome.findings.push(refused(script, &fault));
        return Ok(None);
    }
    let broken = one.points.iter().filter(|point| !point.left.is_empty());
    outcome.findings.extend(broken.map(|point| partial(script, point)));
    if whole && one.changed.is_empty() {
        outcome.findings.push(without_effect(script));
    }
    Ok(Some(one))
}

/// Fails the script by an error, then by a killed session. What one failure leaves behind ends the
/// trial: the next failure would start from a changed state.
async fn try_failures(
    case: &Case<'_, '_>,
    points: &mut Vec<Point>,
) -> Result<Result<(), StepFault>, LabError> {
    for failure in [Failure::Error, Failure::Kill] {
        match case.fail_after_every_step(failure).await? {
            Ok(found) => points.extend(found),
            Err(fault) => return Ok(Err(fault)),
        }
        if points.iter().any(|point| !point.left.is_empty()) {
            return Ok(Ok(()));
        }
    }
    // The content has the last word over the transaction ids.
    if let Some(last) = points.last_mut() {
        last.left = case.left().await?;
    }
    Ok(Ok(()))
}

/// Lets the script run to its end and notes what it changed; the inner error is a statement that the server refused.
async fn go_through(case: &Case<'_, '_>, one: &mut Examined<'_>) -> Result<Result<(), StepFault>, LabError> {
    let session = session_for(case.experiment, case.sandbox, case.script).await?;
    let mut whole = ScriptRun::new(case.script, case.values.clone(), 1).map_err(unexpected)?;
    let ended = whole.to_end(&session).await;
    session.close().await;
    one.changed = case.left().await?;
    Ok(ended.map(|done| one.recorded = done.iter().map(document::record).collect()))
}

/// One script in one sandbox, before anything happened.
struct Case<'c, 's> {
    experiment: &'c Experiment<'c>,
    sandbox: &'c Sandbox<'c>,
    script: &'s TransactionScript,
    values: Values,
    watcher: Session,
    before: &'c DatabaseChecksum,
    since: Moment,
}

impl<'c, 's> Case<'c, 's> {
    async fn prepare(
        experiment: &'c Experiment<'c>,
        sandbox: &'c Sandbox<'c>,
        script: &'s TransactionScript,
        before: &'c DatabaseChecksum,
    ) -> Result<Case<'c, 's>, LabError> {
        let watcher = sandbox.session().await?;
        // One seed for the server's random(): the same rows are chosen in every run.
        watcher.execute("SELECT setseed(0.5)").await?;
        let values = params::evaluate(&watcher, &script.name, &script.params).await?;
        let since = Moment::now(&watcher).await?;
        Ok(Case { experiment, sandbox, script, values, watcher, before, since })
    }

    /// Returns the tables whose content is not what it was before anything happened.
    async fn left(&self) -> Result<Vec<String>, LabError> {
        let after =
            checksum::database_checksums(&self.sandbox.address(), &checksum::Options::default()).await?;
        Ok(changed_tables(self.before, &after))
    }

    /// Returns what each failure left behind; the inner error is a statement that the server refused by itself.
    async fn fail_after_every_step(
        &self,
        failure: Failure,
    ) -> Result<Result<Vec<Point>, StepFault>, LabError> {
        let mut points = Vec::new();
        for steps in 1.. {
            let session = session_for(self.experiment, self.sandbox, self.script).await?;
            let mut run = ScriptRun::new(self.script, self.values.clone(), 1).map_err(unexpected)?;
            let last = match walk(&mut run, &session, steps).await {
                Ok(last) => last,
                Err(fault) => return Ok(Err(fault)),
            };
            let Some(last) = last.filter(|_| run.peek().is_some()) else { break };
            failure::inject(failure, &session, &self.watcher).await?;
            let undone = self.since.all_undone_since(&self.watcher).await?;
            let left = if undone { Vec::new() } else { self.left().await? };
            let stop = !left.is_empty() || commits_next(&run) && !more_after_commit(self.script);
            points.push(Point { failure, step: steps, line: last.line, sql: last.source(), left });
            if stop {
                break;
            }
        }
        Ok(Ok(points))
    }
}

/// Executes up to `steps` statements and returns the last one.
async fn walk<'s>(
    run: &mut ScriptRun<'s>,
    session: &Session,
    steps: usize,
) -> Result<Option<&'s ScriptStatement>, StepFault> {
    let mut last = None;
    for _ in 0..steps {
        match run.step(session).await? {
            Some(done) => last = Some(done.sent.statement),
            None => break,
        }
    }
    Ok(last)
}

fn commits_next(run: &ScriptRun<'_>) -> bool {
    run.peek().is_some_and(|next| next.statement.facts.verb == Verb::Commit)
}

/// Returns whether the script goes on after its last COMMIT with a statement that can write.
fn more_after_commit(script: &TransactionScript) -> bool {
    let last_commit = script.items.iter().rposition(
        |item| matches!(item, ScriptItem::Statement(statement) if statement.facts.verb == Verb::Commit),
    );
    let rest = last_commit.map_or(&script.items[..], |index| &script.items[index + 1..]);
    let reads = |item: &ScriptItem| match item {
        ScriptItem::Statement(statement) => statement.facts.verb == Verb::Select,
        ScriptItem::Set { .. } => true,
        ScriptItem::If { .. } => false,
    };
    last_commit.is_none() || !rest.iter().all(reads) || begins(script) > 1
}

fn begins(script: &TransactionScript) -> usize {
    let begins = |item: &&ScriptItem| matches!(item, ScriptItem::Statement(statement) if statement.facts.verb == Verb::Begin);
    script.items.iter().filter(begins).count()
}

/// Opens a session as the script's role.
async fn session_for(
    experiment: &Experiment<'_>,
    sandbox: &Sandbox<'_>,
    script: &TransactionScript,
) -> Result<Session, LabError> {
    match script.role.as_ref().or(experiment.project.config.database.app_role.as_ref()) {
        Some(role) => sandbox.session_as(role).await,
        None => sandbox.session().await,
    }
}

/// Returns the tables whose content differs, as `table: before → after rows`. Sequences never roll
/// back (manual, "Sequence Manipulation Functions"), so they do not count.
pub(super) fn changed_tables(before: &DatabaseChecksum, after: &DatabaseChecksum) -> Vec<String> {
    let changed = before.tables.iter().filter(|(name, sum)| after.tables.get(*name) != Some(*sum));
    changed
        .map(|(name, sum)| {
            let rows = after.tables.get(name).map_or(0, |after| after.rows);
            format!("{} ({} → {rows} rows)", name.trim_start_matches("public."), sum.rows)
        })
        .collect()
}

fn unexpected(fault: StepFault) -> LabError {
    LabError::Unexpected(fault.chain())
}

fn object(script: &TransactionScript) -> ObjectRef {
    ObjectRef::new(ObjectKind::Transaction, &script.name)
}

fn partial(script: &TransactionScript, point: &Point) -> Finding {
    let message = format!(
        "{}: {} after step {} left part of the write behind: {}.",
        script.name,
        point.failure.words(),
        point.step,
        point.left.join(", ")
    );
    Finding::new(&PARTIAL, message)
        .object(object(script))
        .at(SourceLine::new(script.file.clone(), point.line))
        .hint("Put all statements of the write between one BEGIN and one COMMIT.")
}

fn refused(script: &TransactionScript, fault: &StepFault) -> Finding {
    Finding::new(
        &FAILS,
        format!("{} does not go through with its own parameters: {}.", script.name, fault.chain()),
    )
    .object(object(script))
    .at(SourceLine::new(script.file.clone(), fault.line()))
    .hint("Correct the statement, or the `-- param:` values at the head of the file.")
}

fn without_effect(script: &TransactionScript) -> Finding {
    let message =
        format!("{} went through and changed no table: its failures had nothing to undo.", script.name);
    Finding::new(&NO_EFFECT, message)
        .object(object(script))
        .at(SourceLine::new(script.file.clone(), 1))
        .hint("Choose `-- param:` values for which the transaction does its work.")
}

fn conclude(outcome: &mut Outcome, examined: &[Examined<'_>]) {
    let points: usize = examined.iter().map(|one| one.points.len()).sum();
    let scripts = examined.len();
    outcome.summary.push_str(&format!(
        "Failed {scripts} transactions at {points} points (error, killed session, server crash); after each, \
         every table had the content it had before."
    ));
    if !outcome.findings.is_empty() {
        outcome.summary =
            format!("Failed {scripts} transactions at {points} points and compared every table's content.");
    }
    outcome.measure("transactions", scripts as f64, "count");
    outcome.measure("failure_points", points as f64, "count");
    let rows = examined.iter().map(|one| {
        let count = |failure| one.points.iter().filter(|point| point.failure == failure).count().to_string();
        vec![
            one.script.name.clone(),
            count(Failure::Error),
            count(Failure::Kill),
            count(Failure::Crash),
            one.changed.join(", "),
        ]
    });
    let columns = ["transaction", "errors", "kills", "crashes", "what it changes when it goes through"];
    outcome.evidence.push(Evidence::table(
        "points",
        "Failures injected, by transaction",
        &columns,
        rows.collect(),
    ));
    outcome.documents.extend(document::documents(examined));
}
