//! Pairs of type and id that may refer to any table, and that no foreign key can check.

use underpin_model::catalog::{Column, Table};
use underpin_model::sql_text::{quote_identifier, quote_literal};
use underpin_model::{Code, Severity};

use crate::names;
use crate::rule::{Context, SchemaRule};
use crate::scope::Field;
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::{counted, grouped};

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::warning("UP117", "polymorphic-association", "a reference to any of several tables"),
    page: include_str!("../../../../docs/codes/polymorphic-association.md"),
    find: suspicions,
};

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    context
        .fields()
        .filter(|field| !field.in_foreign_key() && !field.in_primary_key())
        .filter_map(|field| {
            let stem = field.name().strip_suffix("_id")?;
            let kind = field
                .table
                .column(&format!("{stem}_type"))
                .or_else(|| field.table.column(&format!("{stem}_kind")))?;
            let textual = matches!(kind.type_category.as_str(), "S" | "E");
            textual.then(|| suspicion(context, field, kind)).flatten()
        })
        .collect()
}

fn suspicion(context: &Context<'_>, field: Field<'_>, kind: &Column) -> Option<Suspicion> {
    let targets: Vec<&Table> = context.tables().filter(|table| table.primary_key().len() == 1).collect();
    if targets.is_empty() {
        return None;
    }
    let sql = probe(field, kind, &targets);
    let hint = format!(
        "one nullable column with a foreign key per kind, and ALTER TABLE {} ADD CHECK (num_nonnulls(…) = \
         1);",
        sql::table(field.table)
    );
    // A record of events keeps the name of what happened to a row after the row is gone.
    let record = names::is_record_of_events(&field.table.name);
    let draft = field.draft(&RULE.code).rated(record.then_some(Severity::Note)).hint(hint);
    let label = format!("{} with {}", field.label(), kind.name);
    Some(Suspicion::new(draft, sql, move |answer, draft| {
        let (tables, known, dangling) = (answer.int("tables"), answer.int("known"), answer.int("dangling"));
        let fact = format!(
            "{label} refers to {} without any foreign key: {} of {} point at no row.",
            counted(tables, "table"),
            grouped(dangling),
            counted(known, "reference")
        );
        let certain = dangling > 0 && !record;
        (tables > 0).then(|| draft.rated(certain.then_some(Severity::Error)).saying(fact))
    }))
}

/// Returns the probe: which stored types name a table of ours, and whether the row that each pair means
/// exists.
fn probe(field: Field<'_>, kind: &Column, targets: &[&Table]) -> String {
    let arms: Vec<String> = targets.iter().map(|target| arm(target)).collect();
    let named: Vec<String> = targets.iter().flat_map(|target| spellings(target)).collect();
    format!(
        "SELECT count(DISTINCT k) AS tables, count(*) AS known, count(*) FILTER (WHERE NOT CASE {} ELSE \
         true END) \
         AS dangling FROM (SELECT lower(replace(replace({kind}::text, '_', ''), '::', '')) AS k, \
         {id}::text AS v \
         FROM {from} WHERE {id} IS NOT NULL) s WHERE k IN ({})",
        arms.join(" "),
        sql::literals(&named),
        kind = quote_identifier(&kind.name),
        id = field.quoted(),
        from = field.table.quoted()
    )
}

fn arm(target: &Table) -> String {
    let key = quote_identifier(&target.primary_key()[0]);
    format!(
        "WHEN k IN ({}) THEN v IN (SELECT {key}::text FROM {})",
        spellings(target).iter().map(|name| quote_literal(name)).collect::<Vec<_>>().join(", "),
        target.quoted()
    )
}

/// Returns how a type column may name the table: `order_items`, `order_item`, `OrderItem`, folded.
fn spellings(target: &Table) -> Vec<String> {
    let mut names: Vec<String> =
        names::singulars(&target.name).into_iter().map(|name| name.replace('_', "")).collect();
    names.sort();
    names.dedup();
    names
}
