//! `underpin migrate up|status|plan|check|phase|new`: runs, shows, rehearses, judges, walks or writes migrations.

mod check;
mod new;
mod phase;

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::json;
use underpin_lab::lab::LabSpec;
use underpin_lab::migrator::ledger::ledger_read;
use underpin_lab::migrator::plan::{Plan, plan};
use underpin_lab::migrator::state::State;
use underpin_lab::migrator::{ApplyOptions, Folders, Waiting, migrate_up};
use underpin_lab::rehearsal;
use underpin_model::evidence::StatementTrace;
use underpin_model::project::Project;
use underpin_pg::Session;

use crate::fault::Fault;
use crate::output;
use crate::progress::Progress;
use crate::settings::Settings;

/// Run, show or rehearse the project's migrations
#[derive(Debug, Args)]
pub struct MigrateArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Up(UpArgs),
    Status(StatusArgs),
    Plan(PlanArgs),
    Check(check::CheckArgs),
    Phase(phase::PhaseArgs),
    New(new::NewArgs),
}

/// Apply every pending migration
///
/// One runner at a time; each file in one transaction unless its first line is -- no-transaction.
/// A lock that cannot be had within 700 ms is given up and tried again, so that the application's
/// queries never queue up behind the migration.
///
/// A folder of phases is walked through where no migration was applied before; elsewhere the run
/// stops behind its expand, and --through goes on when nobody runs an older version.
#[derive(Debug, Args)]
struct UpArgs {
    /// Stop after this version
    #[arg(long, value_name = "VERSION")]
    to: Option<String>,
    #[command(flatten)]
    patience: Patience,
    /// Take over from Flyway or refinery, whose ledgers cannot be written
    #[arg(long)]
    take_over: bool,
    /// Walk folders of phases to their end: nobody runs an older version of the application
    #[arg(long)]
    through: bool,
}

/// How long a run waits for others
#[derive(Debug, Args)]
struct Patience {
    /// Longest wait for another runner, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10, env = "UNDERPIN_WAIT")]
    wait: u64,
    /// How often a file is tried when locks cannot be had
    #[arg(long, value_name = "N", default_value_t = 10, env = "UNDERPIN_LOCK_TRIES")]
    lock_tries: u32,
    /// Longest wait for older transactions before a statement with CONCURRENTLY, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    wait_for_transactions: u64,
}

impl Patience {
    fn options(&self) -> ApplyOptions {
        ApplyOptions {
            patience: Duration::from_secs(self.wait),
            tries: self.lock_tries.max(1),
            old_transactions: Duration::from_secs(self.wait_for_transactions),
            ..ApplyOptions::default()
        }
    }
}

/// List every version with its state
#[derive(Debug, Args)]
struct StatusArgs {
    /// Exit with 1 when something is pending
    #[arg(long)]
    exit_code: bool,
}

/// Rehearse the pending migrations in a private server and show each statement with its locks
///
/// The database itself is only read, for what is pending. Without a database every migration is
/// rehearsed from nothing.
#[derive(Debug, Args)]
struct PlanArgs {}

/// Carries the command out.
pub async fn run(args: &MigrateArgs, settings: &Settings) -> Result<u8, Fault> {
    match &args.action {
        Action::Up(args) => up(args, settings).await,
        Action::Status(args) => status(args, settings).await,
        Action::Plan(_) => rehearse(settings).await,
        Action::Check(args) => check::run(args, settings).await,
        Action::Phase(args) => phase::run(args, settings).await,
        Action::New(args) => new::run(args, settings).await,
    }
}

async fn up(args: &UpArgs, settings: &Settings) -> Result<u8, Fault> {
    let project = settings.project()?;
    let target = super::target(settings, &project)?;
    output::remark(&format!("Migrating {}.", target.display()));
    let options = ApplyOptions {
        up_to: args.to.clone(),
        take_over: args.take_over,
        folders: if args.through { Folders::Through } else { Folders::default() },
        ..args.patience.options()
    };
    let progress = Progress::new(settings);
    let applied = migrate_up(&target, &project.migrations, &options, &progress).await?;
    drop(progress);
    if settings.json() {
        let files: Vec<_> =
            applied.files.iter().map(|(file, ms)| json!({ "file": file, "duration_ms": ms })).collect();
        let waiting = applied.waiting.as_ref().map(|one| {
            json!({ "version": one.version, "folder": one.folder, "state": one.state.to_string(), "later": one.later })
        });
        let object = json!({ "applied": files, "already": applied.already, "waiting": waiting });
        output::result(&object.to_string());
        return Ok(0);
    }
    for (file, ms) in &applied.files {
        output::result(&format!("applied {file} ({ms} ms)"));
    }
    if let Some(waiting) = &applied.waiting {
        output::result(&waiting_text(waiting));
        return Ok(0);
    }
    output::result(&match applied.files.len() {
        0 => format!("Nothing to do: all {} migrations are applied.", applied.already),
        count => format!("Applied {count} migrations; {} were there already.", applied.already),
    });
    Ok(0)
}

fn waiting_text(waiting: &Waiting) -> String {
    let Waiting { version, folder, state, later } = waiting;
    let later = match later {
        0 => String::new(),
        1 => " 1 later migration waits for it.".to_owned(),
        count => format!(" {count} later migrations wait for it."),
    };
    format!("{folder} is {}. {}{later}", state.words(), next_step(version, state))
}

/// Returns what people have to do next about a folder of that state.
fn next_step(version: &str, state: &State) -> String {
    match state {
        State::Verified => format!(
            "Deploy the new version; when no old one runs any more, run `underpin migrate phase {version} contract`."
        ),
        State::Backfilled => {
            format!("Run `underpin migrate phase {version}` to verify; then deploy the new version.")
        }
        State::Contracting(_) => format!("Finish with `underpin migrate phase {version} contract`."),
        State::Reverting(_) => format!("Finish with `underpin migrate phase {version} revert`."),
        State::Done => "Nothing is left to do.".to_owned(),
        _ => format!(
            "Run `underpin migrate phase {version}` to backfill and verify; then deploy the new version."
        ),
    }
}

async fn status(args: &StatusArgs, settings: &Settings) -> Result<u8, Fault> {
    let project = settings.project()?;
    let plan = read_plan(&project, settings).await?;
    let pending: Vec<&str> =
        plan.pending.iter().map(|one| project.migrations[one.index].version.as_str()).collect();
    if settings.json() {
        let problems: Vec<String> =
            plan.problems.iter().map(underpin_lab::migrator::Problem::message).collect();
        output::result(
            &json!({ "applied": plan.applied, "pending": pending, "problems": problems }).to_string(),
        );
    } else {
        output::result(&status_text(&project, &plan));
    }
    let behind = args.exit_code && !pending.is_empty();
    Ok(if !plan.problems.is_empty() { 2 } else { u8::from(behind) })
}

fn status_text(project: &Project, plan: &Plan) -> String {
    let mut text = String::new();
    for (index, migration) in project.migrations.iter().enumerate() {
        let pending = plan.pending.iter().find(|one| one.index == index);
        let state = match pending {
            Some(one) => one.state.as_ref().map_or_else(|| "pending".to_owned(), State::words),
            None => "applied".to_owned(),
        };
        text.push_str(&format!("{:<9} {}\n", state, migration.path()));
    }
    for problem in &plan.problems {
        text.push_str(&format!("problem   {}\n          {}\n", problem.message(), problem.hint()));
    }
    let (applied, pending) = (plan.applied.len(), plan.pending.len());
    text.push_str(&format!("{applied} applied, {pending} pending, {} problems.\n", plan.problems.len()));
    text
}

async fn read_plan(project: &Project, settings: &Settings) -> Result<Plan, Fault> {
    let target = super::target(settings, project)?;
    output::remark(&format!("Reading {}.", target.display()));
    let session = Session::connect(&target).await?;
    let ledger = ledger_read(&session).await?;
    session.close().await;
    Ok(plan(&project.migrations, &ledger))
}

async fn rehearse(settings: &Settings) -> Result<u8, Fault> {
    let project = settings.project()?;
    let applied = match super::target(settings, &project) {
        Ok(_) => read_plan(&project, settings).await?.applied,
        Err(_) => Vec::new(),
    };
    super::sweep(settings);
    let spec = LabSpec { installation: settings.installation(Some(&project))?, scale: 1, cache: None };
    let progress = Progress::new(settings);
    let traces = rehearsal::rehearse(&project, &spec, &applied, &progress).await?;
    drop(progress);
    if settings.json() {
        output::result(&json!({ "applied": applied, "statements": traces }).to_string());
    } else {
        output::result(&plan_text(&traces));
    }
    Ok(0)
}

fn plan_text(traces: &[StatementTrace]) -> String {
    if traces.is_empty() {
        return "Nothing is pending.".to_owned();
    }
    let mut text = String::new();
    for trace in traces {
        let first = trace.sql.lines().next().unwrap_or_default();
        text.push_str(&format!("{}:{}  {:.0} ms  {first}\n", trace.file, trace.line, trace.duration_ms));
        for lock in &trace.locks {
            text.push_str(&format!("    {:<26} {}\n", lock.mode, lock.relation));
        }
    }
    text
}
