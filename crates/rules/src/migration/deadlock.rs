//! Migration and application each hold what the other waits for.

use underpin_model::deployment::{Clash, ClashKind, Deployment};
use underpin_model::{Code, Finding};

use super::MigrationRule;
use super::told::at;

pub(super) static RULE: MigrationRule = MigrationRule {
    code: Code::error("UP412", "deadlock", "migration and application wait for each other"),
    page: include_str!("../../../../docs/codes/deadlock.md"),
    find: |deployment| {
        of_kind(deployment, &[ClashKind::Deadlock]).filter_map(|clash| finding(deployment, clash)).collect()
    },
};

fn finding(deployment: &Deployment, clash: &Clash) -> Option<Finding> {
    let step = first_step(deployment, clash)?;
    let message = format!(
        "The file and `{}` wait for each other: {} ({} orders tried).",
        clash.transaction, clash.detail, clash.tried
    );
    Some(
        at(&RULE.code, deployment, step, message)
            .hint("Take the locks in the order in which the application takes them, or one table per file."),
    )
}

/// Returns the clashes of the given kinds.
pub(super) fn of_kind<'d>(
    deployment: &'d Deployment,
    kinds: &'d [ClashKind],
) -> impl Iterator<Item = &'d Clash> {
    deployment.races.iter().filter(|clash| kinds.contains(&clash.kind))
}

/// Returns the last statement of the file that takes part in the bad order.
pub(super) fn first_step<'d>(
    deployment: &'d Deployment,
    clash: &Clash,
) -> Option<&'d underpin_model::deployment::Step> {
    let sent = |sql: &str| deployment.steps.iter().find(|step| step.statement.sql == sql);
    clash.steps.iter().rev().find_map(|(_, sql, _)| sent(sql)).or(deployment.steps.last())
}
