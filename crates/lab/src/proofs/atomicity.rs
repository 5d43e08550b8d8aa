//! `atomicity`: is every multi-step write all or nothing?

mod commits;
mod crash;
mod document;
mod failure;

use underpin_model::checksum::DatabaseChecksum;
use underpin_model::script::{ScriptItem, ScriptStatement, TransactionScript};
use underpin_model::statement::Verb;
use underpin_model::{Code, Event, Evidence, Finding, ObjectKind, ObjectRef, SourceLine};
use underpin_pg::{Address, Server, Session, checksum};

use crate::clone::clone_database;
use crate::error::LabError;
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
    own_servers: true,
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

/// One script, and what was learned about it.
struct Examined<'s> {
    script: &'s TransactionScript,
    /// The superuser's address of the script's own database.
    database: Address,
    role: Option<&'s str>,
    values: Values,
    points: Vec<Point>,
    /// Statements of the run that went through, with their values.
    recorded: Vec<document::Recorded>,
    changed: Vec<String>,
}

impl<'s> Examined<'s> {
    fn new(script: &'s TransactionScript, database: Address, experiment: &Experiment<'s>) -> Examined<'s> {
        let role = script.role.as_ref().or(experiment.project.config.database.app_role.as_ref());
        Examined {
            script,
            database,
            role: role.map(String::as_str),
            values: Values::new(),
            points: vec![],
            recorded: vec![],
            changed: vec![],
        }
    }

    /// Opens a session as the script's role.
    async fn session(&self) -> Result<Session, LabError> {
        let address = self.role.map_or_else(|| self.database.clone(), |role| self.database.user(role));
        Ok(Session::connect(&address).await?)
    }

    /// Returns a run at the script's first statement.
    fn start(&self) -> Result<ScriptRun<'s>, LabError> {
        ScriptRun::new(self.script, self.values.clone(), 1).map_err(unexpected)
    }

    /// Returns whether no failure left anything behind.
    fn is_whole(&self) -> bool {
        self.points.iter().all(|point| point.left.is_empty())
    }
}

async fn run(experiment: &Experiment<'_>) -> Result<Outcome, LabError> {
    if experiment.project.transactions.is_empty() {
        return Ok(Outcome::skipped("the project has no transactions/*.sql"));
    }
    let mut place = Place::prepare(experiment).await?;
    let outcome = fail_all(experiment, &mut place).await;
    place.server.stop().await?;
    outcome
}

async fn fail_all(experiment: &Experiment<'_>, place: &mut Place) -> Result<Outcome, LabError> {
    let scripts = &experiment.project.transactions;
    let mut outcome = Outcome::default();
    let mut examined = Vec::new();
    for (nth, script) in scripts.iter().enumerate() {
        progress(experiment, script, nth);
        let mut one = Examined::new(script, place.database(nth), experiment);
        match try_failures(&mut one, place).await? {
            Ok(()) => examined.push(one),
            Err(fault) => outcome.findings.push(refused(script, &fault)),
        }
    }
    match experiment.profile {
        RunProfile::Full => crash::crash_all(place, &mut examined).await?,
        RunProfile::Quick => outcome.summary.push_str("Server crashes were left out (--profile quick). "),
    }
    for one in &mut examined {
        outcome.findings.extend(finish(one, place).await?);
    }
    conclude(&mut outcome, &examined);
    Ok(outcome)
}

fn progress(experiment: &Experiment<'_>, script: &TransactionScript, nth: usize) {
    let (done, total) = (nth as u64, experiment.project.transactions.len() as u64);
    experiment.events.emit(Event::Progress { what: script.name.clone(), done, total, unit: "transactions" });
}

/// A server that nobody else uses: what commits on it is the scripts' doing.
struct Place {
    server: Server,
    /// Content of the template, and so of every script's database before anything happened.
    before: DatabaseChecksum,
}

impl Place {
    /// Starts the server and makes a database for every script.
    async fn prepare(experiment: &Experiment<'_>) -> Result<Place, LabError> {
        // Autovacuum takes transaction ids too.
        let mut wish = experiment.lab.durable_spec("atomicity").setting("autovacuum", "off");
        if cfg!(target_os = "linux") {
            // Recovery makes sure that the files are on the disk: at once instead of one by one.
            wish = wish.setting("recovery_init_sync_method", "syncfs");
        }
        let server = Server::start(wish).await?;
        let template = server.address().database(template::DATABASE);
        let before = checksum::database_checksums(&template, &checksum::Options::default()).await?;
        let place = Place { server, before };
        for nth in 0..experiment.project.transactions.len() {
            clone_database(&place.server.address(), template::DATABASE, &place.database(nth).database)
                .await?;
        }
        Ok(place)
    }

    /// Returns the superuser's address of the nth script's database.
    fn database(&self, nth: usize) -> Address {
        self.server.address().database(&format!("script_{nth}"))
    }

    /// Returns the tables of a script's database whose content is not what it was before anything happened.
    async fn left(&self, database: &Address) -> Result<Vec<String>, LabError> {
        let after = checksum::database_checksums(database, &checksum::Options::default()).await?;
        Ok(changed_tables(&self.before, &after))
    }
}

/// Fails the script by an error, then by a killed session. What one failure leaves behind ends the
/// trial: the next failure would start from a changed state.
async fn try_failures(one: &mut Examined<'_>, place: &Place) -> Result<Result<(), StepFault>, LabError> {
    let watcher = Session::connect(&one.database).await?;
    // One seed for the server's random(): the same rows are chosen in every run.
    watcher.execute("SELECT setseed(0.5)").await?;
    one.values = params::evaluate(&watcher, &one.script.name, &one.script.params).await?;
    let since = Moment::now(&watcher).await?;
    let trial = Trial { place, watcher: &watcher, since };
    let mut ended = Ok(());
    for failure in [Failure::Error, Failure::Kill] {
        ended = fail_after_every_step(failure, one, &trial).await?;
        if ended.is_err() || !one.is_whole() {
            break;
        }
    }
    watcher.close().await;
    Ok(ended)
}

/// What the failures of one script are watched with.
struct Trial<'t> {
    place: &'t Place,
    watcher: &'t Session,
    since: Moment,
}

/// Notes what each failure left behind; the inner error is a statement that the server refused by itself.
async fn fail_after_every_step(
    failure: Failure,
    one: &mut Examined<'_>,
    trial: &Trial<'_>,
) -> Result<Result<(), StepFault>, LabError> {
    let Trial { place, watcher, since } = *trial;
    let mut as_new = None;
    for steps in 1.. {
        let session = match as_new.take() {
            Some(session) => session,
            None => one.session().await?,
        };
        let mut run = one.start()?;
        let last = match walk(&mut run, &session, steps).await {
            Ok(last) => last,
            Err(fault) => return Ok(Err(fault)),
        };
        let Some(last) = last.filter(|_| run.peek().is_some()) else { break };
        as_new = failure::inject(failure, session, watcher).await?;
        let undone = since.all_undone_since(watcher).await?;
        let left = if undone { Vec::new() } else { place.left(&one.database).await? };
        let stop = !left.is_empty() || commits_next(&run) && !more_after_commit(one.script);
        one.points.push(Point { failure, step: steps, line: last.line, sql: last.source(), left });
        if stop {
            break;
        }
    }
    Ok(Ok(()))
}

/// Lets the content have the last word over the transaction ids, and the script go through to its end.
async fn finish(one: &mut Examined<'_>, place: &Place) -> Result<Vec<Finding>, LabError> {
    if one.is_whole() {
        let left = place.left(&one.database).await?;
        if let Some(last) = one.points.last_mut() {
            last.left = left;
        }
    }
    let broken = one.points.iter().filter(|point| !point.left.is_empty());
    let mut findings: Vec<Finding> = broken.map(|point| partial(one.script, point)).collect();
    if findings.is_empty() {
        let session = one.session().await?;
        let ended = one.start()?.to_end(&session).await;
        session.close().await;
        match ended {
            Ok(done) => one.recorded = done.iter().map(document::record).collect(),
            Err(fault) => return Ok(vec![refused(one.script, &fault)]),
        }
        one.changed = place.left(&one.database).await?;
        findings.extend(one.changed.is_empty().then(|| without_effect(one.script)));
    }
    Ok(findings)
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

/// Returns the tables whose content differs, as `table: before → after rows`. Sequences never roll
/// back (manual, "Sequence Manipulation Functions"), so they do not count.
fn changed_tables(before: &DatabaseChecksum, after: &DatabaseChecksum) -> Vec<String> {
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
