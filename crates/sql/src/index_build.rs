//! Which index a statement with `CONCURRENTLY` builds, and what it leaves behind when it fails.

use pg_query::protobuf::ReindexObjectType;
use pg_query::protobuf::node::Node;
use underpin_model::sql_text::{quote_identifier, quote_qualified};

use crate::syntax;

/// An index that is built without blocking writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConcurrentIndex {
    /// Its name, unquoted.
    pub name: String,
    /// Its table, quoted where needed, with the schema when the statement says it.
    pub table: String,
}

/// Returns the index that the statement builds; none unless it is built concurrently and has a name.
pub fn concurrent_index(sql: &str) -> Option<ConcurrentIndex> {
    let Node::IndexStmt(index) = syntax::tree(sql).ok()?? else { return None };
    let relation = index.relation.as_ref().filter(|_| index.concurrent && !index.idxname.is_empty())?;
    let table = match relation.schemaname.as_str() {
        "" => quote_identifier(&relation.relname),
        schema => quote_qualified(schema, &relation.relname),
    };
    Some(ConcurrentIndex { name: index.idxname.clone(), table })
}

/// What a `REINDEX … CONCURRENTLY` builds anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reindexed {
    /// One index, quoted where needed.
    Index(String),
    /// Every index of a table, quoted where needed.
    Table(String),
}

/// Returns what the statement builds anew without blocking; none for whole schemas and databases.
pub fn concurrent_reindex(sql: &str) -> Option<Reindexed> {
    let Node::ReindexStmt(reindex) = syntax::tree(sql).ok()?? else { return None };
    if !concurrently(&reindex.params) {
        return None;
    }
    let relation = reindex.relation.as_ref()?;
    let name = match relation.schemaname.as_str() {
        "" => quote_identifier(&relation.relname),
        schema => quote_qualified(schema, &relation.relname),
    };
    match reindex.kind() {
        ReindexObjectType::ReindexObjectIndex => Some(Reindexed::Index(name)),
        ReindexObjectType::ReindexObjectTable => Some(Reindexed::Table(name)),
        _ => None,
    }
}

/// Returns whether the statement has `CONCURRENTLY`: it then waits for older transactions, blocking nobody's
/// reads or writes meanwhile.
pub fn is_concurrent(sql: &str) -> bool {
    match syntax::tree(sql).ok().flatten() {
        Some(Node::IndexStmt(index)) => index.concurrent,
        Some(Node::DropStmt(drop)) => drop.concurrent,
        Some(Node::ReindexStmt(reindex)) => concurrently(&reindex.params),
        Some(Node::AlterTableStmt(alter)) => alter.cmds.iter().any(detaches_concurrently),
        _ => false,
    }
}

fn detaches_concurrently(command: &pg_query::protobuf::Node) -> bool {
    let Some(Node::AlterTableCmd(command)) = &command.node else { return false };
    let definition = command.def.as_ref().and_then(|definition| definition.node.as_ref());
    matches!(definition, Some(Node::PartitionCmd(partition)) if partition.concurrent)
}

/// Returns whether the options of a REINDEX say CONCURRENTLY; a value given to it in parentheses counts as on.
fn concurrently(params: &[pg_query::protobuf::Node]) -> bool {
    let named = |node: &pg_query::protobuf::Node| matches!(&node.node, Some(Node::DefElem(element)) if element.defname == "concurrently");
    params.iter().any(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_concurrent_builds_count() {
        let index = |sql: &str| concurrent_index(sql).map(|index| (index.name, index.table));
        let pair = |name: &str, table: &str| Some((name.to_owned(), table.to_owned()));
        assert_eq!(
            index("CREATE INDEX CONCURRENTLY IF NOT EXISTS ix ON shop.orders (at)"),
            pair("ix", "\"shop\".\"orders\"")
        );
        assert_eq!(
            index("CREATE UNIQUE INDEX CONCURRENTLY \"Ix\" ON \"Orders\" (at)"),
            pair("Ix", "\"Orders\"")
        );
        assert_eq!(index("CREATE INDEX ix ON orders (at)"), None);
        assert_eq!(index("CREATE INDEX CONCURRENTLY ON orders (at)"), None);
        assert_eq!(index("SELECT 1"), None);
    }

    #[test]
    fn what_waits_for_transactions_is_known() {
        for sql in [
            "CREATE INDEX CONCURRENTLY ON t (a)",
            "DROP INDEX CONCURRENTLY IF EXISTS i",
            "REINDEX INDEX CONCURRENTLY i",
            "REINDEX (VERBOSE, CONCURRENTLY) TABLE t",
            "ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY",
        ] {
            assert!(is_concurrent(sql), "{sql}");
        }
        for sql in [
            "CREATE INDEX ON t (a)",
            "DROP INDEX i",
            "REINDEX TABLE t",
            "ALTER TABLE p DETACH PARTITION p1",
            "VACUUM t",
            "REFRESH MATERIALIZED VIEW CONCURRENTLY m",
            "nonsense",
        ] {
            assert!(!is_concurrent(sql), "{sql}");
        }
    }

    #[test]
    fn a_reindex_names_what_it_builds() {
        let index = concurrent_reindex("REINDEX INDEX CONCURRENTLY s.i");
        assert_eq!(index, Some(Reindexed::Index("\"s\".\"i\"".to_owned())));
        let table = concurrent_reindex("REINDEX TABLE CONCURRENTLY t");
        assert_eq!(table, Some(Reindexed::Table("\"t\"".to_owned())));
        assert_eq!(concurrent_reindex("REINDEX TABLE t"), None);
        assert_eq!(concurrent_reindex("REINDEX SCHEMA CONCURRENTLY s"), None);
    }
}
