//! Which relation a concurrent operation works on.

use pg_query::protobuf::node::Node;
use pg_query::protobuf::{AlterTableType, RangeVar};
use underpin_model::sql_text::{quote_identifier, quote_qualified};

use crate::syntax;

/// An operation that lets others work meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Concurrent {
    /// The table or index that it names, quoted where needed; absent for whole schemas and databases.
    pub relation: Option<String>,
}

/// Returns the concurrent operation that a statement is: `CREATE INDEX`, `DROP INDEX`, `REINDEX`, `REFRESH MATERIALIZED
/// VIEW` or `DETACH PARTITION` with `CONCURRENTLY`; `None` for everything else.
pub fn concurrent_work(sql: &str) -> Option<Concurrent> {
    let named = |relation: Option<&RangeVar>| Some(Concurrent { relation: relation.map(quoted) });
    match syntax::tree(sql).ok()?? {
        Node::IndexStmt(index) if index.concurrent => named(index.relation.as_ref()),
        Node::RefreshMatViewStmt(refresh) if refresh.concurrent => named(refresh.relation.as_ref()),
        Node::ReindexStmt(reindex) => {
            let concurrently = reindex.params.iter().any(|param| match &param.node {
                Some(Node::DefElem(option)) => option.defname == "concurrently",
                _ => false,
            });
            if concurrently { named(reindex.relation.as_ref()) } else { None }
        }
        Node::DropStmt(drop) if drop.concurrent => {
            let parts: Vec<String> = drop.objects.first().into_iter().flat_map(words).collect();
            let relation = parts.iter().map(|part| quote_identifier(part)).collect::<Vec<_>>().join(".");
            Some(Concurrent { relation: (!relation.is_empty()).then_some(relation) })
        }
        Node::AlterTableStmt(alter) => {
            let detaches = alter.cmds.iter().any(|command| match &command.node {
                Some(Node::AlterTableCmd(command)) => {
                    command.subtype() == AlterTableType::AtDetachPartition
                        && matches!(command.def.as_ref().and_then(|def| def.node.as_ref()),
                            Some(Node::PartitionCmd(partition)) if partition.concurrent)
                }
                _ => false,
            });
            if detaches { named(alter.relation.as_ref()) } else { None }
        }
        _ => None,
    }
}

fn quoted(relation: &RangeVar) -> String {
    match relation.schemaname.as_str() {
        "" => quote_identifier(&relation.relname),
        schema => quote_qualified(schema, &relation.relname),
    }
}

fn words(object: &pg_query::Node) -> Vec<String> {
    let word = |item: &pg_query::Node| match &item.node {
        Some(Node::String(word)) => Some(word.sval.clone()),
        _ => None,
    };
    match &object.node {
        Some(Node::List(list)) => list.items.iter().filter_map(word).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn concurrent_operations_name_their_relation() {
        let relation = |sql: &str| concurrent_work(sql).map(|work| work.relation.unwrap_or_default());
        assert_eq!(
            relation("CREATE INDEX CONCURRENTLY ON shop.orders (at)").as_deref(),
            Some("\"shop\".\"orders\"")
        );
        assert_eq!(relation("DROP INDEX CONCURRENTLY IF EXISTS shop.ix").as_deref(), Some("\"shop\".\"ix\""));
        assert_eq!(relation("REINDEX INDEX CONCURRENTLY ix").as_deref(), Some("\"ix\""));
        assert_eq!(relation("REINDEX (CONCURRENTLY) TABLE orders").as_deref(), Some("\"orders\""));
        assert_eq!(relation("REINDEX TABLE orders"), None);
        assert_eq!(relation("REFRESH MATERIALIZED VIEW CONCURRENTLY totals").as_deref(), Some("\"totals\""));
        assert_eq!(
            relation("ALTER TABLE logs DETACH PARTITION logs_1 CONCURRENTLY").as_deref(),
            Some("\"logs\"")
        );
        assert_eq!(relation("ALTER TABLE logs DETACH PARTITION logs_1"), None);
        assert_eq!(relation("CREATE INDEX ON orders (at)"), None);
    }
}
