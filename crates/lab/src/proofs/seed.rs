//! `seed`: is the seed idempotent?

use underpin_model::checksum::ChecksumDifference;
use underpin_model::{Code, Evidence, Finding, ObjectKind, ObjectRef};
use underpin_pg::checksum;

use crate::error::LabError;
use crate::loading::load_files;
use crate::migrator::{ApplyOptions, migrate_up};
use crate::proof::{Experiment, Experimenting, Outcome, Proof};
use crate::template::owner_address;

/// The proof.
pub const PROOF: Proof = Proof {
    name: "seed",
    question: "Is the seed idempotent?",
    page: include_str!("../../../../docs/proofs/seed.md"),
    own_servers: false,
    run: |experiment| -> Experimenting<'_> { Box::pin(run(experiment)) },
};

/// Every code that this proof reports.
pub const CODES: &[Code] = &[CHANGES, FAILS, NEVER_LOADS];

const CHANGES: Code = Code::error("UP220", "seed-not-idempotent", "running the seed again changes data");
const FAILS: Code = Code::error("UP221", "seed-fails-again", "running the seed again fails");
const NEVER_LOADS: Code = Code::error("UP222", "seed-fails", "the seed or the scale script does not load");

async fn run(experiment: &Experiment<'_>) -> Result<Outcome, LabError> {
    let project = experiment.project;
    if project.seeds.is_empty() {
        return Ok(Outcome::skipped("the project has no seed.sql"));
    }
    let database = experiment.lab.bare_database(project).await?;
    let owner = owner_address(project, &database.address());
    let silent = underpin_model::event::Silent;
    migrate_up(&owner, &project.migrations, &ApplyOptions::default(), &silent).await?;
    let first_load = load_files(&owner, &project.seeds, &silent).await?;
    let first = checksum::database_checksums(&database.address(), &checksum::Options::default()).await?;
    let mut outcome = Outcome::default();
    match load_files(&owner, &project.seeds, &silent).await {
        Err(error @ LabError::Load { .. }) => outcome.findings.push(fails(&error)),
        Err(error) => return Err(error),
        Ok(_) => {
            let second =
                checksum::database_checksums(&database.address(), &checksum::Options::default()).await?;
            // ON CONFLICT DO NOTHING burns sequence values (manual, "Sequence Manipulation Functions"); gaps harm nobody.
            let content =
                first.differences(&second).into_iter().filter(|one| one.object.starts_with("table "));
            outcome.findings.extend(content.map(|difference| changes(&difference)));
        }
    }
    let rows = first.rows();
    let sums =
        first.tables.iter().map(|(name, sum)| vec![name.clone(), sum.rows.to_string(), sum.sum.clone()]);
    let columns = ["table", "rows", "content checksum"];
    outcome.evidence.push(Evidence::table(
        "content",
        "Content after the first run",
        &columns,
        sums.collect(),
    ));
    outcome.measure("seeded_rows", rows as f64, "rows");
    outcome.measure("seed", first_load.seconds * 1000.0, "ms");
    outcome.summary =
        format!("Ran the seed twice; {rows} rows in {} tables compared by content.", first.tables.len());
    database.drop().await?;
    Ok(outcome)
}

fn changes(difference: &ChecksumDifference) -> Finding {
    let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "absent".to_owned());
    let (left, right) = (side(&difference.left), side(&difference.right));
    let table = difference.object.trim_start_matches("table ");
    let message = format!("The second run of the seed changed {table}: {left} became {right}.");
    let (schema, name) = table.split_once('.').unwrap_or(("public", table));
    Finding::new(&CHANGES, message).object(ObjectRef::in_schema(ObjectKind::Table, schema, name)).hint(
        "Give seed rows fixed keys and insert them with ON CONFLICT … DO NOTHING; avoid now() and random().",
    )
}

fn fails(error: &LabError) -> Finding {
    let finding = Finding::new(&FAILS, format!("The second run of the seed failed: {}.", error.chain()))
        .hint("Insert with ON CONFLICT … DO NOTHING (or DO UPDATE), so that a second run is harmless.");
    at_statement(finding, error)
}

/// Returns the finding of a seed or scale script that an empty, migrated database refused.
pub(crate) fn fails_at_first(error: &LabError) -> Finding {
    let finding = Finding::new(&NEVER_LOADS, format!("The first load stopped: {}.", error.chain()))
        .hint("Run the statement in `underpin psql` after `underpin up`; the file was rolled back whole.");
    at_statement(finding, error)
}

fn at_statement(finding: Finding, error: &LabError) -> Finding {
    match error {
        LabError::Load { file, line, .. } => finding.at(underpin_model::SourceLine::new(file.clone(), *line)),
        _ => finding,
    }
}
