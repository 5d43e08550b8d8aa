//! Money in binary floating point.

use underpin_model::{Code, Severity};

use crate::names::{self, Money};
use crate::rule::{Context, SchemaRule};
use crate::scope::Field;
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::{counted, grouped};

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::error("UP118", "money-float", "money in binary floating point"),
    page: include_str!("../../../../docs/codes/money-float.md"),
    find: suspicions,
};

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    context
        .fields()
        .filter(|field| matches!(field.column.base_type.as_str(), "float4" | "float8"))
        .filter_map(|field| Some(suspicion(field, severity(field)?)))
        .collect()
}

/// Returns how bad it is, by how surely the column is money; a currency beside it settles the doubt.
fn severity(field: Field<'_>) -> Option<Severity> {
    match names::money(field.name(), &field.table.name) {
        Money::No => None,
        Money::Perhaps if field.table.column("currency").is_none() => Some(Severity::Warning),
        Money::Perhaps | Money::Surely => Some(Severity::Error),
    }
}

fn suspicion(field: Field<'_>, severity: Severity) -> Suspicion {
    let column = field.quoted();
    let finite = format!("{column} NOT IN ('NaN', 'Infinity', '-Infinity')");
    let sql = format!(
        "SELECT count({column}) AS stored, count(*) FILTER (WHERE {finite} AND \
         {column}::float8::numeric <> round({column}::float8::numeric, 2)) AS inexact, \
         coalesce(abs(sum({column}) FILTER (WHERE {finite})::float8::numeric(38,9) \
         - sum(round({column}::numeric, 2)) FILTER (WHERE {finite})), 0)::numeric(38,9)::text AS drift FROM {}",
        field.table.quoted()
    );
    let (table, name) = (sql::table(field.table), sql::identifier(field.name()));
    let hint = format!(
        "ALTER TABLE {table} ALTER COLUMN {name} TYPE numeric(12,2) USING round({name}::numeric, 2);"
    );
    let what = format!("{} is {}", field.label(), field.column.type_name);
    Suspicion::new(field.draft(&RULE.code).severity(severity).hint(hint), sql, move |answer, draft| {
        let stored = counted(answer.int("stored"), "stored value");
        let drift = answer.text("drift").trim_end_matches('0').trim_end_matches('.');
        let sum = match drift {
            "" | "0" => String::new(),
            drift => format!(", and their sum is off by {drift}"),
        };
        let fact = format!(
            "{what}; {} of {stored} already differ from their 2-decimal value{sum}.",
            grouped(answer.int("inexact"))
        );
        Some(draft.saying(fact))
    })
}
