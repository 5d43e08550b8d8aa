//! What the grammar says about one statement.

mod relations;
mod transaction_block;
pub(crate) mod walk;

use pg_query::protobuf::summary_result::Context;
use pg_query::protobuf::{TransactionStmtKind, node::Node};
use underpin_model::statement::{Access, RelationUse, StatementFacts, Verb};

use crate::syntax::{self, SyntaxError};
use walk::Walk;

/// Returns what the grammar says about the only statement in `sql`.
///
/// A statement that nests more than about 45 levels deep (a chain of as many `||`, say) is known
/// from the parser's own summary only: it is then taken to run inside a transaction block.
pub fn statement_facts(sql: &str) -> Result<StatementFacts, SyntaxError> {
    Ok(match syntax::tree(sql)? {
        Some(node) => facts_of(&node),
        None => facts_of_summary(sql),
    })
}

fn facts_of(node: &Node) -> StatementFacts {
    let walk = Walk::over(node);
    StatementFacts {
        verb: verb(node, walk.root),
        node: walk.root.to_owned(),
        relations: relations::uses(node, &walk),
        refuses_transaction: transaction_block::refused(node),
    }
}

fn verb(node: &Node, name: &str) -> Verb {
    match node {
        Node::SelectStmt(select) if select.into_clause.is_some() => Verb::Ddl,
        Node::TransactionStmt(statement) => match statement.kind() {
            TransactionStmtKind::TransStmtBegin | TransactionStmtKind::TransStmtStart => Verb::Begin,
            TransactionStmtKind::TransStmtCommit => Verb::Commit,
            TransactionStmtKind::TransStmtRollback => Verb::Rollback,
            TransactionStmtKind::TransStmtSavepoint
            | TransactionStmtKind::TransStmtRelease
            | TransactionStmtKind::TransStmtRollbackTo => Verb::Savepoint,
            _ => Verb::Other,
        },
        _ => verb_of_name(name),
    }
}

fn verb_of_name(name: &str) -> Verb {
    match name {
        "SelectStmt" => Verb::Select,
        "InsertStmt" => Verb::Insert,
        "UpdateStmt" => Verb::Update,
        "DeleteStmt" => Verb::Delete,
        "MergeStmt" => Verb::Merge,
        "CopyStmt" => Verb::Copy,
        "TruncateStmt" => Verb::Truncate,
        "VariableSetStmt" | "ConstraintsSetStmt" => Verb::Set,
        "DoStmt" => Verb::Do,
        "CallStmt" => Verb::Call,
        "GrantStmt" | "GrantRoleStmt" | "AlterDefaultPrivilegesStmt" => Verb::Grant,
        _ if DDL.iter().any(|prefix| name.starts_with(prefix)) => Verb::Ddl,
        _ => Verb::Other,
    }
}

/// How the names of nodes begin that `log_statement = ddl` logs.
///
/// The list is that of `GetCommandLogLevel` in the server's `utility.c`.
const DDL: &[&str] = &[
    "Create",
    "Alter",
    "Drop",
    "Define",
    "Rename",
    "Comment",
    "Index",
    "View",
    "Rule",
    "SecLabel",
    "RefreshMatView",
    "ReassignOwned",
    "ImportForeignSchema",
    "Composite",
    "Cluster",
];

fn facts_of_summary(sql: &str) -> StatementFacts {
    let Some(summary) = syntax::summary(sql) else { return StatementFacts::default() };
    let access = |context: &Context| match context {
        Context::Dml => Access::Write,
        Context::Ddl => Access::Define,
        _ => Access::Read,
    };
    let relation = |table: &pg_query::Table| RelationUse {
        schema: (!table.schema_name.is_empty()).then(|| table.schema_name.clone()),
        name: table.table_name.clone(),
        access: access(&table.context),
    };
    let mut relations: Vec<_> = summary.tables.iter().map(relation).collect();
    relations.sort();
    let node = summary.statement_types.first().cloned().unwrap_or_default();
    StatementFacts { verb: verb_of_name(&node), node, relations, refuses_transaction: false }
}

#[cfg(test)]
mod tests;
