//! A concurrent operation gives up while others write.

use underpin_model::deployment::{Deployment, Step};
use underpin_model::{Code, Finding};

use super::MigrationRule;
use super::told::at;

pub(super) static RULE: MigrationRule = MigrationRule {
    code: Code::error(
        "UP410",
        "fails-under-load",
        "a concurrent operation gives up when it has to wait for others",
    ),
    page: include_str!("../../../../docs/codes/fails-under-load.md"),
    find: |deployment| deployment.steps.iter().filter_map(|step| finding(deployment, step)).collect(),
};

fn finding(deployment: &Deployment, step: &Step) -> Option<Finding> {
    let gave_up = step.small.held_up.as_ref()?.gave_up.as_ref()?;
    let left = match &gave_up.leaves_invalid {
        Some(index) => format!(" and leaves the invalid index {index} behind"),
        None => String::new(),
    };
    let message = format!(
        "With one transaction writing to the table, the statement gives up{left}: {}.",
        gave_up.message
    );
    let hint = "Set no lock_timeout for a concurrent operation: it waits under a weak lock, and nobody waits for it.";
    Some(at(&RULE.code, deployment, step, message).hint(hint))
}
