//! Judges migrations by running them: at two sizes, statement by statement, beside the code that runs meanwhile.
//!
//! [`check`] walks through the history on two databases, one at the project's scale and one at four times that.
//! A file that is to be judged runs there as the runner would run it ([`trace`]); a second session tries to plan reads
//! and writes while its locks are held ([`onlooker`]). The project's queries and transactions run before and after
//! ([`running_code`]), values are counted before and looked for after ([`values`]). Judging is pure: `underpin-rules`.

mod case;
mod evidence;
mod fill;
mod held_up;
mod observe;
mod onlooker;
mod running_code;
mod stage;
mod trace;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use underpin_model::deployment::{Deployment, InvalidIndex, Step};
use underpin_model::project::{Migration, Project};
use underpin_model::{Event, EventSink, Evidence, Finding};
use underpin_rules::migration;

use crate::error::LabError;
use crate::lab::{Lab, LabSpec};

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
    let Bench { lab: small, spec, events } = *bench;
    let larger = LabSpec { scale: spec.scale.saturating_mul(LARGER), ..spec.clone() };
    let large = Lab::open(project, &larger, events).await?;
    let mut stages = [
        Stage::open(project, &small.address(), "check_small", 1).await?,
        Stage::open(project, &large.address(), "check_large", LARGER).await?,
    ];
    let mut checked = Checked::default();
    let mut filled = false;
    for (nth, migration) in project.migrations.iter().enumerate() {
        let what = migration.sql.file.to_string();
        let (done, total) = (nth as u64, project.migrations.len() as u64);
        events.emit(Event::Progress { what, done, total, unit: "migrations" });
        if !selection.versions.contains(&migration.version) {
            for stage in &mut stages {
                stage.forward(&migration.version).await?;
            }
            filled = false;
            continue;
        }
        if !filled {
            for stage in &mut stages {
                stage.fill().await?;
            }
        }
        let start = std::time::Instant::now();
        let deployment = examine(migration, running, &mut stages).await?;
        checked.durations_ms.insert(migration.sql.file.to_string(), start.elapsed().as_secs_f64() * 1000.0);
        let stopped = deployment.steps.iter().any(|step| step.small.refused.is_some());
        checked.deployments.push(deployment);
        if stopped {
            let rest = project.migrations.len() - nth - 1;
            if rest > 0 {
                checked.unexamined.push(format!("the {rest} files after {}", migration.sql.file));
            }
            break;
        }
        for stage in &mut stages {
            stage.fill().await?;
        }
        filled = true;
    }
    for stage in stages {
        checked.unexamined.extend(stage.empty.iter().map(|table| format!("data of {table}")));
        stage.close().await?;
    }
    large.close().await?;
    checked.unexamined.dedup();
    judge(&mut checked);
    Ok(checked)
}

fn judge(checked: &mut Checked) {
    for deployment in &checked.deployments {
        checked.findings.extend(migration::judge(deployment));
        checked.evidence.extend(evidence::evidence(deployment));
    }
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
            let after = values::take(&session, values::tables_written(migration).as_ref()).await?;
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
