//! Files kept in rows.

use underpin_model::Code;

use crate::names;
use crate::rule::{Context, SchemaRule};
use crate::scope::Field;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::{bytes, counted};

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::warning("UP142", "blob-in-row", "files kept in rows"),
    page: include_str!("../../../../docs/codes/blob-in-row.md"),
    find: suspicions,
};

/// From this average size on the column is larger than the rest of its row by orders of magnitude.
const LARGE_AVERAGE: i64 = 64 * 1024;

/// A single value of this size takes a second on a slow link and fills the memory of a connection.
const LARGE_VALUE: i64 = 4 * 1024 * 1024;

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    const FILES: [&str; 14] = [
        "content",
        "file",
        "image",
        "photo",
        "avatar",
        "blob",
        "attachment",
        "document",
        "data",
        "payload",
        "pdf",
        "picture",
        "thumbnail",
        "scan",
    ];
    context
        .fields()
        .filter(|field| {
            let text = field.is_text() && names::has_word(field.name(), &FILES);
            field.column.base_type == "bytea" || text
        })
        .map(suspicion)
        .collect()
}

fn suspicion(field: Field<'_>) -> Suspicion {
    let column = field.quoted();
    let sql = format!(
        "SELECT count(*) AS stored, coalesce(avg(n), 0)::bigint AS average, coalesce(max(n), 0) AS largest, \
         coalesce(sum(n), 0) AS bytes FROM (SELECT octet_length({column}) AS n FROM {} WHERE {column} IS \
         NOT NULL \
         LIMIT 100000) s",
        field.table.quoted()
    );
    let hint = format!(
        "keep the file in object storage and in the row its key, size and sha256; {} then costs nothing in \
         backup and replication.",
        field.label()
    );
    let label = field.label();
    Suspicion::new(field.draft(&RULE.code).hint(hint), sql, move |answer, draft| {
        let (average, largest) = (answer.int("average"), answer.int("largest"));
        let fact = format!(
            "{label} keeps {} in {} (average {}, largest {}), written again to the WAL, every replica and \
             every backup.",
            bytes(answer.int("bytes")),
            counted(answer.int("stored"), "row"),
            bytes(average),
            bytes(largest)
        );
        (average >= LARGE_AVERAGE || largest >= LARGE_VALUE).then(|| draft.saying(fact))
    })
}
