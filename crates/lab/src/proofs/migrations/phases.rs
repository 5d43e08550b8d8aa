//! Walks every folder of phases under load: the old version until the deployment, the new one from the verified backfill
//! on, both side by side between; with the runner that production uses.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use underpin_model::catalog::Catalog;
use underpin_model::catalog_diff::catalog_diff;
use underpin_model::event::Silent;
use underpin_model::phases::Phases;
use underpin_model::project::{Migration, Project};
use underpin_model::script::TransactionScript;
use underpin_model::{Code, Event};
use underpin_pg::{Address, Session};

use super::load::{Sessions, Traffic};
use super::log::{Log, Part, Version};
use super::{phases_report, runbook};
use crate::check::stage::{Size, Stage};
use crate::error::LabError;
use crate::migrator::{ApplyOptions, ContractGuard, Goal, MigrateError, PhaseWish, migrate_phase};
use crate::proof::{Experiment, Outcome, RunProfile};
use crate::{params, script_run::ScriptRun, template};

/// Every code that this half of the proof reports by itself.
pub const CODES: &[Code] = &[REVERT];

/// The catalog after revert is another one.
pub(super) const REVERT: Code =
    Code::error("UP415", "revert-differs", "revert.sql does not bring the schema back");

/// Transactions per second of both versions together when `[proofs.migrations] rate` is not set.
const RATE: f64 = 200.0;

/// Sessions of each version when `[proofs.migrations] sessions` is not set.
const SESSIONS: u32 = 4;

/// Longest wait of a statement for a lock when `[proofs.migrations] budget_ms` is not set.
const BUDGET_MS: u64 = 500;

/// Shortest part of the walk: long enough for a few hundred transactions, and for what must not wait half a second.
const PART: Duration = Duration::from_millis(1_200);

/// The same of a quick run.
const QUICK_PART: Duration = Duration::from_millis(400);

/// Ranges that a backfill has at least, so that the application writes between and into them.
const RANGES: u64 = 20;

/// How hard folders are tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Trial {
    pub(super) rate: f64,
    pub(super) sessions: u32,
    pub(super) budget_ms: u64,
    pub(super) part: Duration,
}

/// What was found out about one folder.
pub(super) struct Walk<'p> {
    pub(super) migration: &'p Migration,
    pub(super) phases: &'p Phases,
    pub(super) log: Log,
    /// The phase that the runner could not finish.
    pub(super) stopped: Option<(Part, MigrateError)>,
    /// What revert left different; nothing without `revert.sql`.
    pub(super) reverted: Option<Result<Vec<String>, MigrateError>>,
    /// The server's `deadlock_timeout`.
    pub(super) deadlock_timeout: String,
    /// Rows of the table that the backfill walks over.
    pub(super) rows: Option<u64>,
}

/// Walks every folder of the project and returns what was found.
pub(super) async fn prove_phases(experiment: &Experiment<'_>) -> Result<Outcome, LabError> {
    let project = experiment.project;
    let folders = project.migrations.iter().filter(|migration| migration.phases.is_some()).count();
    if folders == 0 {
        return Ok(Outcome::default());
    }
    let trial = Trial::of(experiment);
    let mut stage =
        Stage::open(project, &experiment.lab.address(), ("phases", template::DATABASE), Size::Once).await?;
    let mut walks = Vec::new();
    let mut unexamined = Vec::new();
    for migration in &project.migrations {
        if let Some(phases) = &migration.phases {
            let (done, total) = (walks.len() as u64, folders as u64);
            let what = format!("{} under load", migration.path());
            experiment.events.emit(Event::Progress { what, done, total, unit: "folders" });
            stage.settle(migration).await?;
            walks.push(walk(project, &mut stage, (migration, phases), &trial).await?);
        }
        if let Err(error) = stage.forward(&migration.version).await {
            unexamined.push(format!("the folders after {} ({})", migration.path(), error.chain()));
            break;
        }
    }
    unexamined.extend(stage.empty.iter().map(|table| format!("{table}, which stayed empty")));
    stage.close().await?;
    let mut outcome = phases_report::outcome(&walks, &trial);
    outcome.unexamined.extend(unexamined);
    outcome.documents.push(runbook::document(project, &walks, &trial));
    Ok(outcome)
}

impl Trial {
    fn of(experiment: &Experiment<'_>) -> Trial {
        let settings = experiment.project.config.proofs.get("migrations").cloned().unwrap_or_default();
        Trial {
            rate: settings.rate.unwrap_or(RATE),
            sessions: settings.sessions.unwrap_or(SESSIONS).max(1),
            budget_ms: settings.budget_ms.unwrap_or(BUDGET_MS),
            part: if experiment.profile == RunProfile::Quick { QUICK_PART } else { PART },
        }
    }
}

/// A database in the state before the folder.
struct Ground<'p> {
    project: &'p Project,
    migrations: Vec<Migration>,
    phases: &'p Phases,
    version: &'p str,
    superuser: Address,
    owner: Address,
}

async fn walk<'p>(
    project: &'p Project,
    stage: &mut Stage<'p>,
    (migration, phases): (&'p Migration, &'p Phases),
    trial: &Trial,
) -> Result<Walk<'p>, LabError> {
    let reverting = stage.copy().await?;
    let mut ground = Ground {
        project,
        migrations: project.migrations.clone(),
        phases,
        version: &migration.version,
        superuser: reverting.place.superuser.clone(),
        owner: reverting.place.owner.clone(),
    };
    let reverted = ground.revert().await?;
    reverting.drop().await?;
    let loaded = stage.copy().await?;
    ground.superuser = loaded.place.superuser.clone();
    ground.owner = loaded.place.owner.clone();
    let rows = ground.cut_into_ranges().await?;
    let deadlock_timeout = ground.ask("SHOW deadlock_timeout").await?;
    let (log, stopped) = ground.under_load(trial).await?;
    loaded.drop().await?;
    Ok(Walk { migration, phases, log, stopped, reverted, deadlock_timeout, rows })
}

impl Ground<'_> {
    async fn go(&self, goal: Goal) -> Result<(), MigrateError> {
        let owner = self.owner.application_name("underpin-phases-runner");
        let (version, guard) = (Some(self.version.to_owned()), ContractGuard::nobody());
        let wish = PhaseWish { version, goal, apply: ApplyOptions::default(), guard };
        migrate_phase(&owner, &self.migrations, &wish, &Silent).await.map(|_| ())
    }

    /// Expands, backfills and takes everything back; returns what is different then.
    async fn revert(&self) -> Result<Option<Result<Vec<String>, MigrateError>>, LabError> {
        if self.phases.revert.is_none() {
            return Ok(None);
        }
        let before = self.catalog().await?;
        if self.go(Goal::Expand).await.is_err() || self.go(Goal::Backfill).await.is_err() {
            // The walk under load meets the same and tells it.
            return Ok(None);
        }
        if let Some(old) = &self.phases.old {
            self.few(old).await?;
        }
        if let Err(error) = self.go(Goal::Revert).await {
            return Ok(Some(Err(error)));
        }
        let after = self.catalog().await?;
        let line = |one: &underpin_model::catalog_diff::Difference| {
            super::super::replay::describe(one, "state before", "state after")
        };
        Ok(Some(Ok(catalog_diff(&before, &after).iter().map(line).collect())))
    }

    /// Runs a script a few times, whatever comes of it.
    async fn few(&self, script: &TransactionScript) -> Result<(), LabError> {
        let chooser = Session::connect(&self.superuser).await?;
        let session = Session::connect(&self.application(script)).await?;
        for seed in 0..5 {
            let values = params::evaluate(&chooser, &script.name, &script.params).await?;
            let Ok(mut run) = ScriptRun::new(script, values, seed) else { break };
            if run.to_end(&session).await.is_err() {
                let _ = session.execute("ROLLBACK").await;
            }
        }
        chooser.close().await;
        session.close().await;
        Ok(())
    }

    async fn catalog(&self) -> Result<Catalog, LabError> {
        let session = Session::connect(&self.superuser).await?;
        let catalog = underpin_pg::catalog::snapshot(&session).await?;
        session.close().await;
        Ok(catalog)
    }

    async fn ask(&self, sql: &str) -> Result<String, LabError> {
        let session = Session::connect(&self.superuser).await?;
        let answer = session.value(sql).await?;
        session.close().await;
        Ok(answer.unwrap_or_default())
    }

    /// Makes the ranges of the backfill small enough that there are many; returns the rows of its table.
    async fn cut_into_ranges(&mut self) -> Result<Option<u64>, LabError> {
        let Some(backfill) = &self.phases.backfill else { return Ok(None) };
        let rows = self.ask(&format!("SELECT count(*) FROM {}", backfill.table)).await?;
        let rows: u64 = rows.parse().unwrap_or(0);
        let most = (rows / RANGES).max(10);
        for migration in self.migrations.iter_mut().filter(|one| one.version == self.version) {
            if let Some(backfill) = migration.phases.as_mut().and_then(|phases| phases.backfill.as_mut()) {
                backfill.rows = backfill.rows.min(most);
            }
        }
        Ok(Some(rows))
    }

    fn application(&self, script: &TransactionScript) -> Address {
        let role = script.role.as_ref().or(self.project.config.database.app_role.as_ref());
        role.map_or_else(|| self.superuser.clone(), |role| self.superuser.user(role))
    }

    /// Walks the folder part by part while both versions run as they must survive it.
    async fn under_load(&self, trial: &Trial) -> Result<(Log, Option<(Part, MigrateError)>), LabError> {
        let traffic = Traffic::new(trial.rate);
        let versions = [(Version::Old, &self.phases.old), (Version::New, &self.phases.new)];
        let sessions = versions.iter().filter_map(|(version, script)| Some((*version, script.as_ref()?)));
        let sessions = sessions.flat_map(|pair| std::iter::repeat_n(pair, trial.sessions as usize));
        let drivers = sessions.map(|(version, script)| {
            let traffic = &traffic;
            let database =
                Sessions { superuser: self.superuser.clone(), application: self.application(script) };
            async move { traffic.drive(version, script, &database).await }
        });
        let walking = async {
            let stopped = self.parts(&traffic, trial.part).await;
            traffic.end();
            stopped
        };
        let (stopped, driven, watched) =
            tokio::join!(walking, join_all(drivers), traffic.watch(&self.superuser));
        driven.into_iter().collect::<Result<Vec<()>, LabError>>()?;
        watched?;
        Ok((traffic.into_log(), stopped))
    }

    async fn parts(&self, traffic: &Traffic, least: Duration) -> Option<(Part, MigrateError)> {
        for part in Part::ALL {
            traffic.enter(part).await;
            let start = Instant::now();
            let goal = match part {
                Part::Before | Part::Deployment | Part::After => None,
                Part::Expand => Some(Goal::Expand),
                Part::Backfill => Some(Goal::Backfill),
                Part::Verify => Some(Goal::Verify),
                Part::Contract => Some(Goal::Contract),
            };
            let outcome = match goal {
                Some(goal) => self.go(goal).await,
                None => Ok(()),
            };
            tokio::time::sleep(least.saturating_sub(start.elapsed())).await;
            traffic.took(start.elapsed().as_secs_f64());
            if let Err(error) = outcome {
                return Some((part, error));
            }
        }
        None
    }
}
