//! Brings the database back to the state before a schedule, and tells what a schedule left in it.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use underpin_model::sql_text::quote_qualified;
use underpin_pg::Session;
use underpin_race::Level;

use super::RaceError;

/// Copies of all tables, and the SQL that compares and restores them.
pub(super) struct RestorePoint {
    tables: BTreeMap<String, TablePoint>,
    sequences: BTreeMap<String, Sequence>,
    /// Names of tables and sequences by oid, for `pg_locks`.
    pub(super) names: BTreeMap<u32, String>,
    /// Some check waits for COMMIT.
    pub(super) deferred: bool,
    state: BTreeMap<String, String>,
    /// How often it was come back to.
    restores: Cell<u32>,
}

/// Below SERIALIZABLE dead rows change no outcome, but every scan reads them.
const UNTIL_CLEARED: u32 = 50;

/// What a schedule may have changed.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks {
    /// Tables and sequences.
    pub(super) written: BTreeSet<String>,
    /// A statement was refused: it may have taken numbers, which no lock tells.
    pub(super) refused: bool,
}

struct TablePoint {
    /// Restores the rows after DELETE or TRUNCATE.
    refill: String,
    quoted: String,
    /// Returns the rows as one text, what changes from run to run left out.
    content: String,
}

struct Sequence {
    /// Brings it back.
    reset: String,
    /// The last number that it gave.
    last: i64,
}

/// So many numbers of a sequence count as given by one schedule.
const GIVEN: i64 = 1000;

/// Makes what a race needs in the database, with a copy of every table; tables that have not changed since an
/// earlier call keep their copy.
///
/// Statistics do not move afterwards and no dead rows lie about, so that plans stay what they are.
pub(super) async fn copy_tables(watcher: &Session) -> Result<(), RaceError> {
    watcher.execute(include_str!("arena.sql")).await?;
    let rows = watcher.rows(include_str!("tables.sql")).await?;
    let mut fresh = Vec::new();
    for row in rows.iter() {
        let (quoted, copy) =
            (quote_qualified(row.text("schema"), row.text("name")), copy_of(row.text("oid")));
        let content = |table: &str| {
            let columns = row.text("columns");
            format!(
                "(SELECT md5(string_agg(it.line, E'\\n' ORDER BY it.line)) FROM (SELECT ROW({columns})::text AS line FROM {table}) AS it)"
            )
        };
        if row.text("copied") == "t" {
            let same = format!("SELECT {} IS NOT DISTINCT FROM {}", content(&quoted), content(&copy));
            if watcher.value(&same).await?.as_deref() == Some("t") {
                continue;
            }
        }
        watcher
            .execute(&format!("DROP TABLE IF EXISTS {copy}; CREATE TABLE {copy} AS TABLE {quoted}"))
            .await?;
        fresh.push(quoted);
    }
    if !fresh.is_empty() {
        watcher.execute(&format!("VACUUM (FREEZE, ANALYZE) {}", fresh.join(", "))).await?;
    }
    Ok(())
}

/// Runs statements in one transaction in which no trigger fires and no foreign key is checked.
async fn quietly(watcher: &Session, sql: &str) -> Result<(), RaceError> {
    if !sql.is_empty() {
        let quiet = "SET LOCAL session_replication_role = replica";
        watcher.execute(&format!("BEGIN; {quiet}; {sql} COMMIT")).await?;
    }
    Ok(())
}

fn copy_of(oid: &str) -> String {
    format!("underpin_race.copy_{oid}")
}

impl RestorePoint {
    /// Takes the present state of every table and sequence of the project as the one to come back to.
    pub(super) async fn take(watcher: &Session) -> Result<RestorePoint, RaceError> {
        copy_tables(watcher).await?;
        let rows = watcher.rows(include_str!("tables.sql")).await?;
        let mut tables = BTreeMap::new();
        let mut names = BTreeMap::new();
        for row in rows.iter() {
            let (schema, name, oid) = (row.text("schema"), row.text("name"), row.text("oid"));
            let (quoted, copy, columns) = (quote_qualified(schema, name), copy_of(oid), row.text("columns"));
            let called = row.text("called");
            names.insert(oid.parse().unwrap_or_default(), called.to_owned());
            let table = TablePoint {
                refill: format!(
                    "INSERT INTO {quoted} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {copy}"
                ),
                content: format!(
                    "SELECT coalesce(string_agg(it.line, E'\\n' ORDER BY it.line), '') \
                     FROM (SELECT ROW({})::text AS line FROM {quoted}) AS it",
                    row.text("compared")
                ),
                quoted,
            };
            tables.insert(called.to_owned(), table);
        }
        let rows = watcher.rows(include_str!("sequences.sql")).await?;
        let mut sequences = BTreeMap::new();
        for row in rows.iter() {
            names.insert(row.text("oid").parse().unwrap_or_default(), row.text("name").to_owned());
            let sequence = Sequence {
                reset: row.text("reset").to_owned(),
                last: row.text("last").parse().unwrap_or_default(),
            };
            sequences.insert(row.text("name").to_owned(), sequence);
        }
        let deferred = "SELECT EXISTS (SELECT FROM pg_trigger WHERE tginitdeferred)";
        let deferred = watcher.value(deferred).await?.as_deref() == Some("t");
        let (state, restores) = (BTreeMap::new(), Cell::new(0));
        let mut point = RestorePoint { tables, sequences, names, deferred, state, restores };
        if !point.tables.is_empty() {
            let all: BTreeSet<String> = point.tables.keys().cloned().collect();
            let rows = watcher.rows(&format!("SELECT {}", point.contents(&all).join(", "))).await?;
            let cells = rows.rows.into_iter().flatten().flatten();
            point.state = all.into_iter().zip(cells).collect();
        }
        Ok(point)
    }

    /// Tells whether a sequence may have given that number to a schedule: two schedules number their rows
    /// differently without meaning it.
    pub(super) fn gave(&self, number: i64) -> bool {
        self.sequences.values().any(|sequence| (1..=GIVEN).contains(&(number - sequence.last)))
    }

    /// Returns the columns of a query that [`changes`](Self::changes) reads, when at most the named tables were written.
    pub(super) fn contents(&self, written: &BTreeSet<String>) -> Vec<String> {
        self.known(written).map(|(_, table)| format!("({})", table.content)).collect()
    }

    /// Returns what is different from the restore point, as one text; `cells` answer [`contents`](Self::contents).
    pub(super) fn changes(&self, written: &BTreeSet<String>, cells: Vec<Option<String>>) -> String {
        let state = self.known(written).map(|(name, _)| name).zip(cells.into_iter().flatten());
        let changed = state.filter(|(name, rows)| self.state.get(*name) != Some(rows));
        changed.map(|(name, rows)| format!("{name}:\n{rows}\n")).collect()
    }

    fn known<'p>(
        &'p self,
        tables: &'p BTreeSet<String>,
    ) -> impl Iterator<Item = (&'p String, &'p TablePoint)> {
        tables.iter().filter_map(|name| self.tables.get_key_value(name))
    }

    /// Undoes whatever was done to any table.
    pub(super) async fn restore_all(&self, watcher: &Session, level: Level) -> Result<(), RaceError> {
        let marks = Marks { written: self.tables.keys().cloned().collect(), refused: true };
        self.restore(watcher, &marks, level).await
    }

    /// Undoes what a schedule did.
    ///
    /// At SERIALIZABLE the dead rows are cleared away each time: rows that move to other pages would change which
    /// transactions the server refuses. VACUUM does that in a seventh of the time of TRUNCATE, which gives tables
    /// and indexes new files.
    pub(super) async fn restore(
        &self,
        watcher: &Session,
        marks: &Marks,
        level: Level,
    ) -> Result<(), RaceError> {
        let written = &marks.written;
        let tables: Vec<&TablePoint> = written.iter().filter_map(|name| self.tables.get(name)).collect();
        let quoted: Vec<&str> = tables.iter().map(|table| table.quoted.as_str()).collect();
        let empty: String = quoted.iter().map(|table| format!("DELETE FROM {table}; ")).collect();
        let mut fill: String = tables.iter().map(|table| format!("{}; ", table.refill)).collect();
        let moved = |name: &String| marks.refused || written.contains(name);
        for (_, sequence) in self.sequences.iter().filter(|(name, _)| moved(name)) {
            fill.push_str(&format!("{}; ", sequence.reset));
        }
        let restores = self.restores.get() + 1;
        self.restores.set(restores);
        let clears = level == Level::Serializable || restores.is_multiple_of(UNTIL_CLEARED);
        if !clears || tables.is_empty() {
            return quietly(watcher, &format!("{empty}{fill}")).await;
        }
        quietly(watcher, &empty).await?;
        watcher.execute(&format!("VACUUM (TRUNCATE off, INDEX_CLEANUP on) {}", quoted.join(", "))).await?;
        quietly(watcher, &fill).await
    }
}
