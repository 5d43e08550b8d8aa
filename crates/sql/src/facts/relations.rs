//! Which relations a statement names, and what it does to each.

use pg_query::protobuf::{ObjectType, ReindexObjectType, node::Node};
use underpin_model::statement::{Access, RelationUse};

use super::walk::{FoundRelation, Walk};

/// Returns the tables and views that the statement names, sorted, each once per access.
pub(super) fn uses(node: &Node, walk: &Walk) -> Vec<RelationUse> {
    let copies_in = matches!(node, Node::CopyStmt(copy) if copy.is_from);
    let target_is_no_table = target_is_no_table(node);
    let mut uses: Vec<_> = walk
        .relations
        .iter()
        .filter_map(|found| {
            let access = match access(found)? {
                Access::Read if found.holder.0 == "CopyStmt" && copies_in => Access::Write,
                Access::Read if walk.is_cte(found) => return None,
                Access::Define if target_is_no_table && found.holder.0 == walk.root => return None,
                access => access,
            };
            let schema = (!found.schema.is_empty()).then(|| found.schema.clone());
            Some(RelationUse { schema, name: found.name.clone(), access })
        })
        .chain(named_objects(node))
        .collect();
    uses.sort();
    uses.dedup();
    uses
}

/// Returns what happens to a relation, by the place where it is written; `None` when it is none.
fn access(found: &FoundRelation) -> Option<Access> {
    Some(match found.holder {
        ("InsertStmt" | "UpdateStmt" | "DeleteStmt" | "MergeStmt" | "RefreshMatViewStmt", "relation")
        | ("TruncateStmt", _) => Access::Write,
        // FOR UPDATE OF names an alias of the query; sequences and composite types are no tables.
        ("LockingClause" | "CompositeTypeStmt" | "CreateSeqStmt" | "AlterSeqStmt", _) => return None,
        ("CreateStmt", _)
        | ("IntoClause" | "PartitionCmd" | "VacuumRelation" | "PublicationTable" | "GrantStmt", _)
        | ("ViewStmt", "view")
        | ("CreatePolicyStmt" | "AlterPolicyStmt", "table")
        | ("AlterTableStmt" | "RenameStmt" | "AlterObjectSchemaStmt" | "AlterOwnerStmt", "relation")
        | ("AlterObjectDependsStmt" | "IndexStmt" | "CreateTrigStmt" | "RuleStmt", "relation")
        | ("ClusterStmt" | "ReindexStmt", "relation") => Access::Define,
        _ => Access::Read,
    })
}

/// Returns whether the relation that the statement changes is an index, sequence or type.
fn target_is_no_table(node: &Node) -> bool {
    let no_table = |kind: ObjectType| {
        matches!(
            kind,
            ObjectType::ObjectIndex
                | ObjectType::ObjectSequence
                | ObjectType::ObjectType
                | ObjectType::ObjectAttribute
        )
    };
    match node {
        Node::AlterTableStmt(statement) => no_table(statement.objtype()),
        Node::RenameStmt(statement) => no_table(statement.rename_type()),
        Node::AlterObjectSchemaStmt(statement) => no_table(statement.object_type()),
        Node::AlterObjectDependsStmt(statement) => no_table(statement.object_type()),
        Node::GrantStmt(statement) => no_table(statement.objtype()),
        Node::ReindexStmt(statement) => statement.kind() == ReindexObjectType::ReindexObjectIndex,
        _ => false,
    }
}

/// Returns the relations that DROP, COMMENT and SECURITY LABEL name as lists of words.
fn named_objects(node: &Node) -> Vec<RelationUse> {
    let (kind, objects): (_, Vec<&Node>) = match node {
        Node::DropStmt(drop) => {
            (drop.remove_type(), drop.objects.iter().filter_map(|object| object.node.as_ref()).collect())
        }
        Node::CommentStmt(comment) => (comment.objtype(), inner(comment.object.as_deref())),
        Node::SecLabelStmt(label) => (label.objtype(), inner(label.object.as_deref())),
        _ => return Vec::new(),
    };
    objects.into_iter().filter_map(|object| named_relation(kind, words(object))).collect()
}

fn inner(object: Option<&pg_query::Node>) -> Vec<&Node> {
    object.and_then(|object| object.node.as_ref()).into_iter().collect()
}

fn words(object: &Node) -> Vec<String> {
    let Node::List(list) = object else { return Vec::new() };
    let word = |item: &pg_query::Node| match &item.node {
        Some(Node::String(word)) => Some(word.sval.clone()),
        _ => None,
    };
    list.items.iter().filter_map(word).collect()
}

fn named_relation(kind: ObjectType, mut words: Vec<String>) -> Option<RelationUse> {
    match kind {
        ObjectType::ObjectTable
        | ObjectType::ObjectView
        | ObjectType::ObjectMatview
        | ObjectType::ObjectForeignTable => {}
        // The last word is the column's, trigger's, policy's, rule's or constraint's own.
        ObjectType::ObjectColumn
        | ObjectType::ObjectTrigger
        | ObjectType::ObjectPolicy
        | ObjectType::ObjectRule
        | ObjectType::ObjectTabconstraint => {
            words.pop();
        }
        _ => return None,
    }
    let name = words.pop()?;
    Some(RelationUse { schema: words.pop(), name, access: Access::Define })
}
