//! One thing under two names or two types.

use std::collections::BTreeMap;

use underpin_model::Code;
use underpin_model::catalog::ConstraintKind;

use crate::names::{self, Money};
use crate::rule::{Context, SchemaRule};
use crate::scope::{self, Field};
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::counted;

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::warning("UP145", "name-inconsistent", "one thing under two names or types"),
    page: include_str!("../../../../docs/codes/name-inconsistent.md"),
    find: suspicions,
};

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    other_types(context).into_iter().chain(other_names(context)).collect()
}

/// Returns columns that have the name of a column elsewhere and another type, where the name means one thing.
fn other_types(context: &Context<'_>) -> Vec<Suspicion> {
    let mut by_name: BTreeMap<&str, Vec<Field<'_>>> = BTreeMap::new();
    for field in context.fields().filter(|field| means_one_thing(*field)) {
        by_name.entry(field.name()).or_default().push(field);
    }
    by_name.into_values().filter_map(|fields| odd_one_out(&fields)).flatten().collect()
}

/// Returns whether the name means the same in every table: references, instants, and amounts of money.
fn means_one_thing(field: Field<'_>) -> bool {
    let name = field.name();
    // One foreign key decides the type of its column; fk-type-mismatch looks after it.
    let reference = name.ends_with("_id") && !field.constrained(ConstraintKind::ForeignKey);
    let linked = name.ends_with("_id") && field.constrained(ConstraintKind::ForeignKey);
    let instant = name.ends_with("_at");
    let money = names::money(name, &field.table.name) == Money::Surely;
    let polymorphic =
        name.strip_suffix("_id").is_some_and(|stem| field.table.column(&format!("{stem}_type")).is_some());
    !polymorphic
        && (reference || linked || instant || money)
        && !names::is_record_of_events(&field.table.name)
}

fn odd_one_out(fields: &[Field<'_>]) -> Option<Vec<Suspicion>> {
    let mut votes: BTreeMap<String, usize> = BTreeMap::new();
    for field in fields {
        *votes.entry(kind_of_type(*field)).or_default() += 1;
    }
    let (usual, count) = votes.iter().max_by_key(|(_, count)| **count)?;
    let odd = fields.iter().filter(|field| kind_of_type(**field) != *usual);
    let model = fields.iter().find(|field| kind_of_type(**field) == *usual)?;
    Some(odd.map(|field| other_type(*field, *model, *count)).collect())
}

/// Returns what must agree: the type without its modifier, text being text.
fn kind_of_type(field: Field<'_>) -> String {
    match field.column.base_type.as_str() {
        "varchar" | "bpchar" | "citext" => "text".to_owned(),
        "float4" | "float8" | "money" => "numeric".to_owned(),
        other => other.to_owned(),
    }
}

fn other_type(field: Field<'_>, model: Field<'_>, count: usize) -> Suspicion {
    let (label, is) = (field.label(), field.column.type_name.clone());
    let (other, other_is) = (model.label(), model.column.type_name.clone());
    let hint = format!("give {label} the type {other_is}, or a name that says what is different about it.");
    // Cents here and decimals there is one factor of a hundred away from a wrong invoice; the rest costs
    // casts.
    let draft = field.draft(&RULE.code).hint(hint);
    Suspicion::new(draft, scope::count_rows(field.table), move |answer, draft| {
        let rows = counted(answer.int("rows"), "row");
        let places = counted(i64::try_from(count).unwrap_or(0), "other place");
        Some(draft.saying(format!(
            "{label} is {is} ({rows}), but the same name is {other_is} in {places} such as {other}."
        )))
    })
}

/// Returns references to a table that spell its usual column name differently: `uid`, `userid`, `users_id`.
fn other_names(context: &Context<'_>) -> Vec<Suspicion> {
    context
        .references()
        .filter_map(|key| {
            let [column] = key.constraint.columns.as_slice() else { return None };
            let one = names::singular(&key.target.name);
            let usual = format!("{one}_id");
            let established = context.references().any(|other| {
                other.target.name == key.target.name && other.constraint.columns == [usual.clone()]
            });
            let variants = [
                format!("{one}id"),
                format!("{}_id", key.target.name),
                format!("id_{one}"),
                format!("{one}_ref"),
                format!("{one}_key"),
                format!("fk_{one}"),
            ];
            let initial = one.chars().next().map(|c| format!("{c}id")).unwrap_or_default();
            let folded = column.to_lowercase();
            let same_thing = variants.contains(&folded) || folded == initial;
            (established && same_thing && *column != usual).then(|| other_name(&key, column, &usual))
        })
        .collect()
}

fn other_name(key: &scope::ForeignKey<'_>, column: &str, usual: &str) -> Suspicion {
    let hint = format!(
        "ALTER TABLE {} RENAME COLUMN {} TO {};",
        sql::table(key.table),
        sql::identifier(column),
        sql::identifier(usual)
    );
    let (label, target, usual) = (key.label(), scope::label(key.target), usual.to_owned());
    Suspicion::new(key.draft(&RULE.code).hint(hint), scope::count_rows(key.table), move |answer, draft| {
        let rows = counted(answer.int("rows"), "row");
        Some(draft.saying(format!("{label} ({rows}) refers to {target}, which other tables call {usual}.")))
    })
}
