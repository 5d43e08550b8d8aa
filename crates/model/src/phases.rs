//! A migration that is walked in phases while two versions of the application run: expand, backfill, verify, contract.

use camino::Utf8PathBuf;

use crate::project::SqlFile;
use crate::script::TransactionScript;
use crate::sql_text::quote_literal;

/// What a folder of `migrations/` holds beside `expand.sql`, which is the migration's own [`SqlFile`].
#[derive(Clone, Debug, PartialEq)]
pub struct Phases {
    /// Folder relative to the project, such as `migrations/004_split_name`.
    pub folder: Utf8PathBuf,
    /// `backfill.sql`: brings the rows that were there before expand to the new form.
    pub backfill: Option<Backfill>,
    /// `verify.sql`: queries of which each must return no row before contract may run.
    pub verify: Option<SqlFile>,
    /// `contract.sql`: takes the old form away.
    pub contract: MigrationPart,
    /// `revert.sql`: undoes expand and backfill; possible until contract.
    pub revert: Option<MigrationPart>,
    /// `old.sql`: what the version of the application before expand runs.
    pub old: Option<TransactionScript>,
    /// `new.sql`: what the version of the application after the backfill runs.
    pub new: Option<TransactionScript>,
}

/// Statements that run as one: a migration file, or one phase of a folder.
#[derive(Clone, Debug, PartialEq)]
pub struct MigrationPart {
    /// The statements.
    pub sql: SqlFile,
    /// Runs inside one transaction (`-- no-transaction` absent).
    pub transactional: bool,
    /// `-- lock:` lines: locks that are taken before the first statement, in this order.
    pub locks: Vec<TableLock>,
}

/// `-- lock: a, b ACCESS EXCLUSIVE`: locks that a file takes before its first statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableLock {
    /// Tables, separated by commas, as written.
    pub tables: String,
    /// Mode as SQL writes it, such as `ACCESS EXCLUSIVE`.
    pub mode: String,
    /// Line of the directive, from 1.
    pub line: u32,
}

impl TableLock {
    /// Returns the statement that takes the locks.
    pub fn sql(&self) -> String {
        format!("LOCK TABLE {} IN {} MODE", self.tables, self.mode)
    }
}

/// `backfill.sql`: one statement over a range of keys, run range after range.
#[derive(Clone, Debug, PartialEq)]
pub struct Backfill {
    /// File relative to the project.
    pub file: Utf8PathBuf,
    /// Table whose keys are walked, as written.
    pub table: String,
    /// Its key's columns, as written, in order.
    pub key: Vec<String>,
    /// Rows of a batch.
    pub rows: u64,
    /// Line of the statement, from 1.
    pub line: u32,
    /// The statement, cut where the range goes.
    pub pieces: Vec<BackfillPiece>,
}

/// A part of a backfill's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackfillPiece {
    /// Literal SQL.
    Text(String),
    /// The `>` before `:low`: the first range begins with its lower end, every other one behind it.
    Above,
    /// `:low`.
    Low,
    /// `:high`.
    High,
}

/// A range of keys, ends as text values in the order of the key's columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    /// Lower end.
    pub low: Vec<String>,
    /// Whether the lower end itself is in the range; so for the first range of a table only.
    pub with_low: LowEnd,
    /// Upper end, in the range.
    pub high: Vec<String>,
}

/// Whether a range holds its lower end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LowEnd {
    /// The range begins with it.
    Included,
    /// The range before ended with it.
    Excluded,
}

impl Backfill {
    /// Returns the statement for one range of keys.
    pub fn statement(&self, range: &KeyRange) -> String {
        let piece = |piece: &BackfillPiece| match piece {
            BackfillPiece::Text(text) => text.clone(),
            BackfillPiece::Above if range.with_low == LowEnd::Included => ">=".to_owned(),
            BackfillPiece::Above => ">".to_owned(),
            BackfillPiece::Low => literals(&range.low),
            BackfillPiece::High => literals(&range.high),
        };
        self.pieces.iter().map(piece).collect()
    }

    /// Returns the statement as written, with `:low` and `:high`.
    pub fn source(&self) -> String {
        let piece = |piece: &BackfillPiece| match piece {
            BackfillPiece::Text(text) => text.clone(),
            BackfillPiece::Above => ">".to_owned(),
            BackfillPiece::Low => ":low".to_owned(),
            BackfillPiece::High => ":high".to_owned(),
        };
        self.pieces.iter().map(piece).collect()
    }
}

/// Returns the values as literals of unknown type, which take the type of what they are compared with.
pub fn literals(values: &[String]) -> String {
    values.iter().map(|value| quote_literal(value)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backfill() -> Backfill {
        let text = |text: &str| BackfillPiece::Text(text.to_owned());
        Backfill {
            file: "backfill.sql".into(),
            table: "t".into(),
            key: vec!["a".into(), "b".into()],
            rows: 10,
            line: 2,
            pieces: vec![
                text("DELETE FROM t WHERE (a, b) "),
                BackfillPiece::Above,
                text(" ("),
                BackfillPiece::Low,
                text(") AND (a, b) <= ("),
                BackfillPiece::High,
                text(")"),
            ],
        }
    }

    #[test]
    fn the_first_range_begins_with_its_lower_end() {
        let ends = |low: &str, high: &str| (vec!["1".to_owned(), low.into()], vec!["1".into(), high.into()]);
        let (low, high) = ends("a", "it's");
        let mut range = KeyRange { low, with_low: LowEnd::Included, high };
        assert_eq!(
            backfill().statement(&range),
            "DELETE FROM t WHERE (a, b) >= ('1', 'a') AND (a, b) <= ('1', 'it''s')"
        );
        range.with_low = LowEnd::Excluded;
        assert!(backfill().statement(&range).contains("(a, b) > ('1', 'a')"));
        assert_eq!(backfill().source(), "DELETE FROM t WHERE (a, b) > (:low) AND (a, b) <= (:high)");
    }
}
