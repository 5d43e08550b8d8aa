//! Backups that hold only what changed since another one: what they build on, and how a chain becomes one cluster again.

use camino::Utf8Path;
use serde::{Deserialize, Serialize};
use underpin_model::evidence::TranscriptStep;
use underpin_pg::{Installation, Session, ToolCall};

use super::physical::BASE;
use super::{BackupError, BackupKind, BackupSpec, Description, attempt, folder};

/// First major version whose server and programs make increments.
const FIRST_MAJOR: u32 = 17;

/// How much of the cluster a physical backup copies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Extent {
    /// Everything.
    #[default]
    Full,
    /// What changed since the newest full backup: a chain of two.
    Differential,
    /// What changed since the newest backup of any extent.
    Incremental,
}

impl Extent {
    /// Returns the word that people and JSON read.
    pub fn word(self) -> &'static str {
        match self {
            Extent::Full => "full",
            Extent::Differential => "differential",
            Extent::Incremental => "incremental",
        }
    }

    /// Tells whether this is the ordinary case, which descriptions of earlier versions do not name.
    pub(super) fn is_full(&self) -> bool {
        *self == Extent::Full
    }
}

/// Returns the backup that a new one of this extent builds on; nothing for a full one.
pub(super) async fn parent(
    spec: &BackupSpec<'_>,
    (session, system): (&Session, &str),
) -> Result<Option<Description>, BackupError> {
    if spec.extent == Extent::Full {
        return Ok(None);
    }
    check_server(spec.installation, session).await?;
    let all = folder::list(spec.folder)?;
    let fits = |one: &&Description| {
        let kind = one.kind == BackupKind::Physical && one.system == system;
        kind && (spec.extent == Extent::Incremental || one.extent == Extent::Full)
    };
    let newest = all.iter().rev().find(fits).ok_or_else(|| BackupError::Refused {
        what: format!("{} holds no physical backup of this server to build on", spec.folder),
        next: "Take a full one first, the same command without --incremental or --differential.",
    })?;
    // What builds on a chain with a hole could never be restored.
    chain(spec.folder, &all, newest)?;
    Ok(Some(newest.clone()))
}

async fn check_server(installation: &Installation, session: &Session) -> Result<(), BackupError> {
    let asked = session.value("SELECT current_setting('server_version_num')").await;
    let number: u32 = asked.map_err(BackupError::Ask)?.and_then(|text| text.parse().ok()).unwrap_or_default();
    let major = number / 10_000;
    if major < FIRST_MAJOR {
        return Err(BackupError::Refused {
            what: format!(
                "PostgreSQL makes incremental backups from {FIRST_MAJOR} on, and this server is {major}"
            ),
            next: "`underpin backup --engine pgbackrest --incremental` makes them of every version.",
        });
    }
    if !installation.has("pg_combinebackup") {
        return Err(BackupError::Refused {
            what: format!(
                "{} has no pg_combinebackup, without which no increment comes back",
                installation.bin_dir
            ),
            next: "Install the client programs of the server's major version, or name their folder with --server DIR.",
        });
    }
    let summaries =
        session.value("SELECT current_setting('summarize_wal')").await.map_err(BackupError::Ask)?;
    if summaries.as_deref() != Some("on") {
        return Err(BackupError::Refused {
            what: "the server does not note which blocks change (summarize_wal is off)".to_owned(),
            next: "ALTER SYSTEM SET summarize_wal = on; SELECT pg_reload_conf(); then take a full backup, on which \
                   incremental ones can build.",
        });
    }
    Ok(())
}

/// The server's own words (basebackup_incremental.c, 17 and 18): no notes, or notes of another timeline.
const REFUSALS: &[&str] = &["WAL summaries are required", "not in this server's history"];

/// Turns the server's refusal into ours where the cause is known.
pub(super) fn refused(error: BackupError) -> BackupError {
    match &error {
        BackupError::Program { output } if REFUSALS.iter().any(|words| output.stderr.contains(words)) => {
            BackupError::Refused {
                what: format!(
                    "the server does not know every change since the backup that this one builds on: {}",
                    output.complaint()
                ),
                next: "Take a full backup now; summarize_wal has to stay on between it and the next incremental one.",
            }
        }
        _ => error,
    }
}

/// Returns the backup with all that it builds on, the full one first.
pub(super) fn chain(
    folder: &Utf8Path,
    all: &[Description],
    last: &Description,
) -> Result<Vec<Description>, BackupError> {
    let mut links = vec![last.clone()];
    let mut next = last;
    while let Some(label) = &next.parent {
        let damaged = |what: String| BackupError::Damaged { label: last.label.clone(), what };
        next = all
            .iter()
            .find(|one| one.label == *label)
            .ok_or_else(|| damaged(format!("it builds on {label}, which is not in {folder}")))?;
        if links.iter().any(|link| link.label == next.label) {
            return Err(damaged(format!("{label} builds on itself")));
        }
        links.push(next.clone());
    }
    links.reverse();
    Ok(links)
}

/// Returns which of the backups, the oldest first, nobody needs when the newest `keep` stay.
pub(super) fn expendable(all: &[Description], keep: usize) -> Vec<&Description> {
    let (old, kept) = all.split_at(all.len().saturating_sub(keep.max(1)));
    let mut needed: Vec<&str> = kept.iter().filter_map(|one| one.parent.as_deref()).collect();
    // A backup is older than what builds on it, so one walk from new to old meets every link.
    for one in old.iter().rev().filter(|_| !old.is_empty()) {
        if needed.contains(&one.label.as_str()) {
            needed.extend(one.parent.as_deref());
        }
    }
    old.iter().filter(|one| !needed.contains(&one.label.as_str())).collect()
}

/// Compares every file of every link with its manifest.
pub(super) async fn verify(
    (installation, folder): (&Installation, &Utf8Path),
    links: &[Description],
    transcript: &mut Vec<TranscriptStep>,
) -> Result<(), BackupError> {
    for link in links {
        let base = folder.join(&link.label).join(BASE);
        let check = ToolCall::new("pg_verifybackup").args(["--quiet".to_owned(), base.to_string()]);
        let checked = attempt(installation, check, transcript).await?;
        if checked.exit != 0 {
            return Err(BackupError::Damaged { label: link.label.clone(), what: checked.complaint() });
        }
    }
    Ok(())
}

/// Makes the data folder of a chain: a copy of a full backup, or what `pg_combinebackup` puts together.
pub(super) async fn lay_out(
    (installation, folder): (&Installation, &Utf8Path),
    links: &[Description],
    (data, transcript): (&Utf8Path, &mut Vec<TranscriptStep>),
) -> Result<(), BackupError> {
    let bases = links.iter().map(|link| folder.join(&link.label).join(BASE).into_string());
    if links.len() == 1 {
        let copy = ToolCall::new("/bin/cp").arg("-a").args(bases).arg(data.as_str());
        super::run(installation, copy, transcript).await?;
        return Ok(());
    }
    if !installation.has("pg_combinebackup") {
        return Err(BackupError::Unsupported {
            what: format!(
                "the backup is incremental, and {} has no pg_combinebackup to put it together (PostgreSQL {FIRST_MAJOR} or newer)",
                installation.bin_dir
            ),
        });
    }
    // The recovery that follows brings all files to the disk, as it does with copies.
    let combine =
        ToolCall::new("pg_combinebackup").arg("--no-sync").args(bases).arg(format!("--output={data}"));
    let combined = attempt(installation, combine, transcript).await?;
    if combined.exit != 0 {
        let _ = fs_err::remove_dir_all(data);
        let label = links.last().map(|link| link.label.clone()).unwrap_or_default();
        return Err(BackupError::Damaged { label, what: combined.complaint() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backup(label: &str, parent: Option<&str>) -> Description {
        let mut value = serde_json::json!({
            "label": label, "kind": "physical", "database": "shop", "server_version": "18.4", "system": "1",
            "started_at": label, "finished_at": label,
        });
        if let Some(parent) = parent {
            value["parent"] = parent.into();
        }
        serde_json::from_value(value).unwrap()
    }

    fn labels(all: &[&Description]) -> String {
        all.iter().map(|one| one.label.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_a_kept_backup_builds_on_stays() {
        let all = [
            backup("a", None),
            backup("b", Some("a")),
            backup("c", None),
            backup("d", Some("c")),
            backup("e", Some("d")),
            backup("f", Some("c")),
        ];
        assert_eq!(labels(&expendable(&all, 1)), "a b d e");
        assert_eq!(labels(&expendable(&all, 2)), "a b");
        assert_eq!(labels(&expendable(&all, 5)), "");
        assert_eq!(labels(&expendable(&all, 9)), "");
        assert_eq!(labels(&expendable(&all[..2], 0)), "");
    }

    #[test]
    fn a_chain_with_a_hole_is_refused() {
        let all = [backup("a", None), backup("b", Some("a")), backup("c", Some("b"))];
        let links = chain("/backups".into(), &all, &all[2]).unwrap();
        assert_eq!(labels(&links.iter().collect::<Vec<_>>()), "a b c");
        let holed = [all[0].clone(), all[2].clone()];
        let refused = chain("/backups".into(), &holed, &all[2]).unwrap_err().to_string();
        assert_eq!(refused, "the backup c is damaged: it builds on b, which is not in /backups");
        let round = [backup("a", Some("b")), backup("b", Some("a"))];
        let refused = chain("/backups".into(), &round, &round[1]).unwrap_err().to_string();
        assert_eq!(refused, "the backup b is damaged: b builds on itself");
    }
}
