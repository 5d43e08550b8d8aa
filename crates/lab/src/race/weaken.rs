//! What a scenario would be without its row locks: the anomaly that they are there for.

use underpin_model::script::{ScriptItem, ScriptStatement};
use underpin_sql::unlocked::unlocked;

use super::bout::Bout;
use super::open_text::{marked, pieces};

/// Returns the scenario with every FOR UPDATE and its like taken away; nothing when there is none.
pub fn without_locks(bout: &Bout) -> Option<Bout> {
    let mut weaker = bout.clone();
    let mut any = false;
    for corner in &mut weaker.corners {
        any |= weaken(&mut corner.script.items);
    }
    any.then_some(weaker)
}

fn weaken(items: &mut [ScriptItem]) -> bool {
    let mut any = false;
    for item in items {
        any |= match item {
            ScriptItem::Statement(statement) => unlock(statement),
            ScriptItem::Set { .. } => false,
            ScriptItem::If { branches, otherwise, .. } => {
                let inside = branches.iter_mut().map(|(_, items)| items).chain([otherwise]);
                inside.fold(false, |any, items| weaken(items) | any)
            }
        };
    }
    any
}

fn unlock(statement: &mut ScriptStatement) -> bool {
    let text = unlocked(&marked(statement));
    let any = text.is_some();
    if let Some(text) = text {
        statement.pieces = pieces(&text);
    }
    any
}
