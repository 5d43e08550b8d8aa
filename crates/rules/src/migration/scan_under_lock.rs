//! A statement reads or writes many rows under the lock that it takes itself.

use underpin_model::deployment::{Deployment, Step};
use underpin_model::{Code, Finding};

use super::MigrationRule;
use super::told::{at, growth, table, waiting};
use super::{index_build_blocks, table_rewrite};

pub(super) static RULE: MigrationRule = MigrationRule {
    code: Code::error("UP402", "scan-under-lock", "a table is read through while others wait for it"),
    page: include_str!("../../../../docs/codes/scan-under-lock.md"),
    find: |deployment| deployment.steps.iter().filter_map(|step| finding(deployment, step)).collect(),
};

fn finding(deployment: &Deployment, step: &Step) -> Option<Finding> {
    let name = scanned(step)?;
    let message =
        format!("{} while the statement works: {}.", capital(&waiting(step.widest())), growth(step));
    let hint = "Split it: ADD CONSTRAINT … NOT VALID in one file, VALIDATE CONSTRAINT in the next; a NOT NULL by way of a valid CHECK (… IS NOT NULL).";
    Some(at(&RULE.code, deployment, step, message).object(table(name)).hint(hint))
}

/// Returns a table that the statement's own lock blocks while its work grows.
pub(super) fn scanned(step: &Step) -> Option<&str> {
    if !step.grows() || table_rewrite::rewritten(step).is_some() || index_build_blocks::built(step).is_some()
    {
        return None;
    }
    let work = step.widest();
    let new = work.newly_blocked().into_iter().next();
    // The second constraint of a table blocks by itself what the first blocks already.
    let alters = step.statement.facts.node == "AlterTableStmt";
    let named = |name: &&str| {
        step.statement
            .facts
            .relations
            .iter()
            .any(|relation| name.rsplit('.').next() == Some(relation.name.as_str()))
    };
    new.or_else(|| work.blocked().into_iter().find(|name| alters && named(name)))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
