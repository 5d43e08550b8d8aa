//! Names that must be quoted for ever.

use underpin_model::sql_text::quote_literal;
use underpin_model::{Code, Finding};

use crate::names;
use crate::rule::{Context, SchemaRule};
use crate::scope;
use crate::sql;
use crate::suspicion::{Restate, Suspicion};

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::warning("UP136", "name-not-snake-case", "a name that must be quoted"),
    page: include_str!("../../../../docs/codes/name-not-snake-case.md"),
    find: suspicions,
};

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    let tables = context.tables().filter(|table| !is_snake_case(&table.name)).map(|table| {
        let rename = format!(
            "ALTER TABLE {} RENAME TO {};",
            sql::table(table),
            sql::identifier(&snake_case(&table.name))
        );
        suspicion(scope::draft(table, &RULE.code).hint(rename), scope::label(table), &table.name)
    });
    let columns = context.fields().filter(|field| !is_snake_case(field.name())).map(|field| {
        let (from, to) = (sql::identifier(field.name()), sql::identifier(&snake_case(field.name())));
        let rename = format!("ALTER TABLE {} RENAME COLUMN {from} TO {to};", sql::table(field.table));
        suspicion(field.draft(&RULE.code).hint(rename), field.label(), field.name())
    });
    tables.chain(columns).collect()
}

fn is_snake_case(name: &str) -> bool {
    let first = |c: char| c.is_lowercase() || c == '_';
    name.starts_with(first) && name.chars().all(|c| first(c) || c.is_ascii_digit())
}

fn snake_case(name: &str) -> String {
    names::words(name).join("_")
}

fn suspicion(draft: Finding, label: String, name: &str) -> Suspicion {
    let sql = format!("SELECT quote_ident({0}) AS quoted, lower({0}) AS folded", quote_literal(name));
    let plain = name.to_owned();
    Suspicion::new(draft, sql, move |answer, draft| {
        let (quoted, folded) = (answer.text("quoted"), answer.text("folded"));
        let fact = format!(
            "{label} must be written {quoted} in every statement; without quotes the server looks for \
             {folded}."
        );
        (quoted != plain).then(|| draft.saying(fact))
    })
}
