//! Foreign keys that make every delete of the referenced row read the whole referencing table.

use underpin_model::catalog::{Index, Table};
use underpin_model::{Code, Severity};

use crate::names;
use crate::rule::{Context, SchemaRule};
use crate::scope::{self, ForeignKey};
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::{counted, grouped};

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::error("UP103", "fk-no-index", "a foreign key without an index"),
    page: include_str!("../../../../docs/codes/fk-no-index.md"),
    find: suspicions,
};

/// Below this a sequential scan costs less than a millisecond and the missing index only waits to hurt.
const HURTING_ROWS: i64 = 1_000;

/// A referenced table this small with a natural key is a lookup list: hardly ever deleted from, and an index
/// on the reference would be read by nobody.
const LOOKUP_ROWS: i64 = 500;

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    context
        .references()
        .filter(|key| !key.table.indexes.iter().any(|index| covers(key, index)))
        .map(|key| suspicion(&key, context.production_rows(key.table)))
        .collect()
}

fn suspicion(key: &ForeignKey<'_>, production: i64) -> Suspicion {
    let (from, target) = (key.table.quoted(), key.target.quoted());
    let sql = format!(
        "SELECT count(*) AS rows, (SELECT count(*) FROM (SELECT FROM {target} LIMIT {}) t) AS referenced \
         FROM {from}",
        LOOKUP_ROWS + 1
    );
    let draft = key.draft(&RULE.code).hint(sql::create_index(key.table, &key.constraint.columns));
    let (column, table) = (key.label(), scope::label(key.table));
    let one = names::singular(&key.target.name);
    let lookup_key = has_natural_key(key.target);
    Suspicion::new(draft, sql, move |answer, draft| {
        let rows = answer.int("rows").max(production);
        let lookup = lookup_key && answer.int("referenced") <= LOOKUP_ROWS;
        let fact = format!(
            "{column} has no index: deleting one {one} reads {} of {table} under the lock of that row.",
            if rows == 1 { "the only row".to_owned() } else { format!("all {}", counted(rows, "row")) }
        );
        let fact = if lookup {
            format!("{column} refers to a short list and has no index ({} rows).", grouped(rows))
        } else {
            fact
        };
        Some(
            draft
                .rated((rows < HURTING_ROWS).then_some(Severity::Warning))
                .rated(lookup.then_some(Severity::Note))
                .saying(fact),
        )
    })
}

/// Returns whether the index finds the rows of one referenced key: its first keys are the referencing columns
/// in any order, and a predicate leaves out no more than rows without a reference.
fn covers(key: &ForeignKey<'_>, index: &Index) -> bool {
    let columns = &key.constraint.columns;
    let leading: Vec<&String> = index.keys.iter().take(columns.len()).collect();
    let complete = leading.len() == columns.len() && columns.iter().all(|column| leading.contains(&column));
    let selective = index.unique && index.keys.iter().all(|name| columns.contains(name));
    let whole = index.predicate.as_deref().is_none_or(|predicate| only_skips_null(predicate, columns));
    let searchable = matches!(index.method.as_str(), "btree" | "hash");
    index.valid && whole && searchable && (complete || selective)
}

fn only_skips_null(predicate: &str, columns: &[String]) -> bool {
    let bare: String = predicate.chars().filter(|c| !matches!(c, '(' | ')' | '"')).collect();
    bare.split(" AND ").all(|part| {
        part.trim()
            .strip_suffix(" IS NOT NULL")
            .is_some_and(|column| columns.iter().any(|name| name == column.trim()))
    })
}

fn has_natural_key(table: &Table) -> bool {
    let natural = |name: &String| {
        let base = table.column(name).map(|column| column.base_type.as_str());
        matches!(base, Some("text" | "varchar" | "bpchar" | "citext" | "int2" | "char"))
    };
    table.primary_key().iter().all(natural) && !table.primary_key().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partial_index_covers_only_when_it_skips_nulls_alone() {
        let columns = ["user_id".to_owned()];
        assert!(only_skips_null("(user_id IS NOT NULL)", &columns));
        assert!(!only_skips_null("(deleted_at IS NULL)", &columns));
        assert!(!only_skips_null("((user_id IS NOT NULL) AND (deleted_at IS NULL))", &columns));
    }
}
