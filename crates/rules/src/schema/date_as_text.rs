//! Dates that the server takes for words.

use underpin_model::{Code, Severity};

use crate::rule::{Context, SchemaRule};
use crate::scope::Field;
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::{counted, grouped, percent};

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::warning("UP125", "date-as-text", "dates stored as text"),
    page: include_str!("../../../../docs/codes/date-as-text.md"),
    find: suspicions,
};

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    context.text_fields().filter(|field| !field.in_foreign_key()).map(suspicion).collect()
}

fn suspicion(field: Field<'_>) -> Suspicion {
    let column = field.quoted();
    let sql = format!(
        "SELECT count(*) AS stored, count(*) FILTER (WHERE v ~ '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}([ \
         T][0-9]{{2}}:.*)?$') \
         AS iso, count(*) FILTER (WHERE v ~ '^[0-9]{{1,2}}([./-])[0-9]{{1,2}}\\1([0-9]{{4}}|[0-9]{{2}})$') \
         AS local \
         FROM (SELECT {column}::text AS v FROM {} WHERE {column} IS NOT NULL LIMIT 100000) s",
        field.table.quoted()
    );
    let (table, name) = (sql::table(field.table), sql::identifier(field.name()));
    let hint = format!("ALTER TABLE {table} ALTER COLUMN {name} TYPE date USING {name}::date;");
    let label = field.label();
    Suspicion::new(field.draft(&RULE.code).hint(hint), sql, move |answer, draft| {
        let (stored, iso, local) = (answer.int("stored"), answer.int("iso"), answer.int("local"));
        let strange = stored - iso - local;
        let mixed = strange > 0 || (iso > 0 && local > 0);
        let fact = format!(
            "{label} is text, and {} % of {} are dates ({} day-month, {} unreadable): they sort as words, \
             and 2026-02-31 is accepted.",
            percent(iso + local, stored),
            counted(stored, "value"),
            grouped(local),
            grouped(strange)
        );
        (stored >= 10 && percent(iso + local, stored) >= 90)
            .then(|| draft.rated(mixed.then_some(Severity::Error)).saying(fact))
    })
}
