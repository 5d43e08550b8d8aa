//! Content checksums of a database and their comparison.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// What every table and every sequence of a database held at one moment.
///
/// Two databases whose tables hold the same rows, in whatever physical order, have equal values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseChecksum {
    /// By `schema.table`; of a partitioned table its leaves.
    pub tables: BTreeMap<String, TableSum>,
    /// Position by `schema.sequence`: the last value, with `(unused)` appended when it was never given out.
    pub sequences: BTreeMap<String, String>,
}

/// The content of one table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSum {
    /// Exact number of rows.
    pub rows: u64,
    /// Sum over all rows of the 64-bit hash of the row's text, as a decimal number.
    ///
    /// A sum, because rows have no order, and because duplicates must count; an exclusive or would
    /// not see a row that is there twice.
    pub sum: String,
}

/// One table or sequence whose content is not the same on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChecksumDifference {
    /// `table schema.name` or `sequence schema.name`.
    pub object: String,
    /// Content on the left; absent where the object does not exist.
    pub left: Option<String>,
    /// Content on the right; absent where the object does not exist.
    pub right: Option<String>,
}

impl DatabaseChecksum {
    /// Returns what differs, tables before sequences, each sorted by name.
    pub fn differences(&self, other: &DatabaseChecksum) -> Vec<ChecksumDifference> {
        let mut differences = map_differences("table", &self.tables, &other.tables, describe_table);
        differences.extend(map_differences("sequence", &self.sequences, &other.sequences, String::clone));
        differences
    }

    /// Returns the number of rows of all tables.
    pub fn rows(&self) -> u64 {
        self.tables.values().map(|table| table.rows).sum()
    }
}

fn describe_table(table: &TableSum) -> String {
    let rows = if table.rows == 1 { "row" } else { "rows" };
    format!("{} {rows}, checksum {}", table.rows, table.sum)
}

fn map_differences<V: PartialEq>(
    kind: &str,
    left: &BTreeMap<String, V>,
    right: &BTreeMap<String, V>,
    describe: impl Fn(&V) -> String,
) -> Vec<ChecksumDifference> {
    let names: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
    names
        .into_iter()
        .filter(|name| left.get(*name) != right.get(*name))
        .map(|name| ChecksumDifference {
            object: format!("{kind} {name}"),
            left: left.get(name).map(&describe),
            right: right.get(name).map(&describe),
        })
        .collect()
}

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RowChange {
    /// Only the left side has it.
    Lost,
    /// Only the right side has it.
    Added,
    /// Both have its key, and not the same content.
    Changed,
}

/// A row that two tables do not have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowDifference {
    /// The key as a condition, such as `"id" = '77'`; without a primary key the row's text.
    pub key: String,
    /// What became of it.
    pub change: RowChange,
}

/// Rows that a sentence names.
const NAMED_ROWS: usize = 5;

/// Returns the rows as words, the first five by key.
pub fn described_rows(rows: &[RowDifference]) -> String {
    let one = |row: &RowDifference| {
        let what = match row.change {
            RowChange::Lost => "is lost",
            RowChange::Added => "came from nowhere",
            RowChange::Changed => "is changed",
        };
        format!("the row {} {what}", row.key)
    };
    let named: Vec<String> = rows.iter().take(NAMED_ROWS).map(one).collect();
    match rows.len().saturating_sub(NAMED_ROWS) {
        0 => named.join(", "),
        more => format!("{}, and at least {more} more", named.join(", ")),
    }
}
