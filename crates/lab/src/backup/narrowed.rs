//! From "this table differs" to its rows, by what the backup kept of them: the source may be gone or have moved on.

use std::collections::BTreeMap;

use camino::Utf8Path;
use underpin_model::checksum::{DatabaseChecksum, described_rows};
use underpin_pg::checksum::{self, Groups, Located};
use underpin_pg::{Address, Session};

use super::BackupError;
use super::logical::GROUPS;

/// Writes the groups of a backup.
pub(super) fn write(file: &Utf8Path, groups: &Groups) -> Result<(), BackupError> {
    let failed = |source| BackupError::File { doing: format!("writing {file}"), source };
    let text = serde_json::to_string(groups).map_err(|error| failed(error.into()))?;
    fs_err::write(file, text).map_err(failed)
}

/// Returns the rows that differ, as words by `table schema.name`, for tables that both sides have.
///
/// A backup of an earlier version keeps no groups: then nothing is named. A table that cannot be read in the same way any
/// more, as its key is another, is left out: that it differs is told anyway.
pub(super) async fn rows(
    restored: &Address,
    backup: &Utf8Path,
    (expected, found): (&DatabaseChecksum, &DatabaseChecksum),
) -> Result<BTreeMap<String, String>, BackupError> {
    let mut named = BTreeMap::new();
    let differs =
        |table: &&String| found.tables.get(*table).is_some_and(|sum| expected.tables[*table] != *sum);
    let differing: Vec<&String> = expected.tables.keys().filter(differs).collect();
    let file = backup.join(GROUPS);
    if differing.is_empty() || !file.is_file() {
        return Ok(named);
    }
    let failed = |source| BackupError::File { doing: format!("reading {file}"), source };
    let text = fs_err::read_to_string(&file).map_err(failed)?;
    let groups: Groups = serde_json::from_str(&text).map_err(|error| failed(error.into()))?;
    let session = Session::connect(restored).await.map_err(BackupError::Connect)?;
    for table in differing {
        let (Some(kept), Some(name)) = (groups.get(table), table.split_once('.')) else { continue };
        let words = match checksum::located(&session, name, kept).await {
            Ok(located) => described(&located),
            Err(_) => continue,
        };
        named.extend(words.map(|words| (format!("table {table}"), words)));
    }
    session.close().await;
    Ok(named)
}

fn described(located: &Located) -> Option<String> {
    let several = match located.several {
        0 => None,
        1 => Some("several rows of a group differ".to_owned()),
        many => Some(format!("several rows differ in each of {many} groups")),
    };
    let rows = (!located.rows.is_empty()).then(|| described_rows(&located.rows));
    let words: Vec<String> = rows.into_iter().chain(several).collect();
    (!words.is_empty()).then(|| words.join("; "))
}
