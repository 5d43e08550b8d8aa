//! A statement without its locking clauses.

use pg_query::DeparseOptions;
use pg_query::protobuf::{SelectStmt, WithClause, node::Node};

use crate::syntax;

/// Returns the statement without FOR UPDATE and its like, in its own SELECT, in FROM, in WITH and in the SELECT of an INSERT;
/// `None` when there is none to take away.
pub fn unlocked(sql: &str) -> Option<String> {
    let mut tree = syntax::tree(sql).ok()??;
    let taken = take(&mut tree);
    taken.then(|| tree.deparse(DeparseOptions::default()).ok()).flatten()
}

fn take(tree: &mut Node) -> bool {
    match tree {
        Node::SelectStmt(select) => from_select(select),
        Node::UpdateStmt(update) => from_with(update.with_clause.as_mut()),
        Node::DeleteStmt(delete) => from_with(delete.with_clause.as_mut()),
        Node::InsertStmt(insert) => {
            let selected = insert.select_stmt.as_mut().and_then(|select| select.node.as_mut());
            selected.is_some_and(take) | from_with(insert.with_clause.as_mut())
        }
        _ => false,
    }
}

fn from_select(select: &mut SelectStmt) -> bool {
    let mut any = !std::mem::take(&mut select.locking_clause).is_empty();
    for from in &mut select.from_clause {
        if let Some(Node::RangeSubselect(inner)) = from.node.as_mut() {
            let query = inner.subquery.as_mut().and_then(|query| query.node.as_mut());
            any |= query.is_some_and(take);
        }
    }
    any | from_with(select.with_clause.as_mut())
}

fn from_with(with: Option<&mut WithClause>) -> bool {
    let Some(with) = with else { return false };
    let mut any = false;
    for cte in &mut with.ctes {
        if let Some(Node::CommonTableExpr(cte)) = cte.node.as_mut() {
            let query = cte.ctequery.as_mut().and_then(|query| query.node.as_mut());
            any |= query.is_some_and(take);
        }
    }
    any
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locking_clauses_go_and_the_rest_stays() {
        let without = |sql: &str| unlocked(sql);
        assert_eq!(
            without("SELECT id FROM t WHERE id = 1 FOR NO KEY UPDATE SKIP LOCKED").as_deref(),
            Some("SELECT id FROM t WHERE id = 1")
        );
        assert_eq!(
            without("WITH a AS (SELECT id FROM t FOR UPDATE) UPDATE t SET n = 1 FROM a WHERE t.id = a.id")
                .as_deref(),
            Some("WITH a AS (SELECT id FROM t) UPDATE t SET n = 1 FROM a WHERE t.id = a.id")
        );
        assert_eq!(
            without("INSERT INTO u SELECT id FROM t FOR SHARE").as_deref(),
            Some("INSERT INTO u SELECT id FROM t")
        );
        assert_eq!(
            without("SELECT count(*) FROM (SELECT id FROM t FOR UPDATE) AS locked").as_deref(),
            Some("SELECT count(*) FROM (SELECT id FROM t) locked")
        );
        assert_eq!(without("SELECT 'FOR UPDATE'"), None);
    }
}
