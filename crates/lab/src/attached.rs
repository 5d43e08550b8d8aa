//! Proofs against a database of the user's own: read-only unless the user says otherwise.

use std::time::Instant;

use underpin_model::catalog_diff::catalog_diff;
use underpin_model::event::Silent;
use underpin_model::project::Project;
use underpin_model::report::ServerInfo;
use underpin_model::{Event, EventSink, Finding};
use underpin_pg::Address;
use underpin_pg::Installation;
use underpin_pg::Session;

use crate::error::LabError;
use crate::lab::{Lab, LabSpec, elapsed_ms};
use crate::proof::{Outcome, Proof};
use crate::proofs::replay;
use crate::prove::{Proved, finish, report};

/// How far a run may reach into a database that is not ours.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reach {
    /// Writes are allowed, always rolled back.
    pub writes: bool,
}

/// Runs the selected proofs against the database at `address`; those that need a sandbox are skipped.
///
/// `installation` runs the private server that the database's schema is compared with.
pub async fn prove(
    project: &Project,
    selected: &[&'static Proof],
    address: &Address,
    installation: Option<Installation>,
    reach: Reach,
    events: &dyn EventSink,
) -> Result<Proved, LabError> {
    let start = Instant::now();
    let started_at = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let name = project.config.project.name.clone();
    let names = selected.iter().map(|proof| proof.name.to_owned()).collect();
    events.emit(Event::RunStarted { project: name.clone(), proofs: names });
    let session = open(address, reach).await?;
    let server = server_info(&session).await?;
    let mut proofs = Vec::new();
    for proof in selected {
        let begin = Instant::now();
        events.emit(Event::ProofStarted { proof: proof.name.to_owned() });
        let outcome = match examine(proof, project, &session, installation.as_ref(), reach).await {
            Ok(outcome) => outcome,
            Err(error) => Outcome { unexamined: vec![error.chain()], ..Outcome::default() },
        };
        let allow = project.config.proofs.get(proof.name).map(|settings| settings.allow.clone());
        let (mut answer, _) = finish(proof.name, outcome, &allow.unwrap_or_default());
        answer.duration_ms = elapsed_ms(begin);
        events.emit(Event::ProofFinished { report: Box::new(answer.clone()) });
        proofs.push(answer);
    }
    session.close().await;
    let report = report(name, server, started_at, elapsed_ms(start), proofs);
    events.emit(Event::RunFinished { report: Box::new(report.clone()) });
    Ok(Proved { report, documents: Vec::new() })
}

/// Opens the session; without leave to write the server itself refuses every write.
async fn open(address: &Address, reach: Reach) -> Result<Session, LabError> {
    let session = Session::connect(address).await?;
    if !reach.writes {
        session.execute("SET default_transaction_read_only = on").await?;
    }
    // Never queue up behind the application's locks, and never run for long.
    session.execute("SET lock_timeout = '700ms'; SET statement_timeout = '60s'").await?;
    Ok(session)
}

async fn server_info(session: &Session) -> Result<ServerInfo, LabError> {
    let version = session.value("SHOW server_version").await?.unwrap_or_default();
    Ok(ServerInfo { version, ..ServerInfo::default() })
}

async fn examine(
    proof: &Proof,
    project: &Project,
    session: &Session,
    installation: Option<&Installation>,
    reach: Reach,
) -> Result<Outcome, LabError> {
    match proof.name {
        "replay" => drift(project, session, installation).await,
        "schema" => crate::proofs::schema::examine(project, session).await,
        "read-model" => crate::proofs::read_model::recount_once(project, session).await,
        "constraints" if reach.writes => crate::proofs::constraints::examine(project, session).await,
        "constraints" => Ok(Outcome::skipped(
            "it writes (and rolls back), and this database is not ours; --allow-writes lets it",
        )),
        _ => Ok(Outcome::skipped("it needs a sandbox of its own; run without --database-url")),
    }
}

/// Compares the running database's schema with a replay of the migrations.
async fn drift(
    project: &Project,
    session: &Session,
    installation: Option<&Installation>,
) -> Result<Outcome, LabError> {
    let Some(installation) = installation else {
        let reason = "no PostgreSQL here to replay the migrations in; `underpin doctor` says how to install one";
        return Ok(Outcome { unexamined: vec![reason.to_owned()], ..Outcome::default() });
    };
    let bare = Project { seeds: Vec::new(), scale: None, ..project.clone() };
    let spec = LabSpec { installation: installation.clone(), scale: 1, cache: None };
    let lab = Lab::open(&bare, &spec, &Silent).await?;
    let mut expected = lab.catalog().clone();
    let mut found = underpin_pg::catalog::snapshot(session).await?;
    lab.close().await?;
    // Roles, owners and extension versions belong to the server, not to the migrations.
    for catalog in [&mut expected, &mut found] {
        catalog.roles.clear();
        catalog.extensions.iter_mut().for_each(|extension| extension.version.clear());
        forget_owners(catalog);
    }
    let differences = catalog_diff(&expected, &found);
    let mut outcome = Outcome::default();
    outcome.findings = differences
        .iter()
        .map(|difference| {
            let text = replay::describe(difference, "migrations", "running database");
            Finding::new(&replay::DRIFT, format!("Drift: {text}."))
                .hint("Bring the change into a migration, or undo it in the database.")
        })
        .collect();
    outcome.summary = format!(
        "Compared {} tables of the running database with a replay of {} migrations.",
        found.tables.len(),
        project.migrations.len()
    );
    Ok(outcome)
}

fn forget_owners(catalog: &mut underpin_model::catalog::Catalog) {
    catalog.schemas.iter_mut().for_each(|one| one.owner.clear());
    catalog.tables.iter_mut().for_each(|one| one.owner.clear());
    catalog.views.iter_mut().for_each(|one| one.owner.clear());
    catalog.sequences.iter_mut().for_each(|one| one.owner.clear());
    catalog.types.iter_mut().for_each(|one| one.owner.clear());
    catalog.functions.iter_mut().for_each(|one| one.owner.clear());
}
