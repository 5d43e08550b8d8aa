//! The server refuses a statement: the rows that are there do not allow it.

use underpin_model::deployment::Deployment;
use underpin_model::{Code, Finding};

use super::MigrationRule;
use super::told::{self, at, refused};

pub(super) static RULE: MigrationRule = MigrationRule {
    code: Code::error(
        "UP407",
        "fails-on-data",
        "the rows that are there do not fit what the migration demands",
    ),
    page: include_str!("../../../../docs/codes/fails-on-data.md"),
    find: finding,
};

fn finding(deployment: &Deployment) -> Vec<Finding> {
    let found = refused(deployment).filter(|(_, refused)| told::on_data(&refused.sqlstate));
    let finding = |(step, refused): (_, &underpin_model::deployment::Refused)| {
        let message = format!(
            "The server refuses the statement, as the rows that are there do not allow it: {}.",
            refused.message
        );
        at(&RULE.code, deployment, step, message).hint("Repair the rows first, in a migration of their own, and keep new ones out with a constraint NOT VALID.")
    };
    found.map(finding).into_iter().chain(conflicts(deployment)).collect()
}

/// What production's statistics say against a constraint, though the rows here keep it.
fn conflicts(deployment: &Deployment) -> impl Iterator<Item = Finding> {
    deployment.conflicts.iter().filter_map(|conflict| {
        let column = conflict.column.rsplit('.').next().unwrap_or_default();
        let step = deployment.steps.iter().find(|step| step.statement.sql.contains(column));
        let step = step.or(deployment.steps.first())?;
        let message = format!("In production the statement fails: {}.", conflict.fact);
        let hint = "Repair the rows first; a snapshot may be old: `underpin snapshot` takes a new one.";
        Some(at(&RULE.code, deployment, step, message).object(told::table(&conflict.column)).hint(hint))
    })
}
