//! What runs beside the queries and rests on indexes as well: transactions, and the checks of foreign keys.

use std::collections::{BTreeMap, BTreeSet};

use underpin_model::{Finding, ObjectKind, ObjectRef};
use underpin_plan::baseline::WriteBaseline;
use underpin_plan::compare::amount;
use underpin_plan::{Baseline, Thresholds, gate};

use super::judge::{BUFFERS, LOST_INDEX};
use super::lock::accepted_writes;
use crate::error::LabError;
use crate::lab::Sandbox;
use crate::planning::reference::references;
use crate::planning::surface::{self, Index};
use crate::planning::transaction::Repeated;
use crate::planning::{Measured, Planner};
use crate::proof::{Experiment, Outcome};

/// The indexes that there are, and what each transaction and check touched.
pub(super) struct Writes {
    /// Every index.
    pub indexes: Vec<Index>,
    /// By `transaction NAME` and `foreign key TABLE.NAME`.
    pub touched: BTreeMap<String, Touched>,
}

/// What one of them touched.
pub(super) struct Touched {
    what: ObjectRef,
    baseline: WriteBaseline,
}

/// Runs every transaction up to its COMMIT and every check of a foreign key.
pub(super) async fn measure(
    experiment: &Experiment<'_>,
    sandbox: &Sandbox<'_>,
    owner: &Planner,
    outcome: &mut Outcome,
) -> Result<Writes, LabError> {
    let indexes = surface::read(owner.session()).await?;
    let mut touched = BTreeMap::new();
    for reference in references(owner.session()).await? {
        let measured = owner.measure(reference.asked(), "").await?;
        let what = ObjectRef::in_schema(ObjectKind::Constraint, &reference.schema, reference.name());
        let baseline = WriteBaseline {
            values: BTreeMap::new(),
            buffers: measured.buffers(),
            indexes: scanned(&measured, &indexes, &reference.schema),
        };
        touched.insert(format!("foreign key {}", reference.name()), Touched { what, baseline });
    }
    let accepted = match experiment.bless {
        Some(_) => BTreeMap::new(),
        None => accepted_writes(experiment),
    };
    for script in &experiment.project.transactions {
        let values = accepted.get(&script.name);
        let repeated = Repeated::open(experiment, (sandbox, owner.session()), script, values).await?;
        match repeated.measure().await? {
            Some(ran) => {
                let names = indexes.iter().filter(|index| ran.scans.contains_key(&index.oid));
                let buffers = u64::try_from(ran.blocks).unwrap_or(0);
                let baseline = WriteBaseline {
                    values: repeated.values().clone(),
                    buffers,
                    indexes: names.map(name).collect(),
                };
                let what = ObjectRef::new(ObjectKind::Transaction, &script.name);
                touched.insert(format!("transaction {}", script.name), Touched { what, baseline });
            }
            None => outcome.unexamined.push(format!("transaction {}, which was refused", script.name)),
        }
        repeated.close().await;
    }
    Ok(Writes { indexes, touched })
}

fn scanned(measured: &Measured, indexes: &[Index], schema: &str) -> Vec<String> {
    let names: BTreeSet<&str> =
        measured.plan.root.all().into_iter().filter_map(|node| node.index.as_deref()).collect();
    let there = |index: &&Index| index.schema == schema && names.contains(index.name.as_str());
    indexes.iter().filter(there).map(name).collect()
}

fn name(index: &Index) -> String {
    format!("{}.{}", index.schema, index.name)
}

impl Writes {
    /// Returns the definitions of all indexes, as a baseline keeps them.
    pub(super) fn definitions(&self) -> BTreeMap<String, String> {
        self.indexes.iter().map(|index| (name(index), index.definition.clone())).collect()
    }

    /// Returns what was touched, as a baseline keeps it.
    pub(super) fn baseline(&self) -> BTreeMap<String, WriteBaseline> {
        self.touched.iter().map(|(key, touched)| (key.clone(), touched.baseline.clone())).collect()
    }

    /// Returns the names of indexes that the baseline has and of which no other holds the same now.
    pub(super) fn gone(&self, baseline: &Baseline) -> BTreeSet<String> {
        let there: BTreeSet<&str> = self.indexes.iter().map(|index| index.definition.as_str()).collect();
        let gone = baseline.indexes.iter().filter(|(_, definition)| !there.contains(definition.as_str()));
        gone.map(|(name, _)| name.clone()).collect()
    }

    /// Returns a finding for each transaction and check that touches clearly more than was accepted, by its key.
    pub(super) fn against(&self, baseline: &Baseline, limits: &Thresholds) -> BTreeMap<String, Finding> {
        let gone = self.gone(baseline);
        let mut found = BTreeMap::new();
        for (key, touched) in &self.touched {
            let Some(accepted) = baseline.writes.get(key) else { continue };
            let (before, after) = (accepted.buffers, touched.baseline.buffers);
            let lost: Vec<&str> =
                accepted.indexes.iter().filter(|name| gone.contains(*name)).map(String::as_str).collect();
            let (code, message) = match gate::lost_index(before, after, &lost, limits) {
                Some(breach) => (&LOST_INDEX, format!("{}: {}.", sentence(key), breach.message)),
                None if gate::grows(before, after, limits) => {
                    let cause = match lost.is_empty() {
                        true => String::new(),
                        false => format!(" without {}", lost.join(", ")),
                    };
                    let (before, after) = (amount(before as f64), amount(after as f64));
                    (&BUFFERS, format!("{}: buffers grew from {before} to {after}{cause}.", sentence(key)))
                }
                None => continue,
            };
            let hint =
                "Put the index back, or accept what it costs with: underpin prove plans --bless \"why\"";
            found.insert(key.clone(), Finding::new(code, message).object(touched.what.clone()).hint(hint));
        }
        found
    }
}

/// Returns the key as the beginning of a sentence.
fn sentence(key: &str) -> String {
    match key.split_once(' ') {
        Some(("transaction", name)) => format!("Transaction {name}"),
        _ => format!("The check of {key}"),
    }
}
