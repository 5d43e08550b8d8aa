//! Names that the grammar keeps for itself.

use underpin_model::sql_text::quote_literal;
use underpin_model::{Code, Finding};

use crate::names;
use crate::rule::{Context, SchemaRule};
use crate::scope;
use crate::sql;
use crate::suspicion::{Restate, Suspicion};

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::warning("UP137", "name-reserved-word", "a reserved word as a name"),
    page: include_str!("../../../../docs/codes/name-reserved-word.md"),
    find: suspicions,
};

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    let tables =
        context.tables().filter(|table| names::RESERVED.contains(&table.name.as_str())).map(|table| {
            let rename = format!("ALTER TABLE {} RENAME TO {}s;", sql::table(table), table.name);
            suspicion(scope::draft(table, &RULE.code).hint(rename), scope::label(table), &table.name)
        });
    let columns = context.fields().filter(|field| names::RESERVED.contains(&field.name())).map(|field| {
        let (table, name) = (sql::table(field.table), sql::identifier(field.name()));
        let rename = format!("ALTER TABLE {table} RENAME COLUMN {name} TO {}_value;", field.name());
        suspicion(field.draft(&RULE.code).hint(rename), field.label(), field.name())
    });
    tables.chain(columns).collect()
}

fn suspicion(draft: Finding, label: String, name: &str) -> Suspicion {
    let sql = format!(
        "SELECT count(*) AS reserved, max(catdesc) AS category, quote_ident({0}) AS quoted FROM \
         pg_get_keywords() \
         WHERE word = {0} AND catcode IN ('R', 'T')",
        quote_literal(name)
    );
    let session_user = matches!(name, "user" | "current_user" | "session_user");
    Suspicion::new(draft, sql, move |answer, draft| {
        let trap = if session_user {
            "; without quotes it means the logged-in role, and no error says so"
        } else {
            ""
        };
        let fact = format!(
            "{label} is a keyword of this server ({}) and must be written {}{trap}.",
            answer.text("category"),
            answer.text("quoted")
        );
        (answer.int("reserved") > 0).then(|| draft.saying(fact))
    })
}
