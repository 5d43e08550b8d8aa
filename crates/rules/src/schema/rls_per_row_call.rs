//! Policies that call a function for every row.

use underpin_model::catalog::{Policy, Table};
use underpin_model::{Code, Finding, ObjectKind, ObjectRef};

use crate::policy::{called_functions, expressions, without_subqueries};
use crate::rule::{Context, SchemaRule};
use crate::scope;
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::counted;

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::warning("UP134", "rls-per-row-call", "a policy that calls a function for every row"),
    page: include_str!("../../../../docs/codes/rls-per-row-call.md"),
    find: suspicions,
};

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    context
        .tables()
        .flat_map(|table| table.policies.iter().map(move |policy| (table, policy)))
        .filter_map(|(table, policy)| {
            let using = expressions(policy).find_map(|text| call_per_row(context, text))?;
            Some(suspicion(table, policy, using))
        })
        .collect()
}

/// Returns the first function outside any `(SELECT …)` that costs something: `current_setting` or one of
/// the project's.
fn call_per_row(context: &Context<'_>, expression: &str) -> Option<String> {
    let costly = |name: &String| {
        let bare = name.rsplit('.').next().unwrap_or(name);
        let own = context.catalog.functions.iter().find(|function| function.name == bare);
        bare == "current_setting" || own.is_some_and(|function| function.volatility != "immutable")
    };
    called_functions(&without_subqueries(expression)).into_iter().find(costly)
}

fn suspicion(table: &Table, policy: &Policy, function: String) -> Suspicion {
    let object =
        ObjectRef::in_schema(ObjectKind::Policy, &table.schema, format!("{}.{}", table.name, policy.name));
    let name = sql::identifier(&policy.name);
    let hint = format!(
        "ALTER POLICY {name} ON {}: write (SELECT {function}(…)) instead of {function}(…), which then runs \
         once per statement.",
        sql::table(table)
    );
    let draft =
        Finding::new(&RULE.code, format!("{}: {}", policy.name, RULE.code.title)).object(object).hint(hint);
    let (policy, label) = (policy.name.clone(), scope::label(table));
    Suspicion::new(draft, scope::count_rows(table), move |answer, draft| {
        Some(draft.saying(format!(
            "policy {policy} calls {function} once per row: {} for one reading of {label}.",
            counted(answer.int("rows"), "call")
        )))
    })
}
