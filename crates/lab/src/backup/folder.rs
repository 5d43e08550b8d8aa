//! The folder of backups: one folder per backup, `wal/` beside them.

use camino::{Utf8Path, Utf8PathBuf};
use underpin_pg::ToolCall;

use super::{BackupError, BackupKind, BackupSpec, DESCRIPTION, Description, create_folder, increment, run};

/// Returns every finished backup of the folder, the oldest first. What has no description is none.
pub fn list(folder: &Utf8Path) -> Result<Vec<Description>, BackupError> {
    let failed = |source| BackupError::File { doing: format!("reading {folder}"), source };
    if !folder.is_dir() {
        return Err(BackupError::NoFolder { folder: folder.to_owned() });
    }
    let mut found = Vec::new();
    for entry in folder.read_dir_utf8().map_err(failed)? {
        let file = entry.map_err(failed)?.path().join(DESCRIPTION);
        if !file.is_file() {
            continue;
        }
        let text = fs_err::read_to_string(&file).map_err(failed)?;
        let description: Description = serde_json::from_str(&text).map_err(|error| BackupError::Damaged {
            label: file.parent().and_then(Utf8Path::file_name).unwrap_or_default().to_owned(),
            what: format!("{DESCRIPTION}: {error}"),
        })?;
        let name = file.parent().and_then(Utf8Path::file_name).unwrap_or_default();
        if description.label != name {
            // A copy under another name would pass for a backup of another time.
            let what = format!("its description is that of {}", description.label);
            return Err(BackupError::Damaged { label: name.to_owned(), what });
        }
        found.push(description);
    }
    found.sort_by(|one, other| one.label.cmp(&other.label));
    Ok(found)
}

/// Creates the folder of a new backup.
pub(super) fn create(folder: &Utf8Path, label: &str) -> Result<Utf8PathBuf, BackupError> {
    let path = folder.join(label);
    if path.exists() {
        return Err(BackupError::Exists { what: path.into_string() });
    }
    create_folder(folder)?;
    create_folder(&path)?;
    Ok(path)
}

/// Writes the description, the last file of a backup: without it a backup does not count.
pub(super) fn write(path: &Utf8Path, description: &Description) -> Result<(), BackupError> {
    let file = path.join(DESCRIPTION);
    let failed = |source| BackupError::File { doing: format!("writing {file}"), source };
    let text = serde_json::to_string_pretty(description).map_err(|error| failed(error.into()))?;
    let draft = path.join(format!("{DESCRIPTION}.new"));
    fs_err::write(&draft, text).and_then(|()| fs_err::rename(&draft, &file)).map_err(failed)
}

/// Removes all but the newest `keep` backups of the kind and what these build on, and the log that none of those left needs.
pub(super) async fn retain(spec: &BackupSpec<'_>, keep: usize) -> Result<Vec<String>, BackupError> {
    let all: Vec<Description> = list(spec.folder)?.into_iter().filter(|one| one.kind == spec.kind).collect();
    let old = increment::expendable(&all, keep);
    // The newest first: what is left of an interrupted removal never lacks what it builds on.
    for one in old.iter().rev() {
        let path = spec.folder.join(&one.label);
        fs_err::remove_dir_all(&path)
            .map_err(|source| BackupError::File { doing: format!("removing {path}"), source })?;
    }
    let gone = |label: &str| old.iter().any(|one| one.label == label);
    let first = all.iter().find(|one| !gone(&one.label)).and_then(|one| one.first_segment.clone());
    let wal = spec.folder.join("wal");
    if let Some(first) =
        first.filter(|_| !old.is_empty() && spec.kind == BackupKind::Physical && wal.is_dir())
    {
        let call = ToolCall::new("pg_archivecleanup").args([wal.into_string(), first]);
        run(spec.installation, call, &mut Vec::new()).await?;
    }
    Ok(old.iter().map(|one| one.label.clone()).collect())
}
