//! Brings the database back to the state before a schedule, and tells what a schedule left in it.

use std::collections::{BTreeMap, BTreeSet};

use underpin_model::sql_text::quote_qualified;
use underpin_pg::Session;
use underpin_race::Level;

use super::RaceError;

/// Copies of all tables, and the SQL that compares and restores them.
pub(super) struct RestorePoint {
    tables: BTreeMap<String, TablePoint>,
    sequences: BTreeMap<String, String>,
    /// Names of tables and sequences by oid, for `pg_locks`.
    pub(super) names: BTreeMap<u32, String>,
    /// Some check waits for COMMIT.
    pub(super) deferred: bool,
    state: BTreeMap<String, String>,
}

/// What a schedule may have changed.
#[derive(Debug, Default)]
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
    referenced_by: BTreeSet<String>,
}

impl RestorePoint {
    /// Copies every table of the project into `underpin_race`.
    pub(super) async fn take(watcher: &Session) -> Result<RestorePoint, RaceError> {
        let rows = watcher.rows(include_str!("tables.sql")).await?;
        let mut tables = BTreeMap::new();
        let mut names = BTreeMap::new();
        for (nth, row) in rows.iter().enumerate() {
            let (schema, name) = (row.text("schema"), row.text("name"));
            let quoted = quote_qualified(schema, name);
            let copy = format!("underpin_race.copy_{nth}");
            watcher.execute(&format!("CREATE TABLE {copy} AS TABLE {quoted}")).await?;
            let columns = row.text("columns");
            names.insert(row.text("oid").parse().unwrap_or_default(), name.to_owned());
            let list =
                |text: &str| text.split('\n').filter(|one| !one.is_empty()).map(str::to_owned).collect();
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
                referenced_by: list(row.text("referenced_by")),
            };
            tables.insert(name.to_owned(), table);
        }
        let rows = watcher.rows(include_str!("sequences.sql")).await?;
        let mut sequences = BTreeMap::new();
        for row in rows.iter() {
            names.insert(row.text("oid").parse().unwrap_or_default(), row.text("name").to_owned());
            sequences.insert(row.text("name").to_owned(), row.text("reset").to_owned());
        }
        let deferred = "SELECT EXISTS (SELECT FROM pg_trigger WHERE tginitdeferred)";
        let deferred = watcher.value(deferred).await?.as_deref() == Some("t");
        let mut point = RestorePoint { tables, sequences, names, deferred, state: BTreeMap::new() };
        let all: BTreeSet<String> = point.tables.keys().cloned().collect();
        point.state = point.state_of(watcher, &all).await?;
        Ok(point)
    }

    /// Returns the names of all tables for SQL.
    pub(super) fn tables(&self) -> impl Iterator<Item = &str> {
        self.tables.values().map(|table| table.quoted.as_str())
    }

    /// Returns the state of the database as one text, when at most the named tables were written.
    pub(super) async fn state(
        &self,
        watcher: &Session,
        written: &BTreeSet<String>,
    ) -> Result<String, RaceError> {
        let mut state = self.state.clone();
        state.extend(self.state_of(watcher, written).await?);
        Ok(state.iter().map(|(table, rows)| format!("{table}:\n{rows}\n")).collect())
    }

    async fn state_of(
        &self,
        watcher: &Session,
        tables: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, String>, RaceError> {
        let known: Vec<(&String, &TablePoint)> =
            tables.iter().filter_map(|name| self.tables.get_key_value(name)).collect();
        if known.is_empty() {
            return Ok(BTreeMap::new());
        }
        let parts: Vec<String> = known.iter().map(|(_, table)| format!("({})", table.content)).collect();
        let rows = watcher.rows(&format!("SELECT {}", parts.join(", "))).await?;
        let cells = rows.rows.into_iter().next().unwrap_or_default();
        Ok(known.iter().map(|(name, _)| (*name).clone()).zip(cells.into_iter().flatten()).collect())
    }

    /// Undoes what a schedule did.
    ///
    /// At SERIALIZABLE the tables are made anew: rows that move to other pages would change which
    /// transactions the server refuses.
    pub(super) async fn restore(
        &self,
        watcher: &Session,
        marks: &Marks,
        level: Level,
    ) -> Result<(), RaceError> {
        let written = &marks.written;
        let mut sql = String::new();
        if level == Level::Serializable {
            let all = self.with_references(written);
            let list: Vec<&str> =
                all.iter().filter_map(|name| Some(self.tables.get(name)?.quoted.as_str())).collect();
            if !list.is_empty() {
                sql.push_str(&format!("TRUNCATE {}; ", list.join(", ")));
            }
            let refills = all.iter().filter_map(|name| self.tables.get(name));
            refills.for_each(|table| sql.push_str(&format!("{}; ", table.refill)));
        } else {
            for table in written.iter().filter_map(|name| self.tables.get(name)) {
                sql.push_str(&format!("DELETE FROM {}; {}; ", table.quoted, table.refill));
            }
        }
        let moved = |name: &String| marks.refused || written.contains(name);
        for (_, reset) in self.sequences.iter().filter(|(name, _)| moved(name)) {
            sql.push_str(&format!("{reset}; "));
        }
        if !sql.is_empty() {
            let quiet = "SET LOCAL session_replication_role = replica";
            watcher.execute(&format!("BEGIN; {quiet}; {sql} COMMIT")).await?;
        }
        Ok(())
    }

    /// Adds the tables whose foreign keys lead to one of these: TRUNCATE insists on them.
    fn with_references(&self, written: &BTreeSet<String>) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        let mut open: Vec<&String> = written.iter().collect();
        while let Some(name) = open.pop() {
            let Some((name, table)) = self.tables.get_key_value(name) else { continue };
            if all.insert(name.clone()) {
                open.extend(&table.referenced_by);
            }
        }
        all
    }
}
