//! Natural keys that are already stored twice.

use underpin_model::Code;
use underpin_model::catalog::{ConstraintKind, Index};

use super::unique_missing::{CASELESS, is_sure_key};
use crate::names;
use crate::rule::{Context, SchemaRule};
use crate::scope::Field;
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::{counted, grouped};

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::error("UP107", "unique-violated", "a natural key that is stored twice"),
    page: include_str!("../../../../docs/codes/unique-violated.md"),
    find: suspicions,
};

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    context
        .text_fields()
        .filter(|field| field.column.base_type != "citext" && !field.in_foreign_key())
        .filter(|field| is_sure_key(*field) && !names::is_record_of_events(&field.table.name))
        .filter_map(|field| match unique_with(field) {
            Unique::Never => Some(suspicion(field, &[])),
            Unique::AsTyped(with) if CASELESS.contains(&field.name()) => Some(suspicion(field, &with)),
            Unique::AsTyped(_) | Unique::Folded => None,
        })
        .collect()
}

enum Unique {
    /// No unique index names the column.
    Never,
    /// Unique letter by letter, together with these columns.
    AsTyped(Vec<String>),
    /// Unique whatever the case, or in a way that a count here could not repeat.
    Folded,
}

fn unique_with(field: Field<'_>) -> Unique {
    let names_it = |index: &&Index| index.unique && index.keys.iter().any(|key| key.contains(field.name()));
    let indexes: Vec<&Index> = field.table.indexes.iter().filter(names_it).collect();
    let plain = |index: &&Index| {
        index.predicate.is_none() && index.keys.iter().all(|key| field.table.column(key).is_some())
    };
    let keys = |index: &Index| index.keys.iter().filter(|key| *key != field.name()).cloned().collect();
    match indexes.as_slice() {
        [] if field.constrained(ConstraintKind::Exclusion) => Unique::Folded,
        [] => Unique::Never,
        all if all.iter().all(plain) => Unique::AsTyped(keys(all[0])),
        _ => Unique::Folded,
    }
}

fn suspicion(field: Field<'_>, with: &[String]) -> Suspicion {
    let column = field.quoted();
    let folds = CASELESS.contains(&field.name());
    let key = if folds { format!("lower({column})") } else { column.clone() };
    let group: Vec<String> = with
        .iter()
        .map(|name| underpin_model::sql_text::quote_identifier(name))
        .chain([key.clone()])
        .collect();
    let group = group.join(", ");
    let sql = format!(
        "SELECT coalesce(sum(n), 0) AS stored, coalesce(sum(n) FILTER (WHERE n > 1), 0) AS sharing, \
         count(*) FILTER (WHERE n > 1) AS keys FROM (SELECT count(*) AS n FROM {} WHERE {column} IS NOT NULL \
         GROUP BY {group}) g",
        field.table.quoted()
    );
    let hint = format!(
        "SELECT {0}, count(*) FROM {1} GROUP BY {0} HAVING count(*) > 1;",
        if folds {
            format!("lower({})", sql::identifier(field.name()))
        } else {
            sql::identifier(field.name())
        },
        sql::table(field.table)
    );
    let draft = field.draft(&RULE.code).hint(hint);
    let label = field.label();
    let despite = if folds { " (case ignored)" } else { "" };
    Suspicion::new(draft, sql, move |answer, draft| {
        let (stored, sharing, keys) = (answer.int("stored"), answer.int("sharing"), answer.int("keys"));
        let fact = format!(
            "{label}: {} of {} share {} with another row{despite}; a look-up finds any one of them.",
            grouped(sharing),
            counted(stored, "row"),
            counted(keys, "value")
        );
        // A column most of whose values repeat is no key, whatever its name.
        (keys > 0 && sharing * 2 <= stored).then(|| draft.saying(fact))
    })
}
