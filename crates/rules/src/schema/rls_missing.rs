//! Tenant data that every role may read whole.

use underpin_model::Code;
use underpin_model::catalog::Table;

use crate::rule::{Context, SchemaRule};
use crate::scope::{self, Field};
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::{counted, grouped};

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::error("UP129", "rls-missing", "tenant data without row-level security"),
    page: include_str!("../../../../docs/codes/rls-missing.md"),
    find: suspicions,
};

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    if !context.uses_row_security() {
        return Vec::new();
    }
    let Some(key) = context.tenant_key() else { return Vec::new() };
    context
        .tables()
        .filter(|table| !table.row_security && table.policies.is_empty())
        .filter_map(|table| Some(suspicion(Field { table, column: table.column(&key)? })))
        .collect()
}

fn suspicion(key: Field<'_>) -> Suspicion {
    let sql = format!(
        "SELECT count(*) AS rows, count(DISTINCT {}) AS tenants FROM {}",
        key.quoted(),
        key.table.quoted()
    );
    let draft = scope::draft(key.table, &RULE.code).hint(enable(key.table));
    let (label, name) = (scope::label(key.table), key.name().to_owned());
    Suspicion::new(draft, sql, move |answer, draft| {
        let fact = format!(
            "{label} has {name} but no row-level security: {} of {} are one missing WHERE away from each \
             other.",
            counted(answer.int("rows"), "row"),
            format_args!("{} tenants", grouped(answer.int("tenants")))
        );
        Some(draft.saying(fact))
    })
}

/// Returns the statement that switches row-level security on, for owners too.
pub(super) fn enable(table: &Table) -> String {
    let name = sql::table(table);
    format!(
        "ALTER TABLE {name} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; then a policy for each role."
    )
}
