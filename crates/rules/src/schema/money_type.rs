//! The type `money`, whose meaning depends on the server's locale.

use underpin_model::Code;

use crate::rule::{Context, SchemaRule};
use crate::scope::Field;
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::counted;

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::warning("UP119", "money-type", "the locale-dependent type money"),
    page: include_str!("../../../../docs/codes/money-type.md"),
    find: suspicions,
};

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    context.fields().filter(|field| field.column.base_type == "money").map(suspicion).collect()
}

fn suspicion(field: Field<'_>) -> Suspicion {
    let sql = format!(
        "SELECT count({}) AS stored, current_setting('lc_monetary') AS locale FROM {}",
        field.quoted(),
        field.table.quoted()
    );
    let (table, name) = (sql::table(field.table), sql::identifier(field.name()));
    let hint = format!("ALTER TABLE {table} ALTER COLUMN {name} TYPE numeric(12,2) USING {name}::numeric;");
    let label = field.label();
    Suspicion::new(field.draft(&RULE.code).hint(hint), sql, move |answer, draft| {
        let fact = format!(
            "{label} is money: {} mean what lc_monetary says (here {}), so a dump restored elsewhere \
             changes currency and digits.",
            counted(answer.int("stored"), "value"),
            answer.text("locale")
        );
        Some(draft.saying(fact))
    })
}
