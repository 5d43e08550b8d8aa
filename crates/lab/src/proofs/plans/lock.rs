//! The baseline: read from `plans.lock`, and written when somebody accepts the plans.

use std::collections::BTreeMap;

use underpin_model::project::Query;
use underpin_model::{Code, Finding};
use underpin_plan::baseline::{FORMAT, QueryBaseline, SetBaseline};
use underpin_plan::{Baseline, PlansLock};
use xxhash_rust::xxh3::xxh3_128;

use super::measure::QueryRun;
use super::writes::Writes;
use crate::error::LabError;
use crate::params::Values;
use crate::planning::Measured;
use crate::planning::values::{Chooser, Set};
use crate::proof::{Document, Experiment, Outcome};

pub(super) const NO_BASELINE: Code =
    Code::note("UP510", "plan-no-baseline", "there is no accepted plan to compare with");

/// The file's name in the project's folder.
pub(crate) const FILE: &str = "plans.lock";

/// The file, and the part of it that counts here.
pub(super) struct Lock {
    file: PlansLock,
    major: String,
    scale: u32,
    settings: BTreeMap<String, String>,
    /// The baseline of this server's major version; absent when there is none that was made the same way.
    pub baseline: Option<Baseline>,
}

/// Reads `plans.lock`; says why when there is nothing to compare with.
pub(super) fn read(
    experiment: &Experiment<'_>,
    settings: &BTreeMap<String, String>,
    outcome: &mut Outcome,
) -> Result<Lock, LabError> {
    let path = experiment.project.root.join(FILE);
    let file = match fs_err::read_to_string(&path) {
        Ok(text) => PlansLock::read(&text).map_err(|error| {
            LabError::Unexpected(format!("{FILE}: {error}; accept the plans anew with --bless"))
        })?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => PlansLock::default(),
        Err(error) => return Err(LabError::file(format!("reading {path}"), error)),
    };
    let major = major(experiment);
    let scale = experiment.spec.scale;
    let found = file.servers.get(&major);
    let usable = found.filter(|one| one.scale == scale && one.settings == *settings).cloned();
    if usable.is_none() && experiment.bless.is_none() {
        let why = match found {
            None if file.servers.is_empty() => format!("There is no {FILE} yet"),
            None => format!("{FILE} has no plans of PostgreSQL {major}"),
            Some(one) if one.scale != scale => {
                format!("{FILE} was made at scale {}, this run is at {scale}", one.scale)
            }
            Some(_) => format!("{FILE} was made under other settings"),
        };
        let message = format!("{why}: plans are judged by the budgets of their queries only.");
        let hint = "underpin prove plans --bless \"the first baseline\"";
        outcome.findings.push(Finding::new(&NO_BASELINE, message).hint(hint));
    }
    Ok(Lock { file, major, scale, settings: settings.clone(), baseline: usable })
}

/// Returns the values under which the queries were accepted, by query; none where there is no baseline for this server.
/// Whoever examines the same queries for something else uses the same values, so that its evidence keeps still.
pub(crate) fn accepted_sets(experiment: &Experiment<'_>) -> BTreeMap<String, Vec<Set>> {
    let queries = accepted(experiment).map(|baseline| baseline.queries).unwrap_or_default();
    queries.iter().map(|(name, query)| (name.clone(), sets(query))).collect()
}

/// Returns the values with which the transactions were accepted, by transaction.
pub(crate) fn accepted_writes(experiment: &Experiment<'_>) -> BTreeMap<String, Values> {
    let writes = accepted(experiment).map(|baseline| baseline.writes).unwrap_or_default();
    let own = writes
        .into_iter()
        .filter_map(|(key, write)| Some((key.strip_prefix("transaction ")?.to_owned(), write.values)));
    own.collect()
}

fn accepted(experiment: &Experiment<'_>) -> Option<Baseline> {
    let text = fs_err::read_to_string(experiment.project.root.join(FILE)).ok()?;
    let baseline = PlansLock::read(&text).ok()?.servers.remove(&major(experiment))?;
    (baseline.scale == experiment.spec.scale).then_some(baseline)
}

/// Returns the accepted values of a query as long as they fit it, else values that are chosen now.
pub(crate) async fn sets_of(
    accepted: &BTreeMap<String, Vec<Set>>,
    chooser: &mut Chooser<'_>,
    query: &Query,
) -> Result<Vec<Set>, LabError> {
    match accepted.get(&query.name).filter(|sets| fit(sets, query)) {
        Some(sets) => Ok(sets.clone()),
        None => chooser.sets(query).await,
    }
}

/// Returns whether there is a value for each parameter.
pub(super) fn fit(sets: &[Set], query: &Query) -> bool {
    sets.iter().all(|set| set.values.len() == query.params.len())
}

/// Returns the parameter sets of a baseline, those of plans for any value left out.
pub(super) fn sets(query: &QueryBaseline) -> Vec<Set> {
    let own = query.sets.iter().filter(|(name, _)| !name.ends_with(" generic"));
    own.map(|(name, set)| Set { name: name.clone(), values: set.values.clone() }).collect()
}

fn major(experiment: &Experiment<'_>) -> String {
    let version = &experiment.lab.installation().version.text;
    version.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default().to_owned()
}

impl Lock {
    /// Returns the file with the plans of this run. A query that did not change keeps its entry
    /// with the reason for which it was accepted: estimates differ with each sample of ANALYZE.
    pub(super) fn blessed(
        &self,
        reason: &str,
        runs: &[QueryRun<'_>],
        (data, writes): (BTreeMap<String, String>, &Writes),
    ) -> Document {
        let before = |name: &str| self.baseline.as_ref()?.queries.get(name);
        let queries = runs.iter().map(|run| {
            let query = query_baseline(run, reason);
            let kept = before(&run.query.name).filter(|old| is_same(old, &query)).cloned();
            (run.query.name.clone(), kept.unwrap_or(query))
        });
        let queries = queries.collect();
        let baseline = Baseline {
            scale: self.scale,
            settings: self.settings.clone(),
            data,
            indexes: writes.definitions(),
            queries,
            writes: writes.baseline(),
        };
        let mut file = PlansLock { plans: FORMAT, ..self.file.clone() };
        file.servers.insert(self.major.clone(), baseline);
        Document { path: FILE.to_owned(), content: file.text() }
    }
}

/// Returns whether nothing was accepted that was not accepted before.
fn is_same(old: &QueryBaseline, new: &QueryBaseline) -> bool {
    let shapes = |query: &QueryBaseline| -> Vec<(String, Vec<String>, u64, Option<String>)> {
        let set = |(name, set): (&String, &SetBaseline)| {
            (name.clone(), set.plan.shape(), set.plan.buffers, set.result.clone())
        };
        query.sets.iter().map(set).collect()
    };
    old.statement == new.statement && shapes(old) == shapes(new)
}

fn query_baseline(run: &QueryRun<'_>, reason: &str) -> QueryBaseline {
    let mut sets = BTreeMap::new();
    for answer in &run.answers {
        let set = |measured: &Measured| SetBaseline {
            values: answer.set.values.clone(),
            result: answer.result.clone(),
            plan: measured.record.clone(),
        };
        sets.insert(answer.set.name.clone(), set(&answer.custom));
        // Most plans for any value are the same; the file names those that are not.
        let other = |generic: &&Measured| {
            let (any, own) = (&generic.record, &answer.custom.record);
            any.shape() != own.shape() || (any.buffers, any.estimate) != (own.buffers, own.estimate)
        };
        if let Some(generic) = answer.generic.as_ref().filter(other) {
            sets.insert(format!("{} generic", answer.set.name), set(generic));
        }
    }
    QueryBaseline { reason: reason.to_owned(), statement: statement(run), sets }
}

/// Returns the checksum of a query's text.
pub(super) fn statement(run: &QueryRun<'_>) -> String {
    format!("{:032x}", xxh3_128(run.query.statement.sql.as_bytes()))
}
