//! What was measured, as tables and plans side by side.

use underpin_model::Evidence;
use underpin_plan::compare::{self, amount};
use underpin_plan::{Baseline, Budget, PlanRecord, view};

use super::measure::{Answer, QueryRun};
use crate::proof::Outcome;

/// Returns the plan of a query for the values at hand.
pub(super) fn plan(run: &QueryRun<'_>, answer: &Answer) -> Evidence {
    let id = format!("plan-{}-{}", run.query.name, answer.set.name);
    let title = format!("{} with its {} values", run.query.name, answer.set.name);
    Evidence::plans(&id, title, values(run, answer), vec![view::tree("plan", &answer.custom.plan)])
}

/// Returns the values that were asked for, as one sentence or none.
fn values(run: &QueryRun<'_>, answer: &Answer) -> Vec<String> {
    let shown = |(param, value): (&underpin_model::project::Param, &Option<String>)| {
        format!("{} = {}", param.name, value.as_deref().unwrap_or("NULL"))
    };
    let list: Vec<String> = run.query.params.iter().zip(&answer.set.values).map(shown).collect();
    if list.is_empty() { Vec::new() } else { vec![list.join(", ")] }
}

/// Returns what changed, one line each, and both plans.
pub(super) fn pair(baseline: &Baseline, run: &QueryRun<'_>, set: &str) -> Option<Evidence> {
    let answer = run
        .answers
        .iter()
        .find(|answer| set == answer.set.name || set == format!("{} generic", answer.set.name))?;
    let now = if set == answer.set.name { &answer.custom } else { answer.generic.as_ref()? };
    let sets = &baseline.queries.get(&run.query.name)?.sets;
    let before = &sets.get(set).or_else(|| sets.get(&answer.set.name))?.plan;
    let changes: Vec<String> =
        compare::changes(before, &now.record).iter().map(ToString::to_string).collect();
    let same = changes.is_empty().then(|| "the tree is the same".to_owned());
    let notes = values(run, answer).into_iter().chain(changes).chain(same).collect();
    let id = format!("change-{}-{}", run.query.name, set.replace(' ', "-"));
    let title = format!("{} with its {set} values: accepted and now", run.query.name);
    let trees = vec![
        view::accepted_tree(&format!("accepted ({})", amounts(before)), before),
        view::tree(&format!("now ({})", amounts(&now.record)), &now.plan),
    ];
    Some(Evidence::plans(&id, title, notes, trees))
}

fn amounts(plan: &PlanRecord) -> String {
    format!(
        "rows read {}, rows {}, worst estimate off {} times",
        amount(plan.rows_read as f64),
        amount(plan.rows as f64),
        amount(plan.estimate)
    )
}

/// Adds the table of all plans, the numbers and the summary.
pub(super) fn conclude(runs: &[QueryRun<'_>], compared: super::Compared, outcome: &mut Outcome) {
    let mut rows = Vec::new();
    let mut plans = 0;
    for run in runs {
        let budget = Budget::parse(&run.query.budget).0;
        for answer in &run.answers {
            let record = &answer.custom.record;
            plans += 1 + usize::from(answer.generic.is_some());
            let generic =
                answer.generic.as_ref().map_or_else(String::new, |one| amount(one.buffers() as f64));
            let ms = answer.custom.plan.execution_ms.map_or_else(String::new, |ms| format!("{ms:.1}"));
            rows.push(vec![
                run.query.name.clone(),
                answer.set.name.clone(),
                amount(record.buffers as f64),
                generic,
                amount(record.rows_read as f64),
                amount(record.rows as f64),
                amount(record.estimate),
                amount(record.temp as f64),
                match budget.ms {
                    Some(limit) => format!("{ms} of {}", amount(limit)),
                    None => ms,
                },
            ]);
        }
    }
    let columns = [
        "query",
        "values",
        "buffers",
        "generic",
        "rows read",
        "rows",
        "estimate off",
        "temp",
        "ms (shown only)",
    ];
    outcome
        .evidence
        .insert(0, Evidence::table("plans", "Every query with every parameter set", &columns, rows));
    outcome.measure("queries", runs.len() as f64, "count");
    outcome.measure("plans", plans as f64, "count");
    let end = match compared {
        super::Compared::WithBaseline => "each compared with the accepted one",
        super::Compared::BudgetsOnly => "judged by their budgets only",
    };
    outcome.summary = format!("Executed {} queries under {plans} plans, {end}.", runs.len());
}
