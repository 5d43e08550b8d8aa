//! `read-model`: do the denormalised counters and summaries always equal a recount?

mod deletes;
mod load;

use underpin_model::event::Silent;
use underpin_model::project::{Invariant, Project};
use underpin_model::{Code, Evidence, Finding, ObjectKind, ObjectRef, SourceLine};
use underpin_pg::Rows;
use underpin_pg::Session;

use crate::error::LabError;
use crate::loading::load_files;
use crate::migrator::{ApplyOptions, migrate_up};
use crate::proof::{Experiment, Experimenting, Outcome, Proof};
use crate::template::owner_address;

/// The proof.
pub const PROOF: Proof = Proof {
    name: "read-model",
    question: "Do the denormalised counters and summaries always equal a recount?",
    page: include_str!("../../../../docs/proofs/read-model.md"),
    own_servers: false,
    run: |experiment| -> Experimenting<'_> { Box::pin(run(experiment)) },
};

/// Every code that this proof reports.
pub const CODES: &[Code] = &[DIFFERS, VIOLATED];

const DIFFERS: Code =
    Code::error("UP300", "read-model-differs", "a stored count or summary is not what a recount gives");
const VIOLATED: Code =
    Code::error("UP301", "invariant-violated", "an invariant of the project does not hold");

/// The moment when only stored values are asked.
const AFTER_DELETES: &str = "after deletes";

async fn run(experiment: &Experiment<'_>) -> Result<Outcome, LabError> {
    let project = experiment.project;
    if let Some(skipped) = nothing_to_recount(project) {
        return Ok(skipped);
    }
    let mut study = Study::new(project);
    after_seed(experiment, &mut study).await?;
    let sandbox = experiment.lab.sandbox().await?;
    let session = sandbox.session().await?;
    study.recount("after scale", &session).await?;
    let load = load::run_load(experiment, &sandbox).await?;
    study.load(&load);
    study.recount("after concurrent writes", &session).await?;
    let deleted = deletes::delete_rows(experiment, &sandbox, &session).await?;
    study.deletes(deleted);
    study.recount(AFTER_DELETES, &session).await?;
    session.close().await;
    sandbox.drop().await?;
    Ok(study.conclude())
}

fn nothing_to_recount(project: &Project) -> Option<Outcome> {
    let recounts = project.invariants.iter().any(|invariant| !invariant.recounts.is_empty());
    let reason = "no invariant says what it recounts (-- recount: table.column)";
    (!recounts).then(|| Outcome::skipped(reason))
}

/// Recounts once in a database that is not ours; nothing is written.
pub(crate) async fn recount_once(project: &Project, session: &Session) -> Result<Outcome, LabError> {
    if let Some(skipped) = nothing_to_recount(project) {
        return Ok(skipped);
    }
    let mut study = Study::new(project);
    study.recount("now", session).await?;
    Ok(study.conclude())
}

async fn after_seed(experiment: &Experiment<'_>, study: &mut Study<'_>) -> Result<(), LabError> {
    let project = experiment.project;
    let database = experiment.lab.bare_database(project).await?;
    let owner = owner_address(project, &database.address());
    migrate_up(&owner, &project.migrations, &ApplyOptions::default(), &Silent).await?;
    load_files(&owner, &project.seeds, &Silent).await?;
    let session = database.session().await?;
    study.recount("after the seed", &session).await?;
    session.close().await;
    database.drop().await
}

struct Study<'p> {
    project: &'p Project,
    outcome: Outcome,
    moments: Vec<&'static str>,
    /// One row per invariant: name, what it recounts, and the answer at each moment.
    rows: Vec<Vec<String>>,
}

impl<'p> Study<'p> {
    fn new(project: &'p Project) -> Study<'p> {
        let row = |invariant: &Invariant| vec![invariant.name.clone(), invariant.recounts.join(", ")];
        let rows = project.invariants.iter().map(row).collect();
        Study { project, outcome: Outcome::default(), moments: Vec::new(), rows }
    }

    /// Runs every invariant; a row is a disagreement.
    async fn recount(&mut self, moment: &'static str, session: &Session) -> Result<(), LabError> {
        self.moments.push(moment);
        for (nth, invariant) in self.project.invariants.iter().enumerate() {
            // What the owner deletes by hand may break a rule of the business; a stored count must survive it.
            if moment == AFTER_DELETES && invariant.recounts.is_empty() {
                self.rows[nth].push("not asked".to_owned());
                continue;
            }
            let rows = session.rows(&invariant.statement.sql).await?;
            self.rows[nth].push(if rows.is_empty() {
                "agrees".to_owned()
            } else {
                format!("{} rows differ", rows.len())
            });
            if !rows.is_empty() {
                self.disagrees(invariant, moment, &rows);
            }
        }
        Ok(())
    }

    fn disagrees(&mut self, invariant: &Invariant, moment: &str, rows: &Rows) {
        let id = format!("{}-{}", invariant.name, moment.replace(' ', "-"));
        let columns: Vec<&str> = rows.columns.iter().map(String::as_str).collect();
        let cell = |cell: &Option<String>| cell.clone().unwrap_or_else(|| "NULL".to_owned());
        let sample = rows.rows.iter().take(10).map(|row| row.iter().map(cell).collect()).collect();
        let evidence =
            Evidence::table(&id, format!("{} {moment}: the first rows", invariant.name), &columns, sample);
        let (code, what) = match invariant.recounts.is_empty() {
            true => (&VIOLATED, "is violated".to_owned()),
            false => (&DIFFERS, format!("disagrees with {}", invariant.recounts.join(", "))),
        };
        let message = format!("{} {what} in {} rows {moment}.", invariant.name, rows.len());
        let finding = Finding::new(code, message)
            .object(ObjectRef::new(ObjectKind::Invariant, &invariant.name))
            .at(SourceLine::new(invariant.file.clone(), invariant.statement.line))
            .hint("Look at the trigger or code that maintains it: every write path, rollback and delete must pass it.")
            .evidence(&evidence.id);
        self.outcome.findings.push(finding);
        self.outcome.evidence.push(evidence);
    }

    fn load(&mut self, load: &load::Load) {
        self.outcome.measure("committed", load.committed as f64, "count");
        self.outcome.measure("rolled_back", load.rolled_back as f64, "count");
        self.outcome.measure("failed", load.failed() as f64, "count");
        self.outcome.evidence.push(load.evidence());
        if load.committed == 0 {
            self.outcome.unexamined.push("concurrent writes (no transaction committed)".to_owned());
        }
    }

    fn deletes(&mut self, deletes: deletes::Deletes) {
        self.outcome.measure("deleted_rows", deletes.rows as f64, "rows");
        self.outcome.evidence.push(deletes.evidence);
    }

    fn conclude(mut self) -> Outcome {
        let recounts =
            self.project.invariants.iter().filter(|invariant| !invariant.recounts.is_empty()).count();
        self.outcome.summary = format!(
            "Recounted {recounts} stored values and checked {} other invariants {}.",
            self.project.invariants.len() - recounts,
            self.moments.join(", ")
        );
        let mut columns = vec!["invariant", "recounts"];
        columns.extend(&self.moments);
        self.outcome.measure("recounts", recounts as f64, "count");
        self.outcome
            .evidence
            .insert(0, Evidence::table("recounts", "Every invariant at every moment", &columns, self.rows));
        self.outcome
    }
}
