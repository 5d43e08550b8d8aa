//! Every index with every query on its table: executed with it, and without.

use std::collections::{BTreeMap, BTreeSet};

use underpin_model::Event;
use underpin_model::project::Query;
use underpin_plan::{Explained, NodeRecord};

use crate::error::LabError;
use crate::planning::surface::Index;
use crate::planning::values::{Chooser, Known, Set};
use crate::planning::{Asked, Measured, Mode, Planner, hidden, is_explainable};
use crate::proof::{Experiment, Outcome};
use crate::proofs::plans::{accepted_sets, sets_of};

/// The queries with their values, and what hiding each index did to them.
pub(super) struct Workload<'p> {
    events: &'p dyn underpin_model::EventSink,
    /// One per query and parameter set.
    pub asked: Vec<Base<'p>>,
    /// What hiding an index changed.
    pub effects: Vec<Effect>,
    /// Pairs of index and query that were looked at.
    pub pairs: usize,
}

/// A query with values, as it runs with every index in place.
pub(super) struct Base<'p> {
    /// The query.
    pub query: &'p Query,
    /// The values.
    pub set: Set,
    /// Executed.
    pub measured: Measured,
    /// Planned only.
    planned: Explained,
    /// Index scans by oid, those inside functions included.
    scans: BTreeMap<String, i64>,
    /// `schema.table` of every relation in the plan.
    tables: BTreeSet<(String, String)>,
}

impl Base<'_> {
    /// Returns the query as it is asked.
    pub(super) fn asked(&self) -> Asked<'_> {
        Asked { query: self.query, values: &self.set.values, mode: Mode::Custom }
    }

    /// Returns whether the plan shows the table.
    pub(super) fn reads(&self, schema: &str, table: &str) -> bool {
        self.tables.iter().any(|(own, name)| own == schema && name == table)
    }
}

/// What hiding one index, or several, does to a query with values.
#[derive(Clone)]
pub(super) struct Effect {
    /// Oids of the hidden indexes.
    pub hidden: Vec<String>,
    /// Position in [`Workload::asked`].
    pub base: usize,
    /// Executed without.
    pub without: Measured,
}

impl<'p> Workload<'p> {
    /// Runs every query with its values.
    pub(super) async fn read(
        experiment: &'p Experiment<'_>,
        planner: &Planner,
        outcome: &mut Outcome,
    ) -> Result<Workload<'p>, LabError> {
        let mut chooser = Chooser { planner, catalog: experiment.lab.catalog(), known: Known::default() };
        let mut asked = Vec::new();
        let accepted = accepted_sets(experiment);
        for query in experiment.project.queries.iter().filter(|query| is_explainable(query)) {
            let examined = async {
                let mut found = Vec::new();
                for set in sets_of(&accepted, &mut chooser, query).await? {
                    found.push(base(planner, query, set).await?);
                }
                Ok::<_, LabError>(found)
            };
            match examined.await {
                Ok(found) => asked.extend(found),
                Err(error @ LabError::Connect(_)) => return Err(error),
                Err(error) => outcome.unexamined.push(format!("{} ({})", query.name, error.chain())),
            }
        }
        Ok(Workload { events: experiment.events, asked, effects: Vec::new(), pairs: 0 })
    }

    /// Hides each index in turn and runs what changes by that.
    pub(super) async fn hide_each(&mut self, planner: &Planner, indexes: &[Index]) -> Result<(), LabError> {
        for (done, index) in indexes.iter().enumerate() {
            let (done, total) = (done as u64, indexes.len() as u64);
            self.events.emit(Event::Progress { what: "indexes".to_owned(), done, total, unit: "indexes" });
            let effects = self.hide(planner, &[index]).await?;
            self.effects.extend(effects);
        }
        // Either of two may do the other's work: only hiding both shows that one of them is needed.
        for (at, one) in indexes.iter().enumerate() {
            for other in
                indexes[at + 1..].iter().filter(|other| one.is_covered_by(other) || other.is_covered_by(one))
            {
                let effects = self.hide(planner, &[one, other]).await?;
                self.effects.extend(effects);
            }
        }
        Ok(())
    }

    /// Returns the effects of hiding these indexes of one table.
    ///
    /// A plan that stays the same to the last estimate, for a query that scans the index nowhere, not in a function either,
    /// executes the same: it is not executed again.
    async fn hide(&mut self, planner: &Planner, indexes: &[&Index]) -> Result<Vec<Effect>, LabError> {
        let oids: Vec<&str> = indexes.iter().map(|index| index.oid.as_str()).collect();
        let before = hidden::hide(&oids);
        let mut found = Vec::new();
        let mut queries = BTreeSet::new();
        for (at, base) in self.asked.iter().enumerate() {
            let scanned = oids.iter().any(|oid| base.scans.contains_key(*oid));
            if !scanned && !indexes.iter().any(|index| base.reads(&index.schema, &index.table)) {
                continue;
            }
            queries.insert(&base.query.name);
            if scanned || planner.plan(base.asked(), &before).await? != base.planned {
                let without = planner.measure(base.asked(), &before).await?;
                let hidden = oids.iter().map(|oid| (*oid).to_owned()).collect();
                found.push(Effect { hidden, base: at, without });
            }
        }
        self.pairs += queries.len();
        Ok(found)
    }

    /// Returns how often per second the query at this position is asked with these values: all its values alike.
    pub(super) fn weight(&self, at: usize) -> f64 {
        let query = self.asked[at].query;
        let sets = self.asked.iter().filter(|other| other.query.name == query.name).count();
        query.rate.unwrap_or(1.0) / sets.max(1) as f64
    }

    /// Returns the effects of hiding exactly these indexes.
    pub(super) fn effects_of(
        &self,
        oids: &[&str],
    ) -> impl Iterator<Item = (&Base<'p>, &Effect)> + use<'_, 'p> {
        let oids: Vec<String> = oids.iter().map(|oid| (*oid).to_owned()).collect();
        self.effects
            .iter()
            .filter(move |effect| effect.hidden == oids)
            .map(|effect| (&self.asked[effect.base], effect))
    }
}

async fn base<'p>(planner: &Planner, query: &'p Query, set: Set) -> Result<Base<'p>, LabError> {
    let asked = Asked { query, values: &set.values, mode: Mode::Custom };
    let measured = planner.measure(asked, "").await?;
    let planned = planner.plan(asked, "").await?;
    let scans = planner.scans(asked).await?;
    let relations = measured.plan.root.all().into_iter().filter_map(|node| node.relation.clone());
    let tables = relations
        .map(|relation| (relation.schema.unwrap_or_else(|| "public".to_owned()), relation.name))
        .collect();
    Ok(Base { query, measured, planned, scans, tables, set })
}

/// Returns the places where the plan reads the index.
pub(super) fn nodes_with<'m>(measured: &'m Measured, index: &str) -> Vec<&'m NodeRecord> {
    measured.record.nodes.iter().filter(|node| node.indexes.iter().any(|name| name == index)).collect()
}
