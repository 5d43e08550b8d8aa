//! Columns that may be NULL and never are.

use underpin_model::{Code, Severity};

use crate::names::{self, Money};
use crate::rule::{Context, SchemaRule};
use crate::scope::Field;
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::counted;

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::warning("UP109", "not-null-missing", "a column that is never NULL and may be"),
    page: include_str!("../../../../docs/codes/not-null-missing.md"),
    find: suspicions,
};

/// Fewer rows say nothing about what the column will hold.
const ENOUGH_ROWS: i64 = 100;

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    context
        .fields()
        .filter(|field| !field.column.not_null && field.column.generated.is_none())
        .filter(|field| !has_reason(context, *field))
        .map(suspicion)
        .collect()
}

/// Returns whether NULL has a meaning here that the present data merely do not show.
fn has_reason(context: &Context<'_>, field: Field<'_>) -> bool {
    const REASONS: [&str; 8] =
        ["null", "optional", "unknown", "absent", "empty until", "not yet", "unset", "only when"];
    let set_null = |action: &str| action == "SET NULL";
    let emptied_by_delete = field.table.constraints.iter().any(|constraint| {
        constraint.columns.iter().any(|name| name == field.name())
            && constraint.reference.as_ref().is_some_and(|r| set_null(&r.on_delete) || set_null(&r.on_update))
    });
    let soft_delete = context.config.soft_delete.column.as_deref() == Some(field.name());
    // A boolean is the business of nullable-boolean.
    emptied_by_delete || soft_delete || field.comment_has(&REASONS) || field.column.base_type == "bool"
}

fn suspicion(field: Field<'_>) -> Suspicion {
    let sql =
        format!("SELECT count(*) AS rows, count({}) AS filled FROM {}", field.quoted(), field.table.quoted());
    let draft = field.draft(&RULE.code).rated((!is_surely_required(field)).then_some(Severity::Note));
    let draft = draft.hint(sql::set_not_null(field.table, field.name()));
    let label = field.label();
    Suspicion::new(draft, sql, move |answer, draft| {
        let (rows, filled) = (answer.int("rows"), answer.int("filled"));
        let fact = format!(
            "{label} may be NULL, but none of {} is; say NOT NULL, or say why.",
            counted(rows, "row")
        );
        (rows >= ENOUGH_ROWS && rows == filled).then(|| draft.saying(fact))
    })
}

/// Returns whether a row without the value makes no sense: it was given a default, it is money, it links the
/// row to its owner, or it records the birth of the row.
fn is_surely_required(field: Field<'_>) -> bool {
    let defaulted = field.column.default.as_deref().is_some_and(|text| !text.starts_with("NULL"));
    let born = matches!(field.name(), "created_at" | "inserted_at" | "updated_at");
    let owed = names::money(field.name(), &field.table.name) == Money::Surely
        && !names::has_word(field.name(), &["refund", "discount", "tip", "deposit"]);
    defaulted || born || owed || field.in_foreign_key()
}
