//! Booleans with a third value.

use underpin_model::Code;

use crate::rule::{Context, SchemaRule};
use crate::scope::Field;
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::{counted, grouped};

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::warning("UP123", "nullable-boolean", "a boolean that may be NULL"),
    page: include_str!("../../../../docs/codes/nullable-boolean.md"),
    find: suspicions,
};

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    context
        .fields()
        .filter(|field| field.column.base_type == "bool" && !field.column.not_null)
        .filter(|field| {
            field.column.generated.is_none()
                && !field.comment_has(&["null", "unknown", "undecided", "not yet"])
        })
        .map(suspicion)
        .collect()
}

fn suspicion(field: Field<'_>) -> Suspicion {
    let column = field.quoted();
    let sql =
        format!("SELECT count(*) AS rows, count(*) - count({column}) AS nulls FROM {}", field.table.quoted());
    let (table, name) = (sql::table(field.table), sql::identifier(field.name()));
    let hint = format!(
        "UPDATE {table} SET {name} = false WHERE {name} IS NULL;\n\
         ALTER TABLE {table} ALTER COLUMN {name} SET DEFAULT false;\n{}",
        sql::set_not_null(field.table, field.name())
    );
    let label = field.label();
    Suspicion::new(field.draft(&RULE.code).hint(hint), sql, move |answer, draft| {
        let fact = format!(
            "{label} may be NULL, and {} of {} are: neither {label} nor NOT {label} finds those.",
            grouped(answer.int("nulls")),
            counted(answer.int("rows"), "row")
        );
        Some(draft.saying(fact))
    })
}
