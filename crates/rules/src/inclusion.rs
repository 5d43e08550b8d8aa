//! Columns whose every value is a key of another table though nothing says so: inclusion dependencies that read as missing
//! foreign keys.
//!
//! What a column's name says already is the business of the rule `fk-missing`. Here the values speak: `buyer_id` and
//! `assigned_to` name no table. Small whole numbers are keys of everything, so numbers must be named like a reference.

use std::collections::BTreeSet;

use underpin_model::catalog::{Column, Table};
use underpin_model::sql_text::quote_identifier;
use underpin_model::{Code, Severity};

use crate::implied_reference::implied_references;
use crate::names;
use crate::rule::Context;
use crate::scope::{self, Field};
use crate::sql;
use crate::suspicion::{Answer, Restate, Suspicion};
use crate::wording::{counted, grouped};

/// The code of what is found.
pub const INCLUDED: Code = Code::warning(
    "UP155",
    "inclusion-dependency",
    "every value of a column is a key of another table, and no foreign key says so",
);

/// Fewer different values are included by chance.
const FEW_VALUES: i64 = 10;
/// Keys of which fewer are named by the column: any column of small numbers is included in a long table.
const LEAST_COVERED: f64 = 0.05;
/// Tables that a column is compared with at most.
const MOST_TARGETS: usize = 30;

/// Returns a suspicion for each column that may refer to some table; the probe looks its values up in all of them.
pub fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    let named: BTreeSet<String> = implied_references(context).iter().map(|one| one.field.label()).collect();
    let keys: Vec<(&Table, &Column)> = context.tables().filter_map(key).collect();
    context
        .fields()
        .filter(|field| !field.in_foreign_key() && !field.in_primary_key())
        .filter(|field| field.column.generated.is_none() && !field.comment_has(&["no foreign key"]))
        .filter(|field| !named.contains(&field.label()) && !has_twin(*field) && reads_as_reference(*field))
        .filter_map(|field| {
            let fits = |(table, key): &&(&Table, &Column)| {
                !std::ptr::eq(*table, field.table) && family(field.column) == family(key)
            };
            let targets: Vec<(&Table, &Column)> =
                keys.iter().filter(fits).copied().take(MOST_TARGETS).collect();
            (!targets.is_empty()).then(|| suspicion(field, &targets))
        })
        .collect()
}

fn key(table: &Table) -> Option<(&Table, &Column)> {
    match table.primary_key() {
        [name] => Some((table, table.column(name)?)),
        _ => None,
    }
}

/// Returns what values are compared as; none of other types is a key.
fn family(column: &Column) -> Option<&str> {
    match column.base_type.as_str() {
        "int2" | "int4" | "int8" => Some("integer"),
        "text" | "varchar" | "bpchar" => Some("text"),
        "uuid" => Some("uuid"),
        _ => None,
    }
}

/// Returns whether a twin says which table is meant: `subject_id` beside `subject_type`.
fn has_twin(field: Field<'_>) -> bool {
    let stem = field.name().rsplit_once('_').map_or(field.name(), |(stem, _)| stem);
    ["type", "kind", "class", "table", "model"]
        .iter()
        .any(|end| field.table.column(&format!("{stem}_{end}")).is_some())
}

fn reads_as_reference(field: Field<'_>) -> bool {
    if field.name().strip_suffix("_id").is_some_and(names::is_foreign_to_us) {
        return false;
    }
    let ends = ["_id", "_by", "_to", "_ref", "_uuid"];
    family(field.column) == Some("uuid") || ends.iter().any(|end| field.name().ends_with(end))
}

fn suspicion(field: Field<'_>, targets: &[(&Table, &Column)]) -> Suspicion {
    let draft = field.draft(&INCLUDED);
    let label = field.label();
    let places: Vec<(String, String)> = targets
        .iter()
        .map(|(table, key)| (format!("{}.{}", scope::label(table), key.name), hint(field, (table, key))))
        .collect();
    Suspicion::new(draft, probe(field, targets), move |answer, draft| {
        let (stored, different) = (answer.int("stored"), answer.int("different"));
        if different < FEW_VALUES {
            return None;
        }
        let best = best(answer, places.len(), different)?;
        let others = (0..places.len()).filter(|at| *at != best && includes(answer, *at)).count();
        let (place, hint) = &places[best];
        let also = match others {
            0 => String::new(),
            others => format!("; {} would include it as well", counted(others as i64, "other table")),
        };
        let fact = format!(
            "All {} different values of {label} ({} stored) are in {place}, which has {}, and no foreign key keeps it so{also}.",
            grouped(different),
            grouped(stored),
            counted(answer.int(&format!("keys_{best}")), "key")
        );
        Some(draft.rated((others > 0).then_some(Severity::Note)).saying(fact).hint(hint.clone()))
    })
}

fn includes(answer: &Answer, at: usize) -> bool {
    answer.int(&format!("orphans_{at}")) == 0 && answer.int(&format!("keys_{at}")) > 0
}

/// Returns the including table of whose keys the column names the largest part.
fn best(answer: &Answer, count: usize, different: i64) -> Option<usize> {
    let covered = |at: usize| different as f64 / answer.int(&format!("keys_{at}")).max(1) as f64;
    let best =
        (0..count).filter(|at| includes(answer, *at)).max_by(|a, b| covered(*a).total_cmp(&covered(*b)))?;
    (covered(best) >= LEAST_COVERED).then_some(best)
}

/// Returns the query that counts stored and different values, and per table its keys and the values that are none.
fn probe(field: Field<'_>, targets: &[(&Table, &Column)]) -> String {
    let looked_up = targets.iter().enumerate().map(|(at, (table, key))| {
        let (from, key) = (table.quoted(), quote_identifier(&key.name));
        format!(
            "(SELECT count(*) FROM v WHERE NOT EXISTS (SELECT FROM {from} AS k WHERE k.{key} = v.value)) AS orphans_{at}, \
             (SELECT count(*) FROM {from}) AS keys_{at}"
        )
    });
    let looked_up: Vec<String> = looked_up.collect();
    format!(
        "WITH v AS MATERIALIZED (SELECT {column} AS value, count(*) AS n FROM {table} WHERE {column} IS NOT NULL GROUP BY 1) \
         SELECT (SELECT coalesce(sum(n), 0)::bigint FROM v) AS stored, (SELECT count(*) FROM v) AS different, {}",
        looked_up.join(", "),
        column = field.quoted(),
        table = field.table.quoted()
    )
}

fn hint(field: Field<'_>, (target, key): (&Table, &Column)) -> String {
    let (name, column) = (sql::table(field.table), sql::identifier(field.name()));
    let constraint = sql::identifier(&format!("{}_{}_fkey", field.table.name, field.name()));
    format!(
        "ALTER TABLE {name} ADD CONSTRAINT {constraint} FOREIGN KEY ({column}) REFERENCES {} ({}) ON DELETE RESTRICT NOT VALID;\n\
         ALTER TABLE {name} VALIDATE CONSTRAINT {constraint};",
        sql::table(target),
        sql::identifier(&key.name)
    )
}
