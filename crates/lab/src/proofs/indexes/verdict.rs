//! What each index is good for, from what hiding it did.

use std::collections::BTreeMap;

use underpin_model::{Code, Evidence, Finding, ObjectKind, ObjectRef};
use underpin_plan::compare::amount;
use underpin_plan::misestimate::misestimates;
use underpin_plan::view;

use super::foreign_keys::ForeignKey;
use super::pairs::{Base, Effect, Workload};
use super::transactions::Use;
use super::write_tax::Tax;
use crate::planning::surface::Index;
use crate::proof::Outcome;

pub(super) const UNUSED: Code =
    Code::warning("UP520", "index-unused", "an index that no query, transaction, rule or foreign key uses");
pub(super) const REDUNDANT: Code =
    Code::warning("UP521", "index-redundant", "an index whose work another one does as well");
pub(super) const DUPLICATE: Code = Code::error("UP522", "index-duplicate", "two indexes hold the same");
pub(super) const SUSPICIOUS: Code =
    Code::warning("UP523", "index-suspicious", "a query is better off without an index");
pub(super) const MARGINAL: Code = Code::note("UP524", "index-marginal", "an index saves hardly anything");

/// Rows below which nothing can be told: a table of a few pages is read as quickly without an index.
const FEW_ROWS: u64 = 1_000;

/// Everything that was measured.
pub(super) struct Judged<'a> {
    /// The indexes.
    pub indexes: &'a [Index],
    /// Queries, and what hiding did to them.
    pub workload: &'a Workload<'a>,
    /// Checks of foreign keys.
    pub foreign_keys: &'a [ForeignKey],
    /// Transactions.
    pub used: &'a [Use],
    /// What writes pay.
    pub tax: &'a BTreeMap<String, Tax>,
}

/// What an index is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A query, transaction or foreign key costs clearly more without it.
    Needed(String),
    /// It keeps a rule.
    Rule,
    /// Another index does its work.
    Redundant(String),
    /// Another index holds the same.
    Duplicate(String),
    /// Something uses it and hardly costs more without.
    Marginal(String),
    /// Nothing uses it, on a table too small to tell.
    TooSmall,
    /// Nothing uses it.
    Unused,
}

impl Verdict {
    /// Returns the verdict's word, and its reason.
    pub(super) fn words(&self) -> (&'static str, String) {
        match self {
            Verdict::Needed(by) => ("needed", by.clone()),
            Verdict::Rule => ("keeps a rule", String::new()),
            Verdict::Redundant(other) => ("redundant", format!("{other} does its work")),
            Verdict::Duplicate(other) => ("duplicate", format!("{other} holds the same")),
            Verdict::Marginal(by) => ("marginal", by.clone()),
            Verdict::TooSmall => ("too few rows to tell", String::new()),
            Verdict::Unused => ("unused", String::new()),
        }
    }
}

/// Returns whether something clearly costs more without: a tenth more, and at least four blocks.
fn loses(with: f64, without: f64) -> bool {
    without >= with + 4.0 && without > with * 1.1
}

/// Returns whether a query is clearly better off without.
fn gains(with: f64, without: f64) -> bool {
    with >= without + 16.0 && with > without * 1.5
}

impl Judged<'_> {
    /// Returns what hiding the index costs: the most blocks that one execution of something costs more, and what that is.
    fn worst(&self, index: &Index) -> Option<(f64, f64, String)> {
        let queries = self.workload.effects_of(&[&index.oid]).map(|(base, effect)| {
            let name = format!("{} ({})", base.query.name, base.set.name);
            (base.measured.buffers() as f64, effect.without.buffers() as f64, name)
        });
        let transactions = self
            .used
            .iter()
            .filter(|one| one.index == index.oid)
            .map(|one| (one.with as f64, one.without as f64, format!("transaction {}", one.transaction)));
        let checks = self.foreign_keys.iter().flat_map(|key| {
            let serving = key.serving.iter().filter(|(oid, _)| *oid == index.oid);
            serving.map(|(_, without)| {
                (key.measured.buffers() as f64, without.buffers() as f64, format!("foreign key {}", key.name))
            })
        });
        let all = queries.chain(transactions).chain(checks);
        all.max_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0)))
    }

    /// Returns the verdict on an index.
    pub(super) fn verdict(&self, index: &Index) -> Verdict {
        let worst = self.worst(index);
        let amounts = |(with, without, by): &(f64, f64, String)| {
            format!("{by}: {} buffers, {} without", amount(*with), amount(*without))
        };
        if let Some(worst) = worst.as_ref().filter(|(with, without, _)| loses(*with, *without)) {
            return Verdict::Needed(amounts(worst));
        }
        if index.constrains {
            return Verdict::Rule;
        }
        let others = || self.indexes.iter().filter(|other| other.oid != index.oid);
        // Of two that hold the same, the rule's stays, else the one whose name comes first.
        if let Some(twin) =
            others().find(|other| index.is_twin_of(other) && (other.constrains || other.name < index.name))
        {
            return Verdict::Duplicate(twin.name.clone());
        }
        if let Some(other) = others().find(|other| index.is_covered_by(other) && !index.is_twin_of(other)) {
            return Verdict::Redundant(other.name.clone());
        }
        match worst {
            Some(worst) if index.rows >= FEW_ROWS => Verdict::Marginal(amounts(&worst)),
            _ if index.rows < FEW_ROWS => Verdict::TooSmall,
            _ => match self.foreign_keys.iter().find(|key| key.could_use(index)) {
                Some(key) => {
                    Verdict::Marginal(format!("another index answers foreign key {} as cheaply", key.name))
                }
                None => Verdict::Unused,
            },
        }
    }

    /// Returns the blocks that the index saves: over all queries, by their rates, the mean of their parameter sets.
    pub(super) fn saves(&self, index: &Index) -> f64 {
        let mut queries: BTreeMap<&str, (f64, f64, f64)> = BTreeMap::new();
        for (base, effect) in self.workload.effects_of(&[&index.oid]) {
            let entry = queries.entry(&base.query.name).or_insert((base.query.rate.unwrap_or(1.0), 0.0, 0.0));
            entry.1 += effect.without.buffers() as f64 - base.measured.buffers() as f64;
            entry.2 += 1.0;
        }
        queries.values().map(|(rate, saved, sets)| rate * saved / sets).sum()
    }

    /// Writes findings, the table of all indexes, and the summary.
    pub(super) fn report(&self, outcome: &mut Outcome) {
        let mut rows: Vec<((f64, f64), Vec<String>)> = Vec::new();
        let mut needed = 0;
        for index in self.indexes {
            let verdict = self.verdict(index);
            needed += usize::from(matches!(verdict, Verdict::Needed(_)));
            outcome.findings.extend(self.finding(index, &verdict));
            self.suspicious(index, outcome);
            let (word, reason) = verdict.words();
            let tax = self.tax.get(&index.oid).copied().unwrap_or_default();
            let saves = self.saves(index);
            let row = vec![
                index.display(),
                word.to_owned(),
                reason,
                amount(saves.round()),
                amount(index.bytes as f64 / 1024.0),
                format!("{:.0}", tax.wal),
                format!("{:.1}", tax.buffers),
            ];
            rows.push(((saves, tax.wal), row));
        }
        // Of two that save the same, the one that costs writes more stands last.
        rows.sort_by(|a, b| b.0.0.total_cmp(&a.0.0).then(a.0.1.total_cmp(&b.0.1)));
        let columns = [
            "index",
            "verdict",
            "because",
            "saves (buffers/s)",
            "size (KiB)",
            "log per row (bytes)",
            "buffers per row written",
        ];
        let rows = rows.into_iter().map(|(_, row)| row).collect();
        outcome.evidence.insert(
            0,
            Evidence::table("indexes", "Every index, by what it saves and what it costs", &columns, rows),
        );
        outcome.measure("indexes", self.indexes.len() as f64, "count");
        outcome.measure("pairs", self.workload.pairs as f64, "count");
        outcome.measure("executed_without", self.workload.effects.len() as f64, "count");
        outcome.summary = format!(
            "Hid {} indexes from the queries on their tables, {} pairs; {needed} are needed; {} foreign keys were checked.",
            self.indexes.len(),
            self.workload.pairs,
            self.foreign_keys.len()
        );
    }

    /// Returns what hiding both of two costs, though hiding either costs nothing.
    fn without_both(&self, index: &Index, other: &str) -> String {
        let pairs = self.indexes.iter().filter(|one| one.name == other && one.table_oid == index.table_oid);
        let effects = pairs.flat_map(|other| {
            let there = self.workload.effects_of(&[&index.oid, &other.oid]);
            there.chain(self.workload.effects_of(&[&other.oid, &index.oid]))
        });
        let worst = effects
            .max_by_key(|(base, effect)| effect.without.buffers().saturating_sub(base.measured.buffers()));
        worst.map_or_else(String::new, |(base, effect)| {
            let (with, without) = (base.measured.buffers() as f64, effect.without.buffers() as f64);
            format!(
                " (without both {} touches {} buffers instead of {})",
                base.query.name,
                amount(without),
                amount(with)
            )
        })
    }

    fn finding(&self, index: &Index, verdict: &Verdict) -> Option<Finding> {
        let tax = self.tax.get(&index.oid).copied().unwrap_or_default();
        let cost = format!(
            "It holds {} KiB, and every row written pays {:.0} bytes of log for it",
            amount(index.bytes as f64 / 1024.0),
            tax.wal
        );
        let (code, message) = match verdict {
            Verdict::Unused => (
                &UNUSED,
                format!(
                    "No query, transaction or foreign key of the project uses {}. {cost}.",
                    index.display()
                ),
            ),
            Verdict::Redundant(other) => (
                &REDUNDANT,
                format!(
                    "{} is covered by {other}: without it nothing costs more{}. {cost}.",
                    index.display(),
                    self.without_both(index, other)
                ),
            ),
            Verdict::Duplicate(other) => (
                &DUPLICATE,
                format!(
                    "{} holds the same as {other}{}. {cost}.",
                    index.display(),
                    self.without_both(index, other)
                ),
            ),
            Verdict::Marginal(by) => {
                (&MARGINAL, format!("{} saves hardly anything ({by}). {cost}.", index.display()))
            }
            _ => return None,
        };
        let name = underpin_model::sql_text::quote_qualified(&index.schema, &index.name);
        Some(
            Finding::new(code, message)
                .object(object(index))
                .hint(format!("DROP INDEX CONCURRENTLY {name};")),
        )
    }

    /// A query that is better off without an index was planned on a wrong estimate, and that is the finding.
    fn suspicious(&self, index: &Index, outcome: &mut Outcome) {
        let better = self
            .workload
            .effects_of(&[&index.oid])
            // For a value that no row has, a scan that hopes to stop early never does: the planner cannot know.
            .filter(|(base, _)| base.set.name != "absent")
            .filter(|(base, effect)| gains(base.measured.buffers() as f64, effect.without.buffers() as f64));
        let worst = better
            .max_by_key(|(base, effect)| base.measured.buffers().saturating_sub(effect.without.buffers()));
        let Some((base, effect)) = worst else { return };
        let message = format!(
            "{} ({} values) touches {} buffers with {}, {} without{}.",
            base.query.name,
            base.set.name,
            amount(base.measured.buffers() as f64),
            index.display(),
            amount(effect.without.buffers() as f64),
            wrong_estimate(base)
        );
        let evidence = side_by_side(index, base, effect);
        let finding = Finding::new(&SUSPICIOUS, message).object(object(index)).evidence(&evidence.id);
        outcome.findings.push(finding.hint("Repair the estimate, not the index: underpin prove statistics"));
        outcome.evidence.push(evidence);
    }
}

fn object(index: &Index) -> ObjectRef {
    ObjectRef::in_schema(ObjectKind::Index, &index.schema, &index.name)
}

fn wrong_estimate(base: &Base<'_>) -> String {
    let all = misestimates(&base.measured.plan.root);
    let worst = all.into_iter().max_by(|a, b| a.factor().total_cmp(&b.factor()));
    worst.filter(|worst| worst.factor() >= 2.0).map_or_else(String::new, |worst| {
        format!(
            "; the estimate of {} is off {} times ({} expected, {} given)",
            view::name(worst.node),
            amount(worst.factor()),
            amount(worst.estimate),
            amount(worst.actual)
        )
    })
}

/// Returns both plans of a query.
fn side_by_side(index: &Index, base: &Base<'_>, effect: &Effect) -> Evidence {
    let id = format!("pair-{}-{}-{}", index.name, base.query.name, base.set.name);
    let title = format!("{} with and without {}", base.query.name, index.name);
    let trees = vec![
        view::tree(&format!("with {}", index.name), &base.measured.plan),
        view::tree("without", &effect.without.plan),
    ];
    Evidence::plans(&id, title, Vec::new(), trees)
}
