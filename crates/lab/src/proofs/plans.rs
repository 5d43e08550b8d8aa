//! `plans`: does every query still run as it was accepted, for hot, rare and absent values?

mod evidence;
mod growth;
mod judge;
mod lock;
mod measure;
mod writes;

use std::collections::BTreeMap;

use underpin_model::config::ProofConfig;
use underpin_model::{Code, Finding, ObjectKind, ObjectRef, SourceLine};
use underpin_plan::{Budget, Thresholds};

use self::judge::{Accepted, Judge};
pub(crate) use self::lock::{FILE as LOCK, accepted_sets, accepted_writes, sets_of};
use self::measure::{QueryRun, Runner};
use crate::error::LabError;
use crate::planning::{Planner, pinned};
use crate::proof::{Experiment, Experimenting, Outcome, Proof};

/// The proof.
pub const PROOF: Proof = Proof {
    name: "plans",
    question: "Does every query still run as it was accepted, for hot, rare and absent values?",
    page: include_str!("../../../../docs/proofs/plans.md"),
    own_servers: false,
    run: |experiment| -> Experimenting<'_> { Box::pin(run(experiment)) },
};

/// Every code that this proof reports.
pub const CODES: &[Code] = &[
    judge::BUFFERS,
    judge::SEQ_SCAN,
    judge::ESTIMATE,
    judge::TEMP,
    judge::RESULT,
    judge::LOST_INDEX,
    judge::CHANGED,
    judge::UNSTABLE,
    judge::GENERIC,
    OVER_BUDGET,
    NOT_UNDERSTOOD,
    lock::NO_BASELINE,
    growth::GROWS,
];

const OVER_BUDGET: Code =
    Code::error("UP508", "plan-over-budget", "a query exceeds the budget of its header");
const NOT_UNDERSTOOD: Code =
    Code::error("UP509", "budget-not-understood", "a budget clause says nothing that can be judged");

/// What the plans were held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compared {
    /// The accepted plans.
    WithBaseline,
    /// There were none.
    BudgetsOnly,
}

/// Analyses after which a regression must still be there; one that comes and goes is reported as unstable.
const ANALYSES: u32 = 3;

async fn run(experiment: &Experiment<'_>) -> Result<Outcome, LabError> {
    let project = experiment.project;
    if project.queries.is_empty() {
        return Ok(Outcome::skipped("the project has no queries (queries/*.sql)"));
    }
    let config = project.config.proofs.get(PROOF.name).cloned().unwrap_or_default();
    let settings = pinned::pinned(&config.settings);
    let sandbox = experiment.lab.sandbox().await?;
    let planner = Planner::open(&sandbox, project.config.database.app_role.clone(), &settings).await?;
    let mut outcome = Outcome::default();
    for table in pinned::all_visible(planner.session()).await? {
        outcome.unexamined.push(format!("{table} has pages that are not all-visible after VACUUM"));
    }
    let owner = Planner::open(&sandbox, None, &settings).await?;
    let lock = lock::read(experiment, &settings, &mut outcome)?;
    let mut runner = Runner::new(&planner, experiment, lock.baseline.as_ref());
    let runs = runner.all(&mut outcome).await?;
    let data = measure::data(&sandbox, &runs).await?;
    let writes = writes::measure(experiment, &sandbox, &owner, &mut outcome).await?;
    let compared = if lock.baseline.is_some() { Compared::WithBaseline } else { Compared::BudgetsOnly };
    let limits = thresholds(&config);
    budgets(experiment, &runs, &mut outcome);
    let mut judge = Judge::new(experiment, &limits, &mut outcome);
    judge.generic_plans(&runs);
    if let Some(baseline) = lock.baseline.as_ref().filter(|_| experiment.bless.is_none()) {
        let gone = writes.gone(baseline);
        let accepted = Accepted { baseline, data: &data, gone: &gone };
        let mut breaches = judge.against(&accepted, &runs);
        let mut beside = writes.against(baseline, &limits);
        if breaches.iter().any(|one| one.breach.rule.fails()) || !beside.is_empty() {
            for _ in 0..ANALYSES {
                owner.session().execute("ANALYZE").await?;
                let again = runner.again(&breaches).await?;
                let still = judge.against(&accepted, &again);
                judge::note_unstable(&mut breaches, &still, &again);
                let again = writes::measure(experiment, &sandbox, &owner, &mut Outcome::default()).await?;
                let still = again.against(baseline, &limits);
                beside.retain(|key, _| still.contains_key(key));
            }
        }
        judge.report(baseline, &runs, breaches);
        outcome.findings.extend(beside.into_values());
    }
    if let Some(reason) = experiment.bless {
        outcome.documents.push(lock.blessed(reason, &runs, (data, &writes)));
    } else {
        growth::examine(experiment, &runs, &limits, &mut outcome).await?;
    }
    evidence::conclude(&runs, compared, &mut outcome);
    owner.close().await;
    planner.close().await;
    sandbox.drop().await?;
    Ok(outcome)
}

/// Returns the thresholds of the project.
pub(crate) fn thresholds(config: &ProofConfig) -> Thresholds {
    let own = BTreeMap::from([
        ("buffers_ratio", config.buffers_ratio),
        ("buffers_more", config.buffers_more),
        ("seq_scan_rows", config.seq_scan_rows),
        ("seq_scan_kept", config.seq_scan_kept),
        ("estimate", config.estimate),
        ("estimate_ratio", config.estimate_ratio),
        ("estimate_buffers", config.estimate_buffers),
        ("temp", config.temp),
        ("lost_ratio", config.lost_ratio),
        ("lost_more", config.lost_more),
        ("growth", config.growth),
    ]);
    let mut limits = Thresholds::default();
    for (name, value) in own {
        if let Some(value) = value {
            limits.set(name, value);
        }
    }
    limits
}

/// Judges every plan by the clauses of its query's header; time is shown and never judged.
fn budgets(experiment: &Experiment<'_>, runs: &[QueryRun<'_>], outcome: &mut Outcome) {
    for query in &experiment.project.queries {
        for clause in Budget::parse(&query.budget).1 {
            let message = format!(
                "The budget of {} says \"{clause}\", which nothing can be measured against.",
                query.name
            );
            outcome.findings.push(finding(&NOT_UNDERSTOOD, query, message).hint(
                "Clauses: N ms, buffers <= N, buffers <= 2x, rows-read <= N, temp <= N, estimate <= 10x, no-seq-scan(table).",
            ));
        }
    }
    for run in runs {
        let (budget, _) = Budget::parse(&run.query.budget);
        for answer in &run.answers {
            for exceeded in budget.exceeded(&answer.custom.plan) {
                let message = format!(
                    "{} with its {} values exceeds its budget: {exceeded}.",
                    run.query.name, answer.set.name
                );
                let evidence = evidence::plan(run, answer);
                let found = finding(&OVER_BUDGET, run.query, message).evidence(&evidence.id);
                outcome.findings.push(
                    found.hint("underpin prove indexes says which index, statistics or rewrite helps."),
                );
                if outcome.evidence.iter().all(|one| one.id != evidence.id) {
                    outcome.evidence.push(evidence);
                }
            }
        }
    }
}

/// Returns a finding about a query.
pub(super) fn finding(code: &Code, query: &underpin_model::project::Query, message: String) -> Finding {
    Finding::new(code, message)
        .object(ObjectRef::new(ObjectKind::Query, &query.name))
        .at(SourceLine::new(query.file.clone(), query.statement.line))
}
