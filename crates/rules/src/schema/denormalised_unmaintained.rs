//! Declared denormalisation that nothing keeps right.

use underpin_model::Code;
use underpin_model::catalog::Table;

use super::derived_column::{is_annotated, is_recounted};
use crate::rule::{Context, SchemaRule};
use crate::scope::{self, mentions};
use crate::suspicion::{Restate, Suspicion};
use crate::wording::counted;

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::error("UP146", "denormalised-unmaintained", "denormalised data that nothing maintains"),
    page: include_str!("../../../../docs/codes/denormalised-unmaintained.md"),
    find: suspicions,
};

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    let columns = context
        .fields()
        .filter(|field| is_annotated(field.column.comment.as_deref()) && field.column.generated.is_none())
        .filter(|field| !is_snapshot(field.column.comment.as_deref()))
        .filter(|field| !is_maintained(context, field.table, Some(field.name())))
        .map(|field| {
            suspicion(
                field.table,
                field.label(),
                field.draft(&RULE.code).hint(hint(field.table, Some(field.name()))),
            )
        });
    let tables = context
        .tables()
        .filter(|table| is_annotated(table.comment.as_deref()) && !is_snapshot(table.comment.as_deref()))
        .filter(|table| !is_maintained(context, table, None))
        .map(|table| {
            suspicion(table, scope::label(table), scope::draft(table, &RULE.code).hint(hint(table, None)))
        });
    columns.chain(tables).collect()
}

/// Returns whether the comment says that the value is a copy of a moment, which must not follow its source.
fn is_snapshot(comment: Option<&str>) -> bool {
    const MOMENTS: [&str; 9] = [
        "snapshot",
        "at the time",
        "at that time",
        "at time of",
        "as of",
        "frozen",
        "never updated",
        "immutable",
        "historical",
    ];
    let comment = comment.unwrap_or("").to_lowercase();
    MOMENTS.iter().any(|moment| comment.contains(moment))
}

/// Returns whether an enabled trigger's function writes it, or an invariant recounts it.
fn is_maintained(context: &Context<'_>, table: &Table, column: Option<&str>) -> bool {
    is_recounted(context, table, column) || is_written_by_trigger(context, table, column)
}

fn is_written_by_trigger(context: &Context<'_>, table: &Table, column: Option<&str>) -> bool {
    context.catalog.tables.iter().any(|source| {
        let own = std::ptr::eq(source, table);
        source.triggers.iter().filter(|trigger| trigger.enabled).any(|trigger| {
            let body = context
                .catalog
                .functions
                .iter()
                .find(|function| trigger.function == format!("{}.{}", function.schema, function.name))
                .map_or("", |function| function.definition.as_str());
            let names_table = own || mentions(body, &table.name);
            // A trigger function of an extension, such as moddatetime, gets the column as an argument.
            let names_column =
                |name: &str| mentions(body, name) || (own && mentions(&trigger.definition, name));
            column.map_or(!own && mentions(body, &table.name), |name| names_table && names_column(name))
        })
    })
}

fn suspicion(table: &Table, label: String, draft: underpin_model::Finding) -> Suspicion {
    Suspicion::new(draft, scope::count_rows(table), move |answer, draft| {
        let rows = counted(answer.int("rows"), "row");
        let fact = format!(
            "{label} is declared denormalised, but no trigger writes it and no invariant recounts it: \
             {rows} rest on trust."
        );
        Some(draft.saying(fact))
    })
}

fn hint(table: &Table, column: Option<&str>) -> String {
    let recount = format!("{}.{}", table.name, column.unwrap_or("COLUMN"));
    format!(
        "maintain it by a trigger on its source, or add an invariant with the header `-- recount: {recount}`."
    )
}
