//! States that any typing error extends.

use underpin_model::catalog::ConstraintKind;
use underpin_model::{Code, Severity};

use crate::rule::{Context, SchemaRule};
use crate::scope::Field;
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::{counted, grouped};

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::warning("UP153", "check-missing", "a state column that accepts any text"),
    page: include_str!("../../../../docs/codes/check-missing.md"),
    find: suspicions,
};

/// More different values than this are no list of states.
const MOST_STATES: i64 = 12;

/// Fewer rows say nothing about the list.
const ENOUGH_ROWS: i64 = 50;

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    context
        .text_fields()
        .filter(|field| is_state(field.name()))
        .filter(|field| {
            let checked = field.constrained(ConstraintKind::Check) || field.column.domain.is_some();
            !checked && !field.in_foreign_key() && !field.in_primary_key()
        })
        .map(suspicion)
        .collect()
}

fn is_state(name: &str) -> bool {
    matches!(name, "status" | "state" | "role" | "visibility" | "priority" | "severity")
        || ["_status", "_state", "_role"].iter().any(|end| name.ends_with(end))
}

fn suspicion(field: Field<'_>) -> Suspicion {
    let column = field.quoted();
    let sql = format!(
        "SELECT count({column}) AS stored, count(DISTINCT {column}) AS different, \
         count(DISTINCT lower(trim({column}::text))) AS folded FROM {}",
        field.table.quoted()
    );
    let (table, name) = (sql::table(field.table), sql::identifier(field.name()));
    let hint = format!(
        "SELECT DISTINCT {name} FROM {table}; then ALTER TABLE {table} ADD CHECK ({name} IN (…)) NOT VALID \
         and VALIDATE it."
    );
    let label = field.label();
    Suspicion::new(field.draft(&RULE.code).hint(hint), sql, move |answer, draft| {
        let (stored, different, folded) =
            (answer.int("stored"), answer.int("different"), answer.int("folded"));
        let twice = different > folded;
        let fact = format!(
            "{label} has {} in {}{}, and no CHECK, enum or foreign key refuses another.",
            counted(different, "different value"),
            counted(stored, "row"),
            if twice { format!(" (only {} if case is ignored)", grouped(folded)) } else { String::new() }
        );
        let list = stored >= ENOUGH_ROWS && different <= MOST_STATES;
        list.then(|| draft.rated(twice.then_some(Severity::Error)).saying(fact))
    })
}
