//! Tables named in the singular.

use underpin_model::Code;

use crate::names;
use crate::rule::{Context, SchemaRule};
use crate::scope;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::counted;

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::note("UP143", "table-not-plural", "a table named in the singular"),
    page: include_str!("../../../../docs/codes/table-not-plural.md"),
    find: suspicions,
};

/// A schema that is singular throughout has its own convention; only stragglers are reported.
fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    let all = context.tables().count();
    let singular = context.tables().filter(|table| !names::is_plural(&table.name));
    let tables: Vec<_> = singular.collect();
    if all > 2 && tables.len() * 2 > all {
        return Vec::new();
    }
    tables
        .into_iter()
        .map(|table| {
            let draft = scope::draft(table, &RULE.code).hint("name the table after its rows, in the plural.");
            let label = scope::label(table);
            Suspicion::new(draft, scope::count_rows(table), move |answer, draft| {
                let rows = counted(answer.int("rows"), "row");
                Some(draft.saying(format!(
                    "{label} is a singular name for a table of {rows}; most tables here are plural."
                )))
            })
        })
        .collect()
}
