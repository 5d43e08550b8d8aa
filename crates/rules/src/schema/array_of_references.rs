//! Arrays of another table's keys, which no foreign key can check.

use underpin_model::catalog::Table;
use underpin_model::sql_text::quote_identifier;
use underpin_model::{Code, Severity};

use super::derived_column::is_annotated;
use crate::names;
use crate::rule::{Context, SchemaRule};
use crate::scope::{self, Field};
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::{counted, grouped};

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::warning("UP152", "array-of-references", "an array of another table's keys"),
    page: include_str!("../../../../docs/codes/array-of-references.md"),
    find: suspicions,
};

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    let tables: Vec<&Table> = context.tables().collect();
    context
        .fields()
        .filter(|field| field.column.type_category == "A" && !names::is_record_of_events(&field.table.name))
        .filter(|field| !is_annotated(field.column.comment.as_deref()))
        .filter_map(|field| {
            let stem = field.name().strip_suffix("_ids")?;
            let target =
                tables.iter().find(|table| names::singulars(&table.name).iter().any(|one| one == stem))?;
            let [key] = target.primary_key() else { return None };
            let element = field.column.base_type.strip_prefix('_')?;
            let same = target.column(key).is_some_and(|key| key.base_type == element);
            same.then(|| suspicion(field, target, key))
        })
        .collect()
}

fn suspicion(field: Field<'_>, target: &Table, key: &str) -> Suspicion {
    let quoted = quote_identifier(key);
    let sql = format!(
        "SELECT count(*) AS items, count(*) FILTER (WHERE p.{quoted} IS NULL) AS dangling \
         FROM {} t CROSS JOIN unnest(t.{}) AS item LEFT JOIN {} p ON p.{quoted} = item",
        field.table.quoted(),
        field.quoted(),
        target.quoted()
    );
    let one = names::singular(&field.table.name);
    let hint = format!(
        "a junction table {one}_{} with two foreign keys; fill it from SELECT t.*, item FROM {} t, \
         unnest({}) AS item;",
        target.name,
        sql::table(field.table),
        sql::identifier(field.name())
    );
    let (label, target) = (field.label(), scope::label(target));
    Suspicion::new(field.draft(&RULE.code).hint(hint), sql, move |answer, draft| {
        let dangling = answer.int("dangling");
        let fact = format!(
            "{label} holds {} of {target} that no foreign key checks: {} exist no more.",
            counted(answer.int("items"), "key"),
            grouped(dangling)
        );
        Some(draft.rated((dangling > 0).then_some(Severity::Error)).saying(fact))
    })
}
