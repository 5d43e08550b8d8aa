//! `underpin backup`: a backup, with what is needed to prove it later.

use camino::Utf8PathBuf;
use clap::Args;
use underpin_lab::backup::engine::TakeWish;
use underpin_lab::backup::{BackupKind, Description, Extent, Taken};

use super::engine::EngineArgs;
use crate::fault::Fault;
use crate::output;
use crate::settings::Settings;

/// Take a backup of a live server
///
/// A logical backup (pg_dump) is summed, table by table, in the very snapshot that the dump reads, so `underpin restore`
/// can prove equality although writes went on. A physical backup (pg_basebackup) is the base of point-in-time recovery;
/// segments of the log belong into FOLDER/wal, and the command prints the archive_command when the server does not put
/// them there. Nothing is ever overwritten.
///
/// With --engine pgbackrest a physical backup goes into an encrypted repository, in a folder or in S3-compatible storage
/// (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL_S3, AWS_CA_BUNDLE). The server sends its log there
/// itself, which needs the file that --write-config writes once.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// Folder that holds the backups, made when absent; for pgbackrest also s3://BUCKET/PREFIX
    #[arg(long, value_name = "PLACE")]
    to: Utf8PathBuf,
    /// One database as statements (the default of postgresql), or the files of the whole server (of pgbackrest)
    #[arg(long, value_name = "KIND", value_parser = ["logical", "physical"])]
    kind: Option<String>,
    /// Physical only: copy what changed since the newest backup, which this one then builds on (postgresql: from 17 on)
    #[arg(long, conflicts_with_all = ["differential", "list"])]
    incremental: bool,
    /// Physical only: copy what changed since the newest full backup (postgresql: from 17 on)
    #[arg(long, conflicts_with = "list")]
    differential: bool,
    /// Keep so many backups of this kind (of pgbackrest: full ones) and remove older ones that none of these builds on, with their log
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    keep: Option<u32>,
    /// Take none; list those that are there
    #[arg(long, conflicts_with_all = ["kind", "keep"])]
    list: bool,
    /// pgbackrest: take none; write the file, passphrase and keys included, that the server's archive_command reads
    #[arg(long, value_name = "FILE", conflicts_with_all = ["kind", "keep", "list", "incremental", "differential"])]
    write_config: Option<Utf8PathBuf>,
    #[command(flatten)]
    engine: EngineArgs,
}

/// Carries the command out.
pub async fn run(args: &BackupArgs, settings: &Settings) -> Result<u8, Fault> {
    if let Some(file) = &args.write_config {
        return write_config(args, file, settings).await;
    }
    let engine = args.engine.engine(&args.to, settings)?;
    if args.list {
        return listed(&engine.list().await?, settings);
    }
    let address = super::triage::address(settings)?;
    let wish = TakeWish {
        address: &address,
        kind: kind(args)?,
        extent: extent(args),
        keep: args.keep.map(|keep| keep as usize),
    };
    let taken = engine.take(&wish).await?;
    told(args, &taken, settings)
}

async fn write_config(args: &BackupArgs, file: &Utf8PathBuf, settings: &Settings) -> Result<u8, Fault> {
    if !args.engine.is_pgbackrest() {
        return Err(Fault::usage("--write-config writes pgBackRest's configuration.")
            .hint("Add --engine pgbackrest; PostgreSQL's own programs need none."));
    }
    let engine = args.engine.pgbackrest(&args.to, settings)?;
    let file = settings.folder().join(file);
    engine.write_config(&file, &super::triage::address(settings)?).await?;
    output::result(&format!(
        "{file} is written, for the server's user alone; it holds passphrase and keys in clear.\n\
         ALTER SYSTEM SET archive_mode = on;  -- and restart\nALTER SYSTEM SET archive_command = '{}';",
        engine.archive_command(&file).replace('\'', "''")
    ));
    Ok(0)
}

fn told(args: &BackupArgs, taken: &Taken, settings: &Settings) -> Result<u8, Fault> {
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
    let name =
        if args.engine.is_pgbackrest() { format!("{} in ", taken.description.label) } else { String::new() };
    output::result(&format!("{name}{}{content}.", taken.path));
    Ok(0)
}

fn kind(args: &BackupArgs) -> Result<BackupKind, Fault> {
    match args.kind.as_deref() {
        Some("physical") => Ok(BackupKind::Physical),
        None if args.engine.is_pgbackrest() => Ok(BackupKind::Physical),
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
            "{}  {}{} (PostgreSQL {}), recovery possible from {}",
            one.label,
            format!("{extent} {}{on}", one.kind.word()).trim(),
            if one.database.is_empty() { String::new() } else { format!(" of {}", one.database) },
            one.server_version,
            one.finished_at
        ));
    }
    Ok(0)
}
