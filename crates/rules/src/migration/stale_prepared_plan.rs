//! Statements that were prepared before the file fail once after it.

use underpin_model::deployment::{Deployment, Disturbance};
use underpin_model::{Code, Finding};

use super::MigrationRule;
use super::told::at;

pub(super) static RULE: MigrationRule = MigrationRule {
    code: Code::note(
        "UP420",
        "stale-prepared-plan",
        "a statement prepared before the migration fails once after it",
    ),
    page: include_str!("../../../../docs/codes/stale-prepared-plan.md"),
    find: finding,
};

fn finding(deployment: &Deployment) -> Vec<Finding> {
    let stale = deployment.disturbed.iter().filter(|one| one.how == Disturbance::StalePlan);
    let names: Vec<String> = stale.map(|one| format!("`{}`", one.name)).collect();
    let (false, Some(step)) = (names.is_empty(), deployment.steps.first()) else { return Vec::new() };
    let message = format!(
        "Sessions that prepared {} before the file get \"cached plan must not change result type\" once after it.",
        names.join(", ")
    );
    let hint = "Name the columns instead of `SELECT *`, or let the driver prepare again (most do).";
    vec![at(&RULE.code, deployment, step, message).hint(hint)]
}
