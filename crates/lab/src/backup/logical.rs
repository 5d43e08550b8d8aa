//! A dump of one database, summed in the snapshot that the dump reads.

use camino::Utf8Path;
use underpin_model::checksum::DatabaseChecksum;
use underpin_pg::{ToolCall, checksum};

use super::{BackupError, BackupSpec, Begun, FileSum, Taken, narrowed, run, structure};

/// File of the dump, in the custom format.
pub(super) const DUMP: &str = "data.dump";

/// File of the roles, which belong to no database.
pub(super) const ROLES: &str = "roles.sql";

/// File of the sums of small groups of rows, by which a row that differs is named.
pub(super) const GROUPS: &str = "groups.json";

pub(super) async fn take(spec: &BackupSpec<'_>, begun: Begun) -> Result<Taken, BackupError> {
    let Begun { session, mut taken } = begun;
    // The snapshot lives as long as this transaction, and pg_dump reads what we sum (manual, pg_export_snapshot).
    session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await.map_err(BackupError::Ask)?;
    let snapshot = session.value("SELECT pg_export_snapshot()").await.map_err(BackupError::Ask)?;
    // Sequences know no snapshots: they go on while the dump reads them, so they are noted before it begins.
    let sequences = checksum::sequences(&session).await.map_err(BackupError::Sum)?;
    let dump = ToolCall::new("pg_dump")
        .args([
            "--format=custom".to_owned(),
            format!("--snapshot={}", snapshot.unwrap_or_default()),
            format!("--file={}", taken.path.join(DUMP)),
        ])
        .on(spec.address);
    let mut transcript = Vec::new();
    let summed = async {
        let sums = checksum::with_groups(&session).await.map_err(BackupError::Sum)?;
        let large_objects = checksum::large_objects(&session).await.map_err(BackupError::Sum)?;
        Ok::<_, BackupError>((sums, large_objects, structure::read(&session).await?))
    };
    let (summed, dumped) = tokio::join!(summed, run(spec.installation, dump, &mut transcript));
    let ((sums, groups), large_objects, (form, catalog)) = summed?;
    dumped?;
    session.execute("COMMIT").await.map_err(BackupError::Ask)?;
    session.close().await;
    let roles = ToolCall::new("pg_dumpall")
        .args(["--roles-only".to_owned(), format!("--file={}", taken.path.join(ROLES))])
        .on(spec.address);
    run(spec.installation, roles, &mut transcript).await?;
    narrowed::write(&taken.path.join(GROUPS), &groups)?;
    taken.description.files =
        [DUMP, ROLES, GROUPS].iter().map(|name| file_sum(&taken.path, name)).collect::<Result<_, _>>()?;
    taken.description.content = Some(DatabaseChecksum { sequences, ..sums });
    taken.description.large_objects = large_objects;
    taken.description.form = Some(form);
    taken.description.catalog = Some(catalog);
    taken.transcript = transcript;
    Ok(taken)
}

/// Reads a file's size and hash.
pub(super) fn file_sum(folder: &Utf8Path, name: &str) -> Result<FileSum, BackupError> {
    use std::io::Read;
    let path = folder.join(name);
    let failed = |source| BackupError::File { doing: format!("reading {path}"), source };
    let mut file = fs_err::File::open(&path).map_err(failed)?;
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    let mut buffer = vec![0; 1 << 18];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer).map_err(failed)?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
        bytes += read as u64;
    }
    Ok(FileSum { name: name.to_owned(), bytes, xxh3: format!("{:032x}", hasher.digest128()) })
}
