//! What a step was, and what came back.

use underpin_model::statement::Verb;
use underpin_pg::{QueryError, Rows};
use underpin_race::{Deed, Effect, robust};

use super::player::{Step, StepKind, message};
use super::restore_point::RestorePoint;

/// A step as it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Played {
    /// The session, from 0.
    pub session: usize,
    /// Line in the script.
    pub line: u32,
    /// What was sent, values in their places.
    pub sql: String,
    /// What came back.
    pub reply: Reply,
    /// The step, from 1, within which the answer came; later than the step itself when it waited.
    pub answered_in: usize,
    /// Everything that the client saw, for comparing; clocks, random values and numbers of sequences left out.
    pub(super) seen: String,
    /// Tables that the statement names and reads.
    pub(super) reads: Vec<String>,
    /// Tables that the statement names and writes.
    pub(super) writes: Vec<String>,
    /// BEGIN rides with it.
    pub(super) begins: bool,
    /// What it is.
    pub(super) verb: Verb,
    /// It is a COMMIT.
    pub(super) commits: bool,
    /// It locks rows that it reads, or writes.
    pub(super) holds_rows: bool,
    /// How often the session had begun its script.
    pub(super) tries: u32,
}

impl Played {
    /// Returns what the step did, as far as it counts for the class of an anomaly.
    pub(super) fn deed(&self) -> Deed {
        let nothing = matches!(self.reply, Reply::Failed { .. } | Reply::Changed(0));
        Deed {
            session: self.session,
            reads: self.reads.clone(),
            writes: if nothing { Vec::new() } else { self.writes.clone() },
            moves_rows: self.moves_rows(),
            commits: self.commits && !nothing,
        }
    }
}

impl Played {
    /// Tells whether it inserts or deletes rows.
    fn moves_rows(&self) -> bool {
        matches!(self.verb, Verb::Insert | Verb::Delete)
    }

    /// Returns what the step touched, given its effect.
    pub(super) fn access(&self, effect: &Effect) -> robust::Access {
        let mut locks = effect.locks.clone();
        locks.add_all(effect.keeps_key.clone());
        let named = |thing: &str| {
            [&self.reads, &self.writes].iter().any(|names| names.iter().any(|one| one == thing))
        };
        let mut access = robust::Access { reads: effect.reads.clone(), ..robust::Access::default() };
        // A row that an INSERT meets refuses it: it sees no old state.
        let only_inserted = self.writes.iter().filter(|name| !self.reads.contains(name));
        only_inserted.filter(|_| self.verb == Verb::Insert).for_each(|name| access.reads.remove(name));
        for thing in locks.names() {
            let writes = self.writes.iter().any(|one| one == thing);
            if !named(thing) || writes && self.moves_rows() {
                access.moves.add(thing);
            }
            if let Some(rows) = locks.rows(thing).filter(|_| writes) {
                rows.iter().for_each(|row| access.changes.add_row(thing, row.clone()));
            }
        }
        access.locks = locks;
        access
    }
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Rows, as short text.
    Rows(String),
    /// So many rows changed.
    Changed(u64),
    /// The transaction ended.
    Ended,
    /// The server refused, and the transaction was rolled back.
    Failed {
        /// The server's code; none when the client gave up.
        sqlstate: Option<String>,
        /// Its message.
        message: String,
    },
}

/// Longest text of rows in a reply.
const SHORT: usize = 60;

/// Returns an answer for people.
pub(super) fn reply(step: &Step<'_>, answer: &Result<Rows, QueryError>) -> Reply {
    match answer {
        Err(error) => {
            Reply::Failed { sqlstate: error.sqlstate().map(str::to_owned), message: message(error) }
        }
        Ok(_) if step.kind != StepKind::Statement => Reply::Ended,
        Ok(rows) if rows.columns.is_empty() => Reply::Changed(rows.affected),
        Ok(rows) => Reply::Rows(short(rows)),
    }
}

/// Returns rows as `column value, …`; several rows are told by their number.
fn short(rows: &Rows) -> String {
    let [row] = &rows.rows[..] else {
        return match rows.rows.len() {
            0 => "no row".to_owned(),
            many => format!("{many} rows"),
        };
    };
    let cells = rows.columns.iter().zip(row);
    let text: Vec<String> =
        cells.map(|(column, value)| format!("{column} {}", value.as_deref().unwrap_or("null"))).collect();
    let text = text.join(", ");
    if text.chars().count() <= SHORT { text } else { text.chars().take(SHORT - 1).chain(['…']).collect() }
}

/// Returns what a client saw; clocks, random values and, with `point`, numbers that sequences gave are left out.
pub(super) fn digest(answer: &Result<Rows, QueryError>, point: Option<&RestorePoint>) -> String {
    match answer {
        Err(error) => error.sqlstate().unwrap_or("failed").to_owned(),
        Ok(rows) => {
            let cell = |value: &Option<String>| {
                let text = value.as_deref().unwrap_or("null");
                let given = text.parse().is_ok_and(|number| point.is_some_and(|point| point.gave(number)));
                if given { "given".to_owned() } else { steady(text) }
            };
            let lines: Vec<String> =
                rows.rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join(",")).collect();
            format!("{} [{}]", rows.affected, lines.join(" / "))
        }
    }
}

/// Hides values that no two runs share: a time of day of this run, a random UUID.
fn steady(value: &str) -> String {
    let bytes = value.as_bytes();
    let clock = bytes.len() >= 19 && bytes[4] == b'-' && bytes[10] == b' ' && bytes[13] == b':';
    let uuid = bytes.len() == 36 && [8, 13, 18, 23].iter().all(|at| bytes[*at] == b'-');
    match (clock, uuid) {
        (true, _) => "time".to_owned(),
        (_, true) => "uuid".to_owned(),
        _ => value.to_owned(),
    }
}
