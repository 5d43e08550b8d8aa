//! `json` where `jsonb` is meant.

use underpin_model::Code;

use crate::rule::{Context, SchemaRule};
use crate::scope::Field;
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::{bytes, counted};

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::warning("UP127", "json-not-jsonb", "json where jsonb is meant"),
    page: include_str!("../../../../docs/codes/json-not-jsonb.md"),
    find: suspicions,
};

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    const REASONS: [&str; 4] = ["verbatim", "signature", "as received", "byte for byte"];
    context
        .fields()
        .filter(|field| field.column.base_type == "json" && !field.comment_has(&REASONS))
        .map(suspicion)
        .collect()
}

fn suspicion(field: Field<'_>) -> Suspicion {
    let column = field.quoted();
    let sql = format!(
        "SELECT count({column}) AS stored, coalesce(sum(octet_length({column}::text)), 0) AS bytes FROM \
         (SELECT {column} FROM {} LIMIT 100000) s",
        field.table.quoted()
    );
    let (table, name) = (sql::table(field.table), sql::identifier(field.name()));
    let hint = format!("ALTER TABLE {table} ALTER COLUMN {name} TYPE jsonb USING {name}::jsonb;");
    let label = field.label();
    Suspicion::new(field.draft(&RULE.code).hint(hint), sql, move |answer, draft| {
        let fact = format!(
            "{label} is json: every read parses its text again ({} of {}), it has no = and takes no GIN \
             index.",
            bytes(answer.int("bytes")),
            counted(answer.int("stored"), "document")
        );
        Some(draft.saying(fact))
    })
}
