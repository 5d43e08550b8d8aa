//! The server refuses a statement for a reason that no other rule explains.

use underpin_model::deployment::{Deployment, Refused, Step};
use underpin_model::{Code, Finding};

use super::MigrationRule;
use super::told::{at, explained, refused};

pub(super) static RULE: MigrationRule = MigrationRule {
    code: Code::error("UP414", "migration-fails", "the server refuses a statement of the migration"),
    page: include_str!("../../../../docs/codes/migration-fails.md"),
    find: finding,
};

fn finding(deployment: &Deployment) -> Vec<Finding> {
    let found = refused(deployment).filter(|(_, refused)| !explained(refused));
    let finding = |(step, refused): (&Step, &Refused)| {
        let message =
            format!("The server refuses the statement: {} ({}).", refused.message, refused.sqlstate);
        at(&RULE.code, deployment, step, message).hint("Correct the statement; the file was rolled back.")
    };
    found.map(finding).into_iter().collect()
}
