//! The rules about migrations, one file each: from what a file did on a server to findings.
//!
//! No rule knows a list of dangerous statements. A statement is a hazard when another session could not plan its read or
//! write meanwhile, and the work done meanwhile grows with the rows; both were measured.

mod allow_outdated;
mod breaks_running_code;
mod data_loss;
mod deadlock;
mod fails_in_transaction;
mod fails_on_data;
mod fails_on_dependency;
mod fails_under_load;
mod index_build_blocks;
mod invalid_index_left;
mod lock_held_through_work;
mod lock_queue_unbounded;
mod long_row_locks;
mod lost_write;
mod migration_fails;
mod old_rows_refused;
mod scan_under_lock;
mod stale_prepared_plan;
mod table_rewrite;
mod told;

use underpin_model::deployment::Deployment;
use underpin_model::{Code, Finding};

pub use allow_outdated::{ALLOW_OUTDATED, accept};
pub use told::explained;

/// One rule about migrations.
pub struct MigrationRule {
    /// Number, slug, severity and title.
    pub code: Code,
    /// The page `docs/codes/<rule>.md`.
    pub page: &'static str,
    /// Looks at one file.
    find: fn(&Deployment) -> Vec<Finding>,
}

static RULES: [&MigrationRule; 18] = [
    &table_rewrite::RULE,
    &index_build_blocks::RULE,
    &scan_under_lock::RULE,
    &lock_held_through_work::RULE,
    &long_row_locks::RULE,
    &breaks_running_code::RULE,
    &data_loss::RULE,
    &fails_on_data::RULE,
    &fails_in_transaction::RULE,
    &fails_on_dependency::RULE,
    &fails_under_load::RULE,
    &invalid_index_left::RULE,
    &deadlock::RULE,
    &lost_write::RULE,
    &migration_fails::RULE,
    &old_rows_refused::RULE,
    &stale_prepared_plan::RULE,
    &lock_queue_unbounded::RULE,
];

/// Returns every rule about migrations, in the order of its number.
pub fn all() -> &'static [&'static MigrationRule] {
    &RULES
}

/// Returns what is wrong with a file, in the order of its lines.
pub fn judge(deployment: &Deployment) -> Vec<Finding> {
    let mut findings: Vec<Finding> = RULES.iter().flat_map(|rule| (rule.find)(deployment)).collect();
    findings.sort_by_key(|finding| finding.at.as_ref().map(|at| at.line));
    findings
}
