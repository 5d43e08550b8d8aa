//! A copy of the whole cluster, and the archive of log that takes it further.

use camino::Utf8Path;
use underpin_pg::ToolCall;

use super::{BackupError, BackupSpec, Begun, Taken, create_folder, increment, run};

/// Folder of the copy.
pub(super) const BASE: &str = "base";

/// Returns the `archive_command` for a folder of backups: never overwrites, and a segment appears whole or not at all.
///
/// A server that was killed between the command and its own note of it sends the same segment again, which has to succeed:
/// refused, it would be tried for ever and nothing younger archived (manual, "Setting Up WAL Archiving").
pub fn archive_command(folder: &Utf8Path) -> String {
    let wal = folder.join("wal");
    format!(
        "if test -f \"{wal}/%f\"; then cmp -s \"%p\" \"{wal}/%f\"; \
         else cp \"%p\" \"{wal}/%f.part\" && mv \"{wal}/%f.part\" \"{wal}/%f\"; fi"
    )
}

pub(super) async fn take(spec: &BackupSpec<'_>, begun: Begun) -> Result<Taken, BackupError> {
    let Begun { session, mut taken } = begun;
    let ask = |sql: &'static str| {
        let session = &session;
        async move { Ok(session.value(sql).await.map_err(BackupError::Ask)?.unwrap_or_default()) }
    };
    let tablespaces: String =
        ask("SELECT string_agg(spcname, ', ') FROM pg_tablespace WHERE spcname NOT IN ('pg_default', 'pg_global')").await?;
    if !tablespaces.is_empty() {
        let what = format!("a physical backup takes no tablespaces, and this server has {tablespaces}");
        return Err(BackupError::Unsupported { what });
    }
    let base = taken.path.join(BASE);
    let copy = ToolCall::new("pg_basebackup")
        .args([format!("--pgdata={base}"), format!("--label={}", taken.description.label)])
        .args(["--checkpoint=fast", "--wal-method=stream"])
        .on(spec.address);
    let copy = match &taken.description.parent {
        Some(parent) => {
            let manifest = spec.folder.join(parent).join(BASE).join("backup_manifest");
            copy.arg(format!("--incremental={manifest}"))
        }
        None => copy,
    };
    run(spec.installation, copy, &mut taken.transcript).await.map_err(increment::refused)?;
    let check = ToolCall::new("pg_verifybackup").args(["--quiet".to_owned(), base.to_string()]);
    run(spec.installation, check, &mut taken.transcript).await?;
    let (first, stop) = range(&base)?;
    taken.description.first_segment = Some(first);
    taken.description.stop_lsn = Some(stop);
    create_folder(&spec.folder.join("wal"))?;
    let archives: String =
        ask("SELECT current_setting('archive_mode') || ' ' || current_setting('archive_command')").await?;
    if archives.starts_with("on") && archives.contains(spec.folder.join("wal").as_str()) {
        // What was committed until now is then in the archive, not only in a segment that is still being filled.
        ask("SELECT pg_switch_wal()").await?;
    } else {
        taken.remarks.push(format!(
            "The server does not archive into this folder: recovery ends where this backup ends. For any later point: \
             ALTER SYSTEM SET archive_mode = on; ALTER SYSTEM SET archive_command = '{}'; then restart.",
            archive_command(spec.folder).replace('\'', "''")
        ));
    }
    let failing: String = ask(ARCHIVER_FAILS).await?;
    if !failing.is_empty() {
        taken.remarks.push(format!(
            "The server fails to archive {failing}: what is committed now is on this machine only. Its log tells why (a full disk?)."
        ));
    }
    session.close().await;
    Ok(taken)
}

/// The segment that could not be archived, if the last attempt failed.
const ARCHIVER_FAILS: &str = "SELECT last_failed_wal FROM pg_stat_archiver \
     WHERE last_failed_time > coalesce(last_archived_time, '-infinity') AND current_setting('archive_mode') <> 'off'";

/// Reads the first segment that recovery needs and the point where it is consistent.
fn range(base: &Utf8Path) -> Result<(String, String), BackupError> {
    let read = |name: &str| {
        let path = base.join(name);
        fs_err::read_to_string(&path)
            .map_err(|source| BackupError::File { doing: format!("reading {path}"), source })
    };
    let label = read("backup_label")?;
    let first = label
        .split_once("(file ")
        .and_then(|(_, rest)| rest.split_once(')'))
        .map(|(name, _)| name.to_owned());
    let manifest: serde_json::Value = serde_json::from_str(&read("backup_manifest")?).unwrap_or_default();
    let stop = manifest["WAL-Ranges"][0]["End-LSN"].as_str().map(str::to_owned);
    first.zip(stop).ok_or_else(|| BackupError::Damaged {
        label: base.to_string(),
        what: "backup_label or backup_manifest names no range of log".to_owned(),
    })
}
