//! Judges migrations by running them: at two sizes, statement by statement, beside the code that runs meanwhile.
//!
//! [`check`] walks through the history on two databases, one at the project's scale and one at four times that.
//! A file that is to be judged runs there as the runner would run it ([`trace`]); a second session tries to plan reads
//! and writes while its locks are held ([`onlooker`]). The project's queries and transactions run before and after
//! ([`running_code`]), values are counted before and looked for after ([`values`]). Judging is pure: `underpin-rules`.

mod amplify;
mod case;
mod evidence;
mod fill;
mod held_up;
mod observe;
mod onlooker;
mod running_code;
pub(crate) mod stage;
pub(crate) mod trace;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use underpin_model::deployment::{Deployment, InvalidIndex, Step};
use underpin_model::project::{Migration, Project, SqlFile};
use underpin_model::script::TransactionScript;
use underpin_model::{Event, EventSink, Evidence, Finding};
use underpin_rules::migration;

use crate::error::LabError;
use crate::lab::{Lab, LabSpec};
use crate::migrator::state::State;

pub use case::Case;
pub use evidence::{statement_traces, table_for_pull_request, table_without_times};
pub use running_code::RunningCode;
use stage::Stage;
use trace::{Patience, Traced, trace};

/// The larger of the two sizes is so many times the project's own.
pub const LARGER: u32 = 4;

/// What was found out about a project's migrations.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// What each examined file did, in order.
    pub deployments: Vec<Deployment>,
    /// Faults and advice.
    pub findings: Vec<Finding>,
    /// One entry per statement.
    pub evidence: Vec<Evidence>,
    /// What could not be examined.
    pub unexamined: Vec<String>,
    /// Milliseconds per file, at both sizes, with everything around it.
    pub durations_ms: BTreeMap<String, f64>,
}

/// Which files to judge.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Versions.
    pub versions: BTreeSet<String>,
}

impl Selection {
    /// Returns the files from `version` on; all for none.
    pub fn from(project: &Project, version: Option<&str>) -> Selection {
        let start = version.and_then(|version| {
            project
                .migrations
                .iter()
                .position(|one| underpin_sql::migration::compare_versions(&one.version, version).is_ge())
        });
        let start = if version.is_some() { start.unwrap_or(project.migrations.len()) } else { 0 };
        Selection { versions: project.migrations[start..].iter().map(|one| one.version.clone()).collect() }
    }
}

/// What a check works with.
#[derive(Clone, Copy)]
pub struct Bench<'a> {
    /// The lab at the project's scale.
    pub lab: &'a Lab,
    /// How it was made.
    pub spec: &'a LabSpec,
    /// The project that it holds: without the files to judge where these keep a template from being built.
    pub base: &'a Project,
    /// Whoever listens.
    pub events: &'a dyn EventSink,
}

/// Judges the selected files of `project`; `running` is the code that the application runs during the deployment.
pub async fn check(
    project: &Project,
    running: &RunningCode<'_>,
    selection: &Selection,
    bench: &Bench<'_>,
) -> Result<Checked, LabError> {
    let larger = LabSpec { scale: bench.spec.scale.saturating_mul(LARGER), ..bench.spec.clone() };
    let large = Lab::open(bench.base, &larger, bench.events).await?;
    let stages = [
        Stage::open(project, &bench.lab.address(), "check_small", 1).await?,
        Stage::open(project, &large.address(), "check_large", LARGER).await?,
    ];
    let mut walk = Walk { running, stages, checked: Checked::default() };
    for (nth, migration) in project.migrations.iter().enumerate() {
        let what = migration.sql.file.to_string();
        let (done, total) = (nth as u64, project.migrations.len() as u64);
        bench.events.emit(Event::Progress { what, done, total, unit: "migrations" });
        if !selection.versions.contains(&migration.version) {
            walk.pass(&migration.version).await?;
            continue;
        }
        if !walk.examine(migration).await? {
            let rest = project.migrations.len() - nth - 1;
            if rest > 0 {
                let files = if rest == 1 { "file" } else { "files" };
                walk.checked.unexamined.push(format!("the {rest} {files} after {}", migration.path()));
            }
            break;
        }
    }
    let mut checked = walk.finish().await?;
    large.close().await?;
    judge(&mut checked, project);
    Ok(checked)
}

/// The way through the history.
struct Walk<'a, 'p> {
    running: &'a RunningCode<'a>,
    stages: [Stage<'p>; 2],
    checked: Checked,
}

impl Walk<'_, '_> {
    /// Applies a file that nobody asks about.
    async fn pass(&mut self, version: &str) -> Result<(), LabError> {
        for stage in &mut self.stages {
            stage.forward(version).await?;
        }
        Ok(())
    }

    /// Examines a file, or the phases of a folder; returns whether the history goes on behind it.
    async fn examine(&mut self, migration: &Migration) -> Result<bool, LabError> {
        let Some(phases) = &migration.phases else {
            let file = Migration { phases: None, ..migration.clone() };
            return self.part(&file, self.running, (migration, &State::Done)).await;
        };
        let with = |script: &Option<TransactionScript>| -> Vec<TransactionScript> {
            self.running.transactions.iter().chain(script).cloned().collect()
        };
        let (old, new) = (with(&phases.old), with(&phases.new));
        let expand = Migration { phases: None, ..migration.clone() };
        let running = RunningCode { transactions: &old, ..*self.running };
        if !self.part(&expand, &running, (migration, &State::Expanded)).await? {
            return Ok(false);
        }
        for stage in &mut self.stages {
            if let Err(fault) = stage.walk_to_verified(&migration.version).await {
                self.checked.unexamined.push(format!("contract of {}: {}", phases.folder, fault.chain()));
                return Ok(false);
            }
        }
        let contract = Migration {
            sql: phases.contract.sql.clone(),
            transactional: phases.contract.transactional,
            locks: phases.contract.locks.clone(),
            phases: None,
            ..migration.clone()
        };
        let running = RunningCode { transactions: &new, ..*self.running };
        let goes_on = self.part(&contract, &running, (migration, &State::Done)).await?;
        if let (Some(deployment), Some(_)) = (self.checked.deployments.last_mut(), &phases.verify) {
            // Contract takes the old form away; verify.sql has just shown that the new one holds everything.
            deployment.lost.clear();
        }
        Ok(goes_on)
    }

    async fn part(
        &mut self,
        part: &Migration,
        running: &RunningCode<'_>,
        (whole, state): (&Migration, &State),
    ) -> Result<bool, LabError> {
        for stage in &mut self.stages {
            stage.fill().await?;
        }
        let start = std::time::Instant::now();
        let deployment = examine(part, running, &mut self.stages).await?;
        let duration_ms = start.elapsed().as_secs_f64() * 1000.0;
        self.checked.durations_ms.insert(part.sql.file.to_string(), duration_ms);
        let refused = |work: &underpin_model::deployment::Work| work.refused.is_some();
        let stopped = deployment
            .steps
            .iter()
            .any(|step| refused(&step.small) || step.large.as_ref().is_some_and(refused));
        self.checked.deployments.push(deployment);
        for stage in self.stages.iter_mut().filter(|_| !stopped) {
            stage.note(whole, state).await?;
        }
        Ok(!stopped)
    }

    async fn finish(mut self) -> Result<Checked, LabError> {
        for stage in self.stages {
            self.checked.unexamined.extend(stage.empty.iter().map(|table| format!("data of {table}")));
            stage.close().await?;
        }
        self.checked.unexamined.dedup();
        Ok(self.checked)
    }
}

fn judge(checked: &mut Checked, project: &Project) {
    let now = humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string();
    let today = &now[..now.len().min(10)];
    for deployment in &checked.deployments {
        let mut findings = migration::judge(deployment);
        let text = files(project).find(|file| file.file == deployment.file).map(|file| file.text.as_str());
        let (allow, _) = underpin_sql::directive::allows(&deployment.file, text.unwrap_or_default());
        let lines: Vec<u32> = deployment.steps.iter().map(|step| step.statement.line).collect();
        migration::accept(&mut findings, &allow, (&deployment.file, &lines), today);
        checked.findings.extend(findings);
        checked.evidence.extend(evidence::evidence(deployment));
    }
}

/// Returns every file of the history, phases of folders included.
fn files(project: &Project) -> impl Iterator<Item = &SqlFile> {
    project.migrations.iter().flat_map(|migration| {
        let contract = migration.phases.as_ref().map(|phases| &phases.contract.sql);
        std::iter::once(&migration.sql).chain(contract)
    })
}

/// Runs one file on both stages, which are a file further afterwards.
async fn examine(
    migration: &Migration,
    running: &RunningCode<'_>,
    [small, large]: &mut [Stage<'_>; 2],
) -> Result<Deployment, LabError> {
    let (code_before, before) = before_the_file(migration, running, small).await?;
    let prepared = running_code::prepare(&small.place().superuser, running).await?;
    let at_small = trace(&small.place(), migration, Patience::Tried).await?;
    let mut deployment = Deployment {
        file: migration.sql.file.clone(),
        transactional: migration.transactional,
        ..Deployment::default()
    };
    let at_large = if at_small.finished() {
        deployment.disturbed = prepared.again().await?;
        Some(trace(&large.place(), migration, Patience::Spared).await?)
    } else {
        None
    };
    prepared.close().await;
    deployment.invalid_indexes = invalid_indexes(&at_small);
    let finished = at_small.finished();
    deployment.steps = steps(migration, at_small, at_large);
    if finished {
        let session = underpin_pg::Session::connect(&small.place().superuser).await?;
        if let Some(before) = &before {
            let after =
                values::take_after(&session, values::tables_written(migration).as_ref(), before).await?;
            deployment.lost = values::lost(before, &after);
        }
        session.close().await;
        let ended = transactions_in_copy(small, running, &code_before).await?;
        deployment.disturbed.extend(running_code::compare(running, &code_before, &ended));
    }
    Ok(deployment)
}

type Before = (BTreeMap<String, running_code::Ended>, Option<values::Holdings>);

/// Notes what works and what is there before the file runs.
async fn before_the_file(
    migration: &Migration,
    running: &RunningCode<'_>,
    small: &mut Stage<'_>,
) -> Result<Before, LabError> {
    let ended = transactions_in_copy(small, running, &BTreeMap::new()).await?;
    let at_risk = values::tables_at_risk(migration);
    if at_risk.as_ref().is_some_and(BTreeSet::is_empty) {
        return Ok((ended, None));
    }
    let session = underpin_pg::Session::connect(&small.place().superuser).await?;
    let holdings = values::take(&session, at_risk.as_ref()).await?;
    session.close().await;
    Ok((ended, Some(holdings)))
}

/// Runs the application's transactions in a copy of the stage, for they change it.
async fn transactions_in_copy(
    small: &mut Stage<'_>,
    running: &RunningCode<'_>,
    earlier: &BTreeMap<String, running_code::Ended>,
) -> Result<BTreeMap<String, running_code::Ended>, LabError> {
    if running.transactions.is_empty() {
        return Ok(BTreeMap::new());
    }
    let copy = small.copy().await?;
    let ended = running_code::run_transactions(&copy.place.superuser, running, earlier).await?;
    copy.drop().await?;
    Ok(ended)
}

fn steps(migration: &Migration, small: Traced, large: Option<Traced>) -> Vec<Step> {
    let mut large = large.map(|traced| traced.works).unwrap_or_default().into_iter();
    let pairs = migration.sql.statements.iter().zip(small.works);
    pairs
        .map(|(statement, small)| Step { statement: statement.clone(), small, large: large.next() })
        .collect()
}

fn invalid_indexes(traced: &Traced) -> Vec<InvalidIndex> {
    let index = |(name, table): &(String, String)| InvalidIndex {
        name: name.clone(),
        table: table.clone(),
        before: traced.invalid_before.contains(&(name.clone(), table.clone())),
    };
    traced.invalid_after.iter().map(index).collect()
}
