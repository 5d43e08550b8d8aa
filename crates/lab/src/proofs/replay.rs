//! `replay`: does the whole history rebuild the schema from nothing, and to the same catalog every time?

use std::time::Instant;

use underpin_model::catalog::Catalog;
use underpin_model::catalog_diff::{Difference, catalog_diff};
use underpin_model::{Code, Evidence, Finding, ObjectKind, ObjectRef, SourceLine};

use crate::error::LabError;
use crate::lab::elapsed_ms;
use crate::migrator::{ApplyOptions, MigrateError, migrate_up};
use crate::proof::{Experiment, Experimenting, Outcome, Proof};
use crate::template::owner_address;

/// The proof.
pub const PROOF: Proof = Proof {
    name: "replay",
    question: "Does the whole history rebuild the schema from nothing, and to the same catalog every time?",
    page: include_str!("../../../../docs/proofs/replay.md"),
    own_servers: false,
    run: |experiment| -> Experimenting<'_> { Box::pin(run(experiment)) },
};

/// Every code that this proof reports.
pub const CODES: &[Code] = &[FAILS, DIFFERS, SLOW, DRIFT];

const FAILS: Code =
    Code::error("UP200", "replay-fails", "the history does not rebuild the schema from nothing");
const DIFFERS: Code =
    Code::error("UP201", "replay-differs", "two replays of the same history give different schemas");
const SLOW: Code = Code::error("UP202", "replay-slow", "rebuilding the schema takes longer than it may");

/// A running database differs from the replay of its migrations.
pub const DRIFT: Code =
    Code::error("UP203", "schema-drift", "a running database differs from what its migrations say");

/// Longest replay when `[proofs.replay] max_seconds` is not set.
const MAX_SECONDS: u64 = 120;

async fn run(experiment: &Experiment<'_>) -> Result<Outcome, LabError> {
    let mut outcome = Outcome::default();
    let mut replays = Vec::new();
    for nth in 1..=2 {
        match replay(experiment).await? {
            Ok(one) => replays.push(one),
            Err(failure) => {
                outcome.findings.push(failed(&failure, nth));
                outcome.summary = format!("Replay {nth} stopped at a statement that the server refused.");
                return Ok(outcome);
            }
        }
    }
    judge(experiment, &replays, &mut outcome);
    Ok(outcome)
}

struct Replay {
    catalog: Catalog,
    duration_ms: u64,
    files: Vec<(String, u64)>,
}

/// Migrates a bare database; the inner error is a statement that the server refused.
async fn replay(experiment: &Experiment<'_>) -> Result<Result<Replay, MigrateError>, LabError> {
    let database = experiment.lab.bare_database(experiment.project).await?;
    let start = Instant::now();
    let owner = owner_address(experiment.project, &database.address());
    let applied = migrate_up(
        &owner,
        &experiment.project.migrations,
        &ApplyOptions::default(),
        &underpin_model::event::Silent,
    )
    .await;
    let duration_ms = elapsed_ms(start);
    let applied = match applied {
        Ok(applied) => applied,
        Err(failure) => {
            database.drop().await?;
            return Ok(Err(failure));
        }
    };
    let session = database.session().await?;
    let catalog = underpin_pg::catalog::snapshot(&session).await?;
    session.close().await;
    database.drop().await?;
    Ok(Ok(Replay { catalog, duration_ms, files: applied.files }))
}

/// Returns the finding of a history that stopped in its `nth` replay.
pub(crate) fn failed(failure: &MigrateError, nth: u32) -> Finding {
    let cause = std::error::Error::source(failure).map(|source| format!(": {source}")).unwrap_or_default();
    let finding = Finding::new(&FAILS, format!("Replay {nth} from nothing stopped: {failure}{cause}."))
        .hint("Run `underpin migrate plan` for the pending files, or fix the statement in a new migration.");
    match failure {
        MigrateError::Statement { file, line, .. }
        | MigrateError::NotVerified { file, line, .. }
        | MigrateError::KeyIsNull { file, line, .. } => finding.at(SourceLine::new(file.as_str(), *line)),
        _ => finding,
    }
}

fn judge(experiment: &Experiment<'_>, replays: &[Replay], outcome: &mut Outcome) {
    let [first, second] = replays else { return };
    outcome.findings.extend(catalog_diff(&first.catalog, &second.catalog).iter().map(differs));
    let settings = experiment.project.config.proofs.get("replay");
    let limit = settings.and_then(|settings| settings.max_seconds).unwrap_or(MAX_SECONDS);
    if first.duration_ms > limit * 1000 {
        let message = format!("The replay took {} ms; the limit is {limit} s.", first.duration_ms);
        outcome
            .findings
            .push(Finding::new(&SLOW, message).hint("Squash old migrations into one baseline file."));
    }
    let count = first.files.len();
    outcome.summary = format!(
        "Replayed {count} migrations twice from nothing; both catalogs are compared object by object."
    );
    outcome.measure("migrations", count as f64, "count");
    outcome.measure("replay", first.duration_ms as f64, "ms");
    let bars = first.files.iter().map(|(file, ms)| (file.clone(), *ms as f64)).collect();
    outcome.evidence.push(Evidence::bars("durations", "Duration of each migration", "ms", bars));
    outcome.evidence.push(inventory(&first.catalog));
}

fn differs(difference: &Difference) -> Finding {
    let message =
        format!("Two replays of the same files differ: {}.", describe(difference, "first", "second"));
    Finding::new(&DIFFERS, message)
        .object(ObjectRef::new(ObjectKind::Database, "replay"))
        .hint("Look for random(), now() or a lookup by oid in a migration, and make it constant.")
}

/// Returns a difference as half a sentence that names its two sides.
pub fn describe(difference: &Difference, left: &str, right: &str) -> String {
    match difference {
        Difference::OnlyLeft(object) => format!("{object} exists only in the {left}"),
        Difference::OnlyRight(object) => format!("{object} exists only in the {right}"),
        Difference::Changed { object, attribute, left: one, right: other } => {
            format!("{object}: {attribute} is `{one}` in the {left} and `{other}` in the {right}")
        }
    }
}

fn inventory(catalog: &Catalog) -> Evidence {
    let columns: usize = catalog.tables.iter().map(|table| table.columns.len()).sum();
    let constraints: usize = catalog.tables.iter().map(|table| table.constraints.len()).sum();
    let indexes: usize = catalog.tables.iter().map(|table| table.indexes.len()).sum();
    let triggers: usize = catalog.tables.iter().map(|table| table.triggers.len()).sum();
    let rows = [
        ("tables", catalog.tables.len()),
        ("columns", columns),
        ("constraints", constraints),
        ("indexes", indexes),
        ("triggers", triggers),
        ("views", catalog.views.len()),
        ("functions", catalog.functions.len()),
        ("types", catalog.types.len()),
        ("sequences", catalog.sequences.len()),
        ("grants", catalog.grants.len()),
    ];
    let rows = rows.iter().map(|(what, count)| vec![(*what).to_owned(), count.to_string()]).collect();
    Evidence::table("inventory", "What the history builds", &["object", "count"], rows)
}
