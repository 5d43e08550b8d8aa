//! UNIQUE over columns whose NULLs let duplicates in.

use underpin_model::Code;
use underpin_model::catalog::{Index, Table};
use underpin_model::sql_text::quote_identifier;
use underpin_model::{Finding, ObjectKind, ObjectRef};

use crate::rule::{Context, SchemaRule};
use crate::scope;
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::counted;

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::error("UP108", "unique-nullable", "a UNIQUE that NULLs get around"),
    page: include_str!("../../../../docs/codes/unique-nullable.md"),
    find: suspicions,
};

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    context
        .tables()
        .flat_map(|table| table.indexes.iter().map(move |index| (table, index)))
        .filter(|(_, index)| {
            index.unique && !index.primary && !index.nulls_not_distinct && index.keys.len() > 1
        })
        .filter(|(_, index)| index.predicate.is_none())
        .filter_map(|(table, index)| suspicion(table, index))
        .collect()
}

fn suspicion(table: &Table, index: &Index) -> Option<Suspicion> {
    let keys = &index.keys;
    let columns: Option<Vec<_>> = keys.iter().map(|key| table.column(key)).collect();
    let columns = columns?;
    let nullable: Vec<&str> = columns.iter().filter(|c| !c.not_null).map(|c| c.name.as_str()).collect();
    if nullable.is_empty() || nullable.len() == columns.len() {
        return None;
    }
    let quoted: Vec<String> = keys.iter().map(|key| quote_identifier(key)).collect();
    let quoted = quoted.join(", ");
    let sql = format!(
        "SELECT coalesce(sum(n), 0) AS repeated FROM (SELECT count(*) AS n FROM {} WHERE \
         num_nulls({quoted}) > 0 \
         GROUP BY {quoted} HAVING count(*) > 1) g",
        table.quoted()
    );
    let draft = draft(table, index).hint(hint(table, index, keys));
    let (name, list) = (scope::label(table), keys.join(", "));
    let loose = nullable.join(", ");
    Some(Suspicion::new(draft, sql, move |answer, draft| {
        let repeated = answer.int("repeated");
        let fact = format!(
            "{name} is unique over ({list}), yet {} repeat one another because {loose} is NULL in them.",
            counted(repeated, "row")
        );
        (repeated > 0).then(|| draft.saying(fact))
    }))
}

fn draft(table: &Table, index: &Index) -> Finding {
    let object = ObjectRef::in_schema(ObjectKind::Index, &table.schema, &index.name);
    Finding::new(&RULE.code, format!("{}: {}", index.name, RULE.code.title)).object(object)
}

fn hint(table: &Table, index: &Index, keys: &[String]) -> String {
    let (name, columns) = (sql::table(table), sql::identifiers(keys));
    let old = match &index.constraint {
        Some(constraint) => format!("ALTER TABLE {name} DROP CONSTRAINT {};", sql::identifier(constraint)),
        None => format!("DROP INDEX CONCURRENTLY {};", sql::object(&table.schema, &index.name)),
    };
    format!(
        "remove the repeated rows, then CREATE UNIQUE INDEX CONCURRENTLY ON {name} ({columns}) NULLS NOT \
         DISTINCT; \
         (15 and later; before, a partial unique index over the rest WHERE the column IS NULL) and {old}"
    )
}
