//! Thousands of rows stay locked until one transaction ends.

use underpin_model::deployment::{Deployment, Step};
use underpin_model::statement::Access;
use underpin_model::{Code, Finding};

use super::MigrationRule;
use super::lock_held_through_work::held;
use super::told::at;
use crate::wording::grouped;

pub(super) static RULE: MigrationRule = MigrationRule {
    code: Code::error("UP404", "long-row-locks", "thousands of rows stay locked in one transaction"),
    page: include_str!("../../../../docs/codes/long-row-locks.md"),
    find: |deployment| deployment.steps.iter().filter_map(|step| finding(deployment, step)).collect(),
};

/// Fewer rows are locked for a moment only.
const MANY: u64 = 1_000;

fn finding(deployment: &Deployment, step: &Step) -> Option<Finding> {
    let (small, large) = (&step.small, step.large.as_ref()?);
    let each = large.rows_changed / large.transactions.max(1);
    let grows = large.rows_changed.saturating_mul(2) > small.rows_changed.saturating_mul(3);
    if each < MANY || !grows || held(step) || large.blocks() || only_new_tables(deployment, step) {
        return None;
    }
    let each = i64::try_from(each).unwrap_or(i64::MAX);
    let message = format!(
        "{} rows are changed in one transaction, and whoever changes one of them waits for its end.",
        grouped(each)
    );
    let hint = "Change them in batches: a `backfill.sql` of an expand/contract folder, or a loop that commits in a -- no-transaction file.";
    Some(at(&RULE.code, deployment, step, message).hint(hint))
}

/// Returns whether everything that the statement writes was created by an earlier statement of the file.
fn only_new_tables(deployment: &Deployment, step: &Step) -> bool {
    let created = |name: &str| {
        deployment.steps.iter().take_while(|earlier| earlier.statement.line < step.statement.line).any(
            |earlier| {
                matches!(earlier.statement.facts.node.as_str(), "CreateStmt" | "CreateTableAsStmt")
                    && earlier
                        .statement
                        .facts
                        .relations
                        .iter()
                        .any(|one| one.access == Access::Define && one.name == name)
            },
        )
    };
    let mut written =
        step.statement.facts.relations.iter().filter(|relation| relation.access == Access::Write).peekable();
    written.peek().is_some() && written.all(|relation| created(&relation.name))
}
