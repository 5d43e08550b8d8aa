//! A table gets new files while others wait for it.

use underpin_model::deployment::{Deployment, Step};
use underpin_model::{Code, Finding};

use super::MigrationRule;
use super::told::{at, growth, table, waiting};

pub(super) static RULE: MigrationRule = MigrationRule {
    code: Code::error("UP400", "table-rewrite", "a migration writes a table anew while others wait for it"),
    page: include_str!("../../../../docs/codes/table-rewrite.md"),
    find: |deployment| deployment.steps.iter().filter_map(|step| finding(deployment, step)).collect(),
};

fn finding(deployment: &Deployment, step: &Step) -> Option<Finding> {
    let work = step.widest();
    let rewritten = rewritten(step)?;
    let message = format!(
        "{rewritten} is written anew, and {} until the transaction ends: {}.",
        waiting(work),
        growth(step)
    );
    let hint = "Add a column beside it, fill that in batches, and swap: `underpin migrate new --change change-type`.";
    Some(at(&RULE.code, deployment, step, message).object(table(rewritten)).hint(hint))
}

/// Returns the table that the statement rewrites while it is blocked, when that work grows.
pub(super) fn rewritten(step: &Step) -> Option<&str> {
    let work = step.widest();
    let blocked = work.blocked();
    let name = work.rewrites.iter().find(|name| blocked.contains(name.as_str()))?;
    step.grows().then_some(name.as_str())
}
