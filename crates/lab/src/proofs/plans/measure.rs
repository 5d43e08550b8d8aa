//! Every query with every parameter set, for its values and for any.

use std::collections::{BTreeMap, BTreeSet};

use underpin_model::Event;
use underpin_model::project::Query;
use underpin_pg::checksum::{self, Options, Scope};
use underpin_plan::Baseline;

use super::judge::Found;
use super::lock;
use crate::error::LabError;
use crate::lab::Sandbox;
use crate::planning::values::{Chooser, Known, Set};
use crate::planning::{Asked, Measured, Mode, Planner, is_explainable};
use crate::proof::{Experiment, Outcome};

/// A query that was examined.
pub(super) struct QueryRun<'p> {
    /// The query.
    pub query: &'p Query,
    /// One per parameter set.
    pub answers: Vec<Answer>,
}

/// What a query did with one parameter set.
#[derive(Clone)]
pub(super) struct Answer {
    /// The values.
    pub set: Set,
    /// The plan for these values.
    pub custom: Measured,
    /// The plan for any values; absent without parameters.
    pub generic: Option<Measured>,
    /// Checksum of the rows in any order; absent when both plans give different rows, as LIMIT without a
    /// definite order may.
    pub result: Option<String>,
}

/// Runs queries.
pub(super) struct Runner<'a> {
    planner: &'a Planner,
    experiment: &'a Experiment<'a>,
    baseline: Option<&'a Baseline>,
    chooser: Chooser<'a>,
}

impl<'a> Runner<'a> {
    pub(super) fn new(
        planner: &'a Planner,
        experiment: &'a Experiment<'a>,
        baseline: Option<&'a Baseline>,
    ) -> Runner<'a> {
        let chooser = Chooser { planner, catalog: experiment.lab.catalog(), known: Known::default() };
        Runner { planner, experiment, baseline, chooser }
    }

    /// Examines every query; one that the server refuses is not examined, and said to be so.
    pub(super) async fn all(&mut self, outcome: &mut Outcome) -> Result<Vec<QueryRun<'a>>, LabError> {
        let queries = &self.experiment.project.queries;
        let mut runs = Vec::new();
        for (done, query) in queries.iter().enumerate() {
            let (done, total) = (done as u64, queries.len() as u64);
            self.experiment.events.emit(Event::Progress {
                what: "plans".to_owned(),
                done,
                total,
                unit: "queries",
            });
            if !is_explainable(query) {
                outcome.unexamined.push(format!("{} (EXPLAIN does not take such a statement)", query.name));
                continue;
            }
            match self.query(query).await {
                Ok(run) => runs.push(run),
                Err(error @ LabError::Connect(_)) => return Err(error),
                Err(error) => outcome.unexamined.push(format!("{} ({})", query.name, error.chain())),
            }
        }
        Ok(runs)
    }

    async fn query(&mut self, query: &'a Query) -> Result<QueryRun<'a>, LabError> {
        let sets = match self.locked_sets(query) {
            Some(sets) => sets,
            None => self.chooser.sets(query).await?,
        };
        let mut answers = Vec::new();
        for set in sets {
            answers.push(self.answer(query, set).await?);
        }
        Ok(QueryRun { query, answers })
    }

    async fn answer(&self, query: &Query, set: Set) -> Result<Answer, LabError> {
        let custom = Asked { query, values: &set.values, mode: Mode::Custom };
        let generic = Asked { mode: Mode::Generic, ..custom };
        let measured = self.planner.measure(custom, "").await?;
        let (result, _) = self.planner.result(custom, "").await?;
        let (any, same) = match query.params.is_empty() {
            true => (None, self.planner.result(custom, "").await?.0 == result),
            false => {
                let any = self.planner.measure(generic, "").await?;
                (Some(any), self.planner.result(generic, "").await?.0 == result)
            }
        };
        Ok(Answer { set, custom: measured, generic: any, result: same.then_some(result) })
    }

    /// Returns the values of the baseline: as long as they fit the query, the same are examined again, whatever
    /// the data now make hot.
    fn locked_sets(&self, query: &Query) -> Option<Vec<Set>> {
        if self.experiment.bless.is_some() {
            return None;
        }
        let locked = self.baseline?.queries.get(&query.name)?;
        let sets = lock::sets(locked);
        lock::fit(&sets, query).then_some(sets)
    }

    /// Examines the queries of these findings again.
    pub(super) async fn again(&mut self, found: &[Found]) -> Result<Vec<QueryRun<'a>>, LabError> {
        let names: BTreeSet<&str> =
            found.iter().filter(|one| one.breach.rule.fails()).map(|one| one.query.as_str()).collect();
        let mut runs = Vec::new();
        for query in
            self.experiment.project.queries.iter().filter(|query| names.contains(query.name.as_str()))
        {
            runs.push(self.query(query).await?);
        }
        Ok(runs)
    }
}

/// Returns the checksum of each table's content that some plan reads.
pub(super) async fn data(
    sandbox: &Sandbox<'_>,
    runs: &[QueryRun<'_>],
) -> Result<BTreeMap<String, String>, LabError> {
    let nodes = runs.iter().flat_map(|run| &run.answers).flat_map(|answer| answer.custom.plan.root.all());
    let tables: BTreeSet<String> = nodes
        .filter_map(|node| node.relation.as_ref())
        .map(|relation| format!("{}.{}", relation.schema.as_deref().unwrap_or("public"), relation.name))
        .filter(|name| !name.starts_with("pg_catalog."))
        .collect();
    let options = Options { sessions: Some(2), scope: Scope::WithLedgers };
    let all = checksum::database_checksums(&sandbox.address(), &options).await?;
    Ok(tables.iter().filter_map(|name| Some((name.clone(), all.tables.get(name)?.sum.clone()))).collect())
}
