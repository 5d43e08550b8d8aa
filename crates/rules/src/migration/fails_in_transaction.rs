//! The server refuses a statement: it cannot run in this transaction.

use underpin_model::deployment::Deployment;
use underpin_model::{Code, Finding};

use super::MigrationRule;
use super::told::{self, at, refused};

pub(super) static RULE: MigrationRule = MigrationRule {
    code: Code::error(
        "UP408",
        "fails-in-transaction",
        "a statement cannot run in the migration's transaction",
    ),
    page: include_str!("../../../../docs/codes/fails-in-transaction.md"),
    find: finding,
};

fn finding(deployment: &Deployment) -> Vec<Finding> {
    let found = refused(deployment).filter(|(_, refused)| told::in_transaction(&refused.sqlstate));
    let finding = |(step, refused): (_, &underpin_model::deployment::Refused)| {
        let message = format!(
            "The server refuses the statement, as it cannot run in this transaction: {}.",
            refused.message
        );
        at(&RULE.code, deployment, step, message).hint("Put it into a file of its own; one whose first line is -- no-transaction where the server wants no transaction block.")
    };
    found.map(finding).into_iter().collect()
}
