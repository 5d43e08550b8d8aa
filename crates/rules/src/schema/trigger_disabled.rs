//! Triggers that are switched off.

use underpin_model::catalog::{Table, Trigger};
use underpin_model::{Code, Finding, ObjectKind, ObjectRef};

use crate::rule::{Context, SchemaRule};
use crate::scope;
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::counted;

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::error("UP147", "trigger-disabled", "a trigger that is switched off"),
    page: include_str!("../../../../docs/codes/trigger-disabled.md"),
    find: suspicions,
};

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    let triggers =
        context.tables().flat_map(|table| table.triggers.iter().map(move |trigger| (table, trigger)));
    triggers
        .filter(|(_, trigger)| !trigger.enabled)
        .map(|(table, trigger)| suspicion(table, trigger))
        .collect()
}

fn suspicion(table: &Table, trigger: &Trigger) -> Suspicion {
    let name = format!("{}.{}", table.name, trigger.name);
    let object = ObjectRef::in_schema(ObjectKind::Trigger, &table.schema, &name);
    let hint =
        format!("ALTER TABLE {} ENABLE TRIGGER {};", sql::table(table), sql::identifier(&trigger.name));
    let draft = Finding::new(&RULE.code, format!("{name}: {}", RULE.code.title)).object(object).hint(hint);
    let (trigger, label, function) = (trigger.name.clone(), scope::label(table), trigger.function.clone());
    Suspicion::new(draft, scope::count_rows(table), move |answer, draft| {
        Some(draft.saying(format!(
            "trigger {trigger} on {label} is disabled: {function} runs for no write, and {} may be out of \
             step.",
            counted(answer.int("rows"), "row")
        )))
    })
}
