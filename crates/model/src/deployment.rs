//! What a migration did while others wanted to work: measured statement by statement, at two sizes.

use std::collections::{BTreeMap, BTreeSet};

use camino::Utf8PathBuf;

use crate::evidence::HeldLock;
use crate::statement::Statement;

/// One migration file as it ran on a small and on a large copy of the data.
#[derive(Clone, Debug, Default)]
pub struct Deployment {
    /// The file.
    pub file: Utf8PathBuf,
    /// All statements run in one transaction.
    pub transactional: bool,
    /// Its statements, as far as they ran.
    pub steps: Vec<Step>,
    /// Statements of the running application that the file disturbs.
    pub disturbed: Vec<Disturbed>,
    /// Values that are gone afterwards.
    pub lost: Vec<Lost>,
    /// Indexes of tables that existed before, invalid when the file is through.
    pub invalid_indexes: Vec<InvalidIndex>,
    /// Orders of its statements and those of a transaction of the application that end badly.
    pub races: Vec<Clash>,
    /// What the whole file took at the larger size, every look at it included, in milliseconds.
    pub traced_ms: f64,
    /// Rows of each table before the file, at both sizes.
    pub rows: BTreeMap<String, [u64; 2]>,
    /// Rows of production, by table; empty where nothing is known of it.
    pub production: BTreeMap<String, u64>,
    /// What production's statistics say against a new constraint.
    pub conflicts: Vec<Conflict>,
    /// New constraints NOT VALID that rows from before do not keep.
    pub punished: Vec<Punished>,
    /// Transactions of which not every order could be tried.
    pub unraced: Vec<String>,
}

/// One statement at both sizes.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// The statement.
    pub statement: Statement,
    /// At the project's scale.
    pub small: Work,
    /// At four times that; absent when the file did not come so far there.
    pub large: Option<Work>,
}

/// What one execution of a statement did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Work {
    /// Relation locks that were not held before it.
    pub locks: Vec<HeldLock>,
    /// Tables of which another session cannot plan a query while it runs.
    pub reads_blocked: BTreeSet<String>,
    /// Tables to which another session cannot plan a write while it runs.
    pub writes_blocked: BTreeSet<String>,
    /// Of the two, those that an earlier statement of the same transaction blocks already.
    pub blocked_before: BTreeSet<String>,
    /// Tables with new files.
    pub rewrites: Vec<String>,
    /// Indexes that were built: name, table.
    pub index_builds: Vec<(String, String)>,
    /// Rows read from tables.
    pub rows_read: u64,
    /// Rows inserted, updated and deleted.
    pub rows_written: u64,
    /// Rows updated and deleted: others that want to change them wait for the end of the transaction.
    pub rows_changed: u64,
    /// Transactions that it needed; more than one only for a loop that commits.
    pub transactions: u64,
    /// Write-ahead log in bytes.
    pub wal_bytes: u64,
    /// Duration in milliseconds.
    pub duration_ms: f64,
    /// The server's refusal.
    pub refused: Option<Refused>,
    /// What happened when a writer and an old snapshot stood in the way of a concurrent build.
    pub held_up: Option<HeldUp>,
}

/// A statement that the server refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    /// SQLSTATE.
    pub sqlstate: String,
    /// Message, with its detail.
    pub message: String,
    /// Index that the refused statement left invalid.
    pub leaves_invalid: Option<String>,
}

/// A concurrent operation that was made to wait on purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeldUp {
    /// It gave up instead of waiting: the refusal.
    pub gave_up: Option<Refused>,
}

/// A query or transaction of the running application that ends otherwise after the file than before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disturbed {
    /// Its name.
    pub name: String,
    /// Its file and line.
    pub at: (Utf8PathBuf, u32),
    /// How.
    pub how: Disturbance,
}

/// How running code is disturbed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Disturbance {
    /// It fails: SQLSTATE and message.
    Fails(String, String),
    /// It returns fewer rows, without an error.
    LosesRows {
        /// Rows before.
        before: u64,
        /// Rows after.
        after: u64,
    },
    /// Only the statement that was prepared before fails, once, with "cached plan must not change result type".
    #[default]
    StalePlan,
}

/// Values that a file removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Table, or `table.column`.
    pub what: String,
    /// Rows or values that are gone.
    pub count: u64,
    /// How it happened, as the end of a sentence about the values.
    pub how: String,
}

/// An invalid index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InvalidIndex {
    /// The index.
    pub name: String,
    /// Its table.
    pub table: String,
    /// It was there, and invalid, before the file ran.
    pub before: bool,
}

/// An order of statements in which migration and application hurt each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clash {
    /// The transaction of the application.
    pub transaction: String,
    /// What happens.
    pub kind: ClashKind,
    /// Orders that were tried.
    pub tried: u64,
    /// The steps of the shortest bad order: who, statement, outcome.
    pub steps: Vec<(String, String, String)>,
    /// What differs, or the server's message.
    pub detail: String,
}

/// A constraint of the file that production's rows do not keep, by the statistics of their columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conflict {
    /// `table.column`.
    pub column: String,
    /// What the rows are, such as `about 12 000 rows have no value`.
    pub fact: String,
}

/// A constraint NOT VALID whose table has rows that are refused when they are written again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Punished {
    /// The table.
    pub table: String,
    /// The constraint.
    pub constraint: String,
    /// Rows that do not keep it.
    pub rows: u64,
}

/// What happens in a bad order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClashKind {
    /// Each waits for the other.
    #[default]
    Deadlock,
    /// The application's statement fails, though it works before and after the migration.
    Fails,
    /// The rows end as they do in no order of migration and transaction as wholes.
    LostWrite,
}

impl Work {
    /// Returns whether another session cannot plan something while the statement runs.
    pub fn blocks(&self) -> bool {
        !self.reads_blocked.is_empty() || !self.writes_blocked.is_empty()
    }

    /// Returns the tables that are blocked for anything.
    pub fn blocked(&self) -> BTreeSet<&str> {
        self.reads_blocked.iter().chain(&self.writes_blocked).map(String::as_str).collect()
    }

    /// Returns the tables that this statement is the first of its transaction to block.
    pub fn newly_blocked(&self) -> Vec<&str> {
        self.blocked().into_iter().filter(|table| !self.blocked_before.contains(*table)).collect()
    }

    /// Returns the rows that it touched in any way.
    pub fn rows(&self) -> u64 {
        self.rows_read + self.rows_written
    }
}

/// Fewer rows of difference are noise or a table that stays small.
const GROWING_ROWS: u64 = 500;

/// Work that others can see only in the log, such as moving a table to another tablespace.
const GROWING_WAL: u64 = 256 * 1024;

impl Step {
    /// Returns whether the work grows with the rows: four times the rows are more than one and a half times the work.
    pub fn grows(&self) -> bool {
        let Some(large) = &self.large else { return false };
        let more = |small: u64, large: u64, least: u64| {
            large.saturating_sub(small) >= least && large.saturating_mul(2) > small.saturating_mul(3)
        };
        // A plan that changes with the size may read less of more; what is written stays the same work.
        more(self.small.rows(), large.rows(), GROWING_ROWS)
            || more(self.small.rows_written, large.rows_written, GROWING_ROWS)
            || more(self.small.wal_bytes, large.wal_bytes, GROWING_WAL)
    }

    /// Returns the larger measurement where there is one.
    pub fn widest(&self) -> &Work {
        self.large.as_ref().unwrap_or(&self.small)
    }
}

impl Deployment {
    /// Returns how long others would wait for a statement in production, in milliseconds: the straight line through both
    /// measurements, drawn on to the rows of production. Nothing where these are not known or nobody waits.
    pub fn wait_in_production(&self, step: &Step) -> Option<f64> {
        let (small, large) = (&step.small, step.large.as_ref()?);
        if !large.blocks() {
            return None;
        }
        let named = step.statement.facts.relations.iter().map(|relation| relation.name.as_str());
        let tables: BTreeSet<&str> = large.blocked().into_iter().chain(named).collect();
        let known =
            tables.into_iter().filter_map(|name| Some((self.rows.get(name)?, self.production.get(name)?)));
        let mut sums = [0.0; 3];
        for ([few, many], production) in known {
            for (sum, rows) in sums.iter_mut().zip([*few, *many, *production]) {
                *sum += rows as f64;
            }
        }
        let [few, many, production] = sums;
        if many <= few || production <= many {
            return None;
        }
        let each = ((large.duration_ms - small.duration_ms) / (many - few)).max(0.0);
        Some(large.duration_ms + each * (production - many))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_drawn_on_to_the_rows_of_production() {
        let work = |duration_ms| Work {
            duration_ms,
            reads_blocked: BTreeSet::from(["t".into()]),
            ..Work::default()
        };
        let step = Step { small: work(10.0), large: Some(work(40.0)), ..Step::default() };
        let mut deployment =
            Deployment { rows: BTreeMap::from([("t".into(), [1_000, 4_000])]), ..Deployment::default() };
        assert_eq!(deployment.wait_in_production(&step), None);
        deployment.production = BTreeMap::from([("t".into(), 104_000)]);
        assert_eq!(deployment.wait_in_production(&step), Some(1_040.0));
    }

    fn step(small: u64, large: u64) -> Step {
        let work = |rows_read| Work { rows_read, ..Work::default() };
        Step { small: work(small), large: Some(work(large)), ..Step::default() }
    }

    #[test]
    fn work_grows_only_with_many_rows() {
        assert!(step(2_000, 8_000).grows());
        assert!(!step(10, 40).grows(), "a tiny table");
        assert!(!step(8_000, 8_100).grows(), "the same work");
        assert!(!Step { large: None, ..step(2_000, 0) }.grows(), "not measured");
    }
}
