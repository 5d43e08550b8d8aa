//! Scenarios with changed scripts.

use underpin_model::script::{ScriptItem, ScriptStatement, TransactionScript};

use super::bout::Bout;

/// Returns the scenario with every script changed; nothing when no script can be.
pub(super) fn with_scripts(bout: &Bout, change: impl Fn(&mut TransactionScript) -> bool) -> Option<Bout> {
    let mut changed = bout.clone();
    let mut any = false;
    for corner in &mut changed.corners {
        any |= change(&mut corner.script);
    }
    any.then_some(changed)
}

/// Calls `change` with every statement, those of `\if` too; tells whether it changed one.
pub(super) fn statements(
    items: &mut [ScriptItem],
    change: &mut impl FnMut(&mut ScriptStatement) -> bool,
) -> bool {
    let mut any = false;
    for item in items {
        any |= match item {
            ScriptItem::Statement(statement) => change(statement),
            ScriptItem::Set { .. } => false,
            ScriptItem::If { branches, otherwise, .. } => {
                let inside = branches.iter_mut().map(|(_, items)| items).chain([otherwise]);
                inside.fold(false, |any, items| statements(items, change) | any)
            }
        };
    }
    any
}

/// Returns how many statements all scripts have together.
pub(super) fn statements_of(bout: &Bout) -> u64 {
    bout.corners.iter().map(|corner| count(&corner.script.items)).sum()
}

fn count(items: &[ScriptItem]) -> u64 {
    let of = |item: &ScriptItem| match item {
        ScriptItem::Statement(_) => 1,
        ScriptItem::Set { .. } => 0,
        ScriptItem::If { branches, otherwise, .. } => {
            branches.iter().map(|(_, items)| count(items)).sum::<u64>() + count(otherwise)
        }
    };
    items.iter().map(of).sum()
}
