//! Values that were there before are nowhere afterwards.

use underpin_model::deployment::{Deployment, Lost};
use underpin_model::{Code, Finding};

use super::MigrationRule;
use super::told::{at, table};
use crate::wording::grouped;

pub(super) static RULE: MigrationRule = MigrationRule {
    code: Code::error("UP406", "data-loss", "values are gone after the migration"),
    page: include_str!("../../../../docs/codes/data-loss.md"),
    find: |deployment| deployment.lost.iter().filter_map(|lost| finding(deployment, lost)).collect(),
};

fn finding(deployment: &Deployment, lost: &Lost) -> Option<Finding> {
    let name = lost.what.rsplit('.').next().unwrap_or_default().to_lowercase();
    let step = deployment.steps.iter().rev().find(|step| step.statement.sql.to_lowercase().contains(&name));
    let step = step.or(deployment.steps.last())?;
    let count = i64::try_from(lost.count).unwrap_or(i64::MAX);
    let (count, are) =
        if count == 1 { ("1 value".to_owned(), "is") } else { (format!("{} values", grouped(count)), "are") };
    let message =
        format!("{count} of {} {are} gone: {}, and no other column holds them.", lost.what, lost.how);
    let hint = "Copy the values first, or say that they may go: -- allow: data-loss because …";
    Some(at(&RULE.code, deployment, step, message).object(table(&lost.what)).hint(hint))
}
