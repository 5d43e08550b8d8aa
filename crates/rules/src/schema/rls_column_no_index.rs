//! Policies whose column no index leads with.

use underpin_model::{Code, Severity};

use crate::policy::policy_columns;
use crate::rule::{Context, SchemaRule};
use crate::scope::Field;
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::{counted, grouped};

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::warning("UP135", "rls-column-no-index", "a policy's column without an index"),
    page: include_str!("../../../../docs/codes/rls-column-no-index.md"),
    find: suspicions,
};

/// Below this a sequential scan is what the planner would choose anyway.
const WORTH_AN_INDEX: i64 = 500;

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    context
        .tables()
        .filter(|table| table.row_security)
        .filter_map(|table| {
            let fields = policy_columns(table).into_iter().filter_map(|name| table.column(name));
            let fields: Vec<Field<'_>> = fields.map(|column| Field { table, column }).collect();
            let indexed = fields.iter().any(|field| field.leads_an_index());
            // One indexed column of the policy is enough to find the rows.
            let first = fields.first().copied().filter(|_| !indexed)?;
            Some(suspicion(first, context.production_rows(table)))
        })
        .collect()
}

fn suspicion(field: Field<'_>, production: i64) -> Suspicion {
    let sql = format!(
        "SELECT count(*) AS rows, count(DISTINCT {}) AS owners FROM {}",
        field.quoted(),
        field.table.quoted()
    );
    let draft = field.draft(&RULE.code).hint(sql::create_index(field.table, &[field.name()]));
    let label = field.label();
    Suspicion::new(draft, sql, move |answer, draft| {
        let rows = answer.int("rows").max(production);
        let fact = format!(
            "{label} decides who sees a row and leads no index: each query reads {} to find those of 1 in \
             {}.",
            counted(rows, "row"),
            grouped(answer.int("owners"))
        );
        Some(draft.rated((rows < WORTH_AN_INDEX).then_some(Severity::Note)).saying(fact))
    })
}
