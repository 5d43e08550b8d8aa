//! Tables whose rows have no name.

use underpin_model::catalog::{ConstraintKind, Table};
use underpin_model::{Code, Severity};

use crate::rule::{Context, SchemaRule};
use crate::scope;
use crate::sql;
use crate::suspicion::{Answer, Restate, Suspicion};
use crate::wording::{counted, grouped};

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::error("UP101", "no-primary-key", "a table without a primary key"),
    page: include_str!("../../../../docs/codes/no-primary-key.md"),
    find: suspicions,
};

/// Rows that are compared with each other; enough to meet a duplicate, cheap on a table of any size.
const SAMPLE: i64 = 100_000;

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    context.tables().filter(|table| table.primary_key().is_empty()).map(suspicion).collect()
}

fn suspicion(table: &Table) -> Suspicion {
    let from = table.quoted();
    let sql = format!(
        "SELECT (SELECT count(*) FROM {from}) AS rows, \
         (SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM (SELECT t::text AS whole FROM \
         {from} t \
         LIMIT {SAMPLE}) s GROUP BY whole) g) AS copies"
    );
    let unique = unique_key(table).is_some();
    let draft = scope::draft(table, &RULE.code).rated(unique.then_some(Severity::Warning)).hint(hint(table));
    let name = scope::label(table);
    let message = if unique { undeclared } else { unprotected };
    Suspicion::new(draft, sql, move |answer, draft| Some(draft.saying(message(&name, answer))))
}

/// Returns the message about a table whose key is there under another name.
fn undeclared(name: &str, answer: &Answer) -> String {
    let rows = counted(answer.int("rows"), "row");
    format!("{name} has a unique key that is not declared as its primary key ({rows}).")
}

/// Returns the message about a table without any key.
fn unprotected(name: &str, answer: &Answer) -> String {
    let (rows, copies) = (counted(answer.int("rows"), "row"), answer.int("copies"));
    let copies = match copies {
        0 => "nothing keeps a row from being stored twice".to_owned(),
        n => format!("{} of them repeat another row exactly", grouped(n)),
    };
    format!("{name} has no primary key: {rows}, {copies}, and logical replication refuses UPDATE and DELETE.")
}

fn hint(table: &Table) -> String {
    let name = sql::table(table);
    match key_columns(table) {
        Some(columns) => format!("ALTER TABLE {name} ADD PRIMARY KEY ({});", sql::identifiers(&columns)),
        None => {
            let column =
                ["id", "row_id"].into_iter().find(|name| table.column(name).is_none()).unwrap_or("key");
            format!("ALTER TABLE {name} ADD COLUMN {column} bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY;")
        }
    }
}

fn key_columns(table: &Table) -> Option<Vec<String>> {
    unique_key(table).map(<[String]>::to_vec)
}

/// Returns the columns of a unique constraint none of which may be NULL.
fn unique_key(table: &Table) -> Option<&[String]> {
    let never_null = |name: &String| table.column(name).is_some_and(|column| column.not_null);
    table
        .constraints
        .iter()
        .find(|c| c.kind == ConstraintKind::Unique && c.columns.iter().all(never_null))
        .map(|constraint| constraint.columns.as_slice())
}
