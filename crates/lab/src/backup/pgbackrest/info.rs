//! What `pgbackrest info --output=json` says: text in, values out.

use std::time::{Duration, UNIX_EPOCH};

use serde::Deserialize;

use super::repository::Repository;
use crate::backup::{BackupError, BackupKind, Description, Extent};

/// What a repository holds of one server.
#[derive(Clone, Debug, Default)]
pub(super) struct Contents {
    /// Every backup, the oldest first.
    pub(super) backups: Vec<Description>,
    /// Labels of backups in which pages had a wrong checksum when they were taken.
    pub(super) bad_pages: Vec<String>,
    /// Folder of the newest archive below `archive/STANZA`, such as `15-1`.
    pub(super) archive: Option<String>,
}

#[derive(Deserialize)]
struct Stanza {
    name: String,
    backup: Vec<Backup>,
    archive: Vec<Archive>,
    db: Vec<Database>,
    #[serde(default)]
    repo: Vec<Repo>,
}

#[derive(Deserialize)]
struct Repo {
    status: Status,
}

#[derive(Deserialize)]
struct Status {
    code: u32,
    message: String,
}

#[derive(Deserialize)]
struct Archive {
    id: String,
}

#[derive(Deserialize)]
struct Database {
    id: u32,
    #[serde(rename = "system-id")]
    system: u64,
    version: String,
}

#[derive(Deserialize)]
struct Backup {
    label: String,
    prior: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    error: Option<bool>,
    archive: Range,
    #[serde(default)]
    lsn: Option<Range>,
    timestamp: Times,
    database: Reference,
}

#[derive(Deserialize)]
struct Range {
    start: Option<String>,
    stop: Option<String>,
}

#[derive(Deserialize)]
struct Times {
    start: u64,
    stop: u64,
}

#[derive(Deserialize)]
struct Reference {
    id: u32,
}

/// Status of a repository that was read and holds nothing yet: no folder of the stanza, or no backup.
const EMPTY: [u32; 3] = [1, 2, 3];

/// Reads it.
pub(super) fn read(json: &str, repository: &Repository) -> Result<Contents, BackupError> {
    // A message quotes what came out of a wrong decryption, and 2.45 does not escape all of it.
    let printable: String =
        json.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let stanzas: Vec<Stanza> = serde_json::from_str(&printable).map_err(|error| match garbled(json) {
        true => repository.unreadable(),
        false => BackupError::Refused {
            what: format!("what pgBackRest says of {} cannot be read: {error}", repository.place()),
            next: "`pgbackrest version` tells the version; 2.45 and newer are known.",
        },
    })?;
    let Some(stanza) = stanzas.into_iter().find(|stanza| stanza.name == repository.stanza) else {
        return Ok(Contents::default());
    };
    let sick = stanza.repo.iter().map(|repo| &repo.status).find(|status| status.code != 0);
    if let Some(status) = sick.filter(|status| !EMPTY.contains(&status.code)) {
        // The rest of the message may be what came out of a wrong decryption.
        return Err(match garbled(&status.message) {
            true => repository.unreadable(),
            false => BackupError::Refused {
                what: format!("the repository {} cannot be read: {}", repository.place(), status.message),
                next: "`underpin doctor` checks the machine; pgBackRest's own words above name the cause.",
            },
        });
    }
    let mut contents =
        Contents { archive: stanza.archive.last().map(|one| one.id.clone()), ..Contents::default() };
    for backup in stanza.backup {
        if backup.error == Some(true) {
            contents.bad_pages.push(backup.label.clone());
        }
        let database = stanza.db.iter().find(|one| one.id == backup.database.id);
        contents.backups.push(description(backup, database));
    }
    contents.backups.sort_by(|one, other| one.finished_at.cmp(&other.finished_at));
    Ok(contents)
}

/// Tells whether pgBackRest could not make sense of an index: the passphrase does not fit, or there should be one.
fn garbled(message: &str) -> bool {
    message.contains("FormatError") || message.contains("CryptoError")
}

fn description(backup: Backup, database: Option<&Database>) -> Description {
    let time = |seconds: u64| {
        humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds)).to_string()
    };
    Description {
        label: backup.label,
        kind: BackupKind::Physical,
        extent: match backup.kind.as_str() {
            "incr" => Extent::Incremental,
            "diff" => Extent::Differential,
            _ => Extent::Full,
        },
        parent: backup.prior,
        database: String::new(),
        server_version: database.map(|one| one.version.clone()).unwrap_or_default(),
        system: database.map(|one| one.system.to_string()).unwrap_or_default(),
        started_at: time(backup.timestamp.start),
        // Whole seconds are kept, rounded down; before the next one the backup may not have been consistent.
        finished_at: time(backup.timestamp.stop + 1),
        first_segment: backup.archive.start,
        stop_lsn: backup.lsn.and_then(|lsn| lsn.stop),
        files: Vec::new(),
        content: None,
        large_objects: None,
        form: None,
        catalog: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::pgbackrest::Storage;
    use underpin_pg::Secret;

    fn repository() -> Repository {
        Repository {
            storage: Storage::Folder("/repo".into()),
            passphrase: Some(Secret::new("x")),
            stanza: "main".to_owned(),
        }
    }

    /// As 2.45 prints it, shortened.
    const TWO: &str = r#"[{"archive":[{"database":{"id":1,"repo-key":1},"id":"15-1","max":"000000010000000000000004","min":"000000010000000000000001"}],
      "backup":[{"archive":{"start":"000000010000000000000002","stop":"000000010000000000000002"},"database":{"id":1,"repo-key":1},"error":false,
        "label":"20261122-083630F","lsn":{"start":"0/2000028","stop":"0/2000100"},"prior":null,"reference":null,"timestamp":{"start":1795336590,"stop":1795336599},"type":"full"},
       {"archive":{"start":"000000010000000000000004","stop":"000000010000000000000004"},"database":{"id":1,"repo-key":1},"error":true,
        "label":"20261122-083630F_20261122-083640I","lsn":{"start":"0/4000028","stop":"0/4000100"},"prior":"20261122-083630F","reference":["20261122-083630F"],
        "timestamp":{"start":1795336600,"stop":1795336601},"type":"incr"}],
      "cipher":"aes-256-cbc","db":[{"id":1,"repo-key":1,"system-id":7710911926122659352,"version":"15"}],"name":"main",
      "repo":[{"cipher":"aes-256-cbc","key":1,"status":{"code":0,"message":"ok"}}],"status":{"code":0,"message":"ok"}}]"#;

    #[test]
    fn backups_are_read() {
        let contents = read(TWO, &repository()).unwrap();
        let second = &contents.backups[1];
        assert_eq!(
            (second.extent, second.parent.as_deref()),
            (Extent::Incremental, Some("20261122-083630F"))
        );
        assert_eq!((second.system.as_str(), second.server_version.as_str()), ("7710911926122659352", "15"));
        assert_eq!(second.finished_at, "2026-11-22T08:36:42Z");
        assert_eq!(second.stop_lsn.as_deref(), Some("0/4000100"));
        assert_eq!(contents.bad_pages, [second.label.as_str()]);
        assert_eq!(contents.archive.as_deref(), Some("15-1"));
    }

    #[test]
    fn a_wrong_passphrase_shows_no_garbage() {
        let text = TWO.replace(
            r#""status":{"code":0,"message":"ok"}}],"status""#,
            "\"status\":{\"code\":99,\"message\":\"[FormatError] unable to load info file: \u{3}\\\"\"}}],\"status\"",
        );
        let told = read(&text, &repository()).unwrap_err().to_string();
        assert_eq!(
            told,
            "the repository /repo cannot be read with this passphrase, or it is not encrypted at all"
        );
        let empty = read("[]", &repository()).unwrap();
        assert!(empty.backups.is_empty());
        assert!(read("no json", &repository()).unwrap_err().to_string().contains("cannot be read"));
    }
}
