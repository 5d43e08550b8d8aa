//! `constraints`: does every declared constraint really refuse bad data, by itself?

mod attempt;
mod candidates;
mod derive;
mod on_delete;
mod row;
mod search;
mod synthesis;
mod targets;
mod verdicts;

use std::collections::BTreeMap;

use underpin_model::Code;
use underpin_model::project::Project;
use underpin_pg::Session;

use self::attempt::{Attempt, Judgement, try_write};
use self::derive::{Bench, Derived, derive};
use self::on_delete::{Edge, Ending, Exercise};
use self::row::Row;
use self::targets::{Table, Target, Targets};
use self::verdicts::{Answer, Deletion, Trial};
use crate::error::LabError;
use crate::proof::{Experiment, Experimenting, Outcome, Proof};

/// The proof.
pub const PROOF: Proof = Proof {
    name: "constraints",
    question: "Does every NOT NULL, UNIQUE, CHECK, FOREIGN KEY and exclusion constraint really refuse bad data?",
    page: include_str!("../../../../docs/proofs/constraints.md"),
    own_servers: false,
    run: |experiment| -> Experimenting<'_> { Box::pin(run(experiment)) },
};

/// Every code that this proof reports.
pub const CODES: &[Code] = verdicts::CODES;

async fn run(experiment: &Experiment<'_>) -> Result<Outcome, LabError> {
    let sandbox = experiment.lab.sandbox().await?;
    let session = sandbox.session().await?;
    let outcome = examine(experiment.project, &session).await?;
    session.close().await;
    sandbox.drop().await?;
    Ok(outcome)
}

/// Tries every constraint of the database that the session is connected to; all of it is rolled back.
///
/// The session's role must own the tables: their triggers are switched off inside the transaction, which
/// locks them against writes until its end. A database that others work on waits that long.
pub async fn examine(_project: &Project, session: &Session) -> Result<Outcome, LabError> {
    let targets = targets::read(session).await?;
    if targets.targets.is_empty() {
        return Ok(Outcome::skipped("the schema declares no constraint"));
    }
    let examined = examine_targets(session, &targets).await;
    if examined.is_err() {
        // The first error is the one to report; a lost connection rolls back by itself.
        let _ = session.execute("ROLLBACK").await;
    }
    examined
}

async fn examine_targets(session: &Session, targets: &Targets) -> Result<Outcome, LabError> {
    let mut deletions = first_deletions(session, targets).await?;
    let trials = trials(session, targets, &mut deletions).await?;
    Ok(verdicts::outcome(&trials, &deletions))
}

/// Exercises the ON DELETE rules with the project's triggers at work, as in production.
async fn first_deletions(session: &Session, targets: &Targets) -> Result<Vec<Deletion>, LabError> {
    begin(session).await?;
    let mut deletions = Vec::new();
    for edge in targets.targets.iter().filter_map(|target| Edge::of(targets, target)) {
        let exercise = on_delete::exercise(session, &edge).await?;
        deletions.push(Deletion { target: edge.target.clone(), exercise });
    }
    session.execute("ROLLBACK").await?;
    Ok(deletions)
}

async fn begin(session: &Session) -> Result<(), LabError> {
    session.execute("BEGIN").await?;
    // Deferrable constraints answer at once, to the statement that violates them.
    session.execute("SET CONSTRAINTS ALL IMMEDIATE").await?;
    // Moments in the evidence read the same everywhere.
    session.execute("SET LOCAL timezone = 'UTC'").await?;
    session.execute("SET LOCAL datestyle = 'ISO, YMD'").await?;
    // An experiment that takes this long has met a table without the index it needs.
    session.execute("SET LOCAL statement_timeout = '30s'").await?;
    Ok(())
}

/// Tries every constraint with user triggers off, so that no trigger answers in a constraint's place; then
/// repeats the deletions that a trigger masked.
async fn trials(
    session: &Session,
    targets: &Targets,
    deletions: &mut [Deletion],
) -> Result<Vec<Trial>, LabError> {
    begin(session).await?;
    for table in &targets.tables {
        session.execute(&format!("ALTER TABLE {} DISABLE TRIGGER USER", table.quoted())).await?;
    }
    let rows = rows(session, targets).await?;
    let mut trials = Vec::new();
    for target in &targets.targets {
        trials.push(trial(session, targets, target, &rows).await?);
    }
    for deletion in deletions.iter_mut().filter(|deletion| deletion.is_open()) {
        let Some(edge) = Edge::of(targets, &deletion.target) else { continue };
        session.execute("SAVEPOINT underpin_repeat").await?;
        if deletion.exercise.is_none() {
            on_delete::adopt(session, &edge).await?;
        }
        let repeated = on_delete::exercise(session, &edge).await?;
        session.execute("ROLLBACK TO SAVEPOINT underpin_repeat").await?;
        deletion.exercise = repeated.map(|exercise| settled(exercise, deletion.exercise.as_ref()));
    }
    session.execute("ROLLBACK").await?;
    Ok(trials)
}

/// Says that the second try ran without the project's triggers.
fn settled(exercise: Exercise, masked: Option<&Exercise>) -> Exercise {
    match masked {
        Some(_) if exercise.ending != Ending::Masked => {
            Exercise { effect: format!("{}, user triggers off", exercise.effect), ..exercise }
        }
        _ => exercise,
    }
}

type Rows = BTreeMap<(String, String), Result<Row, String>>;

/// Returns one row per table; rows are made up where there are none, parents before their children.
async fn rows(session: &Session, targets: &Targets) -> Result<Rows, LabError> {
    let mut rows = Rows::new();
    for table in &targets.tables {
        let found = row::find(session, table, "true").await?;
        rows.insert(identity(table), found.ok_or_else(String::new));
    }
    // A made-up parent allows children in the next round; each round settles at least one table or is the last.
    loop {
        let mut settled = false;
        for table in &targets.tables {
            if rows.get(&identity(table)).is_some_and(|row| row.is_err()) {
                let made = synthesis::make_row(session, targets, table).await?;
                settled |= made.is_ok();
                rows.insert(identity(table), made);
            }
        }
        if !settled {
            return Ok(rows);
        }
    }
}

fn identity(table: &Table) -> (String, String) {
    (table.schema.clone(), table.name.clone())
}

async fn trial(
    session: &Session,
    targets: &Targets,
    target: &Target,
    rows: &Rows,
) -> Result<Trial, LabError> {
    let unexamined = |reason: String| Trial::new(target, "", Answer::Unexamined(reason));
    let Some(table) = targets.table(&target.schema, &target.table) else {
        return Ok(unexamined("its table is not known".to_owned()));
    };
    let row = match rows.get(&identity(table)) {
        Some(Ok(row)) => row,
        Some(Err(reason)) => return Ok(Trial::new(target, "", Answer::NoRow(reason.clone()))),
        None => return Ok(unexamined("its table is not known".to_owned())),
    };
    let bench = Bench { session, targets, table, row };
    session.execute("SAVEPOINT underpin_trial").await?;
    let derived = derive(&bench, target).await?;
    session.execute("ROLLBACK TO SAVEPOINT underpin_trial").await?;
    let mut trial = match derived {
        Derived::Nothing(reason) => unexamined(reason),
        Derived::NeverRefuses(reason) => Trial::new(target, "", Answer::NeverRefuses(reason)),
        Derived::Attempts(attempts) => certain(&bench, target, attempts).await?,
        Derived::Guesses(attempts) => guessed(&bench, target, attempts).await?,
    };
    trial.made_up = row.made_up;
    Ok(trial)
}

/// Tries writes that violate the constraint until one gives a clear answer.
async fn certain(bench: &Bench<'_>, target: &Target, attempts: Vec<Attempt>) -> Result<Trial, LabError> {
    let mut last = Trial::new(target, "", Answer::Unexamined("no write could be derived".to_owned()));
    for attempt in attempts {
        let tried = try_write(bench.session, bench.targets, target, &attempt).await?;
        let answer = match tried.judgement {
            Judgement::Refused => Answer::Refused(tried.aside),
            Judgement::Accepted => Answer::Accepted(attempt.sql.clone()),
            Judgement::Swallowed => Answer::Unexamined("a rule swallowed the write".to_owned()),
            Judgement::Other(error) => {
                Answer::Unexamined(format!("answered by something else: {}", error.message))
            }
        };
        let open = matches!(answer, Answer::Unexamined(_));
        last = Trial::new(target, &attempt.shown, answer);
        if !open {
            break;
        }
    }
    Ok(last)
}

/// Tries writes of which it is not known whether they violate the constraint: only its refusal is an answer.
async fn guessed(bench: &Bench<'_>, target: &Target, attempts: Vec<Attempt>) -> Result<Trial, LabError> {
    let count = attempts.len();
    for attempt in attempts {
        let tried = try_write(bench.session, bench.targets, target, &attempt).await?;
        if tried.judgement == Judgement::Refused {
            return Ok(Trial::new(target, &attempt.shown, Answer::Refused(tried.aside)));
        }
    }
    Ok(Trial::new(target, "", Answer::Unexamined(format!("none of {count} values is refused by it"))))
}
