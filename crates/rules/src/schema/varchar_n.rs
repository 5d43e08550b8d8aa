//! Length limits that nobody meant.

use underpin_model::Code;

use crate::rule::{Context, SchemaRule};
use crate::scope::Field;
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::{counted, grouped};

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::note("UP122", "varchar-n", "a length limit in the type"),
    page: include_str!("../../../../docs/codes/varchar-n.md"),
    find: suspicions,
};

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    context
        .fields()
        .filter(|field| field.column.base_type == "varchar" && field.column.domain.is_none())
        .filter(|field| field.column.type_name.contains('('))
        .map(suspicion)
        .collect()
}

fn suspicion(field: Field<'_>) -> Suspicion {
    let column = field.quoted();
    let sql = format!(
        "SELECT count({column}) AS stored, coalesce(max(length({column})), 0) AS longest FROM {}",
        field.table.quoted()
    );
    let hint = format!(
        "ALTER TABLE {} ALTER COLUMN {} TYPE text;",
        sql::table(field.table),
        sql::identifier(field.name())
    );
    let what = format!("{} is {}", field.label(), field.column.type_name);
    Suspicion::new(field.draft(&RULE.code).hint(hint), sql, move |answer, draft| {
        let fact = format!(
            "{what}; the longest of {} has {} characters. text with a CHECK says the same and is changed \
             without a rewrite.",
            counted(answer.int("stored"), "value"),
            grouped(answer.int("longest"))
        );
        Some(draft.saying(fact))
    })
}
