//! `underpin migrate phase`: walks a folder of phases, or takes it back.

use std::time::Duration;

use clap::Args;
use serde_json::json;
use underpin_lab::migrator::ledger::ledger_read;
use underpin_lab::migrator::state::State;
use underpin_lab::migrator::{ContractGuard, Goal, PhaseWish, ThrottleLimits, Walked, migrate_phase};
use underpin_model::project::{Migration, Project};
use underpin_pg::Session;

use super::{Patience, next_step};
use crate::fault::Fault;
use crate::output;
use crate::progress::Progress;
use crate::settings::Settings;

/// Walk a folder of phases: expand, backfill, verify, contract; or take it back
///
/// Without a phase it goes as far as verify: everything that old code survives. Contract has to be
/// asked for. A walk that was killed goes on where it was. The backfill runs in small transactions
/// and holds back while others wait for its rows, while a standby lags, or while vacuum does.
#[derive(Debug, Args)]
pub(super) struct PhaseArgs {
    /// Version of the folder; the one that is under way or next when absent
    version: Option<String>,
    /// How far to walk: expand, backfill, verify, contract or revert
    phase: Option<String>,
    /// Show how far the folder is and what comes next, and change nothing
    #[arg(long)]
    status: bool,
    /// Refuse contract while a session has this application_name (repeatable)
    #[arg(long, value_name = "NAME")]
    old_application: Vec<String>,
    /// How long pg_stat_statements is watched for old statements before contract, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    watch: u64,
    /// Contract although rows are not verified or old readers are seen
    #[arg(long)]
    force: bool,
    /// Longest replay lag of a standby during the backfill, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    replica_lag: u64,
    #[command(flatten)]
    patience: Patience,
}

/// Carries the command out.
pub(super) async fn run(args: &PhaseArgs, settings: &Settings) -> Result<u8, Fault> {
    let project = settings.project()?;
    let wish = args.wish()?;
    let target = crate::command::target(settings, &project)?;
    if args.status {
        output::remark(&format!("Reading {}.", target.display()));
        let session = Session::connect(&target).await?;
        let ledger = ledger_read(&session).await?;
        session.close().await;
        let state = |migration: &Migration| {
            let row = ledger.iter().find(|row| row.version == migration.version);
            row.and_then(|row| row.state())
        };
        output::result(&status_text(&project, &wish, settings, &state));
        return Ok(0);
    }
    output::remark(&format!("Migrating {}.", target.display()));
    let progress = Progress::new(settings);
    let walked = migrate_phase(&target, &project.migrations, &wish, &progress).await?;
    drop(progress);
    output::result(&if settings.json() { walked_json(&walked) } else { walked_text(&walked) });
    Ok(0)
}

impl PhaseArgs {
    fn wish(&self) -> Result<PhaseWish, Fault> {
        // `migrate phase contract` names no version: a version begins with a digit, a phase never does.
        let (version, phase) = match (&self.version, &self.phase) {
            (Some(word), None) if goal(word).is_some() => (None, Some(word)),
            (version, phase) => (version.clone(), phase.as_ref()),
        };
        let goal = match phase {
            None => Goal::Verify,
            Some(word) => goal(word).ok_or_else(|| {
                Fault::usage(format!("`{word}` is no phase."))
                    .hint("The phases are expand, backfill, verify, contract and revert.")
            })?,
        };
        let guard = ContractGuard {
            old_applications: self.old_application.clone(),
            watch: Duration::from_secs(self.watch),
            force: self.force,
        };
        let mut apply = self.patience.options();
        apply.throttle = ThrottleLimits {
            replica_lag: Duration::from_secs(self.replica_lag),
            ..ThrottleLimits::default()
        };
        Ok(PhaseWish { version, goal, apply, guard })
    }
}

fn goal(word: &str) -> Option<Goal> {
    match word {
        "expand" => Some(Goal::Expand),
        "backfill" => Some(Goal::Backfill),
        "verify" => Some(Goal::Verify),
        "contract" => Some(Goal::Contract),
        "revert" => Some(Goal::Revert),
        _ => None,
    }
}

fn status_text(
    project: &Project,
    wish: &PhaseWish,
    settings: &Settings,
    state: &dyn Fn(&Migration) -> Option<State>,
) -> String {
    let wanted = |migration: &&Migration| {
        migration.phases.is_some()
            && wish.version.as_ref().is_none_or(|version| *version == migration.version)
    };
    let folders: Vec<&Migration> = project.migrations.iter().filter(wanted).collect();
    if settings.json() {
        let object = |migration: &&Migration| {
            let state = state(migration).map(|state| state.to_string());
            json!({ "version": migration.version, "folder": migration.path(), "state": state })
        };
        let folders: Vec<_> = folders.iter().map(object).collect();
        return json!({ "folders": folders }).to_string();
    }
    let line = |migration: &&Migration| match state(migration) {
        None => format!("{} is pending. `underpin migrate up` begins it.", migration.path()),
        Some(State::Done) => format!("{} is applied.", migration.path()),
        Some(state) => {
            let next = next_step(&migration.version, &state);
            format!("{} is {}. {next}", migration.path(), state.words())
        }
    };
    match folders.is_empty() {
        true => "No migration is a folder of phases.".to_owned(),
        false => folders.iter().map(line).collect::<Vec<_>>().join("\n"),
    }
}

fn walked_text(walked: &Walked) -> String {
    let Walked { version, folder, from, to, duration_ms } = walked;
    match to {
        None if from.is_none() => format!("{folder} was never begun; nothing to take back."),
        None => format!("{folder} is taken back ({duration_ms} ms); everything is as before expand."),
        Some(State::Done) if from == to => format!("{folder} is applied already."),
        Some(State::Done) => {
            format!("{folder} is applied ({duration_ms} ms). `underpin migrate up` goes on with what waits.")
        }
        Some(state) => {
            format!("{folder} is {} ({duration_ms} ms). {}", state.words(), next_step(version, state))
        }
    }
}

fn walked_json(walked: &Walked) -> String {
    let text = |state: &Option<State>| state.as_ref().map(State::to_string);
    json!({
        "version": walked.version,
        "folder": walked.folder,
        "from": text(&walked.from),
        "to": text(&walked.to),
        "duration_ms": walked.duration_ms,
    })
    .to_string()
}
