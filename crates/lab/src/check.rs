//! Judges migrations by running them: at two sizes, statement by statement, beside the code that runs meanwhile.
//!
//! [`check`] walks through the history on two databases, one at the project's scale and one at four times that.
//! A file that is to be judged runs there as the runner would run it ([`trace`]); a second session tries to plan reads
//! and writes while its locks are held ([`onlooker`]). The project's queries and transactions run before and after
//! ([`running_code`]), values are counted before and looked for after ([`values`]). Judging is pure: `underpin-rules`.

pub(crate) mod amplify;
mod case;
mod duel;
mod evidence;
mod examine;
mod fill;
mod held_up;
mod observe;
mod onlooker;
mod production;
mod races;
mod repair;
mod running_code;
mod seeded;
pub(crate) mod stage;
pub(crate) mod trace;
mod unproven;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use underpin_model::deployment::{Deployment, Step};
use underpin_model::production::{ProductionSnapshot, TableSize};
use underpin_model::project::{Migration, Project, SqlFile};
use underpin_model::script::TransactionScript;
use underpin_model::{Event, EventSink, Evidence, Finding};
use underpin_rules::migration;

use crate::accepted;
use crate::error::LabError;
use crate::lab::{Lab, LabSpec};
use crate::migrator::state::State;

pub use case::Case;
pub use evidence::{statement_traces, table_for_pull_request, table_without_times};
use examine::{Stages, examine};
pub use repair::Repair;
pub use running_code::RunningCode;
use stage::{Size, Stage};

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
    /// Safe ways to do what an unsafe file does, by file; each ran here without a finding.
    pub repairs: BTreeMap<String, Repair>,
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
    /// What production looks like, where that is known.
    pub production: Option<&'a ProductionSnapshot>,
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
    let (address, template) = (bench.lab.address(), crate::template::DATABASE);
    let seeded = match running.transactions.is_empty() || bench.base.seeds.is_empty() {
        true => None,
        false => Some(seeded::Seeded::build(bench.base, &address).await?),
    };
    let mut stages = Stages {
        small: Stage::open(project, &address, ("check_small", template), Size::Once).await?,
        large: Stage::open(project, &large.address(), ("check_large", template), Size::Times(LARGER)).await?,
        tiny: match &seeded {
            Some(_) => Some(Stage::open(project, &address, ("check_tiny", seeded::NAME), Size::Tiny).await?),
            None => None,
        },
        production: production_of(project, bench.production),
    };
    for stage in [&mut stages.small, &mut stages.large] {
        stage.resemble(stages.production.as_ref());
    }
    let new = RunningCode::of(project);
    let mut walk = Walk { running, new: &new, stages, checked: Checked::default() };
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
    if let Some(seeded) = seeded {
        seeded.drop().await?;
    }
    large.close().await?;
    judge(&mut checked, project);
    Ok(checked)
}

/// Returns the snapshot, with the rows that `[scale] rows` names on top of it; nothing when there is neither.
fn production_of(project: &Project, snapshot: Option<&ProductionSnapshot>) -> Option<ProductionSnapshot> {
    let configured = &project.config.scale.rows;
    if snapshot.is_none() && configured.is_empty() {
        return None;
    }
    let mut production = snapshot.cloned().unwrap_or_default();
    for (name, rows) in configured {
        match production.tables.iter_mut().find(|table| table.name == *name) {
            Some(table) => table.rows = *rows,
            None => {
                production.tables.push(TableSize { name: name.clone(), rows: *rows, ..TableSize::default() })
            }
        }
    }
    Some(production)
}

/// The way through the history.
struct Walk<'a, 'p> {
    /// What runs until the new version of the application is deployed.
    running: &'a RunningCode<'a>,
    /// What runs from then on: contract meets nothing else.
    new: &'a RunningCode<'a>,
    stages: Stages<'p>,
    checked: Checked,
}

impl Walk<'_, '_> {
    /// Applies a file that nobody asks about.
    async fn pass(&mut self, version: &str) -> Result<(), LabError> {
        for stage in self.stages.all() {
            stage.forward(version).await?;
        }
        Ok(())
    }

    /// Examines a file, or the phases of a folder; returns whether the history goes on behind it.
    async fn examine(&mut self, migration: &Migration) -> Result<bool, LabError> {
        for stage in self.stages.all() {
            stage.fill().await?;
        }
        let Some(phases) = &migration.phases else {
            let file = Migration { phases: None, ..migration.clone() };
            return self.part(&file, self.running, (migration, &State::Done)).await;
        };
        let with = |code: &RunningCode<'_>, script: &Option<TransactionScript>| -> Vec<TransactionScript> {
            code.transactions.iter().chain(script).cloned().collect()
        };
        let (old, new) = (with(self.running, &phases.old), with(self.new, &phases.new));
        let expand = Migration { phases: None, ..migration.clone() };
        let running = RunningCode { transactions: &old, ..*self.running };
        if !self.part(&expand, &running, (migration, &State::Expanded)).await? {
            return Ok(false);
        }
        for stage in self.stages.all() {
            stage.walk_to_verified(&migration.version).await?;
        }
        let contract = Migration {
            sql: phases.contract.sql.clone(),
            transactional: phases.contract.transactional,
            locks: phases.contract.locks.clone(),
            phases: None,
            ..migration.clone()
        };
        let running = RunningCode { transactions: &new, ..*self.new };
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
        let start = std::time::Instant::now();
        let before = match repair::may_help(part) {
            true => Some(self.stages.copies().await?),
            false => None,
        };
        let deployment = examine(part, running, &mut self.stages).await?;
        let duration_ms = start.elapsed().as_secs_f64() * 1000.0;
        self.checked.durations_ms.insert(part.sql.file.to_string(), duration_ms);
        let refused = |work: &underpin_model::deployment::Work| work.refused.is_some();
        let stopped = deployment
            .steps
            .iter()
            .any(|step| refused(&step.small) || step.large.as_ref().is_some_and(refused));
        if let Some(gap) = doubtful_refusal(&deployment, &self.stages) {
            self.checked.unexamined.push(gap);
            return Ok(false);
        }
        if let Some(before) = before {
            let proposed = repair::propose(part, &migration::judge(&deployment));
            if let Some(proposed) = proposed
                && repair::is_safe(&proposed, part, running, before).await?
            {
                self.checked.repairs.insert(part.sql.file.to_string(), proposed);
            }
        }
        self.checked.deployments.push(deployment);
        for stage in self.stages.all().filter(|_| !stopped) {
            stage.note(whole, state).await?;
        }
        Ok(!stopped)
    }

    async fn finish(mut self) -> Result<Checked, LabError> {
        let empty = self.stages.close().await?;
        self.checked.unexamined.extend(empty.iter().map(|table| format!("{table}, which stayed empty")));
        Ok(self.checked)
    }
}

/// Returns what is not known when a file is refused because of its rows, and some rows are made up.
fn doubtful_refusal(deployment: &Deployment, stages: &Stages<'_>) -> Option<String> {
    let refused = |step: &Step| step.small.refused.clone().or_else(|| step.large.as_ref()?.refused.clone());
    let (step, refused) = deployment.steps.iter().find_map(|step| Some((step, refused(step)?)))?;
    let on_rows = refused.sqlstate.starts_with("23") || refused.sqlstate.starts_with("22");
    (on_rows && stages.small.has_made_up_rows()).then(|| {
        format!(
            "{}:{}, which is refused because of rows that were made up for a schema of the past ({})",
            deployment.file, step.statement.line, refused.message
        )
    })
}

fn judge(checked: &mut Checked, project: &Project) {
    let today = accepted::today();
    for deployment in &checked.deployments {
        let mut findings = migration::judge(deployment);
        let text = files(project).find(|file| file.file == deployment.file).map(|file| file.text.as_str());
        let (allow, _) = underpin_sql::directive::allows(&deployment.file, text.unwrap_or_default());
        let lines: Vec<u32> = deployment.steps.iter().map(|step| step.statement.line).collect();
        migration::accept(&mut findings, &allow, (&deployment.file, &lines), &today);
        if let Some(repair) = checked.repairs.get(deployment.file.as_str()) {
            checked.evidence.push(repair::tell(repair, &deployment.file, &mut findings));
        }
        checked.findings.extend(findings);
        checked.evidence.extend(evidence::evidence(deployment));
    }
    checked.evidence.extend(evidence::races_cut_short(&checked.deployments));
}

/// Returns every file of the history, phases of folders included.
fn files(project: &Project) -> impl Iterator<Item = &SqlFile> {
    project.migrations.iter().flat_map(|migration| {
        let contract = migration.phases.as_ref().map(|phases| &phases.contract.sql);
        std::iter::once(&migration.sql).chain(contract)
    })
}
