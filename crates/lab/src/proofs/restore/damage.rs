//! Damages copies of a backup: each must be noticed, by the tool or by comparing the content.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use underpin_model::{Finding, ObjectKind, ObjectRef};
use underpin_pg::ToolCall;

use super::UNDETECTED;
use super::backup::{Bench, Kind, complaint};
use super::compare::{self, Content};
use crate::error::LabError;

/// What happens to the backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Damage {
    Truncated,
    FlippedByte,
}

/// Every damage that is tried.
pub(super) const ALL: &[Damage] = &[Damage::Truncated, Damage::FlippedByte];

impl Damage {
    fn words(self) -> &'static str {
        match self {
            Damage::Truncated => "truncated file",
            Damage::FlippedByte => "flipped byte",
        }
    }

    /// Damages the file: cut to two thirds, or one bit changed where the data are.
    fn apply(self, kind: Kind, bytes: &mut Vec<u8>) {
        let length = bytes.len();
        match self {
            Damage::Truncated => bytes.truncate(length * 2 / 3),
            Damage::FlippedByte => {
                if let Some(byte) = bytes.get_mut(place_of_data(kind, length)) {
                    *byte ^= 0x10;
                }
            }
        }
    }
}

/// Returns a place in a file of the backup at which data of a table stand, and nothing that a restore never reads.
fn place_of_data(kind: Kind, length: usize) -> usize {
    match kind {
        // The table of contents comes first and can be the larger part. At the end stand the last table's compressed
        // data and the five bytes of an empty chunk (pg_backup_custom.c).
        Kind::Custom => length.saturating_sub(8),
        Kind::Directory | Kind::Physical => length / 2,
    }
}

/// Damages a copy of the backup; returns a finding when nobody notices.
pub(super) async fn inflict(
    damage: Damage,
    kind: Kind,
    bench: &mut Bench<'_>,
    original: &Content,
) -> Result<Option<Finding>, LabError> {
    let copy = bench.copy(kind, "damaged").await?;
    let Some(file) = largest_file(&copy) else {
        return Err(LabError::Unexpected(format!("{copy} holds no file to damage")));
    };
    let doing = |error| LabError::file("damaging a copy of the backup", error);
    let mut bytes = fs_err::read(&file).map_err(doing)?;
    damage.apply(kind, &mut bytes);
    fs_err::write(&file, bytes).map_err(doing)?;
    let call = match kind {
        // Reads and unpacks every byte without a server.
        Kind::Custom | Kind::Directory => {
            ToolCall::new("pg_restore").args(["--file=/dev/null", copy.as_str()])
        }
        Kind::Physical => ToolCall::new("pg_verifybackup").args(["--quiet", copy.as_str()]),
    };
    let output = bench.run(call).await?;
    let noticed = if output.exit != 0 {
        Some(portable(&complaint(&output), &copy))
    } else {
        noticed_by_content(kind, bench, &copy, original).await?
    };
    bench.damages.push(vec![
        kind.title().to_owned(),
        damage.words().to_owned(),
        noticed.clone().unwrap_or_else(|| "not noticed".to_owned()),
    ]);
    Ok(noticed.is_none().then(|| {
        let message = format!(
            "{} with a {}: it restores and compares as if it were whole.",
            kind.title(),
            damage.words()
        );
        Finding::new(&UNDETECTED, message)
            .object(ObjectRef::new(ObjectKind::Backup, kind.name()))
            .hint("Keep a checksum beside the backup and check it before every restore.")
    }))
}

/// The tool accepted the copy: restore it and compare.
async fn noticed_by_content(
    kind: Kind,
    bench: &mut Bench<'_>,
    copy: &Utf8Path,
    original: &Content,
) -> Result<Option<String>, LabError> {
    let server = match bench.restore_copy(kind, copy).await? {
        Ok(server) => server,
        Err(_) => return Ok(Some("the restore failed".to_owned())),
    };
    let content = compare::content(&server.address()).await;
    server.stop().await?;
    Ok(match content {
        Err(error) => Some(format!("reading the restored database failed: {}", error.chain())),
        Ok(content) => {
            let differences = compare::differences(kind, (original, &content), &BTreeMap::new());
            (!differences.is_empty()).then(|| format!("the content differs in {} places", differences.len()))
        }
    })
}

fn portable(text: &str, copy: &Utf8Path) -> String {
    text.replace(copy.as_str(), "$COPY")
}

/// Returns the largest file of data at or below `path`: no table of contents, and of a physical backup only tables.
fn largest_file(path: &Utf8Path) -> Option<Utf8PathBuf> {
    let root = if path.join("base").is_dir() { path.join("base") } else { path.to_owned() };
    let mut open = vec![root];
    let mut largest: Option<(u64, Utf8PathBuf)> = None;
    while let Some(path) = open.pop() {
        let Ok(meta) = path.metadata() else { continue };
        if meta.is_dir() {
            open.extend(
                path.read_dir_utf8()
                    .into_iter()
                    .flatten()
                    .filter_map(Result::ok)
                    .map(|entry| entry.path().to_owned()),
            );
        } else if path.file_name() == Some("toc.dat") {
            continue;
        } else if largest.as_ref().is_none_or(|(size, other)| (meta.len(), &path) > (*size, other)) {
            largest = Some((meta.len(), path));
        }
    }
    largest.map(|(_, path)| path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_damage_changes_the_file() {
        for damage in ALL {
            for kind in [Kind::Custom, Kind::Directory, Kind::Physical] {
                let mut bytes = vec![7u8; 100];
                damage.apply(kind, &mut bytes);
                assert_ne!(bytes, vec![7u8; 100], "{damage:?} {kind:?}");
            }
        }
    }
}
