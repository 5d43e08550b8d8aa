//! From "these tables differ" to the rows that do, by ranges of the hash of the key.
//!
//! Each pass reads both tables once, cuts every range that differs into 4 096, and keeps those whose sums differ; when a
//! range holds few rows they are compared one by one. A table of a million rows needs two passes and a look.

use std::collections::{BTreeMap, BTreeSet};

use underpin_model::checksum::{RowChange, RowDifference};
use underpin_model::sql_text::{quote_identifier, quote_literal, quote_qualified};

use super::ChecksumError;
use crate::catalog::text_form;
use crate::rows::Rows;
use crate::session::Session;

/// Bits of the hash that one pass adds.
const BITS: u32 = 12;

/// Rows in one range that are compared one by one.
const FEW: u64 = 64;

/// Ranges that are followed; where more differ, the rest is as wrong as these.
const FOLLOWED: usize = 32;

/// Returns rows of `schema.table` that the two sessions do not have in common, sorted by key, at most those of 32 ranges.
///
/// Both tables must have the same columns. Without a primary key the whole row is the key. Whoever wants one moment of
/// a database that is written to gives sessions inside REPEATABLE READ transactions.
pub async fn differing_rows(
    left: &Session,
    right: &Session,
    (schema, table): (&str, &str),
) -> Result<Vec<RowDifference>, ChecksumError> {
    let sides = Sides { left, right, source: Source::of(left, schema, table).await? };
    let (mut bits, mut ranges) = (0, Vec::new());
    loop {
        let cut = bits + BITS;
        let (here, there) = sides.both(&sides.source.sums(bits, cut, &ranges)).await?;
        let differing = differing_ranges(&here, &there);
        bits = cut;
        ranges = differing.iter().map(|(range, _)| *range).take(FOLLOWED).collect();
        let largest = differing.iter().map(|(_, rows)| *rows).max().unwrap_or_default();
        if ranges.is_empty() {
            return Ok(Vec::new());
        }
        // Beyond that the rows of a range have one key: duplicates of a table without a key.
        if largest <= FEW || bits + BITS > 63 {
            let (here, there) = sides.both(&sides.source.rows(bits, &ranges)).await?;
            return Ok(row_differences(&here, &there));
        }
    }
}

/// Both databases, and what to read there.
struct Sides<'a> {
    left: &'a Session,
    right: &'a Session,
    source: Source,
}

impl Sides<'_> {
    async fn both(&self, sql: &str) -> Result<(Rows, Rows), ChecksumError> {
        let sql = format!("{}; {sql}", text_form::fixed_for_transaction());
        let read = |source| ChecksumError::ReadTable { table: self.source.name.clone(), source };
        let (left, right) = tokio::join!(self.left.rows(&sql), self.right.rows(&sql));
        Ok((left.map_err(read)?, right.map_err(read)?))
    }
}

/// The table as a query with a row's key, the hash of the key and the hash of the row.
pub(super) struct Source {
    /// As results name it.
    pub(super) name: String,
    /// For SQL.
    pub(super) quoted: String,
    /// Where the key is one column of whole numbers: the column, and the format that shows a key.
    pub(super) number: Option<(String, String)>,
    keyed: String,
}

impl Source {
    pub(super) async fn of(session: &Session, schema: &str, table: &str) -> Result<Source, ChecksumError> {
        let name = format!("{schema}.{table}");
        let quoted = quote_qualified(schema, table);
        let sql = format!(
            "SELECT a.attname, a.atttypid IN (20, 21, 23) AS number FROM pg_catalog.pg_index i \
               JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1]) \
              WHERE i.indrelid = {}::pg_catalog.regclass AND i.indisprimary ORDER BY a.attnum",
            quote_literal(&quoted)
        );
        let columns = session.rows(&sql).await;
        let columns = columns.map_err(|source| ChecksumError::ReadTable { table: name.clone(), source })?;
        let shown = |column: &str| format!("{} = %L", quote_identifier(column).replace('%', "%%"));
        let parts: Vec<String> = columns
            .column("attname")
            .map(|column| {
                format!(
                    "pg_catalog.format({}, it.{})",
                    quote_literal(&shown(column)),
                    quote_identifier(column)
                )
            })
            .collect();
        let number = columns.first().filter(|row| parts.len() == 1 && row.bool("number") == Some(true));
        let number = number.map(|row| (quote_identifier(row.text("attname")), shown(row.text("attname"))));
        let key = match parts.is_empty() {
            true => "(it.*)::pg_catalog.text".to_owned(),
            false => parts.join(" || ' AND ' || "),
        };
        let keyed = format!(
            "SELECT key, pg_catalog.hashtextextended(key COLLATE pg_catalog.\"C\", 0) AS place, sum FROM (SELECT {key} AS key, \
             pg_catalog.hashtextextended((it.*)::pg_catalog.text COLLATE pg_catalog.\"C\", 0) AS sum FROM ONLY {quoted} AS it) AS one"
        );
        Ok(Source { name, quoted, number, keyed })
    }

    /// Returns the query for the sums of all ranges of `cut` bits inside of the given ones of `bits` bits.
    fn sums(&self, bits: u32, cut: u32, ranges: &[i64]) -> String {
        format!(
            "SELECT place >> {} AS range, pg_catalog.count(*) AS rows, pg_catalog.sum(sum) AS sum FROM ({}) AS keyed{} GROUP BY 1",
            64 - cut,
            self.keyed,
            inside(bits, ranges)
        )
    }

    /// Returns the query for the sums of all ranges of `bits` bits, and the same weighted with the low bits of the key's hash:
    /// in two halves, since a product of 31 and 32 bits is a whole number that the server adds up fastest. OFFSET 0 keeps the
    /// planner from writing both hashes into each sum, where they would be taken three times.
    pub(super) fn weighted_sums(&self, bits: u32) -> String {
        format!(
            "SELECT place >> {} AS range, pg_catalog.count(*) AS rows, pg_catalog.sum(sum) AS sum, \
             pg_catalog.sum((place & 2147483647) * (sum >> 32)) AS high, \
             pg_catalog.sum((place & 2147483647) * (sum & 4294967295)) AS low FROM ({} OFFSET 0) AS keyed GROUP BY 1",
            64 - bits,
            self.keyed
        )
    }

    /// Returns the query for the rows of the given ranges with their weights.
    pub(super) fn weighted_rows(&self, bits: u32, ranges: &[i64]) -> String {
        format!(
            "SELECT place >> {} AS range, key, place & 2147483647 AS weight, sum FROM ({}) AS keyed{}",
            64 - bits,
            self.keyed,
            inside(bits, ranges)
        )
    }

    /// Returns the query for the rows in the given ranges.
    fn rows(&self, bits: u32, ranges: &[i64]) -> String {
        format!("SELECT key, sum FROM ({}) AS keyed{}", self.keyed, inside(bits, ranges))
    }
}

fn inside(bits: u32, ranges: &[i64]) -> String {
    if bits == 0 {
        return String::new();
    }
    let ranges: Vec<String> = ranges.iter().map(i64::to_string).collect();
    format!(" WHERE place >> {} IN ({})", 64 - bits, ranges.join(", "))
}

/// Returns the ranges whose sums differ, each with the rows of the fuller side.
fn differing_ranges(left: &Rows, right: &Rows) -> Vec<(i64, u64)> {
    let sums = |rows: &Rows| -> BTreeMap<i64, (u64, String)> {
        let one = |row: crate::rows::Row<'_>| {
            let count = row.int("rows").and_then(|rows| u64::try_from(rows).ok()).unwrap_or_default();
            (row.int("range").unwrap_or_default(), (count, row.text("sum").to_owned()))
        };
        rows.iter().map(one).collect()
    };
    let (left, right) = (sums(left), sums(right));
    let all: BTreeSet<i64> = left.keys().chain(right.keys()).copied().collect();
    let rows = |side: &BTreeMap<i64, (u64, String)>, range| side.get(&range).map_or(0, |(rows, _)| *rows);
    all.into_iter()
        .filter(|range| left.get(range) != right.get(range))
        .map(|range| (range, rows(&left, range).max(rows(&right, range))))
        .collect()
}

fn row_differences(left: &Rows, right: &Rows) -> Vec<RowDifference> {
    let sums = |rows: &Rows| {
        let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in rows.iter() {
            keys.entry(row.text("key").to_owned()).or_default().push(row.text("sum").to_owned());
        }
        keys.values_mut().for_each(|sums| sums.sort());
        keys
    };
    let (left, right) = (sums(left), sums(right));
    let keys: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
    keys.into_iter()
        .filter(|key| left.get(*key) != right.get(*key))
        .map(|key| {
            let change = match (left.contains_key(key), right.contains_key(key)) {
                (true, true) => RowChange::Changed,
                (true, false) => RowChange::Lost,
                _ => RowChange::Added,
            };
            RowDifference { key: key.clone(), change }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(columns: &[&str], cells: &[&[&str]]) -> Rows {
        Rows {
            columns: columns.iter().map(|name| (*name).to_owned()).collect(),
            rows: cells.iter().map(|row| row.iter().map(|cell| Some((*cell).to_owned())).collect()).collect(),
            affected: 0,
        }
    }

    #[test]
    fn lost_added_and_changed_rows_are_told_apart() {
        let left = rows(&["key", "sum"], &[&["a", "1"], &["b", "2"], &["c", "3"], &["c", "4"]]);
        let right = rows(&["key", "sum"], &[&["b", "9"], &["c", "4"], &["c", "3"], &["d", "5"]]);
        let found = row_differences(&left, &right);
        let told: Vec<(&str, RowChange)> = found.iter().map(|one| (one.key.as_str(), one.change)).collect();
        assert_eq!(told, [("a", RowChange::Lost), ("b", RowChange::Changed), ("d", RowChange::Added)]);
    }

    #[test]
    fn a_range_that_one_side_lacks_differs() {
        let left = rows(&["range", "rows", "sum"], &[&["-3", "70", "5"], &["4", "1", "1"]]);
        let right = rows(&["range", "rows", "sum"], &[&["4", "1", "1"]]);
        assert_eq!(differing_ranges(&left, &right), [(-3, 70)]);
    }
}
