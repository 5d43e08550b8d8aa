//! Booleans written as words or digits.

use underpin_model::Code;

use crate::names;
use crate::rule::{Context, SchemaRule};
use crate::scope::Field;
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::counted;

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::warning("UP124", "boolean-as-text", "a boolean written as words or digits"),
    page: include_str!("../../../../docs/codes/boolean-as-text.md"),
    find: suspicions,
};

/// Fewer values may be yes and no by accident.
const ENOUGH_VALUES: i64 = 10;

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    context
        .fields()
        .filter(|field| {
            field.column.generated.is_none() && !field.in_primary_key() && !field.in_foreign_key()
        })
        .filter(|field| field.is_text() || (field.is_integer() && is_question(field.name())))
        .map(suspicion)
        .collect()
}

fn is_question(name: &str) -> bool {
    names::words(name)
        .first()
        .is_some_and(|word| matches!(word.as_str(), "is" | "has" | "can" | "should" | "was"))
}

fn suspicion(field: Field<'_>) -> Suspicion {
    let column = field.quoted();
    let sql = format!(
        "SELECT count(*) AS stored, count(*) FILTER (WHERE v IN ('true', 'false', 't', 'f', 'yes', 'no', \
         'y', 'n', \
         '0', '1', 'on', 'off')) AS boolean, count(DISTINCT v) AS different, count(DISTINCT raw) AS \
         spellings, \
         count(*) FILTER (WHERE v IN ('0', '1')) AS digits FROM (SELECT lower(trim({column}::text)) AS v, \
         {column}::text AS raw FROM {} WHERE {column} IS NOT NULL LIMIT 100000) s",
        field.table.quoted()
    );
    let (table, name) = (sql::table(field.table), sql::identifier(field.name()));
    let drop_default = match field.column.default {
        Some(_) => format!("ALTER TABLE {table} ALTER COLUMN {name} DROP DEFAULT;\n"),
        None => String::new(),
    };
    let hint = format!(
        "{drop_default}ALTER TABLE {table} ALTER COLUMN {name} TYPE boolean USING {name}::text::boolean;"
    );
    let question = is_question(field.name());
    let what = format!("{} is {}", field.label(), field.column.type_name);
    Suspicion::new(field.draft(&RULE.code).hint(hint), sql, move |answer, draft| {
        let (stored, different) = (answer.int("stored"), answer.int("different"));
        let fact = format!(
            "{what}, and all of its {} mean yes or no, in {}; nothing refuses another.",
            counted(stored, "value"),
            counted(answer.int("spellings"), "spelling")
        );
        let all = stored >= ENOUGH_VALUES && answer.int("boolean") == stored;
        // Zeros and ones alone may be counts; only the name of a question makes them answers.
        let digits = answer.int("digits") == stored;
        (all && (question || (!digits && different == 2))).then(|| draft.saying(fact))
    })
}
