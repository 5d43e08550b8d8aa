//! Foreign keys whose two sides have different types.

use underpin_model::catalog::Column;
use underpin_model::sql_text::quote_identifier;
use underpin_model::{Code, Severity};

use crate::rule::{Context, SchemaRule};
use crate::scope::{self, ForeignKey};
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::{counted, grouped};

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::error("UP104", "fk-type-mismatch", "a foreign key whose two sides have different types"),
    page: include_str!("../../../../docs/codes/fk-type-mismatch.md"),
    find: suspicions,
};

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    context.references().flat_map(|key| of_key(&key)).collect()
}

fn of_key(key: &ForeignKey<'_>) -> Vec<Suspicion> {
    let pairs = key.constraint.columns.iter().zip(&key.reference.columns);
    pairs
        .filter_map(|(child, parent)| Some((key.table.column(child)?, key.target.column(parent)?)))
        .filter(|(child, parent)| child.base_type != parent.base_type)
        .map(|(child, parent)| suspicion(key, child, parent))
        .collect()
}

fn suspicion(key: &ForeignKey<'_>, child: &Column, parent: &Column) -> Suspicion {
    let sql = format!(
        "SELECT count({}) AS stored, (SELECT max({})::text FROM {}) AS largest FROM {}",
        quote_identifier(&child.name),
        quote_identifier(&parent.name),
        key.target.quoted(),
        key.table.quoted()
    );
    let hint = format!(
        "ALTER TABLE {} ALTER COLUMN {} TYPE {};",
        sql::table(key.table),
        sql::identifier(&child.name),
        parent.type_name
    );
    let limit = limit(&child.base_type);
    let narrower = limit < self::limit(&parent.base_type);
    let text_only = child.type_category == "S" && parent.type_category == "S";
    let draft = key
        .draft(&RULE.code)
        .rated((!narrower).then_some(Severity::Warning))
        .rated(text_only.then_some(Severity::Note))
        .hint(hint);
    let types = format!("{} is {} but refers to {}", key.label(), child.type_name, parent.type_name);
    let target = format!("{}.{}", scope::label(key.target), parent.name);
    Suspicion::new(draft, sql, move |answer, draft| {
        let stored = counted(answer.int("stored"), "value");
        let fact = match limit {
            Some(limit) if narrower => format!(
                "{types} {target}: rows above {} cannot be referenced; the largest key now is {}, {stored} \
                 stored.",
                grouped(limit),
                grouped(answer.int("largest"))
            ),
            _ => format!("{types} {target}: every comparison of the {stored} converts one side."),
        };
        Some(draft.saying(fact))
    })
}

/// Returns the largest value of an integer type; `None`, which is less, for every other type.
fn limit(base_type: &str) -> Option<i64> {
    match base_type {
        "int2" => Some(i64::from(i16::MAX)),
        "int4" => Some(i64::from(i32::MAX)),
        "int8" => Some(i64::MAX),
        _ => None,
    }
}
