//! Sums of small groups of rows, kept with a backup: enough to name a row that differs when the source is gone.
//!
//! Rows fall into groups by the hash of their key. Beside number and sum of its rows a group keeps their sum weighted with the
//! low bits of the key's hash. Where one row of a group differs by d, the sum is off by d and the weighted sum by d times
//! the row's weight, so their quotient tells which row it is, as the syndromes of an error-correcting code do.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use underpin_model::checksum::{DatabaseChecksum, RowChange, RowDifference, TableSum};
use underpin_model::sql_text::quote_literal;

use super::narrow::Source;
use super::table_list::TableFile;
use super::{ChecksumError, Scope, tables_in_scope};
use crate::catalog::text_form;
use crate::rows::{Row, Rows};
use crate::session::Session;

/// A group per page of the table, so mostly of less than two hundred rows; at most so many bits of the hash: 16 384 groups
/// are 1 MB of JSON.
const MOST_BITS: u32 = 14;

/// Groups that are followed; where more differ, the rest is as wrong as these.
const FOLLOWED: usize = 32;

/// Numbers around the keys that are there among which a lost one is looked for.
const SPAN: i64 = 10_000_000;

/// The groups of every table, by `schema.table`.
pub type Groups = BTreeMap<String, TableGroups>;

/// The groups of one table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableGroups {
    /// Bits of the key's hash that tell the group.
    pub bits: u32,
    /// By group: rows, sum and weighted sum, separated by spaces.
    pub groups: BTreeMap<i64, String>,
}

/// Rows that are not what they were.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Located {
    /// Rows that could be named.
    pub rows: Vec<RowDifference>,
    /// Groups in which several rows differ, so that none could be.
    pub several: usize,
}

/// Returns what [`super::in_session`] returns, without sequences, and the groups of every table, each table read once.
pub async fn with_groups(session: &Session) -> Result<(DatabaseChecksum, Groups), ChecksumError> {
    let prepare = |source| ChecksumError::PrepareSession { source };
    let restoration = text_form::restoration(session).await.map_err(prepare)?;
    let (mut checksum, mut groups) = (DatabaseChecksum::default(), Groups::new());
    for table in tables_in_scope(session, &Scope::UserTables).await? {
        let source = Source::of(session, &table.schema, &table.name).await?;
        let bits = bits(&table);
        let sums = read(session, &source, &source.weighted_sums(bits)).await?;
        let sums = group_sums(&sums, &source)?;
        let total = sums.values().fold(GroupSum::default(), |sum, one| sum.plus(one));
        checksum.tables.insert(table.key(), TableSum { rows: total.rows, sum: total.sum.to_string() });
        let texts = sums.into_iter().map(|(group, sum)| (group, sum.text())).collect();
        groups.insert(table.key(), TableGroups { bits, groups: texts });
    }
    session.rows(&restoration).await.map_err(prepare)?;
    Ok((checksum, groups))
}

/// Returns the rows of `schema.table` that are not what they were when `expected` was taken, of at most 32 groups.
pub async fn located(
    session: &Session,
    (schema, table): (&str, &str),
    expected: &TableGroups,
) -> Result<Located, ChecksumError> {
    let source = Source::of(session, schema, table).await?;
    let found = read(session, &source, &source.weighted_sums(expected.bits)).await?;
    let found = group_sums(&found, &source)?;
    let mut wanted = BTreeMap::new();
    for (group, text) in &expected.groups {
        let sum = GroupSum::parse(text);
        wanted
            .insert(*group, sum.ok_or_else(|| ChecksumError::UnderstandSum { table: source.name.clone() })?);
    }
    let mut differing: Vec<i64> = wanted.keys().chain(found.keys()).copied().collect();
    differing.sort_unstable();
    differing.dedup();
    differing.retain(|group| wanted.get(group) != found.get(group));
    let mut located = Located { several: differing.len().saturating_sub(FOLLOWED), ..Located::default() };
    differing.truncate(FOLLOWED);
    if differing.is_empty() {
        return Ok(located);
    }
    let rows = read(session, &source, &source.weighted_rows(expected.bits, &differing)).await?;
    for group in differing {
        let of = |side: &BTreeMap<i64, GroupSum>| side.get(&group).copied().unwrap_or_default();
        let there: Vec<RowSum> =
            rows.iter().filter(|row| row.int("range") == Some(group)).filter_map(RowSum::of).collect();
        match culprit(of(&wanted), of(&found), &there) {
            Some(Culprit::There(key, change)) => located.rows.push(RowDifference { key, change }),
            Some(Culprit::Lost(weight)) => {
                let key = lost_key(session, &source, weight).await?;
                let key = key.unwrap_or_else(|| format!("whose key's hash ends in {weight}"));
                located.rows.push(RowDifference { key, change: RowChange::Lost });
            }
            None => located.several += 1,
        }
    }
    located.rows.sort_by(|one, other| one.key.cmp(&other.key));
    Ok(located)
}

fn bits(table: &TableFile) -> u32 {
    // A shift by all 64 bits is none, so one bit is the least.
    table.pages.max(1).next_power_of_two().trailing_zeros().clamp(1, MOST_BITS)
}

async fn read(session: &Session, source: &Source, sql: &str) -> Result<Rows, ChecksumError> {
    let rows = session.rows(&format!("{}; {sql}", text_form::fixed_for_transaction())).await;
    rows.map_err(|error| ChecksumError::ReadTable { table: source.name.clone(), source: error })
}

/// What is kept of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct GroupSum {
    rows: u64,
    sum: i128,
    weighted: i128,
}

impl GroupSum {
    fn plus(self, other: &GroupSum) -> GroupSum {
        GroupSum {
            rows: self.rows + other.rows,
            sum: self.sum + other.sum,
            weighted: self.weighted + other.weighted,
        }
    }

    fn text(&self) -> String {
        format!("{} {} {}", self.rows, self.sum, self.weighted)
    }

    fn parse(text: &str) -> Option<GroupSum> {
        let mut words = text.split(' ');
        let rows = words.next()?.parse().ok()?;
        Some(GroupSum { rows, sum: words.next()?.parse().ok()?, weighted: words.next()?.parse().ok()? })
    }
}

fn group_sums(rows: &Rows, source: &Source) -> Result<BTreeMap<i64, GroupSum>, ChecksumError> {
    let sum = |row: Row<'_>| -> Option<(i64, GroupSum)> {
        let number = |column: &str| row.text(column).parse::<i128>().ok();
        let weighted = (number("high")? << 32) + number("low")?;
        let rows = row.text("rows").parse().ok()?;
        Some((row.int("range")?, GroupSum { rows, sum: number("sum")?, weighted }))
    };
    let all: Option<BTreeMap<i64, GroupSum>> = rows.iter().map(sum).collect();
    all.ok_or_else(|| ChecksumError::UnderstandSum { table: source.name.clone() })
}

/// A row that is there.
struct RowSum {
    key: String,
    weight: i128,
    sum: i128,
}

impl RowSum {
    fn of(row: Row<'_>) -> Option<RowSum> {
        let number = |column: &str| row.text(column).parse::<i128>().ok();
        Some(RowSum { key: row.text("key").to_owned(), weight: number("weight")?, sum: number("sum")? })
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Culprit {
    There(String, RowChange),
    /// By the weight of its key.
    Lost(i128),
}

/// Returns the only row by which a group differs; nothing when there are several.
fn culprit(wanted: GroupSum, found: GroupSum, rows: &[RowSum]) -> Option<Culprit> {
    let (off, weighted) = (wanted.sum - found.sum, wanted.weighted - found.weighted);
    if off == 0 || weighted % off != 0 {
        return None;
    }
    let weight = weighted / off;
    let there = |row: &&RowSum| row.weight == weight;
    if wanted.rows == found.rows + 1 {
        // A lost row's hash is one: 64 bits. More was two.
        let is_hash = i64::try_from(off).is_ok() && (0..1 << 31).contains(&weight);
        return is_hash.then_some(Culprit::Lost(weight));
    }
    let change = match found.rows.checked_sub(wanted.rows)? {
        0 => RowChange::Changed,
        1 => RowChange::Added,
        _ => return None,
    };
    let row = rows.iter().filter(there).find(|row| change == RowChange::Changed || row.sum == -off)?;
    Some(Culprit::There(row.key.clone(), change))
}

/// Looks for the key of that weight among the whole numbers around those that are there.
async fn lost_key(session: &Session, source: &Source, weight: i128) -> Result<Option<String>, ChecksumError> {
    let Some((column, shown)) = &source.number else { return Ok(None) };
    let sql = format!(
        "SELECT key FROM (SELECT pg_catalog.format({}, n) AS key FROM (SELECT coalesce(min({column}), 0)::bigint - 1000 AS low, \
         coalesce(max({column}), 0)::bigint + 1000 AS high FROM ONLY {}) AS ends, generate_series(low, least(high, low + {SPAN})) AS n) AS one \
         WHERE pg_catalog.hashtextextended(key COLLATE pg_catalog.\"C\", 0) & 2147483647 = {weight} LIMIT 1",
        quote_literal(shown),
        source.quoted
    );
    let found = read(session, source, &sql).await?;
    Ok(found.first().map(|row| row.text("key").to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(key: &str, weight: i128, sum: i128) -> RowSum {
        RowSum { key: key.to_owned(), weight, sum }
    }

    fn group(rows: &[RowSum]) -> GroupSum {
        rows.iter().fold(GroupSum::default(), |all, row| {
            all.plus(&GroupSum { rows: 1, sum: row.sum, weighted: row.weight * row.sum })
        })
    }

    fn whole() -> Vec<RowSum> {
        vec![row("a", 7, i128::from(i64::MIN)), row("b", 1_999_999_999, 55), row("c", 3, -4_000_000_000)]
    }

    #[test]
    fn one_row_that_differs_is_found_by_its_weight() {
        let wanted = group(&whole());
        let mut changed = whole();
        changed[1].sum = -9;
        assert_eq!(
            culprit(wanted, group(&changed), &changed),
            Some(Culprit::There("b".to_owned(), RowChange::Changed))
        );
        let lost: Vec<RowSum> = whole().into_iter().skip(1).collect();
        assert_eq!(culprit(wanted, group(&lost), &lost), Some(Culprit::Lost(7)));
        let mut added = whole();
        added.push(row("d", 12, 77));
        let found = culprit(wanted, group(&added), &added);
        assert_eq!(found, Some(Culprit::There("d".to_owned(), RowChange::Added)));
    }

    #[test]
    fn several_rows_are_not_taken_for_one() {
        let wanted = group(&whole());
        let mut two = whole();
        (two[0].sum, two[1].sum) = (1, 2);
        assert_eq!(culprit(wanted, group(&two), &two), None);
        let one: Vec<RowSum> = whole().into_iter().take(1).collect();
        assert_eq!(culprit(wanted, group(&one), &one), None);
    }

    #[test]
    fn groups_survive_their_text() {
        let sum = group(&whole());
        assert_eq!(GroupSum::parse(&sum.text()), Some(sum));
        assert_eq!(GroupSum::parse("1 2"), None);
    }
}
