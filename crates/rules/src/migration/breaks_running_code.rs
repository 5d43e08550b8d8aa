//! Code that runs during the deployment works before the file and not after it.

use underpin_model::deployment::{Deployment, Disturbance, Disturbed};
use underpin_model::{Code, Finding};

use super::MigrationRule;
use super::told::{at, guilty};
use crate::wording::counted;

pub(super) static RULE: MigrationRule = MigrationRule {
    code: Code::error(
        "UP405",
        "breaks-running-code",
        "code that still runs fails, or loses rows, after the migration",
    ),
    page: include_str!("../../../../docs/codes/breaks-running-code.md"),
    find: |deployment| deployment.disturbed.iter().filter_map(|one| finding(deployment, one)).collect(),
};

fn finding(deployment: &Deployment, disturbed: &Disturbed) -> Option<Finding> {
    let Disturbed { name, at: (file, line), how } = disturbed;
    let (fact, cause) = match how {
        Disturbance::Fails(_, message) => (format!("fails after the file: {message}."), message.as_str()),
        Disturbance::LosesRows { before, after } => {
            let rows = |count: &u64| counted(i64::try_from(*count).unwrap_or(i64::MAX), "row");
            (
                format!(
                    "had {} before the file and has {} after it, without any error.",
                    rows(before),
                    rows(after)
                ),
                "",
            )
        }
        Disturbance::StalePlan => return None,
    };
    let step = guilty(deployment, cause).or(deployment.steps.first())?;
    let message = format!("`{name}` ({file}:{line}) {fact}");
    let hint = match deployment.file.file_name() {
        Some("contract.sql") => {
            "The new version still needs what contract takes away: change it to the new form."
        }
        _ => {
            "Let old and new code work side by side first: an expand/contract folder, `underpin migrate new`."
        }
    };
    Some(at(&RULE.code, deployment, step, message).hint(hint))
}
