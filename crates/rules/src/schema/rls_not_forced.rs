//! Row-level security that the table's owner walks past.

use underpin_model::catalog::Table;
use underpin_model::{Code, Severity};

use crate::rule::{Context, SchemaRule};
use crate::scope;
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::counted;

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::warning("UP131", "rls-not-forced", "row-level security that does not bind the owner"),
    page: include_str!("../../../../docs/codes/rls-not-forced.md"),
    find: suspicions,
};

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    context
        .tables()
        .filter(|table| table.row_security && !table.row_security_forced && !table.policies.is_empty())
        .map(|table| suspicion(context, table))
        .collect()
}

/// Returns whether the application's role is the owner, or a member of it.
fn app_role_owns(context: &Context<'_>, table: &Table) -> bool {
    let Some(app) = context.config.database.app_role.as_deref() else { return false };
    let member =
        |role: &&underpin_model::catalog::Role| role.name == app && role.member_of.contains(&table.owner);
    app == table.owner || context.catalog.roles.iter().any(|role| member(&role))
}

fn suspicion(context: &Context<'_>, table: &Table) -> Suspicion {
    let app_owns = app_role_owns(context, table);
    let hint = format!("ALTER TABLE {} FORCE ROW LEVEL SECURITY;", sql::table(table));
    let draft = scope::draft(table, &RULE.code).rated(app_owns.then_some(Severity::Error)).hint(hint);
    let (label, owner) = (scope::label(table), table.owner.clone());
    Suspicion::new(draft, scope::count_rows(table), move |answer, draft| {
        let who = if app_owns { " (the application's own role)" } else { "" };
        Some(draft.saying(format!(
            "{label} does not force row-level security: its owner {owner}{who} sees all {} whatever the \
             policies say.",
            counted(answer.int("rows"), "row")
        )))
    })
}
