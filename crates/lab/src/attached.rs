//! Proofs against a database of the user's own: read-only unless the user says otherwise.

use std::time::Instant;

use futures_util::future::LocalBoxFuture;
use underpin_model::catalog_diff::catalog_diff;
use underpin_model::event::Silent;
use underpin_model::project::Project;
use underpin_model::report::ServerInfo;
use underpin_model::{Event, EventSink, Finding};
use underpin_pg::{Address, Installation, Session};

use crate::error::LabError;
use crate::lab::{Lab, LabSpec, elapsed_ms};
use crate::proof::{Outcome, Proof};
use crate::proofs::replay;
use crate::prove::{Proved, Run, finish};

/// How far a run may reach into a database that is not ours.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reach {
    /// Writes are allowed, always rolled back.
    pub writes: bool,
}

/// A database of the user's own, and how to look at it.
#[derive(Clone, Debug)]
pub struct Attached {
    /// Where it is.
    pub address: Address,
    /// Runs the private server that the database's schema is compared with; without one nothing is compared.
    pub installation: Option<Installation>,
    /// How far the proofs may go.
    pub reach: Reach,
}

/// Runs the selected proofs against the attached database; those that need a sandbox are skipped.
pub fn prove<'a>(
    project: &'a Project,
    selected: &'a [&'static Proof],
    attached: &'a Attached,
    events: &'a dyn EventSink,
) -> LocalBoxFuture<'a, Result<Proved, LabError>> {
    Box::pin(async move {
        let run = Run::start(project, selected.iter().map(|proof| proof.name), events);
        let session = open(attached).await?;
        let server = server_info(&session).await?;
        let mut proofs = Vec::new();
        for proof in selected {
            let begin = Instant::now();
            events.emit(Event::ProofStarted { proof: proof.name.to_owned() });
            let outcome = match examine(proof, project, attached, &session).await {
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
        Ok(Proved { report: run.finish(server, proofs), documents: Vec::new() })
    })
}

/// Opens the session; without leave to write the server itself refuses every write.
async fn open(attached: &Attached) -> Result<Session, LabError> {
    let session = Session::connect(&attached.address).await?;
    if !attached.reach.writes {
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
    attached: &Attached,
    session: &Session,
) -> Result<Outcome, LabError> {
    match proof.name {
        "replay" => drift(project, session, attached.installation.as_ref()).await,
        "schema" => crate::proofs::schema::examine(project, session).await,
        "read-model" => crate::proofs::read_model::recount_once(project, session).await,
        "constraints" if attached.reach.writes => crate::proofs::constraints::examine(project, session).await,
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
        let reason =
            "no PostgreSQL here to replay the migrations in; `underpin doctor` says how to install one";
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
    let findings = differences.iter().map(|difference| {
        let text = replay::describe(difference, "migrations", "running database");
        Finding::new(&replay::DRIFT, format!("Drift: {text}."))
            .hint("Bring the change into a migration, or undo it in the database.")
    });
    Ok(Outcome {
        findings: findings.collect(),
        summary: format!(
            "Compared {} tables of the running database with a replay of {} migrations.",
            found.tables.len(),
            project.migrations.len()
        ),
        ..Outcome::default()
    })
}

fn forget_owners(catalog: &mut underpin_model::catalog::Catalog) {
    catalog.schemas.iter_mut().for_each(|one| one.owner.clear());
    catalog.tables.iter_mut().for_each(|one| one.owner.clear());
    catalog.views.iter_mut().for_each(|one| one.owner.clear());
    catalog.sequences.iter_mut().for_each(|one| one.owner.clear());
    catalog.types.iter_mut().for_each(|one| one.owner.clear());
    catalog.functions.iter_mut().for_each(|one| one.owner.clear());
}
