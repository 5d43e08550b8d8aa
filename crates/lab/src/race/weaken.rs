//! What a scenario would be without its row locks: the anomaly that they are there for.

use underpin_model::script::ScriptStatement;
use underpin_sql::unlocked::unlocked;

use super::bout::Bout;
use super::open_text::{marked, pieces};
use super::rewrite::{statements, with_scripts};

/// Returns the scenario with every FOR UPDATE and its like taken away; nothing when there is none.
pub fn without_locks(bout: &Bout) -> Option<Bout> {
    with_scripts(bout, |script| statements(&mut script.items, &mut unlock))
}

fn unlock(statement: &mut ScriptStatement) -> bool {
    let text = unlocked(&marked(statement));
    let any = text.is_some();
    if let Some(text) = text {
        statement.pieces = pieces(&text);
    }
    any
}
