//! Content sums of large objects, which belong to no table of the user.

use std::collections::BTreeMap;

use super::ChecksumError;
use crate::catalog::text_form;
use crate::session::Session;

/// Returns each large object by its number, as words: size, sum and owner. Nothing when the role may not read them.
///
/// Two objects that read the same have the same words, wherever their holes are stored.
pub async fn large_objects(session: &Session) -> Result<Option<BTreeMap<String, String>>, ChecksumError> {
    let failed = |source| ChecksumError::ReadTable { table: "pg_catalog.pg_largeobject".to_owned(), source };
    // Everybody may count them; the check of the privilege would come before the first row.
    let may = "SELECT has_table_privilege('pg_catalog.pg_largeobject', 'SELECT') \
               OR NOT EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata)";
    if session.value(may).await.map_err(failed)?.as_deref() != Some("t") {
        return Ok(None);
    }
    let some = "SELECT 1 FROM pg_catalog.pg_largeobject_metadata LIMIT 1";
    if session.value(some).await.map_err(failed)?.is_none() {
        return Ok(Some(BTreeMap::new()));
    }
    let sql = format!("{};\n{}", text_form::fixed_for_transaction(), include_str!("large_objects.sql"));
    let rows = session.rows(&sql).await.map_err(failed)?;
    let words = |row: crate::rows::Row<'_>| {
        format!("{} bytes, checksum {}, owner {}", row.text("bytes"), row.text("sum"), row.text("owner"))
    };
    Ok(Some(rows.iter().map(|row| (row.text("oid").to_owned(), words(row))).collect()))
}
