//! Sequences that will give a key which is already taken.

use underpin_model::Code;
use underpin_model::catalog::Sequence;

use super::int_key_overflow::sequence_of;
use crate::rule::{Context, SchemaRule};
use crate::scope::{Field, relation};
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::{counted, grouped};

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::error("UP149", "sequence-behind", "a sequence behind the keys that are stored"),
    page: include_str!("../../../../docs/codes/sequence-behind.md"),
    find: suspicions,
};

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    context
        .fields()
        .filter(|field| field.is_integer() && (field.in_primary_key() || field.in_unique_index()))
        .filter_map(|field| Some(suspicion(field, sequence_of(context, field)?)))
        .collect()
}

fn suspicion(field: Field<'_>, sequence: &Sequence) -> Suspicion {
    let name = relation(&sequence.schema, &sequence.name);
    let (column, from) = (field.quoted(), field.table.quoted());
    let next = "(SELECT CASE WHEN is_called THEN last_value + 1 ELSE last_value END FROM {name})"
        .replace("{name}", &name);
    let sql = format!(
        "SELECT coalesce(max({column}), 0) AS largest, {next} AS next, count(*) FILTER (WHERE {column} >= \
         {next}) AS taken, \
         (SELECT seqincrement > 0 FROM pg_sequence WHERE seqrelid = {}::regclass) AS rises FROM {from}",
        underpin_model::sql_text::quote_literal(&name)
    );
    let shown = sql::object(&sequence.schema, &sequence.name);
    let hint = format!(
        "SELECT setval({}, (SELECT max({}) FROM {}));",
        underpin_model::sql_text::quote_literal(&shown),
        sql::identifier(field.name()),
        sql::table(field.table)
    );
    let label = field.label();
    Suspicion::new(field.draft(&RULE.code).hint(hint), sql, move |answer, draft| {
        let taken = answer.int("taken");
        let fact = format!(
            "{label} will be given {} next, but {} above that already exist (up to {}): INSERTs will fail \
             as duplicates.",
            grouped(answer.int("next")),
            counted(taken, "key"),
            grouped(answer.int("largest"))
        );
        (taken > 0 && answer.is_true("rises")).then(|| draft.saying(fact))
    })
}
