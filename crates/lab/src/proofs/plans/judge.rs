//! Compares what was measured with the baseline, and turns what breaks a rule into findings.

use std::collections::{BTreeMap, BTreeSet};

use underpin_model::Code;
use underpin_plan::gate::{self, Rule};
use underpin_plan::{Baseline, Breach, Budget, PlanRecord, Thresholds};

use super::evidence;
use super::finding;
use super::lock;
use super::measure::{Answer, QueryRun};
use crate::proof::{Experiment, Outcome};

pub(super) const BUFFERS: Code =
    Code::error("UP500", "plan-reads-more", "a query touches many more buffers than was accepted");
pub(super) const SEQ_SCAN: Code =
    Code::error("UP501", "plan-seq-scan", "a query newly reads a whole table to keep a few rows");
pub(super) const ESTIMATE: Code =
    Code::error("UP502", "plan-estimate-worse", "an estimate went wrong and the plan costs more");
pub(super) const TEMP: Code = Code::error("UP503", "plan-spills", "a query newly writes temporary files");
pub(super) const RESULT: Code =
    Code::error("UP504", "plan-result-differs", "a query gives other rows on the same data");
pub(super) const CHANGED: Code =
    Code::warning("UP505", "plan-changed", "a plan changed without costing more");
pub(super) const UNSTABLE: Code =
    Code::warning("UP506", "plan-unstable", "a plan depends on the sample of ANALYZE");
pub(super) const LOST_INDEX: Code =
    Code::error("UP511", "plan-index-lost", "an index is gone, and what used it costs more");
pub(super) const GENERIC: Code = Code::warning(
    "UP507",
    "plan-generic-worse",
    "the plan for any value is much worse than the one for this value",
);

/// A breach with the query and parameter set that it was seen in.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// Name of the query.
    pub query: String,
    /// Name of the set, with ` generic` for the plan for any value.
    pub set: String,
    /// What is broken.
    pub breach: Breach,
    /// It was gone after another ANALYZE.
    pub unstable: bool,
}

/// Judges the runs.
pub(super) struct Judge<'a> {
    project: &'a underpin_model::project::Project,
    limits: &'a Thresholds,
    outcome: &'a mut Outcome,
}

/// What the runs are held against.
#[derive(Clone, Copy)]
pub(super) struct Accepted<'a> {
    /// The baseline.
    pub baseline: &'a Baseline,
    /// Checksums of the tables now.
    pub data: &'a BTreeMap<String, String>,
    /// Indexes of the baseline that are gone, with their schemas.
    pub gone: &'a BTreeSet<String>,
}

/// One plan of a run with its name.
fn plans(answer: &Answer) -> Vec<(String, &PlanRecord)> {
    let mut plans = vec![(answer.set.name.clone(), &answer.custom.record)];
    plans.extend(answer.generic.as_ref().map(|one| (format!("{} generic", answer.set.name), &one.record)));
    plans
}

impl<'a> Judge<'a> {
    pub(super) fn new(
        experiment: &'a Experiment<'_>,
        limits: &'a Thresholds,
        outcome: &'a mut Outcome,
    ) -> Judge<'a> {
        Judge { project: experiment.project, limits, outcome }
    }

    /// Returns everything that differs from the baseline.
    pub(super) fn against(&self, accepted: &Accepted<'_>, runs: &[QueryRun<'_>]) -> Vec<Found> {
        let (baseline, data) = (accepted.baseline, accepted.data);
        let mut found = Vec::new();
        for run in runs {
            let Some(locked) = baseline.queries.get(&run.query.name) else { continue };
            let limits = Budget::parse(&run.query.budget).0.over(self.limits);
            let same_text = locked.statement == lock::statement(run);
            for answer in &run.answers {
                let mut add = |set: String, breach| {
                    found.push(Found { query: run.query.name.clone(), set, breach, unstable: false });
                };
                for (name, record) in plans(answer) {
                    let before = locked.sets.get(&name).or_else(|| locked.sets.get(&answer.set.name));
                    let Some(before) = before else { continue };
                    // In other data a row may have the value that none had: then nothing is left to compare.
                    let appeared = answer.set.name == "absent"
                        && record.kept() > before.plan.kept()
                        && !same_data(baseline, answer, data);
                    if appeared {
                        continue;
                    }
                    let lost = accepted.lost(&before.plan, answer);
                    let lost = gate::lost_index(before.plan.buffers, record.buffers, &lost, &limits);
                    let moved = !same_data(baseline, answer, data) && gate::scattered(&before.plan, record);
                    let breaches = gate::judge(&before.plan, record, &limits).into_iter().chain(lost);
                    for breach in breaches.filter(|breach| !(moved && breach.rule == Rule::Buffers)) {
                        add(name.clone(), breach);
                    }
                }
                let before = locked.sets.get(&answer.set.name).and_then(|set| set.result.as_ref());
                if let (Some(before), Some(now)) = (before, &answer.result)
                    && before != now
                    && same_text
                    && same_data(baseline, answer, data)
                {
                    let message = "the result differs though the data are the same".to_owned();
                    add(answer.set.name.clone(), Breach { rule: Rule::Result, message });
                }
            }
        }
        found
    }

    /// Warns of plans for any value that are much worse than those for the values at hand.
    pub(super) fn generic_plans(&mut self, runs: &[QueryRun<'_>]) {
        for run in runs {
            let limits = Budget::parse(&run.query.budget).0.over(self.limits);
            let worse = run.answers.iter().filter_map(|answer| {
                let generic = &answer.generic.as_ref()?.record;
                let breach = gate::generic_worse(&answer.custom.record, generic, &limits)?;
                Some(format!("with its {} values {}", answer.set.name, breach.message))
            });
            let worse: Vec<String> = worse.collect();
            if !worse.is_empty() {
                let message = format!("{}: {}.", run.query.name, worse.join("; "));
                self.outcome.findings.push(finding(&GENERIC, run.query, message).hint(
                    "The server takes the generic plan of a prepared statement from the sixth execution on when its cost looks no higher; \
                     SET plan_cache_mode = force_custom_plan for this statement, or write the condition so that one plan serves all values.",
                ));
            }
        }
    }

    /// Turns breaches into findings, one per query and rule, with both plans as evidence.
    pub(super) fn report(&mut self, baseline: &Baseline, runs: &[QueryRun<'_>], found: Vec<Found>) {
        let mut grouped: BTreeMap<(String, Rule, bool), Vec<&Found>> = BTreeMap::new();
        for one in &found {
            grouped.entry((one.query.clone(), one.breach.rule, one.unstable)).or_default().push(one);
        }
        for ((name, rule, unstable), group) in grouped {
            let Some(run) = runs.iter().find(|run| run.query.name == name) else { continue };
            let mut parts: Vec<String> = Vec::new();
            for one in &group {
                let part = format!("{} ({} values)", one.breach.message, one.set);
                if !parts.contains(&part) {
                    parts.push(part);
                }
            }
            let more = parts.len().saturating_sub(4);
            parts.truncate(4);
            let tail = if more > 0 { format!("; and {more} more") } else { String::new() };
            let verb = if unstable { " sometimes, depending on the sample of ANALYZE" } else { "" };
            let message = format!("{name}{verb}: {}{tail}.", parts.join("; "));
            let code = if unstable { &UNSTABLE } else { code(rule) };
            let mut reported = finding(code, run.query, message);
            if let Some(evidence) = group.first().and_then(|one| evidence::pair(baseline, run, &one.set)) {
                reported = reported.evidence(&evidence.id);
                if self.outcome.evidence.iter().all(|one| one.id != evidence.id) {
                    self.outcome.evidence.push(evidence);
                }
            }
            self.outcome.findings.push(reported.hint(hint(rule)));
        }
        let new = self.project.queries.iter().filter(|query| !baseline.queries.contains_key(&query.name));
        for query in new {
            let message = format!("{} has no accepted plan yet.", query.name);
            let hint = format!("underpin prove plans --bless \"new query {}\"", query.name);
            self.outcome.findings.push(finding(&lock::NO_BASELINE, query, message).hint(hint));
        }
    }
}

impl Accepted<'_> {
    /// Returns the lost indexes to which a change of this plan may be put down: those that the accepted plan read; on the
    /// same data any, since functions may have read it, or the planner known from it that rows are unique.
    fn lost(&self, before: &PlanRecord, answer: &Answer) -> Vec<&str> {
        let bare = |name: &str| name.split_once('.').map_or(name.to_owned(), |(_, bare)| bare.to_owned());
        let read = |name: &str| before.nodes.iter().any(|node| node.indexes.contains(&bare(name)));
        let all = || self.gone.iter().map(String::as_str);
        match all().any(read) {
            true => all().filter(|name| read(name)).collect(),
            false if !self.gone.is_empty() && same_data(self.baseline, answer, self.data) => all().collect(),
            false => Vec::new(),
        }
    }
}

/// Returns whether every table that the plan reads holds what it held when the plan was accepted.
fn same_data(baseline: &Baseline, answer: &Answer, data: &BTreeMap<String, String>) -> bool {
    let nodes = answer.custom.plan.root.all();
    let mut tables = nodes
        .iter()
        .filter_map(|node| node.relation.as_ref())
        .map(|relation| format!("{}.{}", relation.schema.as_deref().unwrap_or("public"), relation.name));
    // Functions may read tables that no plan shows: without a table in sight all must be the same.
    if nodes.iter().any(|node| node.kind == "Function Scan") {
        return baseline.data == *data;
    }
    tables.all(|table| baseline.data.contains_key(&table) && baseline.data.get(&table) == data.get(&table))
}

/// Marks what another ANALYZE made go away. Only queries that were examined again are judged.
pub(super) fn note_unstable(found: &mut [Found], still: &[Found], again: &[QueryRun<'_>]) {
    for one in found.iter_mut().filter(|one| one.breach.rule.fails()) {
        let examined = again.iter().any(|run| run.query.name == one.query);
        let there = still
            .iter()
            .any(|other| other.query == one.query && other.set == one.set && other.breach.rule.fails());
        one.unstable |= examined && !there;
    }
}

fn code(rule: Rule) -> &'static Code {
    match rule {
        Rule::Buffers => &BUFFERS,
        Rule::SeqScan => &SEQ_SCAN,
        Rule::Estimate => &ESTIMATE,
        Rule::Temp => &TEMP,
        Rule::Result => &RESULT,
        Rule::LostIndex => &LOST_INDEX,
        Rule::Generic => &GENERIC,
        Rule::EstimateAlone | Rule::Shape | Rule::HeapFetches | Rule::Pruning => &CHANGED,
    }
}

fn hint(rule: Rule) -> &'static str {
    match rule {
        Rule::Result => {
            "Look at what changed in the view or function; accept it with: underpin prove plans --bless \"why\""
        }
        Rule::Estimate | Rule::EstimateAlone => {
            "underpin prove statistics says why the estimate is off and what repairs it."
        }
        _ => {
            "Put the index or the condition back, or accept the plan with: underpin prove plans --bless \"why\""
        }
    }
}
