//! UUIDs stored as 36 characters.

use underpin_model::{Code, Severity};

use crate::names;
use crate::rule::{Context, SchemaRule};
use crate::scope::Field;
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::{bytes, counted};

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::warning("UP154", "uuid-as-text", "UUIDs stored as text"),
    page: include_str!("../../../../docs/codes/uuid-as-text.md"),
    find: suspicions,
};

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    context.text_fields().filter(|field| !field.in_foreign_key()).map(suspicion).collect()
}

fn suspicion(field: Field<'_>) -> Suspicion {
    let column = field.quoted();
    let sql = format!(
        "SELECT count(*) AS stored, count(*) FILTER (WHERE v ~* \
         '^[0-9a-f]{{8}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{12}}$') AS uuids \
         FROM (SELECT {column}::text AS v FROM {} WHERE {column} IS NOT NULL LIMIT 100000) s",
        field.table.quoted()
    );
    let (table, name) = (sql::table(field.table), sql::identifier(field.name()));
    let hint = format!("ALTER TABLE {table} ALTER COLUMN {name} TYPE uuid USING {name}::uuid;");
    // Somebody else's identifier looks like a UUID until they change it.
    let outside =
        names::is_foreign_to_us(field.name()) || !(field.in_primary_key() || field.name().ends_with("uuid"));
    let label = field.label();
    let draft = field.draft(&RULE.code).rated(outside.then_some(Severity::Note)).hint(hint);
    Suspicion::new(draft, sql, move |answer, draft| {
        let stored = answer.int("stored");
        // 37 bytes with the length word against 16 (Data Types, "UUID Type").
        let fact = format!(
            "{label} keeps {} as text: {} more than as uuid, again in every index, and two spellings of \
             one UUID differ.",
            counted(stored, "UUID"),
            bytes(stored * 21)
        );
        (stored >= 10 && answer.int("uuids") == stored).then(|| draft.saying(fact))
    })
}
