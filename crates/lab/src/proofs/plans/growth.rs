//! Runs the queries again at twice and four times the data: work that grows though the result does not.

use underpin_model::config::ProofConfig;
use underpin_model::{Code, Event, Evidence};
use underpin_plan::compare::amount;
use underpin_plan::growth::{self, Growth, SIZES};
use underpin_plan::{Budget, PlanRecord, Thresholds};

use super::finding;
use super::measure::QueryRun;
use crate::check::amplify::{Copies, amplify};
use crate::error::LabError;
use crate::lab::{Lab, LabSpec, Sandbox};
use crate::planning::{Asked, Mode, Planner, pinned};
use crate::proof::{Experiment, Outcome, RunProfile};

pub(super) const GROWS: Code =
    Code::warning("UP512", "plan-grows", "a query's work grows with the data though its result does not");

/// Plans of every query and parameter set, in the order of the runs.
type Plans = Vec<Vec<Option<PlanRecord>>>;

/// Measures the queries at the larger sizes and warns of what grows.
pub(super) async fn examine(
    experiment: &Experiment<'_>,
    runs: &[QueryRun<'_>],
    limits: &Thresholds,
    outcome: &mut Outcome,
) -> Result<(), LabError> {
    if experiment.profile == RunProfile::Quick || runs.is_empty() {
        return Ok(());
    }
    let mut larger = Vec::new();
    for size in &SIZES[1..] {
        experiment.events.emit(Event::Progress {
            what: "growth".to_owned(),
            done: larger.len() as u64,
            total: 2,
            unit: "sizes",
        });
        match measured(experiment, runs, *size).await {
            Ok(plans) => larger.push(plans),
            Err(error) => {
                outcome.unexamined.push(format!("{size} times the data ({})", error.chain()));
                return Ok(());
            }
        }
    }
    report(runs, &larger, limits, outcome);
    Ok(())
}

/// Returns the plans at a size: from a template with so many times the scale, or from copied rows where the project has no
/// scale file.
async fn measured(experiment: &Experiment<'_>, runs: &[QueryRun<'_>], size: u32) -> Result<Plans, LabError> {
    if experiment.project.scale.is_some() {
        let spec = LabSpec { scale: experiment.spec.scale.saturating_mul(size), ..experiment.spec.clone() };
        let lab = Lab::open(experiment.project, &spec, experiment.events).await?;
        let plans = at(experiment, &lab.template(), runs).await;
        lab.close().await?;
        return plans;
    }
    let sandbox = experiment.lab.sandbox().await?;
    let session = sandbox.session().await?;
    session.execute("SET session_replication_role = replica").await?;
    amplify(&session, &Copies::Times(u64::from(size))).await?;
    session.execute("VACUUM (ANALYZE)").await?;
    session.close().await;
    let plans = at(experiment, &sandbox, runs).await;
    sandbox.drop().await?;
    plans
}

async fn at(
    experiment: &Experiment<'_>,
    sandbox: &Sandbox<'_>,
    runs: &[QueryRun<'_>],
) -> Result<Plans, LabError> {
    let project = experiment.project;
    let config: ProofConfig = project.config.proofs.get(super::PROOF.name).cloned().unwrap_or_default();
    let settings = pinned::pinned(&config.settings);
    let planner = Planner::open(sandbox, project.config.database.app_role.clone(), &settings).await?;
    let mut plans = Vec::new();
    for run in runs {
        let mut sets = Vec::new();
        for answer in &run.answers {
            let asked = Asked { query: run.query, values: &answer.set.values, mode: Mode::Custom };
            sets.push(match planner.measure(asked, "").await {
                Ok(measured) => Some(measured.record),
                // A value that the larger data refuse, such as a division by what is zero there.
                Err(LabError::Query(error)) if error.sqlstate().is_some() => None,
                Err(error) => return Err(error),
            });
        }
        plans.push(sets);
    }
    planner.close().await;
    Ok(plans)
}

fn report(runs: &[QueryRun<'_>], larger: &[Plans], limits: &Thresholds, outcome: &mut Outcome) {
    let mut rows = Vec::new();
    let mut growing = 0;
    for (at, run) in runs.iter().enumerate() {
        let own = Budget::parse(&run.query.budget).0.over(limits);
        let mut worst: Option<(&str, Growth)> = None;
        for (nth, answer) in run.answers.iter().enumerate() {
            let (Some(twice), Some(four)) = (&larger[0][at][nth], &larger[1][at][nth]) else {
                outcome.unexamined.push(format!(
                    "{} with its {} values at larger sizes, where it is refused",
                    run.query.name, answer.set.name
                ));
                continue;
            };
            let plans = [&answer.custom.record, twice, four];
            rows.push(row(run, &answer.set.name, plans));
            if let Some(found) = growth::growth(plans, &own)
                && worst.as_ref().is_none_or(|(_, worst)| found.buffers[2] > worst.buffers[2])
            {
                worst = Some((&answer.set.name, found));
            }
        }
        if let Some((set, found)) = worst {
            growing += 1;
            let message = format!("{} with its {set} values {}.", run.query.name, found.message());
            outcome.findings.push(finding(&GROWS, run.query, message).hint(hint(&found)));
        }
    }
    let columns = ["query", "values", "buffers at 1×", "2×", "4×", "rows at 1×", "2×", "4×"];
    outcome.evidence.push(Evidence::table("growth", "The same values in more data", &columns, rows));
    outcome.measure("growing", f64::from(growing), "count");
}

fn row(run: &QueryRun<'_>, set: &str, plans: [&PlanRecord; 3]) -> Vec<String> {
    let mut row = vec![run.query.name.clone(), set.to_owned()];
    row.extend(plans.map(|plan| amount(plan.buffers as f64)));
    row.extend(plans.map(|plan| amount(plan.rows as f64)));
    row
}

fn hint(found: &Growth) -> &'static str {
    match found.keeps {
        true => {
            "What it sums up or sorts grows for good: keep a counter or a summary, bound it in time, or accept it with -- allow: plan-grows because …"
        }
        false => {
            "It reads rows that it does not need: underpin prove indexes says which index or rewrite helps."
        }
    }
}
