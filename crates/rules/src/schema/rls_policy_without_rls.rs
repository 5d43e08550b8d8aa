//! Policies that are written and switched off.

use underpin_model::Code;
use underpin_model::catalog::Table;

use crate::rule::{Context, SchemaRule};
use crate::scope;
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::counted;

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::error("UP133", "rls-policy-without-rls", "policies on a table without row-level security"),
    page: include_str!("../../../../docs/codes/rls-policy-without-rls.md"),
    find: suspicions,
};

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    context
        .tables()
        .filter(|table| !table.row_security && !table.policies.is_empty())
        .map(suspicion)
        .collect()
}

fn suspicion(table: &Table) -> Suspicion {
    let name = sql::table(table);
    let hint = format!("ALTER TABLE {name} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;");
    let (label, policies) = (scope::label(table), i64::try_from(table.policies.len()).unwrap_or(0));
    Suspicion::new(
        scope::draft(table, &RULE.code).hint(hint),
        scope::count_rows(table),
        move |answer, draft| {
            let policies = if policies == 1 {
                "1 policy that does".to_owned()
            } else {
                format!("{policies} policies that do")
            };
            Some(draft.saying(format!(
                "{label} has {policies} nothing: row-level security is off, and all {} are visible.",
                counted(answer.int("rows"), "row")
            )))
        },
    )
}
