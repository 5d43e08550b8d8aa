//! Reads what the judges look at: every probe once, and those that show movement a second time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use camino::Utf8Path;
use underpin_model::sql_text::quote_literal;
use underpin_pg::disk::{self, Space};
use underpin_pg::rows::Row;
use underpin_pg::{QueryError, Rows, Session};

use crate::error::LabError;

/// How we call ourselves on the server.
pub(super) const APPLICATION: &str = "underpin triage";

/// Time between the two looks: what stands still so long is no ordinary wait between two statements.
const BETWEEN: Duration = Duration::from_millis(1000);

/// `lock_timeout` as the contract says; no probe should meet it. With all probes together below 3 s.
const SETTINGS: &str = "SET default_transaction_read_only = on; SET lock_timeout = '200ms'; \
    SET statement_timeout = '2s'; SET search_path = pg_catalog; SET jit = off; SET client_encoding = 'UTF8'";

/// One query: its name, and whether it is asked at both looks.
struct Probe {
    name: &'static str,
    what: &'static str,
    sql: &'static str,
    twice: Twice,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Twice {
    Yes,
    No,
}

const fn probe(name: &'static str, what: &'static str, sql: &'static str, twice: Twice) -> Probe {
    Probe { name, what, sql, twice }
}

const PROBES: &[Probe] = &[
    probe("activity", "sessions and locks", include_str!("sql/activity.sql"), Twice::Yes),
    probe("server", "settings and counters", include_str!("sql/server.sql"), Twice::Yes),
    probe("holders", "slots, prepared transactions, standbys", include_str!("sql/holders.sql"), Twice::Yes),
    probe("builds", "index builds under way", include_str!("sql/builds.sql"), Twice::Yes),
    probe("disk", "the archiver and the age of counters", include_str!("sql/disk.sql"), Twice::Yes),
    probe("counters", "counters of tables", include_str!("sql/counters.sql"), Twice::Yes),
    probe("tables", "tables", include_str!("sql/tables.sql"), Twice::No),
    probe("indexes", "indexes", include_str!("sql/indexes.sql"), Twice::No),
    probe("foreign_keys", "foreign keys", include_str!("sql/foreign_keys.sql"), Twice::No),
    probe("constraints", "constraints", include_str!("sql/constraints.sql"), Twice::No),
    probe("sequences", "positions of sequences", include_str!("sql/sequences.sql"), Twice::No),
    probe("columns", "column statistics", include_str!("sql/columns.sql"), Twice::No),
    probe("analysed", "column statistics", include_str!("sql/analysed.sql"), Twice::No),
    probe("hidden", "privileges on tables", include_str!("sql/hidden_statistics.sql"), Twice::No),
    probe("partitions", "partitions", include_str!("sql/partitions.sql"), Twice::No),
    probe("ledgers", "ledgers of migration tools", include_str!("sql/ledgers.sql"), Twice::No),
];

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Facts {
    first: BTreeMap<&'static str, Rows>,
    last: BTreeMap<&'static str, Rows>,
    /// Unfinished versions per ledger: its name, quoted name and the version.
    pub(super) unfinished: Vec<Unfinished>,
    /// Room on the disk of the data folder at the first look; none where the server runs elsewhere.
    pub(super) space_before: Option<Space>,
    /// The same at the second look.
    pub(super) space: Option<Space>,
    /// Time between the two.
    pub(super) between: Duration,
    /// What could not be seen, as sentences.
    pub(super) unseen: Vec<String>,
    nothing: Rows,
}

/// A version that a ledger says is half done.
#[derive(Clone, Debug)]
pub(super) struct Unfinished {
    pub(super) ledger: String,
    pub(super) version: String,
    /// The ledger's own word for it.
    pub(super) state: String,
    /// Read-only SQL that shows it.
    pub(super) query: String,
    /// SQL that gives the version back to its tool once its objects are right.
    pub(super) fix: String,
}

impl Facts {
    /// Returns the latest rows of a probe; none when it could not be seen.
    pub(super) fn rows(&self, probe: &str) -> impl Iterator<Item = Row<'_>> {
        self.last.get(probe).or_else(|| self.first.get(probe)).unwrap_or(&self.nothing).iter()
    }

    /// Returns the rows of the first look.
    pub(super) fn before(&self, probe: &str) -> impl Iterator<Item = Row<'_>> {
        self.first.get(probe).unwrap_or(&self.nothing).iter()
    }

    /// Returns the row of the first look with the same value in a column.
    pub(super) fn earlier<'a>(&'a self, probe: &str, column: &str, value: &str) -> Option<Row<'a>> {
        self.before(probe).find(|row| row.get(column) == Some(value))
    }

    /// Returns a number of the server row, at the second look.
    pub(super) fn server(&self, column: &str) -> i64 {
        self.rows("server").next().and_then(|row| row.float(column)).unwrap_or_default() as i64
    }

    /// Returns a text of the server row.
    pub(super) fn setting(&self, column: &str) -> &str {
        self.last.get("server").and_then(|rows| rows.get(0, column)).unwrap_or("")
    }

    /// Returns how much a number of the server row grew between the looks.
    pub(super) fn grown(&self, column: &str) -> i64 {
        let first = self.before("server").next().and_then(|row| row.int(column)).unwrap_or_default();
        self.server(column) - first
    }

    fn room(&self) -> Option<Space> {
        let row = self.before("disk").next()?;
        disk::space_of(Utf8Path::new(row.text("data_directory")), row.int("started")?)
    }

    /// Returns sessions that did not move between the looks: same transaction, same statement, same state.
    pub(super) fn unmoved(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows("activity").filter(|row| {
            row.bool("own") != Some(true)
                && self.earlier("activity", "pid", row.text("pid")).is_some_and(|before| {
                    ["xact_start", "query_start", "state_change", "state"]
                        .iter()
                        .all(|column| before.get(column) == row.get(column))
                })
        })
    }
}

/// Reads all facts over one session.
pub(super) async fn read(session: &Session) -> Result<Facts, LabError> {
    session.execute(SETTINGS).await?;
    let mut facts = Facts::default();
    for probe in PROBES {
        match session.rows(probe.sql).await {
            Ok(rows) => drop(facts.first.insert(probe.name, rows)),
            Err(error) => unseen(&mut facts, probe.what, error)?,
        }
    }
    facts.unfinished = unfinished(session, &mut facts).await?;
    facts.space_before = facts.room();
    let before = Instant::now();
    tokio::time::sleep(BETWEEN).await;
    for probe in PROBES.iter().filter(|probe| probe.twice == Twice::Yes) {
        match session.rows(probe.sql).await {
            Ok(rows) => drop(facts.last.insert(probe.name, rows)),
            Err(error) => unseen(&mut facts, probe.what, error)?,
        }
    }
    facts.space = facts.room();
    facts.between = before.elapsed();
    say_hidden(&mut facts);
    Ok(facts)
}

/// Notes a probe that failed; a lost connection ends the look.
fn unseen(facts: &mut Facts, what: &str, error: QueryError) -> Result<(), LabError> {
    if error.server().is_none() {
        return Err(error.into());
    }
    let reason = error.server().map(|server| server.message.clone()).unwrap_or_default();
    let sentence = format!("{}: {reason}.", capital(what));
    if !facts.unseen.contains(&sentence) {
        facts.unseen.push(sentence);
    }
    Ok(())
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Says what this user's rights hide.
fn say_hidden(facts: &mut Facts) {
    let mut said = Vec::new();
    if facts.setting("sees_all_sessions") == "f" {
        said.push(
            "What other users' sessions run: this role lacks pg_monitor (GRANT pg_monitor TO role)."
                .to_owned(),
        );
    }
    let hidden = facts.rows("hidden").next().and_then(|row| row.int("tables")).unwrap_or_default();
    if hidden > 0 {
        said.push(format!(
            "Column statistics of {hidden} tables: this role may not read them (GRANT pg_read_all_data TO role)."
        ));
    }
    let locked: Vec<String> = facts
        .rows("sequences")
        .filter(|row| row.bool("locked") == Some(true))
        .map(|row| row.text("sequence").to_owned())
        .collect();
    if !locked.is_empty() {
        said.push(format!("The position of {}: somebody locks it.", locked.join(", ")));
    }
    facts.unseen.extend(said);
}

/// Asks each ledger for versions that are half done. A ledger that is locked right now is unseen.
async fn unfinished(session: &Session, facts: &mut Facts) -> Result<Vec<Unfinished>, LabError> {
    let ledgers: Vec<(String, String, String)> = facts
        .before("ledgers")
        .map(|row| {
            (row.text("name").to_owned(), row.text("quoted").to_owned(), row.text("columns").to_owned())
        })
        .collect();
    let mut found = Vec::new();
    for (name, quoted, columns) in ledgers {
        let Some(shape) = LedgerShape::of(&columns) else { continue };
        let query = shape.query(&quoted);
        match session.rows(&query).await {
            Ok(rows) => found.extend(rows.iter().map(|row| Unfinished {
                ledger: name.clone(),
                version: row.text("version").to_owned(),
                state: row.text("state").to_owned(),
                fix: shape.fix(&quoted, row.text("version")),
                query: query.clone(),
            })),
            Err(error) => unseen(facts, &format!("the ledger {name}"), error)?,
        }
    }
    Ok(found)
}

/// Whose ledger it is.
#[derive(Clone, Copy)]
enum LedgerShape {
    /// `underpin.migrations`: a backfill under way without a runner that holds our advisory lock.
    Underpin,
    /// golang-migrate: `dirty`.
    Dirty,
    /// sqlx and Flyway: `success`, and the column that holds the version.
    Success(&'static str),
}

impl LedgerShape {
    fn of(columns: &str) -> Option<LedgerShape> {
        let has = |wanted: &str| columns.split(',').any(|column| column == wanted);
        if has("phase") && has("version") {
            return Some(LedgerShape::Underpin);
        }
        if has("dirty") && has("version") {
            return Some(LedgerShape::Dirty);
        }
        match (has("success"), has("installed_rank")) {
            (true, true) => Some(LedgerShape::Success("installed_rank")),
            (true, false) if has("version") => Some(LedgerShape::Success("version")),
            _ => None,
        }
    }

    fn query(self, quoted: &str) -> String {
        match self {
            // With a runner at work it is under way, not stuck.
            LedgerShape::Underpin => format!(
                "SELECT version::text AS version, phase AS state FROM {quoted} WHERE (phase LIKE 'backfilling%' OR phase LIKE 'running%') \
                 AND NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted)"
            ),
            LedgerShape::Dirty => {
                format!("SELECT version::text AS version, 'dirty' AS state FROM {quoted} WHERE dirty")
            }
            LedgerShape::Success(column) => {
                format!("SELECT {column}::text AS version, 'failed' AS state FROM {quoted} WHERE NOT success")
            }
        }
    }

    fn fix(self, quoted: &str, version: &str) -> String {
        let version = quote_literal(version);
        match self {
            LedgerShape::Underpin => format!(
                "SELECT 'underpin migrate phase ' || version AS run_this FROM {quoted} WHERE version::text = {version}"
            ),
            LedgerShape::Dirty => {
                format!("UPDATE {quoted} SET dirty = false WHERE version::text = {version}")
            }
            LedgerShape::Success(column) => {
                format!("DELETE FROM {quoted} WHERE {column}::text = {version} AND NOT success")
            }
        }
    }
}
