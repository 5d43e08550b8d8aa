//! Blank-padded text.

use underpin_model::{Code, Severity};

use crate::rule::{Context, SchemaRule};
use crate::scope::Field;
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::{counted, grouped};

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::warning("UP121", "char-n", "blank-padded char(n)"),
    page: include_str!("../../../../docs/codes/char-n.md"),
    find: suspicions,
};

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    context.fields().filter(|field| field.column.base_type == "bpchar").map(suspicion).collect()
}

fn suspicion(field: Field<'_>) -> Suspicion {
    let column = field.quoted();
    let sql = format!(
        "SELECT count({column}) AS stored, count(*) FILTER (WHERE octet_length({column}) > \
         octet_length({column}::text)) AS padded, coalesce(sum(octet_length({column}) \
         - octet_length({column}::text)), 0) AS blanks FROM {}",
        field.table.quoted()
    );
    let hint = format!(
        "ALTER TABLE {} ALTER COLUMN {} TYPE text;",
        sql::table(field.table),
        sql::identifier(field.name())
    );
    let what = format!("{} is {}", field.label(), field.column.type_name);
    Suspicion::new(field.draft(&RULE.code).hint(hint), sql, move |answer, draft| {
        let (stored, padded) = (answer.int("stored"), answer.int("padded"));
        let fact = format!(
            "{what}: {} of {} are padded with {}, which LIKE, length and the application see differently.",
            grouped(padded),
            counted(stored, "value"),
            counted(answer.int("blanks"), "blank")
        );
        Some(draft.rated((padded == 0).then_some(Severity::Note)).saying(fact))
    })
}
