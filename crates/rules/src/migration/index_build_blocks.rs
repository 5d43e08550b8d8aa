//! An index is built while writes wait.

use underpin_model::deployment::{Deployment, Step};
use underpin_model::{Code, Finding};

use super::MigrationRule;
use super::table_rewrite::rewritten;
use super::told::{at, growth, table, waiting};

pub(super) static RULE: MigrationRule = MigrationRule {
    code: Code::error("UP401", "index-build-blocks", "an index is built while writes to its table wait"),
    page: include_str!("../../../../docs/codes/index-build-blocks.md"),
    find: |deployment| deployment.steps.iter().filter_map(|step| finding(deployment, step)).collect(),
};

fn finding(deployment: &Deployment, step: &Step) -> Option<Finding> {
    let (index, owner) = built(step)?;
    let message = format!("The index {index} is built while {}: {}.", waiting(step.widest()), growth(step));
    let hint = match step.statement.facts.node.as_str() {
        "IndexStmt" => "CREATE INDEX CONCURRENTLY, in a file whose first line is -- no-transaction.",
        "ReindexStmt" => "REINDEX CONCURRENTLY, in a file whose first line is -- no-transaction.",
        _ => {
            "CREATE UNIQUE INDEX CONCURRENTLY in a -- no-transaction file, then ALTER TABLE … ADD CONSTRAINT … USING INDEX."
        }
    };
    Some(at(&RULE.code, deployment, step, message).object(table(owner)).hint(hint))
}

/// Returns the index that is built, and its table, when writes to that table wait and the work grows.
pub(super) fn built(step: &Step) -> Option<(&str, &str)> {
    let work = step.widest();
    let blocked = work.blocked();
    if rewritten(step).is_some() || !step.grows() {
        return None;
    }
    let built = work.index_builds.iter().find(|(_, owner)| blocked.contains(owner.as_str()));
    built.map(|(index, owner)| (index.as_str(), owner.as_str()))
}
