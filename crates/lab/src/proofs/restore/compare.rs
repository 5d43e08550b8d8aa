//! What a restored database must have in common with the original: everything.

use std::collections::BTreeMap;

use underpin_model::catalog::Catalog;
use underpin_model::catalog_diff::{Difference, catalog_diff};
use underpin_model::checksum::{DatabaseChecksum, described_rows};
use underpin_model::{Finding, ObjectKind, ObjectRef};
use underpin_pg::Address;
use underpin_pg::Session;
use underpin_pg::checksum;
use underpin_sql::definition::same_after_parsing;

use super::DIFFERS;
use super::backup::Kind;
use crate::backup::restore::differing_objects;
use crate::error::LabError;
use crate::proofs::replay::describe;
use crate::template;

/// A database's content and catalog.
pub(super) struct Content {
    pub(super) sums: DatabaseChecksum,
    pub(super) catalog: Catalog,
    /// By number; nothing when they may not be read.
    pub(super) large_objects: BTreeMap<String, String>,
}

/// Reads the project's database on the server at `superuser`.
pub(super) async fn content(superuser: &Address) -> Result<Content, LabError> {
    let address = superuser.database(template::DATABASE);
    let sums = checksum::database_checksums(&address, &checksum::Options::default()).await?;
    let session = Session::connect(&address).await?;
    let catalog = underpin_pg::catalog::snapshot(&session).await?;
    let large_objects = checksum::large_objects(&session).await?.unwrap_or_default();
    session.close().await;
    Ok(Content { sums, catalog, large_objects })
}

/// Returns the rows that differ, as words by table, for tables that both sides have with the same columns.
///
/// Nobody writes to either side meanwhile. A table that cannot be compared row by row is left out: that it differs is told
/// anyway.
pub(super) async fn differing_rows(
    (source, original): (&Address, &Content),
    (target, restored): (&Address, &Content),
) -> Result<BTreeMap<String, String>, LabError> {
    let mut named = BTreeMap::new();
    let (left, right) = (&original.sums.tables, &restored.sums.tables);
    let differing: Vec<&String> =
        left.keys().filter(|table| right.get(*table).is_some_and(|sum| left[*table] != *sum)).collect();
    if differing.is_empty() {
        return Ok(named);
    }
    let source = Session::connect(&source.database(template::DATABASE)).await?;
    let target = Session::connect(&target.database(template::DATABASE)).await?;
    for table in differing {
        let Some(name) = table.split_once('.') else { continue };
        if let Ok(rows) = checksum::differing_rows(&source, &target, name).await {
            named.insert(format!("table {table}"), described_rows(&rows));
        }
    }
    source.close().await;
    target.close().await;
    Ok(named)
}

/// Returns every difference: rows, content, sequences, and every object of the catalog with owner,
/// privileges, and the validity of constraints.
///
/// `rows` are the words for the rows that differ, by table.
pub(super) fn differences(
    kind: Kind,
    (original, restored): (&Content, &Content),
    rows: &BTreeMap<String, String>,
) -> Vec<Finding> {
    let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "absent".to_owned());
    let data = original.sums.differences(&restored.sums).into_iter().map(|difference| {
        let named = rows.get(&difference.object).map_or_else(String::new, |rows| format!(": {rows}"));
        format!("{}: {} became {}{named}", difference.object, side(&difference.left), side(&difference.right))
    });
    let objects = differing_objects(&original.large_objects, &restored.large_objects);
    let schema = catalog_diff(&original.catalog, &restored.catalog);
    let schema = schema
        .iter()
        .filter(|one| !merely_reprinted(one))
        .map(|difference| describe(difference, "original", "restored database"));
    data.chain(objects)
        .chain(schema)
        .map(|what| {
            Finding::new(&DIFFERS, format!("{}: {what}.", kind.title()))
                .object(ObjectRef::new(ObjectKind::Backup, kind.name()))
                .hint("Unlogged tables, and objects that dumps leave out, do not survive; see the page of this code.")
        })
        .collect()
}

/// Returns whether the two sides differ only in how the server prints what it has parsed anew.
fn merely_reprinted(difference: &Difference) -> bool {
    match difference {
        Difference::Changed { left, right, .. } => same_after_parsing(left, right),
        Difference::OnlyLeft(_) | Difference::OnlyRight(_) => false,
    }
}
