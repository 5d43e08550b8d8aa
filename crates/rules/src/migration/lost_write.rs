//! A write of the application between two statements of the file is lost, or fails.

use underpin_model::deployment::{Clash, ClashKind, Deployment};
use underpin_model::{Code, Finding};

use super::MigrationRule;
use super::deadlock::{first_step, of_kind};
use super::told::at;

pub(super) static RULE: MigrationRule = MigrationRule {
    code: Code::error("UP413", "lost-write", "a write during the migration is lost"),
    page: include_str!("../../../../docs/codes/lost-write.md"),
    find: |deployment| {
        let kinds = [ClashKind::LostWrite, ClashKind::Fails];
        of_kind(deployment, &kinds).filter_map(|clash| finding(deployment, clash)).collect()
    },
};

fn finding(deployment: &Deployment, clash: &Clash) -> Option<Finding> {
    let step = first_step(deployment, clash)?;
    let what = match clash.kind {
        ClashKind::Fails => "fails between two statements of the file, though it works before and after it",
        _ => "between two statements of the file leaves rows as no order of the two as wholes does",
    };
    let message = format!("`{}` {what}: {} ({} orders tried).", clash.transaction, clash.detail, clash.tried);
    let hint = "Create the trigger that keeps old and new equal before the backfill reads its first row.";
    Some(at(&RULE.code, deployment, step, message).hint(hint))
}
