//! Indexes that cost every write and serve no read.

use underpin_model::catalog::{Index, Table};
use underpin_model::sql_text::quote_literal;
use underpin_model::{Code, Finding, ObjectKind, ObjectRef};

use crate::rule::{Context, SchemaRule};
use crate::scope::{self, relation};
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::bytes;

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::error("UP138", "index-invalid", "an index left invalid"),
    page: include_str!("../../../../docs/codes/index-invalid.md"),
    find: suspicions,
};

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    let indexes = context.tables().flat_map(|table| table.indexes.iter().map(move |index| (table, index)));
    indexes.filter(|(_, index)| !index.valid).map(|(table, index)| suspicion(table, index)).collect()
}

fn suspicion(table: &Table, index: &Index) -> Suspicion {
    let name = quote_literal(&relation(&table.schema, &index.name));
    let sql = format!(
        "SELECT indisvalid AS valid, pg_relation_size(indexrelid) AS bytes FROM pg_index WHERE indexrelid \
         = {name}::regclass"
    );
    let shown = sql::object(&table.schema, &index.name);
    let hint = if table.partition_key.is_some() {
        format!("ALTER INDEX {shown} ATTACH PARTITION for each partition that has none yet.")
    } else {
        format!("REINDEX INDEX CONCURRENTLY {shown};")
    };
    let object = ObjectRef::in_schema(ObjectKind::Index, &table.schema, &index.name);
    let draft = Finding::new(&RULE.code, format!("{shown}: {}", RULE.code.title)).object(object).hint(hint);
    let (unique, label) = (index.unique, scope::label(table));
    Suspicion::new(draft, sql, move |answer, draft| {
        let promise = if unique { ", and it keeps nothing unique" } else { "" };
        let fact = format!(
            "{shown} is invalid: every write to {label} maintains its {}, no query uses it{promise}.",
            bytes(answer.int("bytes"))
        );
        (!answer.is_true("valid")).then(|| draft.saying(fact))
    })
}
