//! The file takes away the limit that keeps others from queueing behind it.

use underpin_model::deployment::{Deployment, Step};
use underpin_model::{Code, Finding};

use super::MigrationRule;
use super::told::at;

pub(super) static RULE: MigrationRule = MigrationRule {
    code: Code::note(
        "UP421",
        "lock-queue-unbounded",
        "a migration waits for a lock without a limit, and everybody queues behind it",
    ),
    page: include_str!("../../../../docs/codes/lock-queue-unbounded.md"),
    find: |deployment| deployment.steps.iter().filter_map(|step| finding(deployment, step)).collect(),
};

fn finding(deployment: &Deployment, step: &Step) -> Option<Finding> {
    let text: String = step.statement.sql.to_lowercase().split_whitespace().collect();
    let off = ["lock_timeout=0", "lock_timeoutto0", "lock_timeout='0", "lock_timeoutto'0"];
    let takes_away = text.starts_with("set") && off.iter().any(|off| text.contains(off));
    let blocks = deployment
        .steps
        .iter()
        .any(|later| later.statement.line > step.statement.line && later.small.blocks());
    if !takes_away || !blocks {
        return None;
    }
    let message = "Without lock_timeout a later statement may wait for a long query, and every other session queues behind it.";
    let hint = "Leave lock_timeout to the runner: it gives up after 700 ms and tries again.";
    Some(at(&RULE.code, deployment, step, message.to_owned()).hint(hint))
}
