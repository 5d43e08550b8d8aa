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
    Evidence::text(&id, title, "text", format!("{}{}", values(run, answer), view::text(&answer.custom.plan)))
}

fn values(run: &QueryRun<'_>, answer: &Answer) -> String {
    let shown = |(param, value): (&underpin_model::project::Param, &Option<String>)| {
        format!("{} = {}", param.name, value.as_deref().unwrap_or("NULL"))
    };
    let list: Vec<String> = run.query.params.iter().zip(&answer.set.values).map(shown).collect();
    if list.is_empty() { String::new() } else { format!("{}\n\n", list.join(", ")) }
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
    let changes = if changes.is_empty() { "the tree is the same".to_owned() } else { changes.join("\n") };
    let text = format!(
        "{}{changes}\n\naccepted: {}\n{}\n\nnow: {}\n{}",
        values(run, answer),
        amounts(before),
        tree(before),
        amounts(&now.record),
        view::text(&now.plan)
    );
    let id = format!("change-{}-{}", run.query.name, set.replace(' ', "-"));
    Some(Evidence::text(
        &id,
        format!("{} with its {set} values: accepted and now", run.query.name),
        "text",
        text,
    ))
}

fn amounts(plan: &PlanRecord) -> String {
    format!(
        "buffers {}, rows read {}, rows {}, temp {}, worst estimate off {} times",
        amount(plan.buffers as f64),
        amount(plan.rows_read as f64),
        amount(plan.rows as f64),
        amount(plan.temp as f64),
        amount(plan.estimate)
    )
}

/// Returns the accepted tree with its rows: the whole text of the accepted plan is not kept.
fn tree(plan: &PlanRecord) -> String {
    let line = |node: &underpin_plan::NodeRecord| {
        let rows = node.rows.map_or_else(|| "never executed".to_owned(), amount);
        format!("{}  rows {} → {rows}", node.line(), amount(node.estimate))
    };
    plan.nodes.iter().map(line).collect::<Vec<_>>().join("\n")
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
