//! `isolation`: which orders of concurrent transactions break an invariant?

mod document;
mod pairs;
mod workers;

use std::collections::BTreeMap;
use std::sync::Arc;

use underpin_model::evidence::Schedules;
use underpin_model::{Code, Event, Evidence, EvidenceBody, Finding, ObjectKind, ObjectRef, SourceLine};

use crate::error::LabError;
use crate::proof::{Experiment, Experimenting, Outcome, Proof, RunProfile};
use crate::race::{
    Arena, Bout, Explored, Level, RaceError, RaceOptions, RaceVerdict, Ring, evidence, explore, of_scenario,
    repairs, without_locks,
};

/// The proof.
pub const PROOF: Proof = Proof {
    name: "isolation",
    question: "Which orders of concurrent transactions break an invariant?",
    page: include_str!("../../../../docs/proofs/isolation.md"),
    own_servers: false,
    run: |experiment| -> Experimenting<'_> { Box::pin(run(experiment)) },
};

/// Every code that this proof reports.
pub const CODES: &[Code] = &[BREAKS, FAILS_ALONE, OUTDATED, DIFFERS];

const BREAKS: Code =
    Code::error("UP360", "race-breaks-invariant", "an order of concurrent transactions breaks an invariant");
const FAILS_ALONE: Code = Code::error(
    "UP361",
    "invariant-fails-serially",
    "an invariant fails after transactions that ran one after the other",
);
const OUTDATED: Code = Code::error(
    "UP362",
    "race-expectation-outdated",
    "a scenario that is expected to break an invariant does not",
);
const DIFFERS: Code =
    Code::note("UP363", "not-serializable", "an order of transactions ends as no serial order does");

/// Most seconds for one scenario at one level.
const SECONDS: f64 = 60.0;

/// So many schedules of a scenario without its locks are run in order, before chance draws some.
const GUARD_SCHEDULES: u64 = 50;

async fn run(experiment: &Experiment<'_>) -> Result<Outcome, LabError> {
    let project = experiment.project;
    if project.scenarios.is_empty() && project.transactions.is_empty() {
        return Ok(Outcome::skipped("there are no scenarios (scenarios/*.toml) and no transactions"));
    }
    let mut study = Study::default();
    match examine(experiment, &mut study).await {
        Ok(()) => Ok(study.conclude(experiment)),
        Err(RaceError::Lab(error)) => Err(error),
        Err(error) => {
            study.outcome.unexamined.push(error.to_string());
            Ok(study.conclude(experiment))
        }
    }
}

async fn examine(experiment: &Experiment<'_>, study: &mut Study) -> Result<(), RaceError> {
    let project = experiment.project;
    let ring = Arc::new(Ring::prepare(experiment.lab.address(), Some(project)).await?);
    let mut bouts: Vec<Bout> = project.scenarios.iter().map(|one| of_scenario(project, one)).collect();
    study.scenarios = bouts.len();
    match experiment.profile {
        RunProfile::Full => bouts.extend(pairs::pairs(project, &ring).await?),
        RunProfile::Quick => study.left_out = Some("pairs of transactions without a scenario"),
    }
    let bouts = Arc::new(bouts);
    let total = bouts.len() as u64;
    let mut results: BTreeMap<usize, Result<Rounds, RaceError>> = BTreeMap::new();
    let mut fought = workers::fight_all(Arc::clone(&ring), Arc::clone(&bouts), experiment.profile)?;
    while let Some((place, result)) = fought.recv().await {
        results.insert(place, result);
        let (what, done) = (bouts[place].name.clone(), results.len() as u64);
        experiment.events.emit(Event::Progress { what, done, total, unit: "scenarios" });
    }
    for (place, bout) in bouts.iter().enumerate() {
        match results.remove(&place) {
            Some(Ok(rounds)) => study.take(bout, rounds),
            Some(Err(RaceError::Lab(error))) => return Err(error.into()),
            Some(Err(error)) => study.outcome.unexamined.push(format!("{} ({error})", bout.name)),
            None => study.outcome.unexamined.push(format!("{} (its thread ended early)", bout.name)),
        }
    }
    Ok(ring.close().await?)
}

/// What was found of one scenario.
#[derive(Default)]
struct Rounds {
    /// One entry for each level.
    levels: Vec<(Explored, Evidence)>,
    guard: Option<Guard>,
}

/// Explores a scenario at each of its levels.
async fn fight(ring: &Ring, bout: &Bout, profile: RunProfile) -> Result<Rounds, RaceError> {
    let database = ring.database(bout).await?;
    let arena = Arena::prepare(&database, bout).await?;
    let options = RaceOptions { seconds: Some(SECONDS), ..RaceOptions::default() };
    let mut rounds = Rounds::default();
    for level in &bout.levels {
        let explored = explore(&arena, *level, &options).await?;
        let tried = match explored.verdict() {
            RaceVerdict::Breaks => repairs(ring, bout, &explored, &options).await?,
            _ => Vec::new(),
        };
        let evidence = evidence(bout, &explored, tried);
        rounds.levels.push((explored, evidence));
    }
    arena.close().await;
    ring.drop(&database).await?;
    if let (RunProfile::Full, Some((held, _))) = (profile, rounds.levels.first()) {
        rounds.guard = guard(ring, bout, held).await?;
    }
    Ok(rounds)
}

/// Explores a scenario that holds without its row locks, to show what they are there for.
async fn guard(ring: &Ring, bout: &Bout, held: &Explored) -> Result<Option<Guard>, RaceError> {
    let weaker =
        without_locks(bout).filter(|_| is_scenario(&bout.file) && held.verdict() == RaceVerdict::Holds);
    let Some(weaker) = weaker else { return Ok(None) };
    let weaker = Bout { name: format!("{} without row locks", bout.name), ..weaker };
    let database = ring.database(&weaker).await?;
    let arena = Arena::prepare(&database, &weaker).await?;
    let options = RaceOptions { limit: GUARD_SCHEDULES, first_anomaly: true, ..RaceOptions::default() };
    let explored = explore(&arena, held.level, &options).await?;
    arena.close().await;
    ring.drop(&database).await?;
    let evidence = evidence(&weaker, &explored, Vec::new());
    let EvidenceBody::Schedules(without) = evidence.body.clone() else { return Ok(None) };
    let with = (held.waiting, held.explored);
    Ok(Some(Guard { scenario: bout.name.clone(), level: held.level, with, without, evidence }))
}

/// Tells the file of a scenario from that of a pair that was made up.
fn is_scenario(file: &str) -> bool {
    file.ends_with(".toml")
}

/// A scenario that holds, beside itself without its row locks.
struct Guard {
    scenario: String,
    level: Level,
    /// Schedules with the locks: those in which some session waits, and all.
    with: (u64, u64),
    without: Box<Schedules>,
    /// The same for the report.
    evidence: Evidence,
}

/// One scenario at one level.
struct Judged {
    scenario: String,
    file: String,
    level: Level,
    verdict: RaceVerdict,
    expected: Option<bool>,
    schedules: Box<Schedules>,
}

impl Judged {
    /// Tells a scenario of the project from a pair that was made up.
    fn is_scenario(&self) -> bool {
        is_scenario(&self.file)
    }
}

#[derive(Default)]
struct Study {
    outcome: Outcome,
    judged: Vec<Judged>,
    guards: Vec<Guard>,
    scenarios: usize,
    left_out: Option<&'static str>,
}

impl Study {
    fn take(&mut self, bout: &Bout, rounds: Rounds) {
        for (explored, evidence) in rounds.levels {
            self.judge(bout, &explored, evidence);
        }
        let broken = rounds.guard.iter().filter(|guard| !guard.without.violated.is_empty());
        self.outcome.evidence.extend(broken.map(|guard| guard.evidence.clone()));
        self.guards.extend(rounds.guard);
    }

    fn judge(&mut self, bout: &Bout, explored: &Explored, evidence: Evidence) {
        let (verdict, expected) = (explored.verdict(), bout.expected(explored.level));
        let against = verdict.against(expected);
        if against.is_none() {
            let ran = format!("{} at {}: {} schedules run", bout.name, explored.level, explored.explored);
            let why = match &explored.first_error {
                Some(error) if !explored.someone_commits => format!("no session ever commits ({error})"),
                _ if !explored.someone_commits => "no session ever commits".to_owned(),
                _ => "more exist".to_owned(),
            };
            self.outcome.unexamined.push(format!("{ran}, {why}"));
        }
        let finding = match against {
            Some(true) => fault(bout, explored),
            _ => difference(bout, explored),
        };
        if let Some(finding) = finding {
            self.outcome.findings.push(finding.evidence(&evidence.id));
        }
        let EvidenceBody::Schedules(schedules) = &evidence.body else { return };
        self.judged.push(Judged {
            scenario: bout.name.clone(),
            file: bout.file.clone(),
            level: explored.level,
            verdict,
            expected,
            schedules: schedules.clone(),
        });
        if schedules.replay.is_some() {
            self.outcome.evidence.push(evidence);
        }
    }

    fn conclude(mut self, experiment: &Experiment<'_>) -> Outcome {
        let schedules: u64 = self.judged.iter().map(|one| one.schedules.explored).sum();
        let pairs = self.judged.iter().filter(|one| !one.is_scenario()).count();
        self.outcome.summary = format!(
            "Ran {schedules} schedules; scenarios at all their levels: {}; pairs of transactions without a scenario: {pairs}.",
            self.scenarios
        );
        if let Some(left_out) = self.left_out {
            self.outcome.summary.push_str(&format!(" Left out by --profile quick: {left_out}."));
        }
        self.outcome.measure("schedules", schedules as f64, "count");
        self.outcome.measure("scenarios", self.scenarios as f64, "count");
        let rows = self.judged.iter().map(document::row).collect();
        let title = "Every scenario at every level";
        self.outcome.evidence.insert(0, Evidence::table("scenarios", title, &document::COLUMNS, rows));
        self.outcome.documents.push(document::document(
            &experiment.project.config.project.name,
            &self.judged,
            &self.guards,
        ));
        self.outcome
    }
}

/// Returns the finding of a verdict against what is expected.
fn fault(bout: &Bout, explored: &Explored) -> Option<Finding> {
    let (name, level) = (&bout.name, explored.level);
    let finding = match explored.verdict() {
        RaceVerdict::FailsAlone => {
            let serial = explored.serial.as_ref()?;
            let message = format!(
                "{name} at {level}: {} fails after the serial order {}.",
                serial.violated.join(", "),
                serial.schedule
            );
            let hint = "The transactions break it without any concurrency: correct them, or the invariant.";
            Finding::new(&FAILS_ALONE, message).hint(hint)
        }
        RaceVerdict::Holds => {
            let message = format!("{name} at {level} is expected to break an invariant and holds.");
            Finding::new(&OUTDATED, message).hint("Write holds into its `expect`, so that it stays that way.")
        }
        _ => {
            let minimal = explored.minimal.as_ref()?;
            let message = format!(
                "{name} at {level}: {} fails after {} of {} schedules, first after {}.",
                minimal.violated.join(", "),
                explored.anomalous,
                explored.explored,
                minimal.schedule
            );
            let hint = "Look at the repairs that were tried; a level that refuses the anomaly wants a retry.";
            Finding::new(&BREAKS, message).hint(hint)
        }
    };
    Some(placed(finding, bout))
}

/// Returns the note on a scenario without an invariant that ends as no serial order does.
fn difference(bout: &Bout, explored: &Explored) -> Option<Finding> {
    let message = format!(
        "{} at {}: {} of {} schedules end as no serial order does.",
        bout.name, explored.level, explored.nonserializable, explored.explored
    );
    let hint = "Write a scenario with the invariant that matters, then it is judged.";
    let differs = explored.verdict() == RaceVerdict::Differs;
    differs.then(|| placed(Finding::new(&DIFFERS, message).hint(hint), bout))
}

fn placed(finding: Finding, bout: &Bout) -> Finding {
    let scenario = ObjectRef::new(ObjectKind::Scenario, &bout.name);
    finding.object(scenario).at(SourceLine::new(bout.file.clone(), 1))
}
