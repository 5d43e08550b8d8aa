//! `statistics`: which estimates are wrong, why, and what is the least that repairs them?

mod distinct;
mod objects;
mod overrides;
mod page;
mod remedy;

use std::collections::BTreeSet;

use underpin_model::{Code, Evidence, Finding, ObjectKind, ObjectRef, SourceLine};
use underpin_plan::compare::amount;
use underpin_plan::gate::{self, Thresholds};
use underpin_plan::misestimate::misestimates;
use underpin_plan::{PlanNode, view};

pub(crate) use self::distinct::remedies;
use self::remedy::Remedy;
use crate::error::LabError;
use crate::planning::settled::settled;
use crate::planning::values::{Chooser, Known, Set};
use crate::planning::{Asked, Measured, Mode, Planner, is_explainable, pinned};
use crate::proof::{Document, Experiment, Experimenting, Outcome, Proof};
use crate::proofs::plans::{accepted_sets, sets_of};

/// The proof.
pub const PROOF: Proof = Proof {
    name: "statistics",
    question: "Which estimates are wrong, why, and what is the least that repairs them?",
    page: include_str!("../../../../docs/proofs/statistics.md"),
    own_servers: false,
    run: |experiment| -> Experimenting<'_> { Box::pin(run(experiment)) },
};

/// Every code that this proof reports.
pub const CODES: &[Code] = &[WRONG, COSTS, overrides::OVERRIDE, objects::UNNEEDED];

const WRONG: Code =
    Code::warning("UP540", "estimate-wrong", "an estimate is off ten times or more, and a remedy repairs it");
const COSTS: Code = Code::error(
    "UP541",
    "estimate-costs",
    "a wrong estimate makes a query touch many more buffers than it has to",
);

/// The page about the dearest bad plan.
const PAGE: &str = "evidence/bad-plan.md";
/// Off by less than this after a remedy, an estimate is repaired.
const REPAIRED: f64 = 2.0;
/// An estimate of fewer rows than this, of which fewer come, decides nothing.
const FEW_ROWS: f64 = 50.0;

/// A query with values that was executed.
#[derive(Clone)]
struct Base<'p> {
    query: &'p underpin_model::project::Query,
    set: Set,
    measured: Measured,
}

impl Base<'_> {
    fn asked(&self) -> Asked<'_> {
        Asked { query: self.query, values: &self.set.values, mode: Mode::Custom }
    }

    /// Returns whether the plan shows the table.
    fn reads(&self, table: &str) -> bool {
        let nodes = self.measured.plan.root.all();
        nodes.iter().any(|node| node.relation.as_ref().is_some_and(|relation| relation.name == table))
    }
}

/// A wrong estimate of one node.
struct Wrong {
    /// Position of the query.
    base: usize,
    /// What identifies the node in another plan of the query.
    key: String,
    factor: f64,
    estimate: f64,
    actual: f64,
    remedies: Vec<Remedy>,
}

/// A remedy that was tried.
struct Tried {
    remedy: Remedy,
    factor: f64,
    estimate: f64,
    with: Measured,
    worsens: Option<String>,
}

async fn run(experiment: &Experiment<'_>) -> Result<Outcome, LabError> {
    let project = experiment.project;
    let config = |name: &str| project.config.proofs.get(name).cloned().unwrap_or_default();
    let settings = pinned::pinned(&config("plans").settings);
    let limit = config(PROOF.name).estimate.unwrap_or(10.0);
    let mut outcome = Outcome::default();
    let sandbox = experiment.lab.sandbox().await?;
    let planner = Planner::open(&sandbox, project.config.database.app_role.clone(), &settings).await?;
    overrides::examine(&planner, &mut outcome).await?;
    let bases = bases(experiment, &planner, &mut outcome).await?;
    let wrongs = wrongs(&planner, &bases, limit).await?;
    let mut rows = Vec::new();
    let mut worst: Option<Shown> = None;
    let study = Study { planner: &planner, bases: &bases, before: String::new() };
    for wrong in &wrongs {
        let tried = study.try_all(wrong, Until::Repaired, &mut outcome).await?;
        rows.extend(tried.iter().map(|one| row(&bases[wrong.base], wrong, one)));
        let Some(best) = least(&tried) else {
            rows.push(unrepaired(&bases[wrong.base], wrong));
            continue;
        };
        report(&bases[wrong.base], wrong, best, &mut outcome);
        let costs = bases[wrong.base].measured.buffers() as f64 / best.with.buffers().max(1) as f64;
        if worst.as_ref().is_none_or(|one| costs > one.costs) {
            let content = page::page(&page::Told {
                base: &bases[wrong.base],
                wrong,
                tried: &tried,
                after: best.with.clone(),
                without: None,
            });
            worst = Some(Shown { costs, content });
        }
    }
    objects::examine(&study, (&wrongs, limit), &mut worst, &mut outcome).await?;
    outcome.documents.extend(
        worst.map(|one| Document {
            path: PAGE.to_owned(),
            content: settled(&project.root, PAGE, one.content),
        }),
    );
    planner.close().await;
    sandbox.drop().await?;
    conclude(&bases, &wrongs, rows, &mut outcome);
    Ok(outcome)
}

/// The page about the plan that a wrong estimate makes dearest.
struct Shown {
    /// Blocks before over blocks after.
    costs: f64,
    content: String,
}

/// Queries in the state in which their estimates are examined.
struct Study<'a, 'p> {
    planner: &'a Planner,
    bases: &'a [Base<'p>],
    /// Statements that make that state, in each transaction; empty for the template as it is.
    before: String,
}

/// How far to go through the remedies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    /// To the first that repairs the estimate: they come in the order of what they cost.
    Repaired,
    /// To the last, to compare them.
    All,
}

async fn bases<'p>(
    experiment: &'p Experiment<'_>,
    planner: &Planner,
    outcome: &mut Outcome,
) -> Result<Vec<Base<'p>>, LabError> {
    let mut chooser = Chooser { planner, catalog: experiment.lab.catalog(), known: Known::default() };
    let mut found = Vec::new();
    let accepted = accepted_sets(experiment);
    for query in experiment.project.queries.iter().filter(|query| is_explainable(query)) {
        let sets = match sets_of(&accepted, &mut chooser, query).await {
            Ok(sets) => sets,
            Err(error) => {
                outcome.unexamined.push(format!("{} ({})", query.name, error.chain()));
                continue;
            }
        };
        for set in sets {
            let asked = Asked { query, values: &set.values, mode: Mode::Custom };
            let measured = planner.measure(asked, "").await?;
            found.push(Base { query, set, measured });
        }
    }
    Ok(found)
}

/// Returns the wrong estimates from which others follow: those of nodes below which none is wrong; each kind of node once
/// per query.
async fn wrongs(planner: &Planner, bases: &[Base<'_>], limit: f64) -> Result<Vec<Wrong>, LabError> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for (at, base) in bases.iter().enumerate() {
        let all = misestimates(&base.measured.plan.root);
        let off: Vec<_> = all
            .into_iter()
            .filter(|one| one.factor() >= limit && one.estimate.max(one.actual) >= FEW_ROWS)
            .collect();
        for one in &off {
            let below = one.node.all();
            let follows = off.iter().any(|other| {
                !std::ptr::eq(other.node, one.node)
                    && below.iter().any(|node| std::ptr::eq(*node, other.node))
            });
            let key = key(one.node);
            if follows || !seen.insert((base.query.name.clone(), key.clone())) {
                continue;
            }
            found.push(Wrong {
                base: at,
                key,
                factor: one.factor(),
                estimate: one.estimate,
                actual: one.actual,
                remedies: remedies(planner, one.node).await?,
            });
        }
    }
    Ok(found)
}

/// Returns what a node is about, whatever its method: the relations below, and the columns of its conditions.
fn key(node: &PlanNode) -> String {
    let all = node.all();
    let mut places: Vec<&str> =
        all.iter().filter_map(|one| one.relation.as_ref()).map(|one| one.name.as_str()).collect();
    places.sort_unstable();
    places.dedup();
    let kind = match node.kind.as_str() {
        "Aggregate" | "Group" | "Unique" => "groups of ",
        _ => "rows of ",
    };
    match places.is_empty() {
        true => view::name(node),
        false => format!("{kind}{}", places.join(", ")),
    }
}

impl Study<'_, '_> {
    fn with(&self, remedy: &Remedy) -> String {
        match self.before.is_empty() {
            true => remedy.try_sql.clone(),
            false => format!("{};\n{}", self.before, remedy.try_sql),
        }
    }

    async fn try_all(
        &self,
        wrong: &Wrong,
        until: Until,
        outcome: &mut Outcome,
    ) -> Result<Vec<Tried>, LabError> {
        let base = &self.bases[wrong.base];
        let mut found = Vec::new();
        for remedy in &wrong.remedies {
            let with = match self.planner.measure(base.asked(), &self.with(remedy)).await {
                Ok(with) => with,
                Err(LabError::Query(error)) => {
                    outcome.unexamined.push(format!("{} for {} ({error})", remedy.sql, base.query.name));
                    continue;
                }
                Err(error) => return Err(error),
            };
            let now = misestimates(&with.plan.root).into_iter().filter(|one| key(one.node) == wrong.key);
            // Another method may not run to its end, or split the work: then nothing is known of its estimate.
            let now =
                now.max_by(|a, b| a.factor().total_cmp(&b.factor())).map(|one| (one.factor(), one.estimate));
            let Some((factor, estimate)) = now else { continue };
            let repairs = factor < REPAIRED;
            let worsens = if repairs { self.worsened(remedy).await? } else { None };
            let done = repairs && worsens.is_none();
            found.push(Tried { remedy: remedy.clone(), factor, estimate, with, worsens });
            if done && until == Until::Repaired {
                break;
            }
        }
        Ok(found)
    }

    /// Returns the name of a query that a remedy makes worse.
    async fn worsened(&self, remedy: &Remedy) -> Result<Option<String>, LabError> {
        for base in self.bases.iter().filter(|base| remedy.tables.iter().any(|table| base.reads(table))) {
            let with = self.planner.measure(base.asked(), &self.with(remedy)).await?;
            if gate::grows(base.measured.buffers(), with.buffers(), &Thresholds::default()) {
                return Ok(Some(base.query.name.clone()));
            }
        }
        Ok(None)
    }
}

/// Returns the least remedy that repairs the estimate and makes no query worse.
fn least(tried: &[Tried]) -> Option<&Tried> {
    tried.iter().find(|one| one.factor < REPAIRED && one.worsens.is_none())
}

fn row(base: &Base<'_>, wrong: &Wrong, tried: &Tried) -> Vec<String> {
    vec![
        format!("{} ({})", base.query.name, base.set.name),
        wrong.key.clone(),
        amount(wrong.actual),
        format!("{} (off {} times)", amount(wrong.estimate), amount(wrong.factor)),
        tried.remedy.sql.clone(),
        format!("{} (off {} times)", amount(tried.estimate), amount(tried.factor)),
        format!("{} → {}", amount(base.measured.buffers() as f64), amount(tried.with.buffers() as f64)),
        tried.worsens.as_ref().map_or_else(String::new, |query| format!("makes {query} worse")),
    ]
}

fn unrepaired(base: &Base<'_>, wrong: &Wrong) -> Vec<String> {
    let mut row = vec![
        format!("{} ({})", base.query.name, base.set.name),
        wrong.key.clone(),
        amount(wrong.actual),
        format!("{} (off {} times)", amount(wrong.estimate), amount(wrong.factor)),
        "no statistics repair it".to_owned(),
    ];
    row.resize(8, String::new());
    row
}

/// Adds the finding with both plans.
fn report(base: &Base<'_>, wrong: &Wrong, best: &Tried, outcome: &mut Outcome) {
    let (query, before, after) = (base.query, base.measured.buffers(), best.with.buffers());
    let costs = gate::grows(after, before, &Thresholds::default());
    let message = format!(
        "{} ({} values): {} are estimated {} and are {}: {}. Repaired, {} buffers become {}.",
        query.name,
        base.set.name,
        wrong.key,
        amount(wrong.estimate),
        amount(wrong.actual),
        best.remedy.why,
        amount(before as f64),
        amount(after as f64)
    );
    let trees = vec![view::tree("now", &base.measured.plan), view::tree("with the remedy", &best.with.plan)];
    let id = format!("estimate-{}-{}", query.name, base.set.name);
    let title = format!("{} before and after", query.name);
    let evidence = Evidence::plans(&id, title, vec![best.remedy.sql.clone()], trees);
    let finding = Finding::new(if costs { &COSTS } else { &WRONG }, message)
        .object(ObjectRef::new(ObjectKind::Query, &query.name))
        .at(SourceLine::new(query.file.clone(), query.statement.line))
        .hint(format!("{};", best.remedy.sql))
        .evidence(&evidence.id);
    outcome.findings.push(finding);
    if outcome.evidence.iter().all(|one| one.id != evidence.id) {
        outcome.evidence.push(evidence);
    }
}

fn conclude(bases: &[Base<'_>], wrongs: &[Wrong], rows: Vec<Vec<String>>, outcome: &mut Outcome) {
    let all: Vec<f64> = bases
        .iter()
        .flat_map(|base| misestimates(&base.measured.plan.root))
        .map(|one| one.factor())
        .collect();
    let near = all.iter().filter(|factor| **factor < REPAIRED).count();
    let columns = ["query", "node", "actual", "estimate", "remedy", "then", "buffers", ""];
    outcome
        .evidence
        .insert(0, Evidence::table("remedies", "Wrong estimates and what was tried", &columns, rows));
    outcome.measure("nodes", all.len() as f64, "count");
    outcome.measure("wrong", wrongs.len() as f64, "count");
    outcome.summary = format!(
        "Compared {} estimates with what came: {near} are off less than twice, {} ten times or more at their root.",
        all.len(),
        wrongs.len()
    );
}
