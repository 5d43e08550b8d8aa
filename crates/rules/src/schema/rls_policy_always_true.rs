//! Policies that let every row pass.

use underpin_model::catalog::{Policy, Table};
use underpin_model::{Code, Finding, ObjectKind, ObjectRef, Severity};

use crate::policy::{called_functions, expressions, is_constant_true, reads_row};
use crate::rule::{Context, SchemaRule};
use crate::scope;
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::{counted, grouped};

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::error("UP132", "rls-policy-always-true", "a policy that every row passes"),
    page: include_str!("../../../../docs/codes/rls-policy-always-true.md"),
    find: suspicions,
};

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    let key = context.tenant_key();
    context
        .tables()
        .flat_map(|table| table.policies.iter().map(move |policy| (table, policy)))
        .filter(|(_, policy)| policy.permissive)
        .filter_map(|(table, policy)| {
            let tenant_data = key.as_deref().is_some_and(|key| table.column(key).is_some());
            let meant = is_for_special_roles(context, policy) || (policy.command == "SELECT" && !tenant_data);
            let severity = if meant { Severity::Note } else { RULE.code.severity };
            suspicion(table, policy, severity)
        })
        .collect()
}

/// Returns whether the policy opens the table only to roles that are not the application's, such as an
/// auditor.
fn is_for_special_roles(context: &Context<'_>, policy: &Policy) -> bool {
    let app = context.config.database.app_role.as_deref();
    let everybody = policy.roles.is_empty() || policy.roles.iter().any(|role| role == "public");
    !everybody && app.is_some_and(|app| policy.roles.iter().all(|role| role != app))
}

fn suspicion(table: &Table, policy: &Policy, severity: Severity) -> Option<Suspicion> {
    let expression = expressions(policy).find(|text| is_constant_true(text) || can_be_tried(text, table))?;
    let constant = is_constant_true(expression);
    let sql = format!(
        "SELECT count(*) AS rows, count(*) FILTER (WHERE {expression}) AS passing FROM {}",
        table.quoted()
    );
    let name = sql::identifier(&policy.name);
    let hint = format!(
        "ALTER POLICY {name} ON {} with an expression that names the row's owner, or DROP POLICY {name}.",
        sql::table(table)
    );
    let draft = draft(table, policy).severity(severity).hint(hint);
    let (shown, label) = (policy.name.clone(), scope::label(table));
    Some(Suspicion::new(draft, sql, move |answer, draft| {
        let (rows, passing) = (answer.int("rows"), answer.int("passing"));
        let fact = format!(
            "policy {shown} lets {} of {} of {label} pass with no tenant set.",
            grouped(passing),
            counted(rows, "row")
        );
        let open = constant || (rows > 1 && passing == rows);
        open.then(|| draft.saying(fact))
    }))
}

/// Returns whether the expression can be evaluated here without a tenant and means the row: it calls no
/// function
/// that might refuse, and looks into no other table.
fn can_be_tried(expression: &str, table: &Table) -> bool {
    let harmless = |name: &String| {
        matches!(name.as_str(), "current_setting" | "NULLIF" | "COALESCE" | "nullif" | "coalesce")
    };
    let tolerant = !expression.contains("current_setting(") || expression.contains(", true)");
    let selects = expression.to_uppercase().contains("SELECT ");
    let tries = tolerant && !selects && called_functions(expression).iter().all(harmless);
    // Only a comparison of the row with something unset is expected to fail; any other flag of the row is
    // data.
    tries
        && reads_row(expression, table)
        && (expression.contains("current_setting") || is_self_comparison(expression))
}

/// Returns whether both sides of an equation are the same text: `tenant_id = tenant_id`.
fn is_self_comparison(expression: &str) -> bool {
    let bare = expression.trim_matches(|c| c == '(' || c == ')');
    bare.split_once(" = ").is_some_and(|(left, right)| left.trim() == right.trim())
}

fn draft(table: &Table, policy: &Policy) -> Finding {
    let name = format!("{}.{}", table.name, policy.name);
    let message = format!("{name}: {}", RULE.code.title);
    Finding::new(&RULE.code, message).object(ObjectRef::in_schema(ObjectKind::Policy, &table.schema, name))
}
