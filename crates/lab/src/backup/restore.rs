//! Brings a backup back: into a new database, or into a new data folder up to a point in time, and proves the content.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use camino::Utf8Path;
use futures_util::future::LocalBoxFuture;
use underpin_model::checksum::DatabaseChecksum;
use underpin_model::evidence::TranscriptStep;
use underpin_model::sql_text::{quote_identifier, quote_literal};
use underpin_pg::{Address, Installation, Session, ToolCall, checksum};

use super::amcheck::{self, Structure};
use super::logical::{DUMP, ROLES, file_sum};
use super::{BackupError, BackupKind, Description, attempt, folder, narrowed, run, sequences, structure};

/// A wish for a restore.
pub struct RestoreSpec<'a> {
    /// Programs to use.
    pub installation: &'a Installation,
    /// Folder that holds all backups.
    pub folder: &'a Utf8Path,
    /// The backup; the newest that fits when absent.
    pub label: Option<&'a str>,
    /// The timeline whose log is followed, after an earlier recovery; the newest when absent.
    pub timeline: Option<u32>,
    /// Where to.
    pub target: RestoreTarget<'a>,
    /// Whether a recovered data folder is looked at by `pg_amcheck` too; a new database always is.
    pub depth: Depth,
}

/// How closely a recovered data folder is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Every row is read: what a drill does that measures the time until the data are back.
    Rows,
    /// And `pg_amcheck` looks at the order of indexes.
    Structure,
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
    /// What was replayed; physical only.
    pub replay: Option<Replay>,
    /// What is not as it was, and needs work before the database is used; as sentences.
    pub remarks: Vec<String>,
    /// Time from the decision to the proven database.
    pub duration_ms: u64,
}

/// A replay of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replay {
    /// Log from the backup's first record to the target, in bytes.
    pub bytes: u64,
    /// Time from the start of the server until it had left recovery.
    pub ms: u64,
}

/// Restores and proves.
pub fn restore<'a>(spec: &'a RestoreSpec<'a>) -> LocalBoxFuture<'a, Result<Restored, BackupError>> {
    Box::pin(async move {
        let start = Instant::now();
        let mut restored = match &spec.target {
            RestoreTarget::Database(address) => logical(spec, address).await?,
            RestoreTarget::DataFolder(data, until) => super::recovery::recover(spec, data, until).await?,
        };
        restored.duration_ms = start.elapsed().as_millis() as u64;
        Ok(restored)
    })
}

pub(super) fn choose(spec: &RestoreSpec<'_>, kind: BackupKind) -> Result<Vec<Description>, BackupError> {
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
    check_absent(&superuser, &address.database).await?;
    let mut transcript = Vec::new();
    // Roles that are there already are no error; a role that could not be made shows as an owner that is missing.
    let roles = ToolCall::new("psql")
        .args(["--quiet".to_owned(), format!("--file={}", path.join(ROLES))])
        .on(&superuser);
    attempt(spec.installation, roles, &mut transcript).await?;
    create_database(&superuser, &address.database, &description).await?;
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
    let named = narrowed::rows(address, &path, (&expected, &found)).await?;
    let mut differences = differences(&description, &found, &named);
    differences.extend(structure_differences(address, &description).await?);
    let objects = large_objects(address, &description, &mut differences).await?;
    let structure = amcheck::structure(spec.installation, address).await?;
    if let Structure::Damaged(_) = structure {
        differences.push(structure.words());
    }
    if !differences.is_empty() {
        return Err(BackupError::Differs { label: description.label, differences });
    }
    let witness = format!(
        "{} tables with {} rows have the content that they had in the snapshot of the backup, {} sequences are not behind, and encoding, collation, objects, owners and privileges are the same. {objects} {}",
        found.tables.len(),
        found.rows(),
        found.sequences.len(),
        structure.words()
    );
    Ok(Restored {
        description,
        transcript,
        witness,
        rows: found.rows(),
        reached: None,
        replay: None,
        remarks: Vec::new(),
        duration_ms: 0,
    })
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

async fn check_absent(superuser: &Address, name: &str) -> Result<(), BackupError> {
    let session = Session::connect(superuser).await.map_err(BackupError::Connect)?;
    let there = format!("SELECT 1 FROM pg_database WHERE datname = {}", quote_literal(name));
    let found = session.value(&there).await.map_err(BackupError::Ask)?;
    session.close().await;
    match found {
        Some(_) => Err(BackupError::Exists { what: format!("the database {name}") }),
        None => Ok(()),
    }
}

/// Makes the database with the encoding, the collation and the privileges of the one that was backed up.
async fn create_database(
    superuser: &Address,
    name: &str,
    description: &Description,
) -> Result<(), BackupError> {
    let session = Session::connect(superuser).await.map_err(BackupError::Connect)?;
    let create = match &description.form {
        Some(form) => form.create(name),
        None => format!("CREATE DATABASE {} TEMPLATE template0", quote_identifier(name)),
    };
    session.execute(&create).await.map_err(BackupError::Ask)?;
    if let Some(catalog) = &description.catalog {
        for grant in structure::database_grants(catalog, name) {
            // A role that could not be made is a difference, found by the comparison.
            let _ = session.execute(&grant).await;
        }
    }
    session.close().await;
    Ok(())
}

async fn structure_differences(
    address: &Address,
    description: &Description,
) -> Result<Vec<String>, BackupError> {
    let (Some(form), Some(catalog)) = (&description.form, &description.catalog) else {
        return Ok(Vec::new());
    };
    let session = Session::connect(address).await.map_err(BackupError::Connect)?;
    let (found_form, found) = structure::read(&session).await?;
    session.close().await;
    Ok(structure::differences((form, catalog), (&found_form, &found)))
}

/// Adds the large objects that differ, and returns a sentence about those that were compared.
async fn large_objects(
    address: &Address,
    description: &Description,
    differences: &mut Vec<String>,
) -> Result<String, BackupError> {
    let session = Session::connect(address).await.map_err(BackupError::Connect)?;
    let found = checksum::large_objects(&session).await.map_err(BackupError::Sum)?;
    session.close().await;
    Ok(match (&description.large_objects, found) {
        (Some(expected), Some(found)) => {
            differences.extend(differing_objects(expected, &found));
            format!("{} large objects have their content.", expected.len())
        }
        (None, _) => "Large objects were not summed when the backup was taken.".to_owned(),
        (_, None) => "Large objects were not compared: this role may not read them.".to_owned(),
    })
}

/// Returns the large objects that are not the same, as words.
pub(crate) fn differing_objects(
    expected: &BTreeMap<String, String>,
    found: &BTreeMap<String, String>,
) -> Vec<String> {
    let side = |side: &BTreeMap<String, String>, number: &str| {
        side.get(number).cloned().unwrap_or_else(|| "absent".to_owned())
    };
    let numbers: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    let differing = numbers.into_iter().filter(|number| expected.get(*number) != found.get(*number));
    differing
        .map(|number| {
            format!("large object {number}: {} became {}", side(expected, number), side(found, number))
        })
        .collect()
}

/// Returns the tables and sequences that are not as they were, as words; a sequence may be further.
///
/// `named` are the words for the rows that differ, by table.
fn differences(
    description: &Description,
    found: &DatabaseChecksum,
    named: &BTreeMap<String, String>,
) -> Vec<String> {
    let expected = description.content.clone().unwrap_or_default();
    let as_far = |object: &str| {
        let (name, catalog) = (object.trim_start_matches("sequence "), description.catalog.as_ref());
        let places = expected.sequences.get(name).zip(found.sequences.get(name));
        places.is_some_and(|(expected, found)| sequences::as_far(name, catalog, (expected, found)))
    };
    let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "absent".to_owned());
    expected
        .differences(found)
        .into_iter()
        .filter(|one| !as_far(&one.object))
        .map(|one| {
            let rows = named.get(&one.object).map_or_else(String::new, |rows| format!(": {rows}"));
            format!("{}: {} became {}{rows}", one.object, side(&one.left), side(&one.right))
        })
        .collect()
}
