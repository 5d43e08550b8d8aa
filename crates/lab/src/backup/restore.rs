//! Brings a backup back: into a new database, or into a new data folder up to a point in time, and proves the content.

use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use futures_util::future::LocalBoxFuture;
use underpin_model::checksum::DatabaseChecksum;
use underpin_model::evidence::TranscriptStep;
use underpin_model::sql_text::{quote_identifier, quote_literal};
use underpin_pg::{
    Address, DataSource, Installation, Profile, Server, ServerSpec, Session, ToolCall, checksum,
};

use super::logical::{DUMP, ROLES, file_sum};
use super::physical::BASE;
use super::{BackupError, BackupKind, Description, attempt, folder, run, segments};

/// Longest recovery.
const RECOVERY_LIMIT: Duration = Duration::from_secs(3600);

/// A wish for a restore.
pub struct RestoreSpec<'a> {
    /// Programs to use.
    pub installation: &'a Installation,
    /// Folder that holds all backups.
    pub folder: &'a Utf8Path,
    /// The backup; the newest that fits when absent.
    pub label: Option<&'a str>,
    /// Where to.
    pub target: RestoreTarget<'a>,
}

/// Where a backup is brought back to.
pub enum RestoreTarget<'a> {
    /// A new database of a running server: its superuser's address, with the new name.
    Database(&'a Address),
    /// A new data folder, and the point up to which the log is replayed.
    DataFolder(&'a Utf8Path, Until),
}

/// Up to where the log is replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Until {
    /// All that is there.
    End,
    /// The end of the backup itself, nothing of the archive.
    Consistent,
    /// The last transaction that committed before this time (RFC 3339, UTC).
    Time(String),
    /// This place of the log, inclusive.
    Lsn(String),
    /// The restore point of this name (`pg_create_restore_point`).
    Name(String),
    /// Just before this transaction.
    BeforeTransaction(String),
}

/// A backup that came back.
#[derive(Clone, Debug)]
pub struct Restored {
    /// The backup.
    pub description: Description,
    /// The commands that ran.
    pub transcript: Vec<TranscriptStep>,
    /// What proved the content, as a sentence.
    pub witness: String,
    /// Rows that were read and summed.
    pub rows: u64,
    /// Where the log was replayed to; physical only.
    pub reached: Option<String>,
    /// Time from the decision to the proven database.
    pub duration_ms: u64,
}

/// Restores and proves.
pub fn restore<'a>(spec: &'a RestoreSpec<'a>) -> LocalBoxFuture<'a, Result<Restored, BackupError>> {
    Box::pin(async move {
        let start = Instant::now();
        let mut restored = match &spec.target {
            RestoreTarget::Database(address) => logical(spec, address).await?,
            RestoreTarget::DataFolder(data, until) => physical(spec, data, until).await?,
        };
        restored.duration_ms = start.elapsed().as_millis() as u64;
        Ok(restored)
    })
}

fn choose(spec: &RestoreSpec<'_>, kind: BackupKind) -> Result<Vec<Description>, BackupError> {
    let all = folder::list(spec.folder)?.into_iter().filter(|one| one.kind == kind);
    let fitting: Vec<Description> =
        all.filter(|one| spec.label.is_none_or(|label| one.label == label)).collect();
    if fitting.is_empty() {
        let wanted = match spec.label {
            Some(label) => format!("{} backup called {label}", kind.word()),
            None => format!("{} backup", kind.word()),
        };
        return Err(BackupError::NoBackup { folder: spec.folder.to_owned(), wanted });
    }
    Ok(fitting)
}

async fn logical(spec: &RestoreSpec<'_>, address: &Address) -> Result<Restored, BackupError> {
    let Some(description) = choose(spec, BackupKind::Logical)?.pop() else {
        return Err(BackupError::NoBackup {
            folder: spec.folder.to_owned(),
            wanted: "logical backup".to_owned(),
        });
    };
    let path = spec.folder.join(&description.label);
    check_files(&path, &description)?;
    let superuser = address.database("postgres");
    create_database(&superuser, &address.database).await?;
    let mut transcript = Vec::new();
    // Roles that are there already are no error; a role that could not be made shows as an owner that is missing.
    let roles = ToolCall::new("psql")
        .args(["--quiet".to_owned(), format!("--file={}", path.join(ROLES))])
        .on(&superuser);
    attempt(spec.installation, roles, &mut transcript).await?;
    let load = ToolCall::new("pg_restore")
        .args([
            "--exit-on-error".to_owned(),
            format!("--dbname={}", address.database),
            path.join(DUMP).into_string(),
        ])
        .on(address);
    run(spec.installation, load, &mut transcript).await?;
    let found = checksum::database_checksums(address, &checksum::Options::default())
        .await
        .map_err(BackupError::Sum)?;
    let expected = description.content.clone().unwrap_or_default();
    let differences = differences(&expected, &found);
    if !differences.is_empty() {
        return Err(BackupError::Differs { label: description.label, differences });
    }
    let witness = format!(
        "{} tables with {} rows have the content that they had in the snapshot of the backup, and {} sequences are not behind.",
        found.tables.len(),
        found.rows(),
        found.sequences.len()
    );
    Ok(Restored { description, transcript, witness, rows: found.rows(), reached: None, duration_ms: 0 })
}

/// Compares sizes and hashes; a flipped byte in data that pg_restore does not check is found here.
fn check_files(path: &Utf8Path, description: &Description) -> Result<(), BackupError> {
    for file in &description.files {
        let damaged = |what: String| BackupError::Damaged { label: description.label.clone(), what };
        if !path.join(&file.name).is_file() {
            return Err(damaged(format!("{} is missing", file.name)));
        }
        let found = file_sum(path, &file.name)?;
        if found.bytes != file.bytes {
            return Err(damaged(format!(
                "{} has {} bytes instead of {}",
                file.name, found.bytes, file.bytes
            )));
        }
        if found.xxh3 != file.xxh3 {
            return Err(damaged(format!("the content of {} is not what it was", file.name)));
        }
    }
    Ok(())
}

async fn create_database(superuser: &Address, name: &str) -> Result<(), BackupError> {
    let session = Session::connect(superuser).await.map_err(BackupError::Connect)?;
    let there = format!("SELECT 1 FROM pg_database WHERE datname = {}", quote_literal(name));
    if session.value(&there).await.map_err(BackupError::Ask)?.is_some() {
        return Err(BackupError::Exists { what: format!("the database {name}") });
    }
    let create = format!("CREATE DATABASE {} TEMPLATE template0", quote_identifier(name));
    session.execute(&create).await.map_err(BackupError::Ask)?;
    session.close().await;
    Ok(())
}

/// Sequences know no snapshots: they were read before the dump, so the restored ones may be further but not behind.
fn differences(expected: &DatabaseChecksum, found: &DatabaseChecksum) -> Vec<String> {
    let ahead = |object: &str| {
        let value = |sums: &DatabaseChecksum| sums.sequences.get(object).and_then(|text| first_number(text));
        matches!((value(expected), value(found)), (Some(expected), Some(found)) if found >= expected)
    };
    let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "absent".to_owned());
    expected
        .differences(found)
        .into_iter()
        .filter(|one| !ahead(one.object.trim_start_matches("sequence ")))
        .map(|one| format!("{}: {} became {}", one.object, side(&one.left), side(&one.right)))
        .collect()
}

fn first_number(text: &str) -> Option<i64> {
    text.split(|letter: char| !letter.is_ascii_digit() && letter != '-').find_map(|word| word.parse().ok())
}

async fn physical(spec: &RestoreSpec<'_>, data: &Utf8Path, until: &Until) -> Result<Restored, BackupError> {
    if data.exists() {
        return Err(BackupError::Exists { what: data.to_string() });
    }
    let candidates = choose(spec, BackupKind::Physical)?;
    let description = base_for(&candidates, until)?.clone();
    let base = spec.folder.join(&description.label).join(BASE);
    let mut transcript = Vec::new();
    let check = ToolCall::new("pg_verifybackup").args(["--quiet".to_owned(), base.to_string()]);
    let checked = attempt(spec.installation, check, &mut transcript).await?;
    if checked.exit != 0 {
        return Err(BackupError::Damaged { label: description.label, what: checked.complaint() });
    }
    let wal = spec.folder.join("wal");
    if *until != Until::Consistent {
        check_archive(&wal, &description, until)?;
    }
    if let Some(parent) = data.parent() {
        super::create_folder(parent)?;
    }
    let copy = ToolCall::new("/bin/cp").args(["-a", base.as_str(), data.as_str()]);
    run(spec.installation, copy, &mut transcript).await?;
    let settings = recovery_settings(&wal, until);
    let signal = ToolCall::new("/bin/sh").args([
        "-c".to_owned(),
        "cat >> \"$0/postgresql.auto.conf\" && touch \"$0/recovery.signal\"".to_owned(),
        data.to_string(),
    ]);
    run(spec.installation, signal.stdin(settings.into_bytes()), &mut transcript).await?;
    let recovered = recover(spec, data, &description).await;
    if recovered.is_err() {
        // Half a recovery is no database; what is there was made by this command.
        let _ = fs_err::remove_dir_all(data);
    }
    let (reached, rows) = recovered?;
    let witness = format!(
        "Every file has the checksum of PostgreSQL's own manifest, the log was replayed to {reached}, and {rows} rows of all databases \
         could be read. The content of a physical backup is not summed at its source."
    );
    Ok(Restored { description, transcript, witness, rows, reached: Some(reached), duration_ms: 0 })
}

/// Returns the newest backup that ended before the target.
fn base_for<'a>(all: &'a [Description], until: &Until) -> Result<&'a Description, BackupError> {
    let unreachable = |why: String| BackupError::Unreachable { why };
    let newest = all.last().ok_or_else(|| unreachable("there is no backup".to_owned()))?;
    let before: Box<dyn Fn(&Description) -> bool> = match until {
        // Where a name or a transaction lies is known only to the log; an older backup is named with --backup.
        Until::End | Until::Consistent | Until::Name(_) | Until::BeforeTransaction(_) => return Ok(newest),
        Until::Time(time) => {
            let target = humantime::parse_rfc3339_weak(time).map_err(|error| {
                unreachable(format!("{time} is no time such as 2026-11-22T14:05:00Z ({error})"))
            })?;
            if target > std::time::SystemTime::now() {
                return Err(unreachable(format!("{time} lies in the future")));
            }
            Box::new(move |one| humantime::parse_rfc3339(&one.finished_at).is_ok_and(|end| end <= target))
        }
        Until::Lsn(lsn) => {
            let target = lsn_number(lsn)
                .ok_or_else(|| unreachable(format!("{lsn} is no place of the log such as 0/3000060")))?;
            Box::new(move |one| {
                one.stop_lsn.as_deref().and_then(lsn_number).is_some_and(|stop| stop <= target)
            })
        }
    };
    let first = all.first().map_or("", |one| one.finished_at.as_str());
    all.iter().rev().find(|one| before(one)).ok_or_else(|| {
        unreachable(format!(
            "it lies before the end of the first backup, {first}; a backup can only be taken further"
        ))
    })
}

fn lsn_number(text: &str) -> Option<u64> {
    let (high, low) = text.split_once('/')?;
    Some(u64::from_str_radix(high, 16).ok()? << 32 | u64::from_str_radix(low, 16).ok()?)
}

/// Refuses an archive with a hole up front: recovery would end there and take the hole for the end of the log.
fn check_archive(wal: &Utf8Path, description: &Description, until: &Until) -> Result<(), BackupError> {
    let names: Vec<String> = match wal.read_dir_utf8() {
        Ok(entries) => entries.filter_map(Result::ok).map(|entry| entry.file_name().to_owned()).collect(),
        Err(_) => Vec::new(),
    };
    if names.is_empty() && *until != Until::End {
        let why =
            format!("{wal} holds no archived log, and the backup alone ends at {}", description.finished_at);
        return Err(BackupError::Unreachable { why });
    }
    let first = description.first_segment.as_deref().unwrap_or_default();
    match segments::gap(first, &names) {
        Some(missing) => {
            Err(BackupError::Unreachable { why: format!("the segment {missing} is missing from {wal}") })
        }
        None => Ok(()),
    }
}

/// Returns the lines for `postgresql.auto.conf`; of a setting that occurs twice the server takes the last.
fn recovery_settings(wal: &Utf8Path, until: &Until) -> String {
    let quoted = |text: &str| text.replace('\'', "''");
    let mut lines = vec![
        String::new(),
        "# Written by underpin restore.".to_owned(),
        // The new server must not write into the old one's archive.
        "archive_mode = 'off'".to_owned(),
        format!("restore_command = 'cp \"{}/%f\" \"%p\"'", quoted(wal.as_str())),
        "recovery_target_timeline = 'latest'".to_owned(),
        "recovery_target_action = 'promote'".to_owned(),
    ];
    lines.extend(match until {
        Until::End => None,
        Until::Consistent => Some("recovery_target = 'immediate'".to_owned()),
        Until::Time(time) => Some(format!(
            "recovery_target_time = '{}'\nrecovery_target_inclusive = 'off'",
            quoted(&server_time(time))
        )),
        Until::Lsn(lsn) => Some(format!("recovery_target_lsn = '{}'", quoted(lsn))),
        Until::Name(name) => Some(format!("recovery_target_name = '{}'", quoted(name))),
        Until::BeforeTransaction(xid) => {
            Some(format!("recovery_target_xid = '{}'\nrecovery_target_inclusive = 'off'", quoted(xid)))
        }
    });
    lines.join("\n") + "\n"
}

/// Returns the time as the server reads it before its time zones are loaded: without `T`, and `+00` instead of `Z`.
fn server_time(time: &str) -> String {
    match time.strip_suffix('Z') {
        Some(utc) => format!("{}+00", utc.replacen('T', " ", 1)),
        None => format!("{}+00", time.replacen('T', " ", 1)),
    }
}

/// Runs the recovery in a server of our own, waits for its end, and reads every row once.
async fn recover(
    spec: &RestoreSpec<'_>,
    data: &Utf8Path,
    description: &Description,
) -> Result<(String, u64), BackupError> {
    let mut wish = ServerSpec::new(spec.installation.clone(), Profile::Durable, "recovery")
        .source(DataSource::InPlace(Utf8PathBuf::from(data)));
    // A standby refuses to start with less than its primary had.
    let control = ToolCall::new("pg_controldata").arg(data.as_str());
    let control = run(spec.installation, control, &mut Vec::new()).await?;
    for (words, name) in PRIMARY {
        if let Some(value) = control.stdout.lines().find_map(|line| line.strip_prefix(words)) {
            wish = wish.setting(*name, value.trim());
        }
    }
    let mut server = Server::start(wish).await.map_err(|error| told(error, description))?;
    let outcome = wait_and_read(&server).await;
    let log = server.log_tail(40);
    let stopped = server.stop_keeping_data().await;
    match outcome {
        Ok(found) => stopped.map(|()| found).map_err(BackupError::Server),
        Err(error) => Err(target_missed(&log).unwrap_or(error)),
    }
}

/// Lines of `pg_controldata` and the settings that they are about.
const PRIMARY: &[(&str, &str)] = &[
    ("max_connections setting:", "max_connections"),
    ("max_worker_processes setting:", "max_worker_processes"),
    ("max_wal_senders setting:", "max_wal_senders"),
    ("max_prepared_xacts setting:", "max_prepared_transactions"),
    ("max_locks_per_xact setting:", "max_locks_per_transaction"),
];

fn told(error: underpin_pg::LifecycleError, description: &Description) -> BackupError {
    let text = error.to_string();
    target_missed(&text).unwrap_or_else(|| match text.contains("invalid checkpoint record") {
        true => BackupError::Damaged { label: description.label.clone(), what: text },
        false => BackupError::Server(error),
    })
}

/// The server's own words for a target behind the end of the log.
fn target_missed(log: &str) -> Option<BackupError> {
    let missed = "recovery ended before configured recovery target was reached";
    log.contains(missed).then(|| BackupError::Unreachable {
        why: "the archived log ends before it (PostgreSQL: recovery ended before configured recovery target was reached)"
            .to_owned(),
    })
}

async fn wait_and_read(server: &Server) -> Result<(String, u64), BackupError> {
    let start = Instant::now();
    let session = Session::connect(&server.address()).await.map_err(BackupError::Connect)?;
    while session.value("SELECT pg_is_in_recovery()").await.map_err(BackupError::Ask)?.as_deref() == Some("t")
    {
        if start.elapsed() > RECOVERY_LIMIT {
            return Err(BackupError::Unreachable { why: "recovery did not end within an hour".to_owned() });
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let reached = session.value("SELECT pg_current_wal_lsn()::text").await.map_err(BackupError::Ask)?;
    let names = session
        .rows("SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate")
        .await
        .map_err(BackupError::Ask)?;
    session.close().await;
    let mut rows = 0;
    for name in names.column("datname") {
        let address = server.address().database(name);
        let sums = checksum::database_checksums(&address, &checksum::Options::default()).await;
        rows += sums.map_err(BackupError::Sum)?.rows();
    }
    Ok((reached.unwrap_or_default(), rows))
}
