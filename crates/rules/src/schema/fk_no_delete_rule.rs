//! Foreign keys that do not say what becomes of the row when its parent goes.

use underpin_model::sql_text::quote_identifier;
use underpin_model::{Code, Severity};

use crate::rule::{Context, SchemaRule};
use crate::scope::{self, ForeignKey};
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::counted;

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::warning("UP105", "fk-no-delete-rule", "a foreign key without an explicit ON DELETE"),
    page: include_str!("../../../../docs/codes/fk-no-delete-rule.md"),
    find: suspicions,
};

/// A foreign key with a comment has said its reason, whatever its rule.
fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    context.references().filter(|key| key.constraint.comment.is_none()).map(|key| suspicion(&key)).collect()
}

fn suspicion(key: &ForeignKey<'_>) -> Suspicion {
    let columns: Vec<String> = key.constraint.columns.iter().map(|column| quote_identifier(column)).collect();
    let columns = columns.join(", ");
    let sql = format!(
        "SELECT count(*) AS referenced FROM (SELECT {columns} FROM {} GROUP BY {columns} \
         HAVING num_nulls({columns}) = 0) r",
        key.table.quoted()
    );
    // A deferrable key cannot be RESTRICT, which is never deferred (CREATE TABLE, "Deferrability").
    let silent = key.reference.on_delete == "NO ACTION" && !key.constraint.deferrable;
    let draft = if silent {
        key.draft(&RULE.code).hint(declare_rule(key))
    } else {
        key.draft(&RULE.code).severity(Severity::Note).hint(give_reason(key))
    };
    let (column, target) = (key.label(), scope::label(key.target));
    let rule = key.reference.on_delete.clone();
    Suspicion::new(draft, sql, move |answer, draft| {
        let referenced = counted(answer.int("referenced"), "referenced row");
        let fact = if silent {
            format!(
                "{column} says nothing about deletes: removing any of {referenced} of {target} just fails."
            )
        } else {
            format!("{column} is ON DELETE {rule} for {referenced} of {target}, and no comment says why.")
        };
        Some(draft.saying(fact))
    })
}

/// Returns the statement that gives the reason of a rule which is there.
fn give_reason(key: &ForeignKey<'_>) -> String {
    let (table, name) = (sql::table(key.table), sql::identifier(&key.constraint.name));
    format!("COMMENT ON CONSTRAINT {name} ON {table} IS 'the reason in one sentence';")
}

/// Returns the statements that give the key a rule; a partitioned table takes no `NOT VALID` foreign key.
fn declare_rule(key: &ForeignKey<'_>) -> String {
    let (table, name) = (sql::table(key.table), sql::identifier(&key.constraint.name));
    let (columns, target) = (sql::identifiers(&key.constraint.columns), sql::table(key.target));
    let definition = format!(
        "FOREIGN KEY ({columns}) REFERENCES {target} ({}) ON DELETE RESTRICT",
        sql::identifiers(&key.reference.columns)
    );
    if key.table.partition_key.is_some() {
        return format!("ALTER TABLE {table} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} {definition};");
    }
    format!(
        "ALTER TABLE {table} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} {definition} NOT VALID;\n\
         ALTER TABLE {table} VALIDATE CONSTRAINT {name};"
    )
}
