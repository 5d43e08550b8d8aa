//! Which candidates are kept: built, measured, taken step by step, and taken back when a query reads more with them.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use underpin_model::sql_text::quote_qualified;
use underpin_plan::candidate::Candidate;
use underpin_plan::gate::{self, Thresholds};

use super::advisor::CHEAP;
use super::pairs::{Base, Workload};
use crate::error::LabError;
use crate::planning::{Asked, Measured, Mode, Planner};

/// Name of a candidate while it is tried.
const TRIED: &str = "underpin_candidate";

/// Candidates of which one saves so much less than the best are looked at again.
const CLOSE: f64 = 0.05;
/// What differs by less is the same: the smaller one is taken.
const SAME: f64 = 0.01;
/// Blocks that a query must save for an index that carries columns along. What it spares are visits to the table, and those
/// only where VACUUM was there since the last write: the lab's tables are freshly vacuumed, which flatters it.
const COVERING: u64 = 100;

/// An index that was built and measured.
#[derive(Clone)]
pub(super) struct Built {
    pub(super) candidate: Candidate,
    pub(super) bytes: u64,
    /// Blocks saved per second, by the queries' rates.
    pub(super) saved: f64,
    /// Positions in the workload that improve, executed with it.
    pub(super) better: Vec<(usize, Measured)>,
    /// Blocks of every query that takes it, by position in the workload.
    blocks: BTreeMap<usize, u64>,
    /// A transaction that improves, with its blocks without it and with it.
    pub(super) transaction: Option<(String, u64, u64)>,
    /// Queries that read more with it, which is less than it saves.
    pub(super) harms: Vec<Harm>,
}

/// An index that helps and is not proposed, because others lose more by it.
pub(super) struct Harmful {
    pub(super) built: Built,
    pub(super) harm: Harm,
}

/// A query that reads more with an index than without.
#[derive(Clone)]
pub(super) struct Harm {
    /// The query.
    pub(super) query: String,
    /// Which of its plans reads more.
    pub(super) mode: Mode,
    /// Blocks without the index and with it, over all values that it changes.
    pub(super) blocks: (u64, u64),
    /// Blocks per second, by the query's rate.
    weight: f64,
}

/// What was chosen so far, and how the queries run with it.
pub(super) struct Choosing<'a> {
    planner: &'a Planner,
    workload: &'a Workload<'a>,
    /// Queries whose author wants no further index.
    declined: &'a BTreeSet<String>,
    limits: Thresholds,
    /// Indexes and bytes that may still be taken.
    room: (usize, u64),
    /// Each query of the workload, with its values.
    now: Vec<Measured>,
    /// Under the plan for any values, by position; only where an index made it worth knowing.
    generic: BTreeMap<usize, Measured>,
    pub(super) chosen: Vec<Built>,
    pub(super) harmful: Vec<Harmful>,
}

impl Built {
    /// Builds the candidate to be measured; nothing when that fails.
    pub(super) async fn begin(planner: &Planner, candidate: &Candidate) -> Result<Option<Built>, LabError> {
        let session = planner.session();
        // An operator class of an extension that the project does not have, most often.
        if session.execute(&candidate.statement(TRIED, "")).await.is_err() {
            return Ok(None);
        }
        let quoted = quote_qualified(&candidate.schema, TRIED);
        let size = session.value(&format!("SELECT pg_relation_size('{quoted}')")).await?;
        let bytes = size.and_then(|size| size.parse().ok()).unwrap_or(0);
        Ok(Some(Built {
            candidate: candidate.clone(),
            bytes,
            saved: 0.0,
            better: Vec::new(),
            blocks: BTreeMap::new(),
            transaction: None,
            harms: Vec::new(),
        }))
    }

    /// Drops it again.
    pub(super) async fn end(&self, planner: &Planner) -> Result<(), LabError> {
        let quoted = quote_qualified(&self.candidate.schema, TRIED);
        planner.session().execute(&format!("DROP INDEX {quoted}")).await?;
        Ok(())
    }

    /// Returns whether blocks without it and with it make it worth having.
    pub(super) fn is_worth(&self, (without, with): (u64, u64)) -> bool {
        let enough = self.candidate.include.is_empty() || without >= with + COVERING;
        enough && without > CHEAP && gate::grows(with, without, &Thresholds::default())
    }
}

impl<'a> Choosing<'a> {
    /// Begins with the queries as they run without any candidate; `limits` says when a query reads more, `room` how many
    /// indexes may be taken, of how many bytes together.
    pub(super) fn begin(
        planner: &'a Planner,
        (workload, declined): (&'a Workload<'_>, &'a BTreeSet<String>),
        limits: Thresholds,
        room: (usize, u64),
    ) -> Choosing<'a> {
        let now = workload.asked.iter().map(|base| base.measured.clone()).collect();
        let (generic, chosen, harmful) = (BTreeMap::new(), Vec::new(), Vec::new());
        Choosing { planner, workload, declined, limits, room, now, generic, chosen, harmful }
    }

    /// An index must beat this plan of the query at this position.
    pub(super) fn must_beat(&mut self, at: usize, better: Measured) {
        self.now[at] = better;
    }

    /// Takes the best, then the best beside it, and so on: sets of indexes are not the sum of their parts.
    pub(super) async fn choose(&mut self, mut pool: Vec<Candidate>) -> Result<(), LabError> {
        let mut grew = true;
        while grew {
            let mut useful = Vec::new();
            for candidate in &pool {
                useful.extend(self.build(candidate).await?);
            }
            pool = useful.iter().map(|built| built.candidate.clone()).collect();
            grew = self.take_best(useful).await?;
            pool.retain(|one| self.chosen.last().is_none_or(|chosen| chosen.candidate != *one));
        }
        Ok(())
    }

    /// Takes the best of them, or the next best where that one harms; returns whether one was taken.
    pub(super) async fn take_best(&mut self, mut useful: Vec<Built>) -> Result<bool, LabError> {
        let (mut most, bytes) = self.room;
        useful.retain(|built| built.bytes <= bytes);
        while most > 0
            && let Some(best) = self.best_of(&useful).await?
        {
            useful.retain(|one| one.candidate != best.candidate);
            let own = best.bytes;
            if self.keep(best).await? {
                most -= 1;
                self.room = (most, bytes - own);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns what saves most. What saves about as much is told apart by the plans for any values, then by size. What costs
    /// other queries more than it saves may still be the best beside an index of theirs, later.
    async fn best_of(&self, useful: &[Built]) -> Result<Option<Built>, LabError> {
        let paying: Vec<&Built> =
            useful.iter().filter(|built| self.carries_for_something(built, useful)).collect();
        let most = paying.iter().map(|built| built.saved).fold(0.0, f64::max);
        let good = |built: &&Built| built.saved > 0.0 && built.saved >= (1.0 - CLOSE) * most;
        let close: Vec<&Built> = paying.iter().copied().filter(good).collect();
        let mut costs = Vec::new();
        for built in &close {
            let for_any = if close.len() > 1 { self.for_any_values(built).await? } else { 0.0 };
            costs.push(most - built.saved + for_any);
        }
        let least = costs.iter().copied().fold(f64::MAX, f64::min);
        let best = close.into_iter().zip(costs).filter(|(_, cost)| *cost <= least + SAME * most);
        Ok(best.map(|(built, _)| built).min_by_key(|built| built.bytes).cloned())
    }

    /// Returns whether what the index carries along spares some query enough blocks beside the same index without.
    fn carries_for_something(&self, built: &Built, useful: &[Built]) -> bool {
        let plain = Candidate { include: Vec::new(), ..built.candidate.clone() };
        let Some(plain) = useful.iter().find(|one| one.candidate == plain) else { return true };
        built.candidate.include.is_empty()
            || built.blocks.iter().any(|(at, with)| {
                let without = plain.blocks.get(at).copied().unwrap_or_else(|| self.now[*at].buffers());
                without >= with + COVERING
            })
    }

    /// Returns the blocks per second of the queries that improve, under their plans for any values.
    async fn for_any_values(&self, built: &Built) -> Result<f64, LabError> {
        let mut blocks = 0.0;
        if built.better.is_empty() || Built::begin(self.planner, &built.candidate).await?.is_none() {
            return Ok(blocks);
        }
        for (at, _) in &built.better {
            let measured = self.planner.measure(generic(&self.workload.asked[*at]), "").await?;
            blocks += measured.buffers() as f64 * self.workload.weight(*at);
        }
        built.end(self.planner).await?;
        Ok(blocks)
    }

    /// Drops what was taken.
    pub(super) async fn clear(&self) -> Result<(), LabError> {
        for built in &self.chosen {
            self.execute_drop(built).await?;
        }
        Ok(())
    }

    /// Builds a candidate, runs the queries whose plan takes it, and drops it; nothing when no query clearly improves.
    async fn build(&self, candidate: &Candidate) -> Result<Option<Built>, LabError> {
        let Some(mut built) = Built::begin(self.planner, candidate).await? else { return Ok(None) };
        let mut clearly = false;
        for (at, base) in self.reading(candidate) {
            if self.declined.contains(&base.query.name) || !takes(self.planner, base.asked(), TRIED).await? {
                continue;
            }
            let (before, with) = (self.now[at].buffers(), self.planner.measure(base.asked(), "").await?);
            built.blocks.insert(at, with.buffers());
            built.saved += (before as f64 - with.buffers() as f64) * self.workload.weight(at);
            if built.is_worth((before, with.buffers())) {
                clearly = true;
                built.better.push((at, with));
            }
        }
        built.end(self.planner).await?;
        Ok(clearly.then_some(built))
    }

    /// Builds it to stay, unless queries lose more by it than it saves, under their own plans or those for any values; returns
    /// whether it stays.
    async fn keep(&mut self, best: Built) -> Result<bool, LabError> {
        for (at, base) in self.reading(&best.candidate) {
            if let Entry::Vacant(unknown) = self.generic.entry(at) {
                unknown.insert(self.planner.measure(generic(base), "").await?);
            }
        }
        let name = best.candidate.name();
        self.planner.session().execute(&best.candidate.statement(&name, "")).await?;
        let mut changed = Vec::new();
        for (at, base) in self.reading(&best.candidate) {
            for (mode, asked) in [(Mode::Custom, base.asked()), (Mode::Generic, generic(base))] {
                if takes(self.planner, asked, &name).await? {
                    changed.push((mode, at, self.planner.measure(asked, "").await?));
                }
            }
        }
        let harms = self.harms(&changed);
        let mut best = best;
        if lost(&harms) > best.saved {
            self.execute_drop(&best).await?;
            self.harmful.extend(harms.into_iter().map(|harm| Harmful { built: best.clone(), harm }));
            return Ok(false);
        }
        best.harms = harms;
        for (mode, at, with) in changed {
            match mode {
                Mode::Custom => self.now[at] = with,
                Mode::Generic => drop(self.generic.insert(at, with)),
            }
        }
        self.chosen.push(best);
        Ok(true)
    }

    /// Returns the queries that read more over all their values together: for values that no row has, a walk that stops early
    /// for others never does, and may be worth it.
    fn harms(&self, changed: &[(Mode, usize, Measured)]) -> Vec<Harm> {
        let mut sums: BTreeMap<(&str, bool), Harm> = BTreeMap::new();
        for (mode, at, with) in changed {
            let query = self.workload.asked[*at].query;
            let before = match mode {
                Mode::Custom => self.now[*at].buffers(),
                Mode::Generic => self.generic[at].buffers(),
            };
            let own = sums.entry((&query.name, *mode == Mode::Generic));
            let (query, more) = (query.name.clone(), with.buffers() as f64 - before as f64);
            let sum = own.or_insert(Harm { query, mode: *mode, blocks: (0, 0), weight: 0.0 });
            sum.blocks = (sum.blocks.0 + before, sum.blocks.1 + with.buffers());
            sum.weight += more * self.workload.weight(*at);
        }
        let mut harms: Vec<Harm> = sums.into_values().collect();
        harms.retain(|harm| gate::misses(harm.blocks.0, harm.blocks.1, &self.limits));
        harms
    }

    /// Returns the queries that read the candidate's table, with their positions.
    fn reading(&self, candidate: &Candidate) -> impl Iterator<Item = (usize, &'a Base<'a>)> + use<'a> {
        let (schema, table) = (candidate.schema.clone(), candidate.table.clone());
        self.workload.asked.iter().enumerate().filter(move |(_, base)| base.reads(&schema, &table))
    }

    async fn execute_drop(&self, built: &Built) -> Result<(), LabError> {
        let name = quote_qualified(&built.candidate.schema, &built.candidate.name());
        self.planner.session().execute(&format!("DROP INDEX {name}")).await?;
        Ok(())
    }
}

/// Returns the blocks per second that queries lose, each by the worse of its plans.
fn lost(harms: &[Harm]) -> f64 {
    let mut worst: BTreeMap<&str, f64> = BTreeMap::new();
    for harm in harms {
        let own = worst.entry(&harm.query).or_default();
        *own = own.max(harm.weight);
    }
    worst.values().sum()
}

fn generic<'b>(base: &'b Base<'_>) -> Asked<'b> {
    Asked { mode: Mode::Generic, ..base.asked() }
}

/// Returns whether the planner takes the index of this name for the query.
pub(super) async fn takes(planner: &Planner, asked: Asked<'_>, index: &str) -> Result<bool, LabError> {
    let plan = planner.plan(asked, "").await?;
    Ok(plan.root.all().iter().any(|node| node.index.as_deref() == Some(index)))
}
