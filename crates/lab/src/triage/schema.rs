//! Keys that run out, values that should be unique and are not, constraints that bind nobody, tables without a key.

use underpin_model::{Code, Severity, TriageFinding, TriageMode};

use super::facts::Facts;

pub(super) const CODES: &[Code] = &[OVERFLOW, DUPLICATES, UNVALIDATED, KEYLESS, UNLOGGED];

const OVERFLOW: Code = Code::error("UP600", "key-overflow", "a numbered key is about to run out of numbers");
const DUPLICATES: Code =
    Code::warning("UP601", "duplicates-present", "a column that names things holds the same name twice");
const UNVALIDATED: Code = Code::warning(
    "UP602",
    "constraint-unvalidated",
    "a constraint was never checked against the rows that are there",
);
const KEYLESS: Code = Code::warning("UP603", "table-without-key", "rows of a table cannot be told apart");
const UNLOGGED: Code =
    Code::warning("UP604", "table-unlogged", "a crash empties a table that others rely on");

/// From here on the time left is worth a plan; at 90 % it is worth a night.
const WARN_AT: f64 = 0.7;
const ERROR_AT: f64 = 0.9;

/// Below so many rows a repeated name is a matter of a few test rows.
const DUPLICATE_ROWS: i64 = 100;

pub(super) fn judge(facts: &Facts) -> Vec<TriageFinding> {
    let mut found = overflow(facts);
    found.extend(duplicates(facts));
    found.extend(unvalidated(facts));
    found.extend(keyless(facts));
    found.extend(unlogged(facts));
    found
}

fn overflow(facts: &Facts) -> Vec<TriageFinding> {
    let mut found = Vec::new();
    for row in facts.rows("sequences") {
        let (Some(last), Some(limit)) = (row.float("last"), row.float("limit")) else { continue };
        let part = last / limit;
        if part < WARN_AT {
            continue;
        }
        let (table, column, kind) = (row.text("table"), row.text("column"), row.text("type"));
        let (quoted, quoted_column) = (row.text("quoted_table"), row.text("quoted_column"));
        let sequence = row.text("sequence");
        let by_type = kind != "bigint";
        let fix = if by_type {
            // The type is what ends first or will end next; the sequence of a serial column ends with it.
            format!(
                "ALTER SEQUENCE {} AS bigint NO MAXVALUE; ALTER TABLE {quoted} ALTER COLUMN {quoted_column} TYPE bigint",
                row.text("quoted_sequence")
            )
        } else {
            format!("ALTER SEQUENCE {} NO MAXVALUE", row.text("quoted_sequence"))
        };
        let caution = if by_type {
            " The ALTER rewrites the table under ACCESS EXCLUSIVE; on a large one prepare a bigint column beside it \
             (`underpin migrate new --change change-type`)."
        } else {
            ""
        };
        let message = format!(
            "{table}.{column} ({kind}) has used {:.1} % of its numbers: {sequence} is at {last:.0} of {limit:.0}. After \
             the last one every INSERT fails.{caution}",
            part * 100.0
        );
        let severity = if part >= ERROR_AT { Severity::Error } else { Severity::Warning };
        let query = format!(
            "SELECT last_value, {limit:.0} - last_value AS numbers_left FROM {}",
            row.text("quoted_sequence")
        );
        found.push(
            TriageFinding::new(TriageMode::Schema, &OVERFLOW, message)
                .severity(severity)
                .objects([table.to_owned(), format!("{table}.{column}"), sequence.to_owned()])
                .query(query)
                .fix(fix),
        );
    }
    found
}

/// ANALYZE lists a value as common only when its sample held it twice: in a column where nearly every value is its own,
/// such a list is a proof of duplicates that needed no scan.
fn duplicates(facts: &Facts) -> Vec<TriageFinding> {
    let mut found = Vec::new();
    for row in facts.rows("columns") {
        let flag = |column: &str| row.bool(column) == Some(true);
        let distinct = row.float("distinct_values").unwrap_or_default();
        let rows = row.int("rows").unwrap_or_default();
        // Negative: a part of the rows. Positive: a number.
        let part = if distinct < 0.0 { -distinct } else { distinct / rows.max(1) as f64 };
        let few = rows < DUPLICATE_ROWS || part < 0.5;
        if !flag("is_natural_key") || flag("is_unique") || flag("is_reference") || few {
            continue;
        }
        let (table, column) = (row.text("table"), row.text("column"));
        let (quoted, name) = (row.text("quoted_table"), row.text("quoted_column"));
        let fix = match row.get("number_key") {
            Some(key) => format!(
                "DO $$ BEGIN EXECUTE format('CREATE UNIQUE INDEX ON {quoted} ({name}) WHERE {key} > %s', (SELECT max({key}) FROM {quoted})); END $$"
            ),
            None => format!("CREATE INDEX CONCURRENTLY ON {quoted} ({name})"),
        };
        let message = format!(
            "{table}.{column} holds different values in {:.1} % of {rows} rows, no UNIQUE keeps it so, and some occur \
             twice (such as one that ANALYZE saw in {:.2} % of its sample). The fix keeps new rows apart; UNIQUE for all of them \
             needs the old duplicates gone.",
            part * 100.0,
            row.float("top_share").unwrap_or_default() * 100.0
        );
        found.push(
            TriageFinding::new(TriageMode::Schema, &DUPLICATES, message)
                .objects([table.to_owned(), format!("{table}.{column}")])
                .query(format!(
                    "SELECT {name}, count(*) FROM {quoted} GROUP BY {name} HAVING count(*) > 1 ORDER BY 2 DESC LIMIT 20"
                ))
                .fix(fix),
        );
    }
    found
}

fn unvalidated(facts: &Facts) -> Vec<TriageFinding> {
    let one = |row: underpin_pg::rows::Row<'_>| {
        let (name, table) = (row.text("name"), row.text("table"));
        let message = format!(
            "The {} constraint {name} on {table} is NOT VALID: it binds new rows, the {} that are there were never checked, \
             and the planner does not rely on it.",
            row.text("kind"),
            row.int("rows").unwrap_or_default()
        );
        TriageFinding::new(TriageMode::Schema, &UNVALIDATED, message)
            .objects([table, name])
            .query(format!(
                "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE NOT convalidated AND conrelid = '{}'::regclass",
                row.text("quoted_table").replace('\'', "''")
            ))
            .fix(format!("ALTER TABLE {} VALIDATE CONSTRAINT {}", row.text("quoted_table"), row.text("quoted")))
    };
    facts.rows("constraints").map(one).collect()
}

/// A log that only grows needs no key; rows that are changed, or that carry an id, do.
fn keyless(facts: &Facts) -> Vec<TriageFinding> {
    let mut found = Vec::new();
    for row in facts.rows("tables") {
        let number = |column: &str| row.int(column).unwrap_or_default();
        let rows = number("live").max(number("reltuples"));
        let changed = number("updated") + number("deleted");
        let plain = row.text("kind") == "r" && row.bool("is_partition") != Some(true);
        let id = row.get("id_column");
        if !plain || row.bool("has_key") == Some(true) || rows == 0 || (changed == 0 && id.is_none()) {
            continue;
        }
        let (name, quoted) = (row.text("name"), row.text("quoted"));
        let why = match id {
            Some(id) => format!("nothing keeps its {id} unique"),
            None => format!("{changed} rows of it were updated or deleted"),
        };
        let message = format!(
            "{name} has {rows} rows and neither primary key nor unique index, though {why}. A row cannot be addressed, \
             logical replication refuses its updates, and duplicates stay unnoticed."
        );
        found.push(
            TriageFinding::new(TriageMode::Schema, &KEYLESS, message)
                .objects([name])
                .query(format!("SELECT ctid, * FROM {quoted} LIMIT 10"))
                .fix(format!(
                    "ALTER TABLE {quoted} ADD COLUMN row_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
                )),
        );
    }
    found
}

fn unlogged(facts: &Facts) -> Vec<TriageFinding> {
    facts
        .rows("tables")
        .filter(|row| row.text("persistence") == "u" && row.bool("has_foreign_key") == Some(true))
        .map(|row| {
            let (name, quoted) = (row.text("name"), row.text("quoted"));
            let message = format!(
                "{name} is UNLOGGED and tied to other tables by foreign keys: after a crash or on a standby it is empty, \
                 and its {} rows are in no physical backup.",
                row.int("live").unwrap_or_default()
            );
            TriageFinding::new(TriageMode::Schema, &UNLOGGED, message)
                .objects([name])
                .query("SELECT oid::regclass, relpersistence FROM pg_class WHERE relkind = 'r' AND relpersistence = 'u'")
                .fix(format!("ALTER TABLE {quoted} SET LOGGED"))
        })
        .collect()
}
