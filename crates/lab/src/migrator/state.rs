//! How far a migration is: the words of the ledger's column `phase`.

use std::fmt;

/// How far a migration is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// `running N`: N statements of a file outside a transaction (or of such an `expand.sql`) are finished.
    Running(usize),
    /// `expanded`: the new form is there beside the old one.
    Expanded,
    /// `backfilling ["KEY", …] ROWS`: every range up to and with this key is done.
    Backfilling(Cursor),
    /// `backfilled`: every range is done.
    Backfilled,
    /// `verified`: `verify.sql` returned no row.
    Verified,
    /// `contracting N`: N statements of a `contract.sql` outside a transaction are finished.
    Contracting(usize),
    /// `reverting N`: N statements of a `revert.sql` outside a transaction are finished.
    Reverting(usize),
    /// `done`.
    Done,
}

/// Where a backfill stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Upper end of the last finished range, as text values of the key's columns.
    pub key: Vec<String>,
    /// Rows that its statement changed so far.
    pub rows: u64,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            State::Running(done) => write!(f, "running {done}"),
            State::Expanded => f.write_str("expanded"),
            State::Backfilling(cursor) => {
                write!(f, "backfilling {} {}", serde_json::json!(cursor.key), cursor.rows)
            }
            State::Backfilled => f.write_str("backfilled"),
            State::Verified => f.write_str("verified"),
            State::Contracting(done) => write!(f, "contracting {done}"),
            State::Reverting(done) => write!(f, "reverting {done}"),
            State::Done => f.write_str("done"),
        }
    }
}

impl State {
    /// Returns the state that the ledger's text says; nothing for what no version of ours has written.
    pub fn read(text: &str) -> Option<State> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let count = || rest.parse().ok();
        match word {
            "running" => count().map(State::Running),
            "expanded" => Some(State::Expanded),
            "backfilling" => {
                let (key, rows) = rest.rsplit_once(' ')?;
                let cursor = Cursor { key: serde_json::from_str(key).ok()?, rows: rows.parse().ok()? };
                Some(State::Backfilling(cursor))
            }
            "backfilled" => Some(State::Backfilled),
            "verified" => Some(State::Verified),
            "contracting" => count().map(State::Contracting),
            "reverting" => count().map(State::Reverting),
            "done" => Some(State::Done),
            _ => None,
        }
    }

    /// Returns the state in words for people.
    pub fn words(&self) -> String {
        match self {
            State::Running(done) => format!("interrupted after {done} statements"),
            State::Backfilling(cursor) => format!("backfilling, {} rows done", cursor.rows),
            State::Contracting(done) => format!("contracting, {done} statements done"),
            State::Reverting(done) => format!("reverting, {done} statements done"),
            State::Done => "applied".to_owned(),
            other => other.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_read_back() {
        let cursor = Cursor { key: vec!["7".into(), "it's \"x\" y".into()], rows: 5000 };
        for state in [
            State::Running(2),
            State::Expanded,
            State::Backfilling(cursor),
            State::Backfilled,
            State::Verified,
            State::Contracting(0),
            State::Reverting(1),
            State::Done,
        ] {
            assert_eq!(State::read(&state.to_string()), Some(state));
        }
        assert_eq!(State::read("sharding 3"), None);
        assert_eq!(State::read("backfilling 3"), None);
    }
}
