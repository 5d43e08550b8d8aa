//! What production looks like from outside: sizes and statistics, never a value of a row.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The form of the file; raised when an older one cannot be read any more.
pub const SNAPSHOT_VERSION: u32 = 1;

/// `snapshot.json`: sizes, row counts, column statistics and the most frequent statements of a running database.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProductionSnapshot {
    /// Form of the file, [`SNAPSHOT_VERSION`].
    pub snapshot: u32,
    /// Version of the server.
    pub server: String,
    /// When it was taken, RFC 3339.
    pub taken_at: String,
    /// Tables, by name.
    pub tables: Vec<TableSize>,
    /// Statements by total time, longest first; empty without `pg_stat_statements`.
    pub statements: Vec<StatementLoad>,
}

/// A table of production.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TableSize {
    /// Name, with its schema unless that is `public`.
    pub name: String,
    /// Rows, as the server estimates them.
    pub rows: u64,
    /// Pages of the table itself, of 8 kB.
    pub pages: u64,
    /// Columns with statistics.
    pub columns: Vec<ColumnStatistics>,
}

/// What the planner knows about a column (manual, "pg_stats"), without the values themselves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ColumnStatistics {
    /// Name.
    pub name: String,
    /// Part of the rows in which it is NULL, 0 to 1.
    pub null_fraction: f64,
    /// Different values; negative: as a part of the rows, -1 for all different.
    pub distinct: f64,
    /// Average width in bytes.
    pub width: u32,
}

/// A statement and its load, constants left out by the server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatementLoad {
    /// Text with `$1`, `$2`, … in the places of constants.
    pub sql: String,
    /// Calls since the statistics were reset.
    pub calls: u64,
    /// Mean duration in milliseconds.
    pub mean_ms: f64,
    /// Rows returned or changed.
    pub rows: u64,
}

impl ProductionSnapshot {
    /// Returns the table of that name.
    pub fn table(&self, name: &str) -> Option<&TableSize> {
        self.tables.iter().find(|table| table.name == name)
    }
}

impl TableSize {
    /// Returns the statistics of a column.
    pub fn column(&self, name: &str) -> Option<&ColumnStatistics> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Returns how many rows repeat a value that another row has too, as the statistics tell.
    pub fn repeating(&self, column: &ColumnStatistics) -> u64 {
        let filled = self.rows as f64 * (1.0 - column.null_fraction);
        let distinct =
            if column.distinct < 0.0 { -column.distinct * self.rows as f64 } else { column.distinct };
        (filled - distinct).max(0.0) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_values_follow_from_the_statistics() {
        let table = TableSize { rows: 1_000, ..TableSize::default() };
        let column =
            |distinct, null_fraction| ColumnStatistics { distinct, null_fraction, ..Default::default() };
        assert_eq!(table.repeating(&column(-1.0, 0.0)), 0);
        assert_eq!(table.repeating(&column(200.0, 0.5)), 300);
    }
}
