//! Which index a `CREATE INDEX CONCURRENTLY` builds.

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
}
