//! `statistics`: which estimates are wrong, why, and what is the least that repairs them?

mod overrides;
mod remedy;

use std::collections::BTreeSet;

use underpin_model::{Code, Evidence, Finding, ObjectKind, ObjectRef, SourceLine};
use underpin_plan::compare::amount;
use underpin_plan::gate::{self, Thresholds};
use underpin_plan::misestimate::misestimates;
use underpin_plan::{PlanNode, view};

use self::remedy::{Remedy, remedies};
use crate::error::LabError;
use crate::planning::values::{Chooser, Known, Set};
use crate::planning::{Asked, Measured, Mode, Planner, is_explainable, pinned};
use crate::proof::{Document, Experiment, Experimenting, Outcome, Proof};

/// The proof.
pub const PROOF: Proof = Proof {
    name: "statistics",
    question: "Which estimates are wrong, why, and what is the least that repairs them?",
    page: include_str!("../../../../docs/proofs/statistics.md"),
    own_servers: false,
    run: |experiment| -> Experimenting<'_> { Box::pin(run(experiment)) },
};

/// Every code that this proof reports.
pub const CODES: &[Code] = &[WRONG, COSTS, overrides::OVERRIDE];

const WRONG: Code =
    Code::warning("UP540", "estimate-wrong", "an estimate is off ten times or more, and a remedy repairs it");
const COSTS: Code = Code::error(
    "UP541",
    "estimate-costs",
    "a wrong estimate makes a query touch many more buffers than it has to",
);

/// Off by less than this after a remedy, an estimate is repaired.
const REPAIRED: f64 = 2.0;
/// An estimate of fewer rows than this, of which fewer come, decides nothing.
const FEW_ROWS: f64 = 50.0;

/// A query with values that was executed.
struct Base<'p> {
    query: &'p underpin_model::project::Query,
    set: Set,
    measured: Measured,
}

impl Base<'_> {
    fn asked(&self) -> Asked<'_> {
        Asked { query: self.query, values: &self.set.values, mode: Mode::Custom }
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
    let wrongs = wrongs(&bases, limit);
    let mut rows = Vec::new();
    let mut worst: Option<(f64, Document)> = None;
    for wrong in &wrongs {
        let tried = try_all(&planner, &bases, wrong, &mut outcome).await?;
        rows.extend(tried.iter().map(|one| row(&bases[wrong.base], wrong, one)));
        let Some(best) = least(&tried) else {
            rows.push(unrepaired(&bases[wrong.base], wrong));
            continue;
        };
        let page = report(&bases[wrong.base], wrong, best, &mut outcome);
        let costs = bases[wrong.base].measured.buffers() as f64 / best.with.buffers().max(1) as f64;
        if worst.as_ref().is_none_or(|(most, _)| costs > *most) {
            worst = Some((costs, page));
        }
    }
    outcome.documents.extend(worst.map(|(_, page)| page));
    planner.close().await;
    sandbox.drop().await?;
    conclude(&bases, &wrongs, rows, &mut outcome);
    Ok(outcome)
}

async fn bases<'p>(
    experiment: &'p Experiment<'_>,
    planner: &Planner,
    outcome: &mut Outcome,
) -> Result<Vec<Base<'p>>, LabError> {
    let mut chooser = Chooser { planner, catalog: experiment.lab.catalog(), known: Known::default() };
    let mut found = Vec::new();
    for query in experiment.project.queries.iter().filter(|query| is_explainable(query)) {
        let sets = match chooser.sets(query).await {
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
fn wrongs(bases: &[Base<'_>], limit: f64) -> Vec<Wrong> {
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
                remedies: remedies(one.node),
            });
        }
    }
    found
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

async fn try_all(
    planner: &Planner,
    bases: &[Base<'_>],
    wrong: &Wrong,
    outcome: &mut Outcome,
) -> Result<Vec<Tried>, LabError> {
    let base = &bases[wrong.base];
    let mut found = Vec::new();
    for remedy in &wrong.remedies {
        let with = match planner.measure(base.asked(), &remedy.try_sql).await {
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
        let worsens = if repairs { worsened(planner, bases, remedy).await? } else { None };
        let done = repairs && worsens.is_none();
        found.push(Tried { remedy: remedy.clone(), factor, estimate, with, worsens });
        // They come in the order of what they cost: the first that does it is the least.
        if done {
            break;
        }
    }
    Ok(found)
}

/// Returns the name of a query that a remedy makes worse.
async fn worsened(
    planner: &Planner,
    bases: &[Base<'_>],
    remedy: &Remedy,
) -> Result<Option<String>, LabError> {
    for base in bases {
        let nodes = base.measured.plan.root.all();
        let reads = nodes.iter().any(|node| {
            node.relation.as_ref().is_some_and(|relation| remedy.tables.contains(&relation.name))
        });
        if !reads {
            continue;
        }
        let with = planner.measure(base.asked(), &remedy.try_sql).await?;
        if gate::grows(base.measured.buffers(), with.buffers(), &Thresholds::default()) {
            return Ok(Some(base.query.name.clone()));
        }
    }
    Ok(None)
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

/// Adds the finding and returns the page that shows it.
fn report(base: &Base<'_>, wrong: &Wrong, best: &Tried, outcome: &mut Outcome) -> Document {
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
    let text =
        format!("now:\n{}\n\nrepaired:\n{}", view::text(&base.measured.plan), view::text(&best.with.plan));
    let id = format!("estimate-{}-{}", query.name, base.set.name);
    let evidence = Evidence::text(&id, format!("{} before and after", query.name), "text", text.clone());
    let page = format!(
        "# A plan that a wrong estimate forced\n\nRegenerate with `underpin prove statistics`.\n\n{message}\n\n```sql\n{}\n```\n\n```text\n{text}\n```\n",
        best.remedy.sql
    );
    let finding = Finding::new(if costs { &COSTS } else { &WRONG }, message)
        .object(ObjectRef::new(ObjectKind::Query, &query.name))
        .at(SourceLine::new(query.file.clone(), query.statement.line))
        .hint(format!("{};", best.remedy.sql))
        .evidence(&evidence.id);
    outcome.findings.push(finding);
    if outcome.evidence.iter().all(|one| one.id != evidence.id) {
        outcome.evidence.push(evidence);
    }
    Document { path: "evidence/bad-plan.md".to_owned(), content: page }
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
