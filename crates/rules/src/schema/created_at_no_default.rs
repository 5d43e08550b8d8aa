//! Birth times that every writer must remember to set.

use underpin_model::Code;

use crate::rule::{Context, SchemaRule};
use crate::scope::{self, Field};
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::counted;

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::note("UP151", "created-at-no-default", "a creation time without a default"),
    page: include_str!("../../../../docs/codes/created-at-no-default.md"),
    find: suspicions,
};

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    context
        .fields()
        .filter(|field| {
            matches!(field.name(), "created_at" | "inserted_at") && field.column.type_category == "D"
        })
        .filter(|field| field.column.default.is_none() && field.column.generated.is_none())
        .map(suspicion)
        .collect()
}

fn suspicion(field: Field<'_>) -> Suspicion {
    let (table, name) = (sql::table(field.table), sql::identifier(field.name()));
    let hint = format!("ALTER TABLE {table} ALTER COLUMN {name} SET DEFAULT now();");
    let label = field.label();
    Suspicion::new(
        field.draft(&RULE.code).hint(hint),
        scope::count_rows(field.table),
        move |answer, draft| {
            let rows = counted(answer.int("rows"), "row");
            Some(draft.saying(format!(
                "{label} has no default: each of {rows} took the clock of whoever wrote it."
            )))
        },
    )
}
