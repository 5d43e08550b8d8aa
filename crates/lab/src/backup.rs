//! Backups of a live server into a local folder, each with what is needed to prove it later.
//!
//! A logical backup is summed in the very snapshot that the dump reads, so equality after a restore is exact although
//! the source was written to meanwhile. A physical one has PostgreSQL's own manifest as its witness.

pub mod amcheck;
mod archive;
pub mod engine;
mod error;
mod folder;
mod increment;
mod logical;
mod narrowed;
pub mod pgbackrest;
mod physical;
mod recovery;
pub mod restore;
mod segments;
mod sequences;
mod structure;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use camino::{Utf8Path, Utf8PathBuf};
use futures_util::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};
use underpin_model::catalog::Catalog;
use underpin_model::checksum::DatabaseChecksum;
use underpin_model::evidence::TranscriptStep;
use underpin_pg::{Address, Installation, RunAs, Session, ToolCall, ToolOutput, run_tool};

pub use error::BackupError;
pub use folder::list;
pub use increment::Extent;
pub use physical::archive_command;
pub use structure::DatabaseForm;

/// Longest run of one program.
const DEADLINE: Duration = Duration::from_secs(6 * 3600);

/// Name of the description beside a backup's files.
const DESCRIPTION: &str = "underpin.json";

/// What is copied: statements that build one database, or the files of the whole cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackupKind {
    /// `pg_dump`: one database, restorable into any newer version.
    Logical,
    /// `pg_basebackup`: the whole cluster, the base of point-in-time recovery.
    Physical,
}

impl BackupKind {
    /// Returns the word that people and JSON read.
    pub fn word(self) -> &'static str {
        match self {
            BackupKind::Logical => "logical",
            BackupKind::Physical => "physical",
        }
    }
}

/// A wish for a backup.
pub struct BackupSpec<'a> {
    /// The source.
    pub address: &'a Address,
    /// Programs to use; of the source's major version or newer.
    pub installation: &'a Installation,
    /// Folder that holds all backups.
    pub folder: &'a Utf8Path,
    /// What is copied.
    pub kind: BackupKind,
    /// How much of it; a logical backup is always full.
    pub extent: Extent,
    /// How many backups of this kind stay; all when absent.
    pub keep: Option<usize>,
}

/// What a backup says of itself; the file `underpin.json` beside its files.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Description {
    /// Its name, which is also its folder's.
    pub label: String,
    /// What was copied.
    pub kind: BackupKind,
    /// Database that was connected to; for a logical backup the one that was copied.
    pub database: String,
    /// How much was copied; full in descriptions of earlier versions.
    #[serde(default, skip_serializing_if = "Extent::is_full")]
    pub extent: Extent,
    /// The backup that this one builds on and cannot be restored without; none for a full one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// `server_version` of the source.
    pub server_version: String,
    /// `system_identifier` of the source: tells another server's backup.
    pub system: String,
    /// When it began (RFC 3339).
    pub started_at: String,
    /// When it ended.
    pub finished_at: String,
    /// First segment of log that a recovery from it needs; physical only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_segment: Option<String>,
    /// Where a recovery from it becomes consistent; physical only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_lsn: Option<String>,
    /// Size and XXH3 hash of each file; logical only, as the other kind has `backup_manifest`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileSum>,
    /// Content of the database in the backup's own snapshot; logical only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<DatabaseChecksum>,
    /// Large objects in the same snapshot, by number: size, checksum, owner; logical only, absent where they may not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub large_objects: Option<BTreeMap<String, String>>,
    /// Encoding and collation; logical only, absent in backups of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<DatabaseForm>,
    /// Every object with its owner and privileges, in the same snapshot; logical only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalog: Option<Catalog>,
}

/// Size and hash of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSum {
    /// Name within the backup's folder.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
    /// XXH3, 128 bits, hexadecimal.
    pub xxh3: String,
}

/// A backup that was taken.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Its description.
    pub description: Description,
    /// Its folder.
    pub path: Utf8PathBuf,
    /// The commands that ran, with what they printed.
    pub transcript: Vec<TranscriptStep>,
    /// Labels of backups that were removed, as `keep` says.
    pub removed: Vec<String>,
    /// What the user should know, as sentences.
    pub remarks: Vec<String>,
}

/// Takes a backup.
pub fn take<'a>(spec: &'a BackupSpec<'a>) -> LocalBoxFuture<'a, Result<Taken, BackupError>> {
    Box::pin(async move {
        let begun = Begun::begin(spec).await?;
        let mut taken = match spec.kind {
            BackupKind::Logical => logical::take(spec, begun).await?,
            BackupKind::Physical => physical::take(spec, begun).await?,
        };
        taken.description.finished_at = now();
        folder::write(&taken.path, &taken.description)?;
        if let Some(keep) = spec.keep {
            taken.removed = folder::retain(spec, keep).await?;
        }
        Ok(taken)
    })
}

/// A backup that has a folder and a description, and no data yet.
struct Begun {
    session: Session,
    taken: Taken,
}

impl Begun {
    async fn begin(spec: &BackupSpec<'_>) -> Result<Begun, BackupError> {
        let session = Session::connect(spec.address).await.map_err(BackupError::Connect)?;
        let sql =
            "SELECT current_setting('server_version'), system_identifier::text FROM pg_control_system()";
        let rows = session.rows(sql).await.map_err(BackupError::Ask)?;
        let cell = |at: usize| rows.first().and_then(|row| row.at(at)).unwrap_or_default().to_owned();
        let started_at = now();
        let label = format!("{}-{}", started_at.replace(['-', ':'], ""), spec.kind.word());
        let parent = increment::parent(spec, (&session, &cell(1))).await?;
        let path = folder::create(spec.folder, &label)?;
        let description = Description {
            label,
            kind: spec.kind,
            database: spec.address.database.clone(),
            extent: spec.extent,
            parent: parent.as_ref().map(|one| one.label.clone()),
            server_version: cell(0),
            system: cell(1),
            finished_at: String::new(),
            started_at,
            first_segment: None,
            stop_lsn: None,
            files: Vec::new(),
            content: None,
            large_objects: None,
            form: None,
            catalog: None,
        };
        let taken =
            Taken { description, path, transcript: Vec::new(), removed: Vec::new(), remarks: Vec::new() };
        Ok(Begun { session, taken })
    }
}

/// Returns the time to the millisecond, as RFC 3339.
fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}

/// Runs a program that must succeed, and writes down what it did.
async fn run(
    installation: &Installation,
    call: ToolCall,
    transcript: &mut Vec<TranscriptStep>,
) -> Result<ToolOutput, BackupError> {
    let output = attempt(installation, call, transcript).await?;
    if output.exit == 0 { Ok(output) } else { Err(BackupError::Program { output: Box::new(output) }) }
}

/// Runs a program, and writes down what it did.
async fn attempt(
    installation: &Installation,
    call: ToolCall,
    transcript: &mut Vec<TranscriptStep>,
) -> Result<ToolOutput, BackupError> {
    let output = run_tool(installation, &call.deadline(DEADLINE)).await.map_err(BackupError::Tool)?;
    let printed = format!("{}{}", output.stdout, output.stderr).trim().to_owned();
    transcript.push(TranscriptStep {
        command: output.command_line.clone(),
        output: printed,
        exit: Some(output.exit),
        duration_ms: output.duration_ms,
    });
    Ok(output)
}

/// Creates a folder that PostgreSQL's programs may write to.
fn create_folder(path: &Utf8Path) -> Result<(), BackupError> {
    let failed = |source| BackupError::File { doing: format!("creating {path}"), source };
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.exists()) {
        create_folder(parent)?;
    }
    let run_as = RunAs::choose().map_err(|error| failed(std::io::Error::other(error.to_string())))?;
    run_as.create_folder(path).map_err(failed)
}
