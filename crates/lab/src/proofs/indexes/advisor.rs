//! Which index would help: candidates from the plans, built on the clone, measured, and chosen step by step.

use std::collections::BTreeSet;

use underpin_model::config::ProofConfig;
use underpin_model::project::Project;
use underpin_model::{Code, Evidence, Finding, ObjectKind, ObjectRef, SourceLine};
use underpin_plan::candidate::{Candidate, candidates};
use underpin_plan::compare::amount;
use underpin_plan::condition::{self, Side};
use underpin_plan::gate::{self, Thresholds};
use underpin_plan::misestimate::{misestimates, worst as worst_factor};
use underpin_plan::view;

use super::hypothetical;
use super::pairs::{Base, Workload};
use crate::error::LabError;
use crate::planning::{Asked, Measured, Mode, Planner};
use crate::proof::{Document, Outcome};
use crate::proofs::statistics::remedies;

pub(super) const MISSING: Code =
    Code::warning("UP526", "index-missing", "an index would save a query most of its work");
pub(super) const REWRITE: Code = Code::warning(
    "UP527",
    "query-defeats-index",
    "a condition is written so that no index on its column serves it",
);

pub(super) const STATISTICS: Code = Code::warning(
    "UP528",
    "statistics-not-index",
    "a wrong estimate explains a dear plan: statistics are missing, not an index",
);

/// Indexes that are proposed at most, unless the project says otherwise.
const MOST_INDEXES: u32 = 8;
/// Candidates that are built at most, unless the project says otherwise: the dearest queries in turn, each with its next.
const MOST_BUILT: usize = 150;
/// Buffers below which no query is worth an index.
pub(super) const CHEAP: u64 = 16;

/// Off by this factor, an estimate may be the reason for a plan.
const WRONG: f64 = 10.0;
/// Off by less than this after a remedy, an estimate is repaired.
const REPAIRED: f64 = 2.0;

/// An index that was built and measured.
#[derive(Clone)]
struct Built {
    candidate: Candidate,
    bytes: u64,
    /// Blocks saved per second, by the queries' rates.
    saved: f64,
    /// Positions in the workload that improve, executed with it.
    better: Vec<(usize, Measured)>,
}

/// What is proposed.
#[derive(Default)]
pub(super) struct Advice {
    chosen: Vec<Built>,
    tried: usize,
    left_out: usize,
    /// Candidates that HypoPG says no query would take.
    unused: usize,
    /// Plans that a wrong estimate explains.
    repairs: Vec<Repair>,
    /// Name of a query, its condition, and what to write instead.
    rewrites: BTreeSet<(String, String, String)>,
}

/// A query whose plan is explained by a wrong estimate: statistics are what is missing, not an index.
struct Repair {
    /// Position in the workload.
    at: usize,
    /// The statement that repairs it.
    sql: String,
    /// The query with it.
    with: Measured,
}

/// Builds what could help, one after the other, and chooses.
pub(super) async fn advise(
    planner: &Planner,
    workload: &Workload<'_>,
    config: &ProofConfig,
) -> Result<Advice, LabError> {
    let mut advice = Advice { repairs: repairs(planner, workload).await?, ..Advice::default() };
    let mut wanted: Vec<(f64, BTreeSet<Candidate>)> = Vec::new();
    for base in workload.asked.iter().filter(|base| base.measured.buffers() > CHEAP) {
        let generic = Asked { mode: Mode::Generic, ..base.asked() };
        let plan = planner.plan(generic, "").await?;
        let wastes = base.measured.record.rows_read >= 1_000
            && base.measured.record.rows * 10 <= base.measured.record.rows_read;
        if wastes {
            rewrites(base, &plan.root, &mut advice.rewrites);
        }
        let weight = base.query.rate.unwrap_or(1.0) * base.measured.buffers() as f64;
        wanted.push((weight, candidates(&plan.root)));
    }
    let mut pool = in_turn(wanted);
    let most = config.max_candidates.map_or(MOST_BUILT, |most| most as usize);
    if pool.len() > most {
        let all = pool.len();
        pool = hypothetical::without_unused(planner, workload, pool).await?;
        advice.unused = all - pool.len();
    }
    advice.left_out = pool.len().saturating_sub(most);
    pool.truncate(most);
    advice.tried = pool.len();
    let mut now: Vec<Measured> = workload.asked.iter().map(|base| base.measured.clone()).collect();
    for repair in &advice.repairs {
        // An index must beat the plan that the server makes once it knows better.
        now[repair.at] = repair.with.clone();
    }
    advice.chosen = choose(planner, (workload, now), pool, config).await?;
    Ok(advice)
}

/// Returns the candidates of all queries, one of each in turn, the dearest query first: a dear query with many must not keep
/// the only one of a cheaper query from being built.
fn in_turn(mut wanted: Vec<(f64, BTreeSet<Candidate>)>) -> Vec<Candidate> {
    wanted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut turns: Vec<_> = wanted.into_iter().map(|(_, candidates)| candidates.into_iter()).collect();
    let (mut pool, mut seen) = (Vec::new(), BTreeSet::new());
    while !turns.is_empty() {
        turns.retain_mut(|turn| {
            let next = turn.find(|candidate| !seen.contains(candidate));
            seen.extend(next.clone());
            pool.extend(next.clone());
            next.is_some()
        });
    }
    pool
}

/// Tries statistics on every dear query with a wrong estimate; returns those that clearly run better for it.
async fn repairs(planner: &Planner, workload: &Workload<'_>) -> Result<Vec<Repair>, LabError> {
    let mut found = Vec::new();
    for (at, base) in workload.asked.iter().enumerate() {
        if base.measured.buffers() <= CHEAP || base.set.name == "absent" {
            continue;
        }
        let wrong = misestimates(&base.measured.plan.root);
        let worst = wrong.iter().filter(|one| one.factor() >= WRONG).max_by_key(|one| one.node.all().len());
        // The lowest of the wrong ones is the root of the others.
        let root = wrong.iter().filter(|one| one.factor() >= WRONG).min_by_key(|one| one.node.all().len());
        let mut tried = Vec::new();
        for one in [root, worst].into_iter().flatten() {
            tried.extend(remedies(planner, one.node).await?);
        }
        for remedy in tried {
            let with = match planner.measure(base.asked(), &remedy.try_sql).await {
                Ok(with) => with,
                // A type without the operators that the statistics need, most often.
                Err(LabError::Query(_)) => continue,
                Err(error) => return Err(error),
            };
            let repaired =
                worst_factor(&with.plan.root) < WRONG.min(worst_factor(&base.measured.plan.root) / REPAIRED);
            if repaired && gate::grows(with.buffers(), base.measured.buffers(), &Thresholds::default()) {
                found.push(Repair { at, sql: remedy.sql, with });
                break;
            }
        }
    }
    Ok(found)
}

/// Takes the best, then the best beside it, and so on: sets of indexes are not the sum of their parts.
async fn choose(
    planner: &Planner,
    (workload, mut now): (&Workload<'_>, Vec<Measured>),
    mut pool: Vec<Candidate>,
    config: &ProofConfig,
) -> Result<Vec<Built>, LabError> {
    let most = config.max_indexes.unwrap_or(MOST_INDEXES) as usize;
    let mut room = config.max_bytes.unwrap_or(u64::MAX);
    let mut chosen: Vec<Built> = Vec::new();
    while chosen.len() < most && !pool.is_empty() {
        let mut useful = Vec::new();
        for candidate in &pool {
            useful
                .extend(build(planner, workload, &now, candidate).await?.filter(|built| built.bytes <= room));
        }
        // What saves about as much is told apart by its size.
        let best = useful.iter().max_by(|a, b| {
            let close = (a.saved - b.saved).abs() <= 0.05 * a.saved.max(b.saved);
            if close { b.bytes.cmp(&a.bytes) } else { a.saved.total_cmp(&b.saved) }
        });
        let Some(best) = best.cloned() else { break };
        planner.session().execute(&best.candidate.statement(&best.candidate.name(), "")).await?;
        for (at, measured) in &best.better {
            now[*at] = measured.clone();
        }
        room -= best.bytes;
        pool = useful.into_iter().map(|built| built.candidate).filter(|one| *one != best.candidate).collect();
        chosen.push(best);
    }
    for built in &chosen {
        let name =
            underpin_model::sql_text::quote_qualified(&built.candidate.schema, &built.candidate.name());
        planner.session().execute(&format!("DROP INDEX {name}")).await?;
    }
    Ok(chosen)
}

/// Builds a candidate, runs the queries whose plan takes it, and drops it; nothing when no query clearly improves.
async fn build(
    planner: &Planner,
    workload: &Workload<'_>,
    now: &[Measured],
    candidate: &Candidate,
) -> Result<Option<Built>, LabError> {
    let name = "underpin_candidate";
    let session = planner.session();
    // An operator class of an extension that the project does not have, most often.
    if session.execute(&candidate.statement(name, "")).await.is_err() {
        return Ok(None);
    }
    let quoted = underpin_model::sql_text::quote_qualified(&candidate.schema, name);
    let size = session.value(&format!("SELECT pg_relation_size('{quoted}')")).await?;
    let mut built = Built {
        candidate: candidate.clone(),
        bytes: size.and_then(|size| size.parse().ok()).unwrap_or(0),
        saved: 0.0,
        better: Vec::new(),
    };
    let mut clearly = false;
    for (at, base) in workload.asked.iter().enumerate() {
        if now[at].buffers() <= CHEAP || !base.reads(&candidate.schema, &candidate.table) {
            continue;
        }
        if !takes(planner, base, name).await? {
            continue;
        }
        let with = planner.measure(base.asked(), "").await?;
        let sets = workload.asked.iter().filter(|other| other.query.name == base.query.name).count();
        let saved = now[at].buffers() as f64 - with.buffers() as f64;
        built.saved += saved * base.query.rate.unwrap_or(1.0) / sets.max(1) as f64;
        if gate::grows(with.buffers(), now[at].buffers(), &Thresholds::default()) {
            clearly = true;
            built.better.push((at, with));
        }
    }
    session.execute(&format!("DROP INDEX {quoted}")).await?;
    Ok((clearly && built.saved > 0.0).then_some(built))
}

/// Returns whether the planner takes the index of this name for the query.
pub(super) async fn takes(planner: &Planner, base: &Base<'_>, index: &str) -> Result<bool, LabError> {
    let plan = planner.plan(base.asked(), "").await?;
    Ok(plan.root.all().iter().any(|node| node.index.as_deref() == Some(index)))
}

/// Finds conditions over columns that no plain index serves.
fn rewrites(base: &Base<'_>, root: &underpin_plan::PlanNode, found: &mut BTreeSet<(String, String, String)>) {
    let filters = root.all().into_iter().filter(|node| node.relation.is_some());
    for (_, text) in filters.flat_map(|node| &node.conditions).filter(|(label, _)| label == "Filter") {
        for one in condition::comparisons(text) {
            let advice = match (&one.left, one.operator.as_str(), &one.right) {
                (Side::Cast(column, to), "=" | "<" | "<=" | ">" | ">=", Some(_)) => {
                    format!("compare {} itself with a range instead of its cast to {to}", column.column)
                }
                (
                    Side::Expression(columns, sql),
                    "=" | "<" | "<=" | ">" | ">=",
                    Some(Side::Param(_) | Side::Constant(_)),
                ) if columns.len() == 1 => {
                    format!("compare {} itself, or index the expression ({sql})", columns[0].column)
                }
                (_, "~~" | "~~*", Some(Side::Constant(pattern))) if pattern.starts_with('%') => {
                    "a pattern that begins with % needs a trigram index, or full text search".to_owned()
                }
                _ => continue,
            };
            found.insert((base.query.name.clone(), text.clone(), advice));
        }
    }
    let words = underpin_plan::tokens::tokens(&base.query.statement.sql);
    if words.iter().any(|word| word.is("offset")) {
        let advice = "continue behind the last row of the page before (keyset) instead of counting rows off";
        found.insert((base.query.name.clone(), "OFFSET".to_owned(), advice.to_owned()));
    }
}

impl Advice {
    /// Adds findings, the frontier, and the migration.
    pub(super) fn report(&self, project: &Project, workload: &Workload<'_>, outcome: &mut Outcome) {
        outcome.measure("candidates", self.tried as f64, "count");
        if self.unused > 0 {
            outcome.summary.push_str(&format!(
                " {} candidates were not built because HypoPG finds no query that takes them.",
                self.unused
            ));
        }
        if self.left_out > 0 {
            outcome
                .summary
                .push_str(&format!(" {} candidates of cheaper queries were not built.", self.left_out));
        }
        for (query, text, advice) in &self.rewrites {
            let Some(named) = project.queries.iter().find(|one| one.name == *query) else { continue };
            let finding =
                Finding::new(&REWRITE, format!("{query} reads much and keeps little by {text}: {advice}."))
                    .object(ObjectRef::new(ObjectKind::Query, query))
                    .at(SourceLine::new(named.file.clone(), named.statement.line));
            outcome.findings.push(finding);
        }
        for repair in &self.repairs {
            self.statistics(repair, &workload.asked[repair.at], outcome);
        }
        if self.chosen.is_empty() {
            return;
        }
        let mut bytes = 0;
        let mut rows = Vec::new();
        for (nth, built) in self.chosen.iter().enumerate() {
            bytes += built.bytes;
            let statement = built.candidate.statement(&built.candidate.name(), "");
            rows.push(vec![
                (nth + 1).to_string(),
                statement,
                amount(built.saved.round()),
                amount(built.bytes as f64 / 1024.0),
                amount(bytes as f64 / 1024.0),
            ]);
            self.missing(built, workload, outcome);
        }
        let columns = ["step", "index", "saves (buffers/s)", "size (KiB)", "all so far (KiB)"];
        outcome.evidence.push(Evidence::table(
            "frontier",
            "Indexes that would help, best first",
            &columns,
            rows,
        ));
        outcome.documents.push(self.migration());
    }

    fn statistics(&self, repair: &Repair, base: &Base<'_>, outcome: &mut Outcome) {
        let message = format!(
            "{} ({} values) touches {} buffers because an estimate is off {} times; with {} it touches {}. No index is advised for it.",
            base.query.name,
            base.set.name,
            amount(base.measured.buffers() as f64),
            amount(worst_factor(&base.measured.plan.root)),
            repair.sql,
            amount(repair.with.buffers() as f64)
        );
        let finding = Finding::new(&STATISTICS, message)
            .object(ObjectRef::new(ObjectKind::Query, &base.query.name))
            .at(SourceLine::new(base.query.file.clone(), base.query.statement.line))
            .hint(format!("{};", repair.sql));
        outcome.findings.push(finding);
    }

    /// Returns the statements that build what is proposed.
    pub(super) fn statements(&self) -> Vec<String> {
        let all = self.chosen.iter().map(|built| built.candidate.statement(&built.candidate.name(), ""));
        all.collect()
    }

    fn missing(&self, built: &Built, workload: &Workload<'_>, outcome: &mut Outcome) {
        let Some((at, with)) = built
            .better
            .iter()
            .max_by_key(|(at, with)| workload.asked[*at].measured.buffers().saturating_sub(with.buffers()))
        else {
            return;
        };
        let base = &workload.asked[*at];
        let name = built.candidate.name();
        let id = format!("advice-{name}");
        let trees =
            vec![view::tree("now", &base.measured.plan), view::tree(&format!("with {name}"), &with.plan)];
        let message = format!(
            "With {} {} ({} values) touches {} buffers instead of {}; the index has {} KiB.",
            built.candidate.statement(&name, "").trim_start_matches("CREATE "),
            base.query.name,
            base.set.name,
            amount(with.buffers() as f64),
            amount(base.measured.buffers() as f64),
            amount(built.bytes as f64 / 1024.0)
        );
        let evidence = Evidence::plans(&id, format!("{} with {name}", base.query.name), Vec::new(), trees);
        let finding = Finding::new(&MISSING, message)
            .object(ObjectRef::new(ObjectKind::Query, &base.query.name))
            .at(SourceLine::new(base.query.file.clone(), base.query.statement.line))
            .hint(format!("{};", built.candidate.statement(&name, "CONCURRENTLY")))
            .evidence(&evidence.id);
        outcome.findings.push(finding);
        outcome.evidence.push(evidence);
    }

    /// Returns a migration file that builds all of them while the application runs.
    fn migration(&self) -> Document {
        let mut text = "-- no-transaction\n-- Indexes that `underpin prove indexes` built and measured, best first. Copy what you want into migrations/.\n"
            .to_owned();
        for built in &self.chosen {
            let statement = built.candidate.statement(&built.candidate.name(), "CONCURRENTLY");
            text.push_str(&format!(
                "{};\n",
                statement.replacen("CONCURRENTLY", "CONCURRENTLY IF NOT EXISTS", 1)
            ));
        }
        Document { path: "evidence/advised-indexes.sql".to_owned(), content: text }
    }
}
