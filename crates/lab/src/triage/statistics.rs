//! What the planner believes of tables, and whether it is still so.

use std::collections::BTreeMap;

use underpin_model::{Code, TriageFinding, TriageMode};
use underpin_pg::rows::Row;

use super::facts::Facts;

pub(super) const CODES: &[Code] = &[STALE, NEVER, PARENT, LOST];

const STALE: Code =
    Code::warning("UP620", "statistics-stale", "the planner plans for data that are no longer so");
const NEVER: Code = Code::warning("UP621", "statistics-missing", "a table was never analysed");
const PARENT: Code = Code::warning(
    "UP622",
    "statistics-of-parent-missing",
    "a partitioned table was never analysed as a whole",
);
const LOST: Code = Code::error("UP623", "statistics-lost", "nearly all tables lack statistics");

/// A plan for fewer rows is rarely wrong enough to hurt.
const WORTH_ROWS: i64 = 1_000;

/// Autovacuum looks once a `autovacuum_naptime`; what is stale after ten minutes it does not reach.
const ITS_CHANCE: f64 = 600.0;

pub(super) fn judge(facts: &Facts) -> Vec<TriageFinding> {
    let never = never(facts);
    let large = facts.rows("tables").filter(|row| is_plain(row) && rows_of(row) >= WORTH_ROWS).count();
    let mut found = if never.len() >= 3 && never.len() * 5 >= large * 4 {
        vec![lost(&never, large)]
    } else {
        never.iter().map(never_analysed).collect()
    };
    found.extend(facts.rows("tables").filter_map(|row| stale(facts, &row)));
    found.extend(parents(facts));
    found
}

fn is_plain(row: &Row<'_>) -> bool {
    row.text("kind") == "r"
}

fn rows_of(row: &Row<'_>) -> i64 {
    row.int("live").unwrap_or_default().max(row.int("reltuples").unwrap_or_default())
}

/// Tables of which the server knows nothing: never analysed by its counters, and without a statistic where we may see.
fn never(facts: &Facts) -> Vec<Row<'_>> {
    let known: BTreeMap<&str, bool> =
        facts.rows("analysed").map(|row| (row.text("name"), row.bool("own") == Some(true))).collect();
    let hidden = facts.rows("hidden").next().and_then(|row| row.int("tables")).unwrap_or(1) > 0;
    let without = |row: &Row<'_>| {
        let absent = known.get(row.text("name")) != Some(&true);
        // Where privileges hide statistics, only the catalog's own mark counts: no page was ever counted.
        absent && (!hidden || row.int("reltuples") == Some(-1)) && row.int("analyses") == Some(0)
    };
    facts.rows("tables").filter(|row| is_plain(row) && rows_of(row) >= WORTH_ROWS && without(row)).collect()
}

fn lost(never: &[Row<'_>], large: usize) -> TriageFinding {
    let names: Vec<&str> = never.iter().map(|row| row.text("name")).collect();
    let message = format!(
        "{} of {large} tables with {WORTH_ROWS} rows or more have no statistics at all, as after pg_upgrade before 18 or after a restore: \
         every plan is a guess.",
        names.len()
    );
    TriageFinding::new(TriageMode::Statistics, &LOST, message)
        .objects(names)
        .query("SELECT relname, n_live_tup, last_analyze, last_autoanalyze FROM pg_stat_user_tables ORDER BY n_live_tup DESC LIMIT 20")
        .fix("ANALYZE")
}

fn never_analysed(row: &Row<'_>) -> TriageFinding {
    let (name, quoted) = (row.text("name"), row.text("quoted"));
    let message = format!(
        "{name} with about {} rows was never analysed: the planner guesses every filter and join on it.",
        rows_of(row)
    );
    TriageFinding::new(TriageMode::Statistics, &NEVER, message)
        .objects([name])
        .query(counters(quoted))
        .fix(format!("ANALYZE {quoted}"))
}

fn counters(quoted: &str) -> String {
    format!(
        "SELECT relname, n_live_tup, n_mod_since_analyze, last_analyze, last_autoanalyze FROM pg_stat_user_tables \
         WHERE relid = {}::regclass",
        underpin_model::sql_text::quote_literal(quoted)
    )
}

/// Stale against the table's own threshold, and nobody is about to mend it: autovacuum may not or had its chance, or the
/// table is no longer of the size that the planner knows.
fn stale(facts: &Facts, row: &Row<'_>) -> Option<TriageFinding> {
    let number = |column: &str| row.int(column).unwrap_or_default();
    let (changed, threshold) = (number("modified"), number("analyze_at").max(WORTH_ROWS));
    if !is_plain(row) || changed <= threshold || number("reltuples") < 0 || is_echo(row, threshold) {
        return None;
    }
    let (known, live) = (number("reltuples"), number("live"));
    let off = facts.setting("autovacuum") == "off" || facts.setting("track_counts") == "off";
    let reason = if off {
        "autovacuum is off".to_owned()
    } else if row.bool("autovacuum") == Some(false) {
        "autovacuum is off for this table".to_owned()
    } else if live >= 2 * known.max(1) || known >= 2 * live.max(WORTH_ROWS) {
        format!("the planner still knows {known} rows where {live} are")
    } else if row.float("analysed_ago").is_some_and(|seconds| seconds > ITS_CHANCE) {
        "autovacuum did not come for ten minutes".to_owned()
    } else {
        return None;
    };
    let (name, quoted) = (row.text("name"), row.text("quoted"));
    let message = format!(
        "{changed} rows of {name} changed since it was last analysed, its threshold is {}, and {reason}.",
        number("analyze_at")
    );
    Some(
        TriageFinding::new(TriageMode::Statistics, &STALE, message)
            .objects([name])
            .query(counters(quoted))
            .fix(format!("ANALYZE {quoted}")),
    )
}

/// Returns whether the counter of changes only repeats what ANALYZE has seen.
///
/// A session that loads and analyses within a second reports its load after its ANALYZE (`PGSTAT_MIN_INTERVAL`), and the
/// counters then show the load twice. The totals tell: with few updates ever, rows inserted less rows deleted are what the
/// planner knows.
fn is_echo(row: &Row<'_>, threshold: i64) -> bool {
    let number = |column: &str| row.int(column).unwrap_or_default();
    let net = number("inserted") - number("deleted");
    number("updated") < threshold && (net - number("reltuples")).abs() < threshold
}

/// Autovacuum analyses partitions and never the whole of them (manual, "Updating Planner Statistics").
fn parents(facts: &Facts) -> Vec<TriageFinding> {
    let whole: Vec<&str> = facts
        .rows("analysed")
        .filter(|row| row.bool("whole") == Some(true))
        .map(|row| row.text("name"))
        .collect();
    let mut rows: BTreeMap<&str, i64> = BTreeMap::new();
    for row in facts.rows("partitions") {
        *rows.entry(row.text("parent")).or_default() += row.int("rows").unwrap_or_default();
    }
    facts
        .rows("tables")
        .filter(|row| row.text("kind") == "p" && row.int("reltuples") == Some(-1) && !whole.contains(&row.text("name")))
        .filter_map(|row| {
            let (name, quoted) = (row.text("name"), row.text("quoted"));
            let held = rows.get(name).copied().filter(|rows| *rows >= WORTH_ROWS)?;
            let message = format!(
                "The partitioned table {name} ({held} rows in its partitions) was never analysed as a whole; autovacuum never does it. \
                 Joins and groupings over it are planned without statistics."
            );
            let finding = TriageFinding::new(TriageMode::Statistics, &PARENT, message).objects([name]);
            Some(
                finding
                    .query(format!(
                        "SELECT attname, inherited, n_distinct FROM pg_stats WHERE schemaname || '.' || tablename = {}",
                        underpin_model::sql_text::quote_literal(name)
                    ))
                    .fix(format!("ANALYZE {quoted}")),
            )
        })
        .collect()
}
