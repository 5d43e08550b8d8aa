//! Row-level security that lets nobody in.

use underpin_model::catalog::Table;
use underpin_model::{Code, Severity};

use crate::rule::{Context, SchemaRule};
use crate::scope;
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::counted;

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::error("UP130", "rls-no-policy", "row-level security without a policy"),
    page: include_str!("../../../../docs/codes/rls-no-policy.md"),
    find: suspicions,
};

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    context
        .tables()
        .filter(|table| table.row_security && table.policies.is_empty())
        .map(|table| suspicion(table, grantees(context, table)))
        .collect()
}

/// Returns the roles that were granted something on the table, and now see nothing of it.
fn grantees(context: &Context<'_>, table: &Table) -> Vec<String> {
    let object = format!("{}.{}", table.schema, table.name);
    let granted = context.catalog.grants.iter().filter(|grant| grant.on == "table" && grant.object == object);
    let mut roles: Vec<String> =
        granted.map(|grant| grant.grantee.clone()).filter(|role| *role != table.owner).collect();
    roles.dedup();
    roles
}

fn suspicion(table: &Table, roles: Vec<String>) -> Suspicion {
    let name = sql::table(table);
    let hint = format!(
        "CREATE POLICY {} ON {name} USING (the row belongs to the caller); or REVOKE ALL ON {name} from \
         those roles.",
        sql::identifier(&format!("{}_policy", table.name))
    );
    // Nobody was granted anything: a locked drawer may be meant.
    let draft = scope::draft(table, &RULE.code).rated(roles.is_empty().then_some(Severity::Note)).hint(hint);
    let label = scope::label(table);
    Suspicion::new(draft, scope::count_rows(table), move |answer, draft| {
        let rows = counted(answer.int("rows"), "row");
        let who = if roles.is_empty() { "every role but the owner".to_owned() } else { roles.join(", ") };
        Some(draft.saying(format!(
            "{label} has row-level security and no policy: its {rows} do not exist for {who}, and every \
             INSERT is refused."
        )))
    })
}
