//! Reference columns that do not say what they refer to.

use underpin_model::Code;

use crate::names;
use crate::rule::{Context, SchemaRule};
use crate::scope::{self, ForeignKey};
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::counted;

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::note("UP144", "fk-name", "a reference that is not named after its target"),
    page: include_str!("../../../../docs/codes/fk-name.md"),
    find: suspicions,
};

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    context.references().filter_map(|key| suspicion(&key)).collect()
}

fn suspicion(key: &ForeignKey<'_>) -> Option<Suspicion> {
    let ([column], [referenced]) = (key.constraint.columns.as_slice(), key.reference.columns.as_slice())
    else {
        return None;
    };
    let one = names::singular(&key.target.name);
    // A role says more than the table (`author_id`, `approved_by`); a natural key keeps its own name.
    let says_it = column.ends_with(&format!("_{referenced}"))
        || column.ends_with(&format!("{one}_id"))
        || column.ends_with("_by")
        || column == referenced
        || names::words(column)
            .last()
            .is_some_and(|word| *word == one || one.ends_with(word.as_str()) && word.len() > 3);
    let natural = referenced != "id" && column.ends_with(referenced.as_str());
    if (says_it && column != &one) || natural {
        return None;
    }
    let better = format!("{one}_{referenced}");
    let hint = format!(
        "ALTER TABLE {} RENAME COLUMN {} TO {};",
        sql::table(key.table),
        sql::identifier(column),
        sql::identifier(&better)
    );
    let (label, target) = (key.label(), format!("{}.{referenced}", scope::label(key.target)));
    let sql = format!(
        "SELECT count({}) AS stored FROM {}",
        underpin_model::sql_text::quote_identifier(column),
        key.table.quoted()
    );
    Some(Suspicion::new(key.draft(&RULE.code).hint(hint), sql, move |answer, draft| {
        let stored = counted(answer.int("stored"), "value");
        Some(draft.saying(format!(
            "{label} holds {stored} of {target}, which its name does not say ({better} would)."
        )))
    }))
}
