//! An index stays that no query uses and every write maintains.

use underpin_model::deployment::{Deployment, InvalidIndex};
use underpin_model::{Code, Finding};

use super::MigrationRule;
use super::told::{at, table};

pub(super) static RULE: MigrationRule = MigrationRule {
    code: Code::error("UP411", "invalid-index-left", "an invalid index stays behind"),
    page: include_str!("../../../../docs/codes/invalid-index-left.md"),
    find: |deployment| {
        let left = deployment.invalid_indexes.iter().filter_map(|index| finding(deployment, index));
        left.chain(left_by_refusal(deployment)).collect()
    },
};

fn finding(deployment: &Deployment, index: &InvalidIndex) -> Option<Finding> {
    let bare = index.name.rsplit('.').next().unwrap_or_default().to_lowercase();
    let mentions = |sql: &str| sql.to_lowercase().contains(&bare);
    let named = deployment.steps.iter().find(|step| mentions(&step.statement.sql));
    // What was invalid before is this file's concern only where the file believes to create or use it.
    let step = named.or_else(|| deployment.steps.first().filter(|_| !index.before))?;
    let how = if index.before {
        "was there already, invalid, and the statement takes it for the finished one"
    } else {
        "is invalid when the file is through"
    };
    let message = format!("The index {} on {} {how}.", index.name, index.table);
    let hint = format!("DROP INDEX CONCURRENTLY {}; then build it again.", index.name);
    Some(at(&RULE.code, deployment, step, message).object(table(&index.table)).hint(hint))
}

fn left_by_refusal(deployment: &Deployment) -> impl Iterator<Item = Finding> {
    deployment.steps.iter().filter_map(|step| {
        let index = step.small.refused.as_ref()?.leaves_invalid.as_ref()?;
        let message = format!("The refused statement leaves the invalid index {index} behind.");
        let hint = "`underpin migrate up` drops it; other runners leave it, and IF NOT EXISTS then takes it for the finished one.";
        Some(at(&RULE.code, deployment, step, message).hint(hint))
    })
}
