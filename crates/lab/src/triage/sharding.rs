//! Partitions, tenants, replicas and log: what grows until it does not fit.

use std::collections::BTreeMap;

use underpin_model::sql_text::quote_literal;
use underpin_model::{Code, TriageFinding, TriageMode};
use underpin_pg::rows::Row;

use super::facts::Facts;

pub(super) const CODES: &[Code] = &[DEFAULT, PARTITION_INDEX, TENANT, LAG, SLOT];

const DEFAULT: Code = Code::warning("UP660", "default-partition-fills", "rows land in the default partition");
const PARTITION_INDEX: Code =
    Code::warning("UP661", "partition-index-missing", "a partition lacks an index that its siblings have");
const TENANT: Code = Code::warning("UP662", "hot-tenant", "one tenant has more rows than all others");
const LAG: Code = Code::error("UP663", "standby-lags", "a standby is behind and does not catch up");
const SLOT: Code =
    Code::error("UP664", "slot-retains-log", "a slot that nobody uses keeps the write-ahead log");

/// So many rows came for which no partition was made.
const DEFAULT_ROWS: i64 = 100;

/// Tables below this fit any machine, however they are skewed.
const TENANT_ROWS: i64 = 10_000;

/// One segment of log is 16 MB by default; behind by so much, a standby loses that much at a failover.
const LAG_BYTES: f64 = 16.0 * 1024.0 * 1024.0;

/// Four segments: more than a slot that works ever keeps on a calm server.
const SLOT_BYTES: f64 = 64.0 * 1024.0 * 1024.0;

pub(super) fn judge(facts: &Facts) -> Vec<TriageFinding> {
    let mut found = default_partitions(facts);
    found.extend(partition_indexes(facts));
    found.extend(tenants(facts));
    found.extend(standbys(facts));
    found.extend(slots(facts));
    found
}

fn default_partitions(facts: &Facts) -> Vec<TriageFinding> {
    let full = |row: &Row<'_>| {
        row.bool("is_default") == Some(true) && row.int("rows").unwrap_or_default() >= DEFAULT_ROWS
    };
    facts
        .rows("partitions")
        .filter(full)
        .map(|row| {
            let (name, parent) = (row.text("name"), row.text("parent"));
            let message = format!(
                "{} rows of {parent} lie in its default partition {name}: no partition was made for them. Each new partition first scans it \
                 under ACCESS EXCLUSIVE, and is refused when it should hold some of them.",
                row.int("rows").unwrap_or_default()
            );
            TriageFinding::new(TriageMode::Sharding, &DEFAULT, message)
                .objects([name, parent])
                .query(format!("SELECT * FROM {} LIMIT 20", row.text("quoted")))
                // Keeps the rows and lets partitions be made; they are attached or moved afterwards.
                .fix(format!("ALTER TABLE {} DETACH PARTITION {}", quoted(facts, parent), row.text("quoted")))
        })
        .collect()
}

fn quoted(facts: &Facts, table: &str) -> String {
    facts
        .rows("tables")
        .find(|row| row.text("name") == table)
        .map_or_else(|| table.to_owned(), |row| row.text("quoted").to_owned())
}

/// An index that more than half of the partitions have, and some have not.
fn partition_indexes(facts: &Facts) -> Vec<TriageFinding> {
    let mut siblings: BTreeMap<&str, Vec<Row<'_>>> = BTreeMap::new();
    for row in facts.rows("partitions").filter(|row| row.bool("is_default") != Some(true)) {
        siblings.entry(row.text("parent")).or_default().push(row);
    }
    let mut found = Vec::new();
    for (parent, partitions) in siblings {
        let mut having: BTreeMap<&str, usize> = BTreeMap::new();
        for columns in partitions.iter().flat_map(|row| indexes(row)) {
            *having.entry(columns).or_default() += 1;
        }
        for (columns, count) in
            having.into_iter().filter(|(_, count)| count * 2 > partitions.len() && *count < partitions.len())
        {
            for row in partitions.iter().filter(|row| !indexes(row).any(|one| one == columns)) {
                found.push(partition_index(parent, row, (columns, count)));
            }
        }
    }
    found
}

fn indexes<'a>(row: &Row<'a>) -> impl Iterator<Item = &'a str> + use<'a> {
    row.text("indexes").split(';').filter(|columns| !columns.is_empty())
}

fn partition_index(parent: &str, row: &Row<'_>, (columns, count): (&str, usize)) -> TriageFinding {
    let name = row.text("name");
    let message = format!(
        "The partition {name} of {parent} has no index on ({columns}), as {count} of its siblings have: every query that reaches it reads it \
         whole ({} rows).",
        row.int("rows").unwrap_or_default()
    );
    let of = columns.split(", ").map(|column| format!("{name}.{}", column.trim_matches('"')));
    TriageFinding::new(TriageMode::Sharding, &PARTITION_INDEX, message)
        .objects([name.to_owned(), parent.to_owned()].into_iter().chain(of))
        .query(format!(
            "SELECT i.inhrelid::regclass AS partition, x.indexrelid::regclass AS index FROM pg_inherits i LEFT JOIN pg_index x ON x.indrelid = i.inhrelid \
             WHERE i.inhparent = {}::regclass ORDER BY 1, 2",
            quote_literal(parent)
        ))
        .fix(format!("CREATE INDEX CONCURRENTLY ON {} ({columns})", row.text("quoted")))
}

/// From the statistics: the share of the most common value of a column that is named like a tenant.
fn tenants(facts: &Facts) -> Vec<TriageFinding> {
    let hot = |row: &Row<'_>| {
        let share = row.float("top_share").unwrap_or_default();
        let distinct = row.float("distinct_values").unwrap_or_default();
        let several = !(0.0..5.0).contains(&distinct);
        let next = row.float("second_share").unwrap_or_default();
        row.bool("is_tenant") == Some(true)
            && row.int("rows").unwrap_or_default() >= TENANT_ROWS
            && several
            && share >= 0.5
            && share >= 4.0 * next
    };
    facts
        .rows("columns")
        .filter(hot)
        .map(|row| {
            let (table, column) = (row.text("table"), row.text("column"));
            let value = row.text("top_value");
            let message = format!(
                "One value of {table}.{column} ({value}) has {:.0} % of {} rows, the next {:.1} %: whichever partition or shard holds it holds most \
                 of the load.",
                row.float("top_share").unwrap_or_default() * 100.0,
                row.int("rows").unwrap_or_default(),
                row.float("second_share").unwrap_or_default() * 100.0
            );
            TriageFinding::new(TriageMode::Sharding, &TENANT, message)
                .objects([table.to_owned(), format!("{table}.{column}"), value.to_owned()])
                .query(format!(
                    "SELECT unnest(most_common_vals::text::text[]) AS {}, unnest(most_common_freqs) AS share FROM pg_stats WHERE schemaname || '.' || tablename = {} \
                     AND attname = {} LIMIT 10",
                    row.text("quoted_column"),
                    quote_literal(table),
                    quote_literal(column)
                ))
                // Its own statistics target first: the planner must know the tail as well as the giant.
                .fix(format!(
                    "ALTER TABLE {} ALTER COLUMN {} SET STATISTICS 1000",
                    row.text("quoted_table"),
                    row.text("quoted_column")
                ))
        })
        .collect()
}

fn standbys(facts: &Facts) -> Vec<TriageFinding> {
    let behind = |row: &Row<'_>| row.float("bytes_behind").unwrap_or_default();
    facts
        .rows("holders")
        .filter(|row| row.text("kind") == "standby" && behind(row) >= LAG_BYTES)
        .filter(|row| facts.earlier("holders", "name", row.text("name")).is_some_and(|before| behind(row) >= behind(&before)))
        .map(|row| {
            let name = row.text("name");
            let message = format!(
                "The standby {name} ({}) is {:.0} MB behind and did not come nearer within a second. What it lacks is lost when it takes over.",
                row.text("state"),
                behind(&row) / 1_048_576.0
            );
            TriageFinding::new(TriageMode::Sharding, &LAG, message)
                .objects([name])
                .query("SELECT application_name, state, sync_state, pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) AS bytes_behind, replay_lag FROM pg_stat_replication")
                // A standby that does not answer is better connected anew than waited for.
                .fix(format!("SELECT pg_terminate_backend({})", row.text("pid")))
        })
        .collect()
}

fn slots(facts: &Facts) -> Vec<TriageFinding> {
    facts
        .rows("holders")
        .filter(|row| row.text("kind") == "slot" && row.bool("active") != Some(true))
        .filter(|row| facts.earlier("holders", "name", row.text("name")).is_some_and(|before| before.bool("active") != Some(true)))
        .filter(|row| {
            let kept = row.float("bytes_behind").unwrap_or_default();
            kept >= SLOT_BYTES || matches!(row.text("state"), "extended" | "unreserved" | "lost")
        })
        .map(|row| {
            let name = row.text("name");
            let message = format!(
                "The replication slot {name} is used by nobody and keeps {:.0} MB of write-ahead log ({}); it goes on until the disk is full.",
                row.float("bytes_behind").unwrap_or_default() / 1_048_576.0,
                row.text("state")
            );
            TriageFinding::new(TriageMode::Sharding, &SLOT, message)
                .objects([name])
                .query("SELECT slot_name, active, wal_status, pg_size_pretty(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)) FROM pg_replication_slots")
                .fix(format!("SELECT pg_drop_replication_slot({})", quote_literal(name)))
        })
        .collect()
}
