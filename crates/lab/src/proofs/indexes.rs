//! `indexes`: which index earns its keep, which is missing, and what does each cost?

mod advisor;
mod bench;
mod choosing;
mod foreign_keys;
mod hypothetical;
mod notes;
mod pairs;
mod transactions;
mod verdict;
mod write_tax;

use std::collections::{BTreeMap, BTreeSet};

use underpin_model::{Code, Severity};
use underpin_plan::gate::{self, Thresholds};

use self::bench::Bench;
use self::pairs::Workload;
use self::verdict::{Judged, Verdict};
use crate::accepted;
use crate::error::LabError;
use crate::planning::surface::Index;
use crate::proof::{Experiment, Experimenting, Outcome, Proof};

/// The proof.
pub const PROOF: Proof = Proof {
    name: "indexes",
    question: "Which index earns its keep, which is missing, and what does each cost?",
    page: include_str!("../../../../docs/proofs/indexes.md"),
    own_servers: false,
    run: |experiment| -> Experimenting<'_> { Box::pin(run(experiment)) },
};

/// Every code that this proof reports.
pub const CODES: &[Code] = &[
    verdict::UNUSED,
    verdict::REDUNDANT,
    verdict::DUPLICATE,
    verdict::SUSPICIOUS,
    verdict::MARGINAL,
    foreign_keys::WALKS,
    advisor::MISSING,
    advisor::REWRITE,
    advisor::STATISTICS,
];

async fn run(experiment: &Experiment<'_>) -> Result<Outcome, LabError> {
    let project = experiment.project;
    let mut outcome = Outcome::default();
    let bench = Bench::open(experiment, &mut outcome).await?;
    if bench.indexes.is_empty() && project.queries.is_empty() {
        bench.close().await?;
        return Ok(Outcome::skipped("the project has neither indexes nor queries"));
    }
    let mut workload = Workload::read(experiment, &bench.planner, &mut outcome).await?;
    workload.hide_each(&bench.planner, &bench.indexes).await?;
    let foreign_keys = foreign_keys::examine(&bench.owner, &bench.indexes, &mut outcome).await?;
    let advice = advisor::advise(experiment, &bench, &workload).await?;
    let used = transactions::examine(experiment, &bench.sandbox, &bench.indexes, &mut outcome).await?;
    let indexes = bench.close().await?;
    // Writes that are rolled back leave dead rows behind, so they have a copy of their own.
    let tax = write_tax::measure(experiment, &indexes).await?;
    let judged = Judged {
        indexes: &indexes,
        workload: &workload,
        foreign_keys: &foreign_keys,
        used: &used,
        tax: &tax,
    };
    judged.report(&mut outcome);
    advice.report(project, &workload, &mut outcome);
    notes::write(&judged, &project.root, &mut outcome);
    Ok(outcome)
}

/// What the proof reports as missing.
pub(crate) const MISSING: &Code = &advisor::MISSING;

/// Returns statements that build what the proof would propose: indexes for queries, and for the checks of foreign keys.
pub(crate) async fn advised(experiment: &Experiment<'_>) -> Result<Vec<String>, LabError> {
    let mut outcome = Outcome::default();
    let bench = Bench::open(experiment, &mut outcome).await?;
    let workload = Workload::read(experiment, &bench.planner, &mut outcome).await?;
    foreign_keys::examine(&bench.owner, &bench.indexes, &mut outcome).await?;
    let advice = advisor::advise(experiment, &bench, &workload).await?;
    bench.close().await?;
    let allow = experiment.project.config.proofs.get(PROOF.name).map(|proof| proof.allow.as_slice());
    accepted::by_settings(PROOF.name, allow.unwrap_or_default(), &mut outcome.findings);
    let checks = outcome
        .findings
        .iter()
        .filter(|finding| finding.code == foreign_keys::WALKS.code && finding.severity >= Severity::Warning);
    let checks = checks.filter_map(|finding| finding.hint.as_deref());
    Ok(advice.statements().into_iter().chain(checks.map(|hint| hint.replace("CONCURRENTLY ", ""))).collect())
}

/// An index that is needed.
pub(crate) struct Needed {
    /// The index.
    pub index: Index,
    /// What needs it most, with what that costs without.
    pub why: String,
    /// The queries that miss it.
    pub queries: BTreeSet<String>,
}

/// Returns the indexes that are needed.
pub(crate) async fn needed(experiment: &Experiment<'_>) -> Result<Vec<Needed>, LabError> {
    let mut outcome = Outcome::default();
    let bench = Bench::open(experiment, &mut outcome).await?;
    let mut workload = Workload::read(experiment, &bench.planner, &mut outcome).await?;
    workload.hide_each(&bench.planner, &bench.indexes).await?;
    let foreign_keys = foreign_keys::examine(&bench.owner, &bench.indexes, &mut outcome).await?;
    let used = transactions::examine(experiment, &bench.sandbox, &bench.indexes, &mut outcome).await?;
    let indexes = bench.close().await?;
    let judged = Judged {
        indexes: &indexes,
        workload: &workload,
        foreign_keys: &foreign_keys,
        used: &used,
        tax: &BTreeMap::new(),
    };
    let needed = indexes.iter().filter_map(|index| match judged.verdict(index) {
        Verdict::Needed(why) => {
            let effects = workload.effects_of(&[&index.oid]);
            let missing = effects.filter(|(base, effect)| {
                let (with, without) = (base.measured.buffers(), effect.without.buffers());
                gate::misses(with, without, &Thresholds::default())
            });
            let queries = missing.map(|(base, _)| base.query.name.clone()).collect();
            Some(Needed { index: index.clone(), why, queries })
        }
        _ => None,
    });
    Ok(needed.collect())
}
