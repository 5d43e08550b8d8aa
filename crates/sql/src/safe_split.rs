//! The safe split of a statement: the same change in steps that keep nobody waiting for long.
//!
//! A split is a proposal. Whether it is safe for the tables at hand is found out by running it.

use pg_query::DeparseOptions;
use pg_query::protobuf::node::Node;
use pg_query::protobuf::{
    AlterTableCmd, AlterTableStmt, AlterTableType, ConstrType, Constraint, DefElem, DefElemAction, RangeVar,
};
use underpin_model::sql_text::{quote_identifier, quote_qualified};

use crate::syntax;

/// One statement of a split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitStep {
    /// The statement, without a semicolon.
    pub sql: String,
    /// How it has to run.
    pub place: Place,
}

/// How a statement of a split has to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// With its neighbours, in one transaction.
    Together,
    /// In a transaction of its own.
    Alone,
    /// Outside of every transaction block.
    Outside,
}

/// Returns the split of a statement that builds an index, or adds a constraint or NOT NULL, while others wait; `None` where
/// no split is known.
pub fn safe_split(sql: &str) -> Option<Vec<SplitStep>> {
    match syntax::tree(sql).ok()?? {
        Node::IndexStmt(mut index) if !index.concurrent => {
            index.concurrent = true;
            Some(vec![step(Node::IndexStmt(index), Place::Outside)?])
        }
        Node::ReindexStmt(mut reindex) => {
            if reindex.params.iter().any(|param| option_named(param, "concurrently")) {
                return None;
            }
            // The default of an enum is no member of it, which the deparser asserts.
            let defaction = DefElemAction::DefelemUnspec.into();
            let option = DefElem { defname: "concurrently".to_owned(), defaction, ..DefElem::default() };
            reindex.params.push(pg_query::Node { node: Some(Node::DefElem(Box::new(option))) });
            Some(vec![step(Node::ReindexStmt(reindex), Place::Outside)?])
        }
        Node::RefreshMatViewStmt(mut refresh) if !refresh.concurrent => {
            refresh.concurrent = true;
            Some(vec![step(Node::RefreshMatViewStmt(refresh), Place::Alone)?])
        }
        Node::AlterTableStmt(alter) => {
            let [command] = alter.cmds.as_slice() else { return None };
            let Some(Node::AlterTableCmd(command)) = command.node.as_ref() else { return None };
            altered(&alter, command)
        }
        _ => None,
    }
}

fn option_named(option: &pg_query::Node, name: &str) -> bool {
    matches!(&option.node, Some(Node::DefElem(option)) if option.defname == name)
}

fn step(node: Node, place: Place) -> Option<SplitStep> {
    Some(SplitStep { sql: node.deparse(DeparseOptions::default()).ok()?, place })
}

fn altered(alter: &AlterTableStmt, command: &AlterTableCmd) -> Option<Vec<SplitStep>> {
    let relation = alter.relation.as_ref()?;
    let table = quoted(relation);
    match command.subtype() {
        AlterTableType::AtSetNotNull => Some(not_null(&table, &relation.relname, &command.name)),
        AlterTableType::AtAddConstraint => {
            let Some(Node::Constraint(constraint)) = command.def.as_ref()?.node.as_ref() else { return None };
            match constraint.contype() {
                ConstrType::ConstrCheck | ConstrType::ConstrForeign if !constraint.skip_validation => {
                    validated(alter, constraint, &table)
                }
                ConstrType::ConstrUnique | ConstrType::ConstrPrimary if constraint.indexname.is_empty() => {
                    indexed(relation, constraint, &table)
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// NOT NULL takes a valid CHECK's word and reads nothing (manual, "ALTER TABLE", SET NOT NULL).
fn not_null(table: &str, bare: &str, column: &str) -> Vec<SplitStep> {
    let name = quote_identifier(&format!("{bare}_{column}_there"));
    let column = quote_identifier(column);
    let outside = |sql: String| SplitStep { sql, place: Place::Outside };
    vec![
        outside(format!("ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({column} IS NOT NULL) NOT VALID")),
        outside(format!("ALTER TABLE {table} VALIDATE CONSTRAINT {name}")),
        outside(format!("ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL")),
        outside(format!("ALTER TABLE {table} DROP CONSTRAINT {name}")),
    ]
}

fn validated(alter: &AlterTableStmt, constraint: &Constraint, table: &str) -> Option<Vec<SplitStep>> {
    let relation = alter.relation.as_ref()?;
    let mut constraint = constraint.clone();
    if constraint.conname.is_empty() {
        let columns = names(&constraint.fk_attrs).join("_");
        constraint.conname = match constraint.contype() {
            ConstrType::ConstrForeign => format!("{}_{columns}_fkey", relation.relname),
            _ => format!("{}_check", relation.relname),
        };
    }
    let name = quote_identifier(&constraint.conname);
    constraint.skip_validation = true;
    constraint.initially_valid = false;
    let mut alter = alter.clone();
    if let Some(Node::AlterTableCmd(command)) = alter.cmds.first_mut()?.node.as_mut() {
        command.def = Some(Box::new(pg_query::Node { node: Some(Node::Constraint(Box::new(constraint))) }));
    }
    let validate = format!("ALTER TABLE {table} VALIDATE CONSTRAINT {name}");
    Some(vec![
        step(Node::AlterTableStmt(alter), Place::Together)?,
        SplitStep { sql: validate, place: Place::Alone },
    ])
}

fn indexed(relation: &RangeVar, constraint: &Constraint, table: &str) -> Option<Vec<SplitStep>> {
    let columns = names(&constraint.keys);
    if columns.is_empty() || !constraint.including.is_empty() || constraint.deferrable {
        return None;
    }
    let primary = constraint.contype() == ConstrType::ConstrPrimary;
    let name = match constraint.conname.as_str() {
        "" if primary => format!("{}_pkey", relation.relname),
        "" => format!("{}_{}_key", relation.relname, columns.join("_")),
        given => given.to_owned(),
    };
    let name = quote_identifier(&name);
    let columns: Vec<String> = columns.iter().map(|column| quote_identifier(column)).collect();
    let kind = if primary { "PRIMARY KEY" } else { "UNIQUE" };
    let build = format!("CREATE UNIQUE INDEX CONCURRENTLY {name} ON {table} ({})", columns.join(", "));
    let adopt = format!("ALTER TABLE {table} ADD CONSTRAINT {name} {kind} USING INDEX {name}");
    Some(vec![
        SplitStep { sql: build, place: Place::Outside },
        SplitStep { sql: adopt, place: Place::Together },
    ])
}

fn names(list: &[pg_query::Node]) -> Vec<String> {
    let name = |item: &pg_query::Node| match &item.node {
        Some(Node::String(name)) => Some(name.sval.clone()),
        _ => None,
    };
    list.iter().filter_map(name).collect()
}

fn quoted(relation: &RangeVar) -> String {
    match relation.schemaname.as_str() {
        "" => quote_identifier(&relation.relname),
        schema => quote_qualified(schema, &relation.relname),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(sql: &str) -> String {
        let steps = safe_split(sql).unwrap_or_default();
        steps.iter().map(|step| format!("{:?}: {}\n", step.place, step.sql)).collect()
    }

    #[test]
    fn builds_and_checks_are_taken_apart() {
        insta::assert_snapshot!(split("CREATE UNIQUE INDEX IF NOT EXISTS i ON t (a) WHERE a > 1"), @"Outside: CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t USING btree (a) WHERE a > 1");
        insta::assert_snapshot!(split("REINDEX INDEX i"), @"Outside: REINDEX (CONCURRENTLY) INDEX i");
        insta::assert_snapshot!(split("ALTER TABLE t ADD CHECK (a > 0)"), @r#"
        Together: ALTER TABLE t ADD CONSTRAINT t_check CHECK (a > 0) NOT VALID
        Alone: ALTER TABLE "t" VALIDATE CONSTRAINT "t_check"
        "#);
        insta::assert_snapshot!(split("ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES u"), @r#"
        Together: ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES u NOT VALID
        Alone: ALTER TABLE "t" VALIDATE CONSTRAINT "f"
        "#);
        insta::assert_snapshot!(split("ALTER TABLE s.t ADD UNIQUE (a, b)"), @r#"
        Outside: CREATE UNIQUE INDEX CONCURRENTLY "t_a_b_key" ON "s"."t" ("a", "b")
        Together: ALTER TABLE "s"."t" ADD CONSTRAINT "t_a_b_key" UNIQUE USING INDEX "t_a_b_key"
        "#);
        insta::assert_snapshot!(split("ALTER TABLE t ALTER COLUMN a SET NOT NULL"), @r#"
        Outside: ALTER TABLE "t" ADD CONSTRAINT "t_a_there" CHECK ("a" IS NOT NULL) NOT VALID
        Outside: ALTER TABLE "t" VALIDATE CONSTRAINT "t_a_there"
        Outside: ALTER TABLE "t" ALTER COLUMN "a" SET NOT NULL
        Outside: ALTER TABLE "t" DROP CONSTRAINT "t_a_there"
        "#);
    }

    #[test]
    fn what_is_safe_or_unknown_has_no_split() {
        for sql in [
            "CREATE INDEX CONCURRENTLY i ON t (a)",
            "ALTER TABLE t ADD CHECK (a > 0) NOT VALID",
            "ALTER TABLE t ALTER a TYPE int, ADD b int",
            "SELECT 1",
        ] {
            assert_eq!(safe_split(sql), None, "{sql}");
        }
    }
}
