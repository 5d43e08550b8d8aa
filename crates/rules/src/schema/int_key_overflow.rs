//! Generated keys that run out of numbers.

use underpin_model::catalog::Sequence;
use underpin_model::{Code, Severity};

use crate::rule::{Context, SchemaRule};
use crate::scope::{Field, relation};
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::{counted, grouped, percent};

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::error("UP128", "int-key-overflow", "a generated key that runs out of numbers"),
    page: include_str!("../../../../docs/codes/int-key-overflow.md"),
    find: suspicions,
};

/// From this share on the change to bigint, which rewrites the table, must be planned now.
const HURTING_PERCENT: i64 = 50;

/// A table with fewer rows grows by hand, not by traffic.
const GROWING_ROWS: i64 = 1_000;

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    context
        .fields()
        .filter(|field| matches!(field.column.base_type.as_str(), "int2" | "int4") && field.in_primary_key())
        .filter(|field| !field.in_foreign_key())
        .map(|field| suspicion(context, field))
        .collect()
}

fn suspicion(context: &Context<'_>, field: Field<'_>) -> Suspicion {
    let limit = if field.column.base_type == "int2" { i64::from(i16::MAX) } else { i64::from(i32::MAX) };
    let sequence = sequence_of(context, field);
    let given = match sequence {
        Some(sequence) => format!("(SELECT last_value FROM {})", relation(&sequence.schema, &sequence.name)),
        None => "0".to_owned(),
    };
    let sql = format!(
        "SELECT count(*) AS rows, greatest(coalesce(max({}), 0), {given}) AS largest FROM {}",
        field.quoted(),
        field.table.quoted()
    );
    let (generated, production) = (sequence.is_some(), context.production_rows(field.table));
    let what = format!("{} is {}", field.label(), field.column.type_name);
    Suspicion::new(field.draft(&RULE.code).hint(hint(field)), sql, move |answer, draft| {
        let (rows, largest) = (answer.int("rows").max(production), answer.int("largest").max(production));
        let used = percent(largest, limit);
        let fact = format!(
            "{what}: {} % of its {} numbers are used (largest {}, {}); at the end every INSERT fails.",
            used,
            grouped(limit),
            grouped(largest),
            counted(rows, "row")
        );
        let urgent = used >= HURTING_PERCENT;
        let growing = generated && rows >= GROWING_ROWS;
        (urgent || generated).then(|| {
            draft
                .rated((!urgent && growing).then_some(Severity::Warning))
                .rated((!urgent && !growing).then_some(Severity::Note))
                .saying(fact)
        })
    })
}

/// Returns the sequence that feeds the column, if one is tied to it.
pub(super) fn sequence_of<'a>(context: &Context<'a>, field: Field<'_>) -> Option<&'a Sequence> {
    let owner = format!("{}.{}.{}", field.table.schema, field.table.name, field.name());
    context.catalog.sequences.iter().find(|sequence| sequence.owned_by.as_deref() == Some(&owner))
}

fn hint(field: Field<'_>) -> String {
    let (table, name) = (sql::table(field.table), sql::identifier(field.name()));
    format!("ALTER TABLE {table} ALTER COLUMN {name} TYPE bigint;")
}
