//! `underpin restore`: brings a backup back and proves the content.

use camino::Utf8PathBuf;
use clap::Args;
use underpin_lab::backup::engine::RestoreWish;
use underpin_lab::backup::restore::{Depth, RestoreTarget, Until};

use super::engine::EngineArgs;
use crate::fault::Fault;
use crate::output;
use crate::settings::Settings;

/// Bring a backup back and prove its content
///
/// Without --data: into the new database that --database-url names, from a logical backup; every table's content is then
/// compared with what was summed in the backup's snapshot. With --data: into a new data folder, from the newest physical
/// backup that ended before the target, with the log of FOLDER/wal replayed up to it; the folder is left ready to start.
/// With --engine pgbackrest the same from a repository, which may be encrypted and lie in S3-compatible storage.
/// Nothing is ever overwritten, damaged backups and targets that cannot be reached are refused.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// Folder that holds the backups; for pgbackrest also s3://BUCKET/PREFIX
    #[arg(long, value_name = "PLACE")]
    from: Utf8PathBuf,
    /// The backup; the newest that fits when absent
    #[arg(long, value_name = "LABEL")]
    backup: Option<String>,
    /// New data folder, for a physical backup
    #[arg(long, value_name = "DIR")]
    data: Option<Utf8PathBuf>,
    /// Up to the last commit before this time, such as 2026-11-22T14:05:00Z
    #[arg(long, value_name = "TIME", requires = "data", group = "until")]
    to_time: Option<String>,
    /// Up to this place of the log
    #[arg(long, value_name = "LSN", requires = "data", group = "until")]
    to_lsn: Option<String>,
    /// Up to the point that pg_create_restore_point named
    #[arg(long, value_name = "NAME", requires = "data", group = "until")]
    to_name: Option<String>,
    /// Up to just before this transaction id
    #[arg(long, value_name = "XID", requires = "data", group = "until")]
    before_transaction: Option<String>,
    /// Follow the log of this timeline; the newest when absent. After an earlier recovery the same place exists twice
    #[arg(long, value_name = "N", requires = "data", value_parser = clap::value_parser!(u32).range(1..))]
    timeline: Option<u32>,
    /// The backup itself and nothing of the archive
    #[arg(long, requires = "data", group = "until")]
    only_backup: bool,
    #[command(flatten)]
    engine: EngineArgs,
}

/// Carries the command out.
pub async fn run(args: &RestoreArgs, settings: &Settings) -> Result<u8, Fault> {
    let engine = args.engine.engine(&args.from, settings)?;
    let data = args.data.as_ref().map(|data| settings.folder().join(data));
    let address = match &data {
        Some(_) => None,
        None => Some(settings.named_database()?.ok_or_else(|| {
            Fault::usage("No target is named.")
                .hint("Give --database-url with the name of a new database, or --data with a new folder.")
        })?),
    };
    let target = match (&data, &address) {
        (Some(data), _) => RestoreTarget::DataFolder(data, until(args)),
        (None, Some(address)) => RestoreTarget::Database(address),
        (None, None) => return Err(Fault::internal("a restore without a target")),
    };
    let wish = RestoreWish {
        label: args.backup.as_deref(),
        timeline: args.timeline,
        target,
        depth: Depth::Structure,
    };
    let restored = engine.restore(wish).await?;
    // What is there is whole, and not ready for use before somebody has acted.
    let code = u8::from(!restored.remarks.is_empty());
    for remark in &restored.remarks {
        output::remark(remark);
    }
    if settings.json() {
        output::result(
            &serde_json::json!({
                "backup": restored.description.label, "witness": restored.witness, "rows": restored.rows,
                "reached": restored.reached, "replayed_bytes": restored.replay.map(|one| one.bytes),
                "replay_ms": restored.replay.map(|one| one.ms), "duration_ms": restored.duration_ms, "commands": restored.transcript,
                "remarks": restored.remarks,
            })
            .to_string(),
        );
        return Ok(code);
    }
    for step in &restored.transcript {
        output::result(&format!("$ {}  ({} ms)", step.command, step.duration_ms));
    }
    output::result(&format!(
        "Restored {} in {:.1} s. {}",
        restored.description.label,
        restored.duration_ms as f64 / 1000.0,
        restored.witness
    ));
    if let Some(replay) = restored.replay {
        output::result(&format!(
            "Replayed {:.1} MB of log in {:.1} s.",
            replay.bytes as f64 / 1e6,
            replay.ms as f64 / 1000.0
        ));
    }
    if let Some(data) = data {
        output::result(&format!("Start it: {} -D {data} start", settings.installation(None)?.tool("pg_ctl")));
    }
    Ok(code)
}

fn until(args: &RestoreArgs) -> Until {
    let wish = |value: &Option<String>, make: fn(String) -> Until| value.clone().map(make);
    wish(&args.to_time, Until::Time)
        .or_else(|| wish(&args.to_lsn, Until::Lsn))
        .or_else(|| wish(&args.to_name, Until::Name))
        .or_else(|| wish(&args.before_transaction, Until::BeforeTransaction))
        .unwrap_or(if args.only_backup { Until::Consistent } else { Until::End })
}
