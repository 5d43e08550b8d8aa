//! The server refuses a statement: something depends on it.

use underpin_model::deployment::Deployment;
use underpin_model::{Code, Finding};

use super::MigrationRule;
use super::told::{self, at, refused};

pub(super) static RULE: MigrationRule = MigrationRule {
    code: Code::error("UP409", "fails-on-dependency", "another object depends on what the migration changes"),
    page: include_str!("../../../../docs/codes/fails-on-dependency.md"),
    find: finding,
};

fn finding(deployment: &Deployment) -> Vec<Finding> {
    let found = refused(deployment).filter(|(_, refused)| told::on_dependency(refused));
    let finding = |(step, refused): (_, &underpin_model::deployment::Refused)| {
        let message =
            format!("The server refuses the statement, as something depends on it: {}.", refused.message);
        at(&RULE.code, deployment, step, message).hint(
            "Change or drop what depends on it first, in the same file, and create it anew with its grants.",
        )
    };
    found.map(finding).into_iter().collect()
}
