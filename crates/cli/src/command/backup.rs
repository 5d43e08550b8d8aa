//! `underpin backup`: a backup into a local folder, with what is needed to prove it later.

use camino::Utf8PathBuf;
use clap::Args;
use underpin_lab::backup::{BackupKind, BackupSpec, Description, Extent, list, take};

use crate::fault::Fault;
use crate::output;
use crate::settings::Settings;

/// Take a backup of a live server into a local folder
///
/// A logical backup (pg_dump) is summed, table by table, in the very snapshot that the dump reads, so `underpin restore`
/// can prove equality although writes went on. A physical backup (pg_basebackup) is the base of point-in-time recovery;
/// segments of the log belong into FOLDER/wal, and the command prints the archive_command when the server does not put
/// them there. Nothing is ever overwritten.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// Folder that holds the backups; made when absent
    #[arg(long, value_name = "FOLDER")]
    to: Utf8PathBuf,
    /// One database as statements, or the files of the whole server
    #[arg(long, value_name = "KIND", default_value = "logical", value_parser = ["logical", "physical"])]
    kind: String,
    /// Physical only: copy what changed since the newest backup, which this one then builds on (PostgreSQL 17 or newer)
    #[arg(long, conflicts_with_all = ["differential", "list"])]
    incremental: bool,
    /// Physical only: copy what changed since the newest full backup (PostgreSQL 17 or newer)
    #[arg(long, conflicts_with = "list")]
    differential: bool,
    /// Keep so many backups of this kind, and what they build on; remove older ones, with the log that only they need
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    keep: Option<u32>,
    /// Take none; list those that are there
    #[arg(long, conflicts_with_all = ["kind", "keep"])]
    list: bool,
}

/// Carries the command out.
pub async fn run(args: &BackupArgs, settings: &Settings) -> Result<u8, Fault> {
    let folder = settings.folder().join(&args.to);
    if args.list {
        return listed(&list(&folder)?, settings);
    }
    let address = super::triage::address(settings)?;
    let installation = settings.installation(None)?;
    let spec = BackupSpec {
        address: &address,
        installation: &installation,
        folder: &folder,
        kind: kind(args)?,
        extent: extent(args),
        keep: args.keep.map(|keep| keep as usize),
    };
    let taken = take(&spec).await?;
    for remark in &taken.remarks {
        output::remark(remark);
    }
    if settings.json() {
        output::result(
            &serde_json::json!({
                "path": taken.path, "backup": taken.description, "removed": taken.removed, "commands": taken.transcript,
            })
            .to_string(),
        );
        return Ok(0);
    }
    for step in &taken.transcript {
        output::result(&format!("$ {}  ({} ms)", step.command, step.duration_ms));
    }
    for label in &taken.removed {
        output::result(&format!("Removed {label}."));
    }
    let content = taken.description.content.as_ref().map_or_else(String::new, |content| {
        format!("; {} tables with {} rows summed in its snapshot", content.tables.len(), content.rows())
    });
    output::result(&format!("{}{content}.", taken.path));
    Ok(0)
}

fn kind(args: &BackupArgs) -> Result<BackupKind, Fault> {
    match args.kind.as_str() {
        "physical" => Ok(BackupKind::Physical),
        _ if extent(args) == Extent::Full => Ok(BackupKind::Logical),
        _ => Err(Fault::usage("A logical backup is always full.")
            .hint(format!("Add --kind physical for {} ones.", extent(args).word()))),
    }
}

fn extent(args: &BackupArgs) -> Extent {
    match (args.incremental, args.differential) {
        (true, _) => Extent::Incremental,
        (_, true) => Extent::Differential,
        _ => Extent::Full,
    }
}

fn listed(all: &[Description], settings: &Settings) -> Result<u8, Fault> {
    if settings.json() {
        output::result(&serde_json::json!({ "backups": all }).to_string());
        return Ok(0);
    }
    for one in all {
        let on = one.parent.as_ref().map_or_else(String::new, |parent| format!(" on {parent}"));
        let extent = if one.extent == Extent::Full { "" } else { one.extent.word() };
        output::result(&format!(
            "{}  {} of {} (PostgreSQL {}), recovery possible from {}",
            one.label,
            format!("{extent} {}{on}", one.kind.word()).trim(),
            one.database,
            one.server_version,
            one.finished_at
        ));
    }
    Ok(0)
}
