//! Which statements the server refuses inside a transaction block.
//!
//! The list is that of the callers of `PreventInTransactionBlock` in the server's sources (14 to 18).
//! Some of them ask the catalog first; where the text cannot tell, the usual case counts.

use pg_query::protobuf::{
    AlterSubscriptionType, AlterTableType, DefElem, DiscardMode, ReindexObjectType, TransactionStmtKind,
    node::Node,
};

/// Returns whether the server refuses the statement inside a transaction block.
pub(super) fn refused(node: &Node) -> bool {
    match node {
        Node::CreatedbStmt(_)
        | Node::DropdbStmt(_)
        | Node::CreateTableSpaceStmt(_)
        | Node::DropTableSpaceStmt(_)
        | Node::AlterSystemStmt(_)
        // Refused while the subscription has a slot on the publisher, as it has unless told otherwise.
        | Node::DropSubscriptionStmt(_) => true,
        Node::IndexStmt(index) => index.concurrent,
        Node::DropStmt(drop) => drop.concurrent,
        Node::ReindexStmt(reindex) => {
            let whole = [
                ReindexObjectType::ReindexObjectSchema,
                ReindexObjectType::ReindexObjectSystem,
                ReindexObjectType::ReindexObjectDatabase,
            ];
            whole.contains(&reindex.kind()) || switched_on(&reindex.params, "concurrently").unwrap_or(false)
        }
        Node::VacuumStmt(vacuum) => vacuum.is_vacuumcmd,
        Node::ClusterStmt(cluster) => cluster.relation.is_none(),
        Node::AlterTableStmt(alter) => alter.cmds.iter().any(detaches_concurrently),
        Node::AlterDatabaseStmt(alter) => option(&alter.options, "tablespace").is_some(),
        Node::CreateSubscriptionStmt(create) => {
            let connects = switched_on(&create.options, "connect").unwrap_or(true);
            switched_on(&create.options, "create_slot").unwrap_or(connects)
        }
        Node::AlterSubscriptionStmt(alter) => match alter.kind() {
            AlterSubscriptionType::AlterSubscriptionRefresh => true,
            AlterSubscriptionType::AlterSubscriptionSetPublication
            | AlterSubscriptionType::AlterSubscriptionAddPublication
            | AlterSubscriptionType::AlterSubscriptionDropPublication => {
                switched_on(&alter.options, "refresh").unwrap_or(true)
            }
            AlterSubscriptionType::AlterSubscriptionOptions => {
                ["failover", "two_phase"].iter().any(|name| option(&alter.options, name).is_some())
            }
            _ => false,
        },
        Node::DiscardStmt(discard) => discard.target() == DiscardMode::DiscardAll,
        Node::TransactionStmt(statement) => matches!(
            statement.kind(),
            TransactionStmtKind::TransStmtCommitPrepared | TransactionStmtKind::TransStmtRollbackPrepared
        ),
        _ => false,
    }
}

fn detaches_concurrently(command: &pg_query::Node) -> bool {
    let Some(Node::AlterTableCmd(command)) = &command.node else { return false };
    let partition = command.def.as_ref().and_then(|def| def.node.as_ref());
    command.subtype() == AlterTableType::AtDetachPartition
        && matches!(partition, Some(Node::PartitionCmd(partition)) if partition.concurrent)
}

fn option<'a>(options: &'a [pg_query::Node], name: &str) -> Option<&'a DefElem> {
    options.iter().find_map(|node| match &node.node {
        Some(Node::DefElem(element)) if element.defname == name => Some(&**element),
        _ => None,
    })
}

/// Returns the value of an option as the server's `defGetBoolean` reads it; `None` when it is absent.
fn switched_on(options: &[pg_query::Node], name: &str) -> Option<bool> {
    let argument = option(options, name)?.arg.as_ref().and_then(|argument| argument.node.as_ref());
    Some(match argument {
        Some(Node::Integer(number)) => number.ival != 0,
        Some(Node::Boolean(boolean)) => boolean.boolval,
        Some(Node::String(word)) => !is_off(&word.sval),
        // A word that is no reserved one reads as the name of a type.
        Some(Node::TypeName(name)) => !name
            .names
            .last()
            .is_some_and(|word| matches!(&word.node, Some(Node::String(word)) if is_off(&word.sval))),
        _ => true,
    })
}

fn is_off(word: &str) -> bool {
    word.eq_ignore_ascii_case("false") || word.eq_ignore_ascii_case("off")
}
