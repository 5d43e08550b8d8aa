//! Numbers that the server takes for words.

use underpin_model::{Code, Severity};

use crate::names::{self, Money};
use crate::rule::{Context, SchemaRule};
use crate::scope::Field;
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::{counted, grouped, percent};

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::warning("UP126", "number-as-text", "numbers stored as text"),
    page: include_str!("../../../../docs/codes/number-as-text.md"),
    find: suspicions,
};

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    context
        .text_fields()
        .filter(|field| {
            !field.in_foreign_key() && !field.in_primary_key() && !names_an_identifier(field.name())
        })
        .map(suspicion)
        .collect()
}

/// Returns whether the name means digits that nobody adds up.
fn names_an_identifier(name: &str) -> bool {
    const IDENTIFIERS: [&str; 34] = [
        "phone",
        "tel",
        "mobile",
        "fax",
        "zip",
        "zipcode",
        "postal",
        "postcode",
        "code",
        "sku",
        "number",
        "no",
        "isbn",
        "iban",
        "id",
        "ref",
        "reference",
        "serial",
        "version",
        "ean",
        "upc",
        "account",
        "card",
        "ssn",
        "external",
        "key",
        "hash",
        "token",
        "fingerprint",
        "pin",
        "checksum",
        "value",
        "last4",
        "build",
    ];
    names::has_word(name, &IDENTIFIERS)
}

/// Returns whether the name means something that is counted, measured or paid.
fn names_a_quantity(field: Field<'_>) -> bool {
    const QUANTITIES: [&str; 20] = [
        "quantity", "qty", "age", "count", "weight", "height", "width", "length", "size", "score", "rating",
        "rate", "year", "percent", "duration", "distance", "stock", "position", "points", "hours",
    ];
    names::has_word(field.name(), &QUANTITIES) || names::money(field.name(), &field.table.name) != Money::No
}

fn suspicion(field: Field<'_>) -> Suspicion {
    let column = field.quoted();
    let sql = format!(
        "SELECT count(*) AS stored, count(*) FILTER (WHERE v ~ '^-?[0-9]+([.][0-9]+)?$') AS numbers, \
         count(*) FILTER (WHERE v ~ '^0[0-9]') AS zero_led \
         FROM (SELECT trim({column}::text) AS v FROM {} WHERE {column} IS NOT NULL LIMIT 100000) s",
        field.table.quoted()
    );
    let (table, name) = (sql::table(field.table), sql::identifier(field.name()));
    let hint = format!("ALTER TABLE {table} ALTER COLUMN {name} TYPE numeric USING {name}::numeric;");
    let label = field.label();
    let draft =
        field.draft(&RULE.code).rated((!names_a_quantity(field)).then_some(Severity::Note)).hint(hint);
    Suspicion::new(draft, sql, move |answer, draft| {
        let (stored, numbers) = (answer.int("stored"), answer.int("numbers"));
        let fact = format!(
            "{label} is text, and {} of {} are numbers: '9' sorts after '10', and nothing refuses 'n/a'.",
            grouped(numbers),
            counted(stored, "value")
        );
        let numeric = stored >= 10 && percent(numbers, stored) >= 95 && answer.int("zero_led") == 0;
        numeric.then(|| draft.saying(fact))
    })
}
