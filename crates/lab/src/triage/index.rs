//! Indexes that are missing, broken, unused or there twice.

use std::collections::BTreeMap;

use underpin_model::sql_text::quote_identifier;
use underpin_model::{Code, Severity, TriageFinding, TriageMode};
use underpin_pg::rows::Row;

use super::facts::Facts;

pub(super) const CODES: &[Code] = &[FK_UNINDEXED, HOT_SCAN, BROKEN, UNUSED, DUPLICATE];

const FK_UNINDEXED: Code =
    Code::warning("UP610", "foreign-key-unindexed", "every delete in the parent reads the whole child");
const HOT_SCAN: Code =
    Code::error("UP611", "hot-sequential-scan", "a large table is read from end to end again and again");
const BROKEN: Code =
    Code::error("UP612", "index-broken", "an index is maintained by every write and used by no query");
const UNUSED: Code =
    Code::warning("UP613", "unused-index", "an index costs every write and answers no query");
const DUPLICATE: Code = Code::warning("UP614", "duplicate-index", "two indexes of a table are the same");

/// A scan of fewer rows takes a millisecond or two.
const LARGE: i64 = 5_000;

/// So many scans are no report that runs once a night.
const MANY_SCANS: i64 = 100;

/// Rows that sequential scans read per second before it counts as hot.
const HOT_ROWS: i64 = 20_000;

/// An index of fewer pages (of 8 kB) costs nothing worth a message.
const WORTH_PAGES: i64 = 32;

pub(super) fn judge(facts: &Facts) -> Vec<TriageFinding> {
    let mut found = foreign_keys(facts);
    found.extend(hot_scans(facts));
    found.extend(broken(facts));
    found.extend(unused(facts));
    found.extend(duplicate(facts));
    found
}

fn foreign_keys(facts: &Facts) -> Vec<TriageFinding> {
    let large = facts.rows("foreign_keys").filter(|row| row.int("rows").unwrap_or_default() >= LARGE);
    large
        .map(|row| {
            let (table, parent, columns) = (row.text("table"), row.text("parent"), row.text("columns"));
            let message = format!(
                "The foreign key {} ({columns}) of {table} to {parent} has no index: each DELETE in {parent}, and each change of its \
                 key, reads all {} rows of {table} while it holds row locks.",
                row.text("name"),
                row.int("rows").unwrap_or_default()
            );
            let names = columns.split(',').map(|column| format!("{table}.{column}"));
            TriageFinding::new(TriageMode::Index, &FK_UNINDEXED, message)
                .objects([table.to_owned()].into_iter().chain(names).chain([row.text("name").to_owned()]))
                .query(format!(
                    "SELECT relname, seq_scan, seq_tup_read, n_live_tup FROM pg_stat_user_tables WHERE relid = {}::regclass",
                    literal(row.text("quoted_table"))
                ))
                .fix(format!(
                    "CREATE INDEX CONCURRENTLY ON {} ({})",
                    row.text("quoted_table"),
                    row.text("quoted_columns")
                ))
        })
        .collect()
}

fn literal(text: &str) -> String {
    underpin_model::sql_text::quote_literal(text)
}

/// Movement between the looks is evidence; without it, a table that has no secondary index and was scanned often.
fn hot_scans(facts: &Facts) -> Vec<TriageFinding> {
    let mut found = Vec::new();
    for row in facts.rows("tables") {
        let number = |column: &str| row.int(column).unwrap_or_default();
        let rows = number("live").max(number("reltuples"));
        if rows < LARGE {
            continue;
        }
        let grown = |column: &str| {
            let count = |row: Option<Row<'_>>| row.and_then(|row| row.int(column)).unwrap_or_default();
            let now = facts.rows("counters").find(|one| one.get("oid") == row.get("oid"));
            count(now) - count(facts.earlier("counters", "oid", row.text("oid")))
        };
        let (scans, read) = (grown("seq_scans"), grown("seq_rows"));
        let now = scans >= 2 && read >= HOT_ROWS && read / scans >= rows / 4;
        let (all, all_read) = (number("seq_scans"), number("seq_rows"));
        let long = all >= MANY_SCANS && all_read / all >= rows / 4 && row.bool("has_secondary") != Some(true);
        if !now && !long {
            continue;
        }
        let column = filter_column(facts, &row);
        found.push(hot_scan(
            &row,
            column.as_deref(),
            if now { Seen::Now(scans, read) } else { Seen::Before(all, all_read) },
        ));
    }
    found
}

/// When the scans were seen: their number, and the rows that they read.
enum Seen {
    Now(i64, i64),
    Before(i64, i64),
}

fn hot_scan(row: &Row<'_>, column: Option<&str>, seen: Seen) -> TriageFinding {
    let (name, quoted) = (row.text("name"), row.text("quoted"));
    let rows = row.int("live").unwrap_or_default();
    let (what, severity) = match seen {
        Seen::Now(scans, read) => (format!("{scans} times within a second ({read} rows)"), Severity::Error),
        Seen::Before(scans, read) => (
            format!(
                "{scans} times since its counters began ({read} rows), and it has no index beside its key"
            ),
            Severity::Warning,
        ),
    };
    let of =
        column.map_or_else(String::new, |column| format!(" The statements that run filter by {column}."));
    let message = format!("{name} with {rows} rows is read from end to end: {what}.{of}");
    let candidate = column.or_else(|| row.text("unindexed_columns").split(',').next()).unwrap_or("ctid");
    let mut objects = vec![name.to_owned()];
    objects.extend(column.map(|column| format!("{name}.{column}")));
    TriageFinding::new(TriageMode::Index, &HOT_SCAN, message)
        .severity(severity)
        .objects(objects)
        .query(format!(
            "SELECT pid, state, now() - query_start AS running, query FROM pg_stat_activity WHERE query ILIKE {} ORDER BY 3 DESC NULLS LAST LIMIT 10",
            literal(&format!("%{}%", name.rsplit('.').next().unwrap_or(name)))
        ))
        .fix(format!("CREATE INDEX CONCURRENTLY ON {quoted} ({})", quote_identifier(candidate)))
}

/// Returns the unindexed column of the table that the statements of sessions compare with something.
fn filter_column(facts: &Facts, table: &Row<'_>) -> Option<String> {
    let bare = table.text("name").rsplit('.').next().unwrap_or_default().to_lowercase();
    let columns: Vec<&str> =
        table.text("unindexed_columns").split(',').filter(|name| !name.is_empty()).collect();
    let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
    for row in facts.rows("activity").chain(facts.before("activity")) {
        let query = row.text("query").to_lowercase();
        if row.bool("own") == Some(true) || !words(&query).any(|word| word == bare) {
            continue;
        }
        for column in &columns {
            if compares(&query, &column.to_lowercase()) {
                *counted.entry(column).or_default() += 1;
            }
        }
    }
    counted.into_iter().max_by_key(|(_, count)| *count).map(|(column, _)| column.to_owned())
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
}

/// Returns whether, behind WHERE or ON, the statement compares the column: `column =`, `<`, `>`, `IN`, `BETWEEN`, `LIKE`.
fn compares(query: &str, column: &str) -> bool {
    let Some(begin) = query.find(" where ").or_else(|| query.find(" on ")) else { return false };
    let clause = &query[begin..];
    clause.match_indices(column).any(|(at, _)| {
        let letter = |c: char| c.is_alphanumeric() || c == '_';
        let starts = !clause[..at].ends_with(letter);
        let rest = &clause[at + column.len()..];
        let ends = !rest.starts_with(letter);
        let rest = rest.trim_start_matches(|c: char| c == '"' || c.is_whitespace());
        starts
            && ends
            && ["=", "<", ">", "in ", "in(", "between ", "like ", "ilike "]
                .iter()
                .any(|sign| rest.starts_with(sign))
    })
}

/// Partitioned indexes that wait for a partition's index are the business of partitions.
fn broken(facts: &Facts) -> Vec<TriageFinding> {
    let invalid = |row: &Row<'_>| {
        row.bool("valid") == Some(false)
            && row.bool("being_built") != Some(true)
            && row.text("table_kind") != "p"
    };
    facts
        .rows("indexes")
        .filter(invalid)
        .map(|row| {
            let (name, table) = (row.text("name"), row.text("table"));
            let unique = if row.bool("is_unique") == Some(true) { " It is UNIQUE and keeps nothing unique." } else { "" };
            let message = format!(
                "{name} on {table} is invalid, left by a concurrent build that failed: every write maintains it, no query \
                 uses it.{unique}"
            );
            let leftover = name.ends_with("_ccnew") || name.contains("_ccnew") || name.contains("_ccold");
            let fix = match leftover {
                true => format!("DROP INDEX CONCURRENTLY {}", row.text("quoted")),
                false => format!("REINDEX INDEX CONCURRENTLY {}", row.text("quoted")),
            };
            TriageFinding::new(TriageMode::Index, &BROKEN, message)
                .objects([name, table])
                .query("SELECT indexrelid::regclass AS index, indrelid::regclass AS table FROM pg_index WHERE NOT indisvalid")
                .fix(fix)
        })
        .collect()
}

fn unused(facts: &Facts) -> Vec<TriageFinding> {
    let idle = |row: &Row<'_>| {
        let number = |column: &str| row.int(column).unwrap_or_default();
        let flag = |column: &str| row.bool(column) == Some(true);
        let plain =
            flag("valid") && !flag("is_unique") && !flag("serves_constraint") && !flag("serves_foreign_key");
        plain
            && !flag("attached")
            && row.text("table_kind") == "r"
            && number("scans") == 0
            && number("writes") >= 1_000
            && number("other_scans") >= 1_000
            && number("pages") >= WORTH_PAGES
    };
    facts
        .rows("indexes")
        .filter(idle)
        .map(|row| {
            let (name, table) = (row.text("name"), row.text("table"));
            let message = format!(
                "{name} on {table} was never used since the counters began, while {} rows were changed and the table's other indexes \
                 were used {} times. It takes {} pages and a part of each write. Look at every standby before it goes.",
                row.int("writes").unwrap_or_default(),
                row.int("other_scans").unwrap_or_default(),
                row.int("pages").unwrap_or_default()
            );
            TriageFinding::new(TriageMode::Index, &UNUSED, message)
                .objects([name, table])
                .query(format!(
                    "SELECT indexrelname, idx_scan FROM pg_stat_user_indexes WHERE relid = {}::regclass ORDER BY 2",
                    literal(row.text("quoted_table"))
                ))
                .fix(format!("DROP INDEX CONCURRENTLY {}", row.text("quoted")))
        })
        .collect()
}

fn duplicate(facts: &Facts) -> Vec<TriageFinding> {
    let mut same: BTreeMap<&str, Vec<Row<'_>>> = BTreeMap::new();
    let whole = |row: &Row<'_>| {
        row.bool("valid") == Some(true) && row.text("table_kind") == "r" && row.bool("attached") != Some(true)
    };
    for row in facts.rows("indexes").filter(whole) {
        same.entry(row.text("definition")).or_default().push(row);
    }
    let mut found = Vec::new();
    for mut rows in same.into_values().filter(|rows| rows.len() > 1) {
        // Kept: what a constraint needs, else what is unique, else the oldest.
        rows.sort_by_key(|row| {
            (row.bool("serves_constraint") != Some(true), row.bool("is_unique") != Some(true))
        });
        let (kept, spare) = (rows[0], &rows[1..]);
        for row in spare.iter().filter(|row| row.bool("serves_constraint") != Some(true)) {
            let (name, table) = (row.text("name"), row.text("table"));
            let message = format!(
                "{name} on {table} is the same index as {}: each write maintains both, and memory holds both.",
                kept.text("name")
            );
            found.push(
                TriageFinding::new(TriageMode::Index, &DUPLICATE, message)
                    .objects([name, kept.text("name"), table])
                    .query(format!(
                        "SELECT indexrelid::regclass, pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = {}::regclass",
                        literal(row.text("quoted_table"))
                    ))
                    .fix(format!("DROP INDEX CONCURRENTLY {}", row.text("quoted"))),
            );
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filtered_column_is_read_from_the_statement() {
        let query = "select * from orders o where o.status = 'open' and total > $1 order by created_at";
        let names = ["status", "total", "created_at", "stat", "id"];
        assert_eq!(names.map(|name| compares(query, name)), [true, true, false, false, false]);
        assert!(compares("delete from t where \"a\" in (1, 2)", "a"));
        assert!(!compares("insert into t (a) values (1)", "a"));
    }
}
