//! What a restored database must have in common with the original: everything.

use underpin_model::catalog::Catalog;
use underpin_model::catalog_diff::{Difference, catalog_diff};
use underpin_model::checksum::DatabaseChecksum;
use underpin_model::{Finding, ObjectKind, ObjectRef};
use underpin_pg::Address;
use underpin_pg::Session;
use underpin_pg::checksum;
use underpin_sql::definition::same_after_parsing;

use super::DIFFERS;
use super::backup::Kind;
use crate::error::LabError;
use crate::proofs::replay::describe;
use crate::template;

/// A database's content and catalog.
pub(super) struct Content {
    pub(super) sums: DatabaseChecksum,
    pub(super) catalog: Catalog,
}

/// Reads the project's database on the server at `superuser`.
pub(super) async fn content(superuser: &Address) -> Result<Content, LabError> {
    let address = superuser.database(template::DATABASE);
    let sums = checksum::database_checksums(&address, &checksum::Options::default()).await?;
    let session = Session::connect(&address).await?;
    let catalog = underpin_pg::catalog::snapshot(&session).await?;
    session.close().await;
    Ok(Content { sums, catalog })
}

/// Returns every difference: rows, content, sequences, and every object of the catalog with owner,
/// privileges, and the validity of constraints.
pub(super) fn differences(kind: Kind, original: &Content, restored: &Content) -> Vec<Finding> {
    let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "absent".to_owned());
    let data = original.sums.differences(&restored.sums).into_iter().map(|difference| {
        format!("{}: {} became {}", difference.object, side(&difference.left), side(&difference.right))
    });
    let schema = catalog_diff(&original.catalog, &restored.catalog);
    let schema = schema
        .iter()
        .filter(|one| !merely_reprinted(one))
        .map(|difference| describe(difference, "original", "restored database"));
    data.chain(schema)
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
