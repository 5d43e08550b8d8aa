//! A lock of an earlier statement stays while a later one works.

use underpin_model::deployment::{Deployment, Step};
use underpin_model::{Code, Finding};

use super::MigrationRule;
use super::told::{at, growth, listed, table, waiting};
use super::{index_build_blocks, scan_under_lock, table_rewrite};

pub(super) static RULE: MigrationRule = MigrationRule {
    code: Code::error(
        "UP403",
        "lock-held-through-work",
        "a lock is held while a later statement of the transaction works",
    ),
    page: include_str!("../../../../docs/codes/lock-held-through-work.md"),
    find: |deployment| {
        deployment.steps.iter().enumerate().filter_map(|(nth, _)| finding(deployment, nth)).collect()
    },
};

fn finding(deployment: &Deployment, nth: usize) -> Option<Finding> {
    let step = &deployment.steps[nth];
    if !held(step) {
        return None;
    }
    let work = step.widest();
    let blocked: Vec<&str> = work.blocked_before.iter().map(String::as_str).collect();
    let taken = deployment.steps[..nth]
        .iter()
        .rev()
        .find(|earlier| earlier.widest().newly_blocked().iter().any(|name| blocked.contains(name)));
    let line = taken.map_or(step.statement.line, |taken| taken.statement.line);
    let message = format!(
        "The lock on {} from line {line} is held while this statement works, and {}: {}.",
        listed(&blocked),
        waiting(work),
        growth(step)
    );
    let hint = "Put the two statements into two files: a lock is held until the transaction ends.";
    Some(at(&RULE.code, deployment, step, message).object(table(blocked.first()?)).hint(hint))
}

/// Returns whether the statement's own locks are harmless, but earlier ones stay while its work grows.
pub(super) fn held(step: &Step) -> bool {
    let own = table_rewrite::rewritten(step).is_some()
        || index_build_blocks::built(step).is_some()
        || scan_under_lock::scanned(step).is_some();
    !own && step.grows() && !step.widest().blocked_before.is_empty()
}
