//! Which index would help: candidates from the plans, built on the clone, measured, and chosen step by step.

use std::collections::BTreeSet;

use underpin_model::project::Project;
use underpin_model::{Code, Evidence, Finding, ObjectKind, ObjectRef, SourceLine};
use underpin_plan::candidate::{Candidate, candidates};
use underpin_plan::compare::amount;
use underpin_plan::condition::{self, Side};
use underpin_plan::gate::{self, Thresholds};
use underpin_plan::misestimate::{misestimates, worst as worst_factor};
use underpin_plan::view;

use super::bench::Bench;
use super::choosing::{Built, Choosing, Harm, Harmful};
use super::pairs::{Base, Workload};
use super::{PROOF, hypothetical, transactions};
use crate::accepted;
use crate::error::LabError;
use crate::planning::{Asked, Measured, Mode, Planner};
use crate::proof::{Document, Experiment, Outcome};
use crate::proofs::plans;
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

/// What is proposed.
#[derive(Default)]
pub(super) struct Advice {
    chosen: Vec<Built>,
    harmful: Vec<Harmful>,
    /// Queries whose author wants no further index.
    declined: BTreeSet<String>,
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
    experiment: &Experiment<'_>,
    bench: &Bench<'_>,
    workload: &Workload<'_>,
) -> Result<Advice, LabError> {
    let (project, planner) = (experiment.project, &bench.planner);
    let config = |name: &str| project.config.proofs.get(name).cloned().unwrap_or_default();
    let (config, limits) = (config(PROOF.name), plans::thresholds(&config(plans::PROOF.name)));
    let mut advice = Advice {
        repairs: repairs(planner, workload).await?,
        declined: declined(project, workload),
        ..Advice::default()
    };
    let mut wanted: Vec<(f64, BTreeSet<Candidate>)> = Vec::new();
    for base in workload.asked.iter().filter(|base| base.measured.buffers() > CHEAP) {
        let generic = Asked { mode: Mode::Generic, ..base.asked() };
        let plan = planner.plan(generic, "").await?;
        let wastes = base.measured.record.rows_read >= 1_000
            && base.measured.record.rows * 10 <= base.measured.record.rows_read;
        if wastes {
            rewrites(base, &plan.root, &mut advice.rewrites);
        }
        if !advice.declined.contains(&base.query.name) {
            let weight = base.query.rate.unwrap_or(1.0) * base.measured.buffers() as f64;
            wanted.push((weight, candidates(&plan.root)));
        }
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
    let most = config.max_indexes.unwrap_or(MOST_INDEXES) as usize;
    let room = (most, config.max_bytes.unwrap_or(u64::MAX));
    let mut choosing = Choosing::begin(planner, (workload, &advice.declined), limits, room);
    for repair in &advice.repairs {
        // An index must beat the plan that the server makes once it knows better.
        choosing.must_beat(repair.at, repair.with.clone());
    }
    choosing.choose(pool).await?;
    advice.tried += transactions::advise(experiment, bench, &mut choosing).await?;
    choosing.clear().await?;
    (advice.chosen, advice.harmful) = (choosing.chosen, choosing.harmful);
    Ok(advice)
}

/// Returns the queries for which the project accepts that an index is missing.
fn declined(project: &Project, workload: &Workload<'_>) -> BTreeSet<String> {
    let names = workload.asked.iter().map(|base| &base.query.name);
    names.filter(|name| accepted::declines(project, PROOF.name, &MISSING, name)).cloned().collect()
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

/// Returns the finding that an index would help a transaction.
fn missing_in_transaction(built: &Built, project: &Project) -> Option<Finding> {
    let (name, without, with) = built.transaction.as_ref()?;
    let script = project.transactions.iter().find(|script| script.name == *name)?;
    let statement = |how| built.candidate.statement(&built.candidate.name(), how);
    let message = format!(
        "With {} transaction {name} touches {} blocks instead of {}; the index has {} KiB.",
        statement("").trim_start_matches("CREATE "),
        amount(*with as f64),
        amount(*without as f64),
        amount(built.bytes as f64 / 1024.0)
    );
    let finding = Finding::new(&MISSING, message)
        .object(ObjectRef::new(ObjectKind::Transaction, name))
        .at(SourceLine::new(script.file.clone(), 1))
        .hint(format!("{};", statement("CONCURRENTLY")));
    Some(finding)
}

/// Returns which query reads more, and how.
fn harmed(harm: &Harm) -> String {
    let plan = if harm.mode == Mode::Generic { " (plan for any values)" } else { "" };
    format!("{}{plan}", harm.query)
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
        if !self.declined.is_empty() {
            let names: Vec<&str> = self.declined.iter().map(String::as_str).collect();
            outcome.summary.push_str(&format!(
                " No index is looked for where the project declines one: {}.",
                names.join(", ")
            ));
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
        outcome.evidence.extend(self.harms());
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
            match &built.transaction {
                Some(_) => outcome.findings.extend(missing_in_transaction(built, project)),
                None => self.missing(built, workload, outcome),
            }
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

    /// Returns the table of what would help one query and harm another.
    fn harms(&self) -> Option<Evidence> {
        let row = |one: &Harmful| {
            vec![
                one.built.candidate.statement(&one.built.candidate.name(), ""),
                amount(one.built.saved.round()),
                harmed(&one.harm),
                amount(one.harm.blocks.0 as f64),
                amount(one.harm.blocks.1 as f64),
            ]
        };
        let rows: Vec<_> = self.harmful.iter().map(row).collect();
        let columns = ["index", "saves (buffers/s)", "harms", "buffers without", "buffers with"];
        let title = "Indexes that would help a query and are not proposed, because others lose more by them";
        (!rows.is_empty()).then(|| Evidence::table("harmful", title, &columns, rows))
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
        let harms = built.harms.iter().map(|harm| {
            let (without, with) = harm.blocks;
            format!(" {} then touches {with} over its values instead of {without}.", harmed(harm))
        });
        let harms: String = harms.collect();
        let message = format!(
            "With {} {} ({} values) touches {} buffers instead of {}; the index has {} KiB.{harms}",
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
