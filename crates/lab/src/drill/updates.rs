//! `drill bloat` in a project: which tables its own transactions update most, whether these updates are HOT, and the smallest
//! change that makes them so, each tried on copies under the same load.

mod changed;
mod copy;
mod judge;
mod load;
mod told;

use futures_util::future::LocalBoxFuture;
use underpin_model::project::Project;
use underpin_model::{Code, Event, EventSink};

use super::on_lab::on_lab;
use crate::error::LabError;
use crate::lab::{Lab, LabSpec};
use crate::proof::Outcome;
use crate::prove::Proved;
use changed::{Index, Table};
use copy::{Change, Copied};
use judge::Studied;
use load::Call;

/// The name of the drill in reports.
pub const NAME: &str = "bloat";

/// Every code that the drill reports.
pub const CODES: &[Code] = judge::CODES;

/// Fillfactors that are tried; the manual advises 70 to 90 where HOT is wanted ("Storage Parameters", heavily updated tables).
const FILLFACTORS: [u32; 4] = [100, 90, 80, 70];

/// Fewer updates than that tell little of a table.
const FEW_UPDATES: u64 = 100;

/// A wish for the drill.
pub struct UpdatesSpec<'a> {
    /// The project whose transactions run.
    pub project: &'a Project,
    /// The lab whose template is copied.
    pub lab: &'a LabSpec,
    /// Transactions of the load, all together.
    pub calls: u32,
    /// How many of the most updated tables are examined.
    pub tables: usize,
}

/// Runs the drill.
pub fn updates<'a>(
    spec: &'a UpdatesSpec<'a>,
    events: &'a dyn EventSink,
) -> LocalBoxFuture<'a, Result<Proved, LabError>> {
    let examine = async |lab: &Lab| outcome(spec, lab, events).await;
    Box::pin(on_lab(NAME, (spec.project, spec.lab), events, examine))
}

async fn outcome(spec: &UpdatesSpec<'_>, lab: &Lab, events: &dyn EventSink) -> Result<Outcome, LabError> {
    if spec.project.transactions.is_empty() {
        return Ok(Outcome::skipped("the project has no transaction whose updates could be counted"));
    }
    let mut bench = Bench { lab, events, project: spec.project, calls: Vec::new(), copies: 0 };
    let recorded = bench.record(spec.calls).await?;
    let mut most: Vec<&Table> = recorded.tables.iter().filter(|table| table.updates >= FEW_UPDATES).collect();
    most.truncate(spec.tables);
    let mut outcome = Outcome::default();
    let mut studied = Vec::new();
    if !most.is_empty() {
        let base = bench.copy(&most, Change::None).await?;
        for table in &most {
            studied.push(bench.study(table, (&most, &base), &mut outcome).await?);
        }
    }
    told::tell(&mut outcome, &recorded, &studied);
    Ok(outcome)
}

/// What the load did to the template as it is.
struct Recorded {
    /// Every table that it updated, the most updated first.
    tables: Vec<Table>,
    /// Per transaction: name, times it committed, times it was refused.
    transactions: Vec<(String, u64, u64)>,
}

/// Runs the same load on one copy after the other.
struct Bench<'a> {
    lab: &'a Lab,
    events: &'a dyn EventSink,
    project: &'a Project,
    calls: Vec<Call<'a>>,
    copies: u64,
}

impl Bench<'_> {
    /// Draws the load on a first copy, and notes which tables and columns it updates.
    async fn record(&mut self, calls: u32) -> Result<Recorded, LabError> {
        self.events.emit(progress("drawing the load".to_owned(), 0));
        let sandbox = self.lab.sandbox().await?;
        changed::watch(&sandbox).await?;
        let (calls, transactions) = load::record(self.project, &sandbox.address(), calls).await?;
        self.calls = calls;
        let tables = changed::tables(&sandbox).await?;
        sandbox.drop().await?;
        Ok(Recorded { tables, transactions })
    }

    /// Runs the load on a fresh copy with one change.
    async fn copy(&mut self, tables: &[&Table], change: Change<'_>) -> Result<Copied, LabError> {
        self.copies += 1;
        self.events.emit(progress(change.words(), self.copies));
        let sandbox = self.lab.sandbox().await?;
        let copied = copy::run(&sandbox, (tables, &self.calls), change).await;
        sandbox.drop().await?;
        copied
    }

    /// Tries every fillfactor on one table, and, where room alone does not help, the indexes on what is updated.
    async fn study(
        &mut self,
        table: &Table,
        (all, base): (&[&Table], &Copied),
        outcome: &mut Outcome,
    ) -> Result<Studied, LabError> {
        let mut studied = Studied::new(table, base.of(table));
        if studied.has_nothing_to_win() {
            return Ok(studied);
        }
        for fillfactor in FILLFACTORS.into_iter().filter(|one| *one != table.fillfactor) {
            let copied = self.copy(all, Change::Fillfactor(table, fillfactor)).await?;
            match copied.differs(base) {
                Some(why) => outcome
                    .unexamined
                    .push(format!("{} with fillfactor {fillfactor}: {why}", table.display())),
                None => studied.rooms.push((fillfactor, copied.of(table))),
            }
        }
        let candidates: Vec<&Index> = table.indexes.iter().collect();
        if !studied.room_suffices() && !candidates.is_empty() {
            self.study_indexes((table, &candidates), (all, base), &mut studied, outcome).await?;
        }
        Ok(studied)
    }

    /// Runs the load without any index on an updated column, then with each of them alone.
    async fn study_indexes(
        &mut self,
        (table, candidates): (&Table, &[&Index]),
        (all, base): (&[&Table], &Copied),
        studied: &mut Studied,
        outcome: &mut Outcome,
    ) -> Result<(), LabError> {
        let Some(roomiest) = FILLFACTORS.last().copied() else { return Ok(()) };
        let mut ways = vec![(candidates.to_vec(), roomiest)];
        if candidates.len() > 1 {
            let others =
                |kept: &&Index| candidates.iter().copied().filter(|one| one.oid != kept.oid).collect();
            ways.extend(candidates.iter().map(|kept| (others(kept), roomiest)));
        }
        for (hidden, fillfactor) in ways {
            let names: Vec<String> = hidden.iter().map(|index| index.name.clone()).collect();
            let copied = self.copy(all, Change::Hidden(table, &hidden, fillfactor)).await?;
            match copied.differs(base) {
                Some(why) => {
                    let what = format!("{} without {}: {why}", table.display(), names.join(", "));
                    outcome.unexamined.push(what);
                    return Ok(());
                }
                None => studied.hidden.push((names, copied.of(table))),
            }
        }
        // What the found ones cost is measured where the table is as it is: they gone, nothing else changed.
        let preventing = studied.preventing();
        let hidden: Vec<&Index> =
            candidates.iter().copied().filter(|index| preventing.contains(&index.name)).collect();
        if !hidden.is_empty() {
            let copied = self.copy(all, Change::Hidden(table, &hidden, table.fillfactor)).await?;
            studied.without = copied.differs(base).is_none().then(|| copied.of(table));
        }
        Ok(())
    }
}

fn progress(what: String, done: u64) -> Event {
    Event::Progress { what, done, total: 0, unit: "copies" }
}
