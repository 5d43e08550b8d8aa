//! What a statement takes away from whoever still names it: columns and tables that are dropped or renamed.

use pg_query::protobuf::node::Node;
use pg_query::protobuf::{AlterTableType, ObjectType};

use crate::syntax;

/// A name that is gone after a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// Table or view, unquoted, without its schema.
    pub relation: String,
    /// Column; absent when the whole relation is gone.
    pub column: Option<String>,
}

/// Returns the names that are gone after the statement.
pub fn dropped(sql: &str) -> Vec<Dropped> {
    match syntax::tree(sql).ok().flatten() {
        Some(Node::AlterTableStmt(alter)) => {
            let relation =
                alter.relation.as_ref().map(|relation| relation.relname.clone()).unwrap_or_default();
            alter.cmds.iter().filter_map(dropped_column).map(|column| column_of(&relation, column)).collect()
        }
        Some(Node::DropStmt(drop)) if is_relation(drop.remove_type()) => {
            drop.objects.iter().filter_map(last_name).map(whole).collect()
        }
        Some(Node::RenameStmt(rename)) => {
            let relation =
                rename.relation.as_ref().map(|relation| relation.relname.clone()).unwrap_or_default();
            match rename.rename_type() {
                ObjectType::ObjectColumn => vec![column_of(&relation, rename.subname.clone())],
                kind if is_relation(kind) => vec![whole(relation)],
                _ => Vec::new(),
            }
        }
        _ => Vec::new(),
    }
}

fn whole(relation: String) -> Dropped {
    Dropped { relation, column: None }
}

fn column_of(relation: &str, column: String) -> Dropped {
    Dropped { relation: relation.to_owned(), column: Some(column) }
}

fn is_relation(kind: ObjectType) -> bool {
    matches!(kind, ObjectType::ObjectTable | ObjectType::ObjectView | ObjectType::ObjectMatview)
}

fn dropped_column(command: &pg_query::protobuf::Node) -> Option<String> {
    match &command.node {
        Some(Node::AlterTableCmd(command)) if command.subtype() == AlterTableType::AtDropColumn => {
            Some(command.name.clone())
        }
        _ => None,
    }
}

fn last_name(object: &pg_query::protobuf::Node) -> Option<String> {
    let Some(Node::List(names)) = &object.node else { return None };
    match &names.items.last()?.node {
        Some(Node::String(name)) => Some(name.sval.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_and_tables_that_go_are_named() {
        let names = |sql: &str| {
            let name = |one: Dropped| format!("{}.{}", one.relation, one.column.unwrap_or("*".into()));
            dropped(sql).into_iter().map(name).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            names("ALTER TABLE s.users DROP COLUMN IF EXISTS phone, DROP \"Fax\", ADD x int"),
            "users.phone users.Fax"
        );
        assert_eq!(names("DROP TABLE IF EXISTS a, s.b CASCADE"), "a.* b.*");
        assert_eq!(names("DROP VIEW v"), "v.*");
        assert_eq!(names("ALTER TABLE t RENAME a TO b"), "t.a");
        assert_eq!(names("ALTER TABLE t RENAME TO u"), "t.*");
        assert_eq!(names("DROP FUNCTION f(); "), "");
        assert_eq!(names("ALTER TABLE t DROP CONSTRAINT c"), "");
        assert_eq!(names("nonsense"), "");
    }
}
