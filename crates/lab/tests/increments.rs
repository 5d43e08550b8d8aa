//! Incremental backups with PostgreSQL's own programs, from 17 on; older servers refuse them and say what to do.

use underpin_lab::backup::restore::Until;
use underpin_lab::backup::{BackupError, BackupKind, Description, Extent, Taken, list};

use crate::backups::{LEDGER, Place, flip};
use crate::sample;

async fn take(place: &Place, extent: Extent, keep: Option<usize>) -> Result<Taken, BackupError> {
    place.try_back_up(BackupKind::Physical, extent, keep).await
}

async fn taken(place: &Place, extent: Extent, keep: Option<usize>) -> Taken {
    take(place, extent, keep).await.unwrap_or_else(|error| panic!("{error:?}"))
}

/// Tells whether this server can; `make test-newer` tries it with one that can.
#[expect(clippy::print_stderr, reason = "a test that did not look says so")]
fn possible() -> bool {
    let major = sample::installation().version.major;
    if major < 17 {
        eprintln!(
            "SKIPPED: incremental backups need PostgreSQL 17 or newer, this is {major} (make test-newer)"
        );
    }
    major >= 17
}

/// Returns the error with the next step.
fn told(error: &BackupError) -> String {
    format!("{error} | {}", error.hint())
}

#[tokio::test]
async fn a_server_that_cannot_says_what_to_do() {
    let place = Place::start_with(&[]).await;
    let refused = told(&take(&place, Extent::Incremental, None).await.unwrap_err());
    if possible() {
        assert!(
            refused.contains("summarize_wal is off") && refused.contains("ALTER SYSTEM SET"),
            "{refused}"
        );
    } else {
        let words = "PostgreSQL makes incremental backups from 17 on, and this server is";
        assert!(refused.contains(words) && refused.contains("--engine pgbackrest"), "{refused}");
    }
    assert_eq!(list(&place.folder).unwrap().len(), 0);
    place.end().await;
}

#[tokio::test]
async fn changes_that_the_server_did_not_note_need_a_full_backup() {
    if !possible() {
        return;
    }
    let place = Place::start_with(&[("summarize_wal", "on")]).await;
    taken(&place, Extent::Full, None).await;
    place.run("INSERT INTO ledger (amount) VALUES (1); CHECKPOINT").await;
    taken(&place, Extent::Incremental, None).await;
    // As wal_summary_keep_time does in the end.
    let summaries = place.server.data_dir().join("pg_wal/summaries");
    for entry in summaries.read_dir_utf8().unwrap() {
        fs_err::remove_file(entry.unwrap().path()).unwrap();
    }
    place.run("INSERT INTO ledger (amount) VALUES (1); CHECKPOINT").await;
    let refused = told(&take(&place, Extent::Differential, None).await.unwrap_err());
    assert!(
        refused.contains("does not know every change") && refused.contains("full backup now"),
        "{refused}"
    );
    assert_eq!(list(&place.folder).unwrap().len(), 2);
    place.end().await;
}

#[tokio::test]
async fn a_chain_comes_back_to_points_in_time() {
    if !possible() {
        return;
    }
    let place = Place::start_with(&[("summarize_wal", "on")]).await;
    let none = told(&take(&place, Extent::Incremental, None).await.unwrap_err());
    assert!(none.contains("holds no physical backup of this server to build on"), "{none}");
    let full = taken(&place, Extent::Full, None).await;
    place.run("INSERT INTO ledger (amount) SELECT 5 FROM generate_series(1, 100)").await;
    let first = taken(&place, Extent::Incremental, None).await;
    place
        .run(
            "UPDATE ledger SET amount = amount + 1 WHERE id % 100 = 0; CREATE TABLE notes AS SELECT 1 AS one",
        )
        .await;
    let second = taken(&place, Extent::Incremental, None).await;
    place.run("DROP TABLE notes; DELETE FROM ledger WHERE id < 50").await;
    let third = taken(&place, Extent::Differential, None).await;
    let parents = [&first, &second, &third].map(|one| one.description.parent.clone());
    let label = |taken: &Taken| Some(taken.description.label.clone());
    assert_eq!(parents, [label(&full), label(&first), label(&full)]);
    // An increment holds what changed and not the twenty thousand rows.
    let bytes = [&full, &first].map(|one| size(&one.path));
    assert!(bytes[1] * 3 < bytes[0] * 2, "{bytes:?}");

    let at_second = place.ask(LEDGER).await;
    let lsn = place.ask("SELECT pg_current_wal_insert_lsn()").await;
    place.run("DELETE FROM ledger WHERE id > 10").await;
    place.archived().await;
    let end = place.ask(LEDGER).await;
    for (name, until, expected) in [
        ("end", Until::End, &end),
        ("lsn", Until::Lsn(lsn), &at_second),
        ("only", Until::Consistent, &at_second),
    ] {
        let restored = place.recover(name, until).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(restored.description.label, third.description.label);
        assert_eq!(&place.ledger_of(name).await, expected, "{name}");
    }
    // A target between two increments takes the older one.
    let stop = second.description.stop_lsn.clone().unwrap();
    let restored = place.recover("second", Until::Lsn(stop)).await.unwrap();
    assert_eq!(restored.description.label, second.description.label);
    let combined = restored.transcript.iter().find(|step| step.command.contains("pg_combinebackup")).unwrap();
    assert_eq!(combined.command.matches("/base").count(), 3, "{}", combined.command);
    place.end().await;
}

/// Returns the bytes of a folder's files, `pg_wal` left out: its segments have one size however little is in them.
fn size(folder: &camino::Utf8Path) -> u64 {
    let entries = folder.read_dir_utf8().unwrap().map(Result::unwrap);
    let sizes = entries.filter(|entry| entry.file_name() != "pg_wal").map(|entry| {
        let about = entry.metadata().unwrap();
        if about.is_dir() { size(entry.path()) } else { about.len() }
    });
    sizes.sum()
}

#[tokio::test]
async fn a_damaged_or_missing_link_is_refused_and_retention_keeps_chains() {
    if !possible() {
        return;
    }
    let place = Place::start_with(&[("summarize_wal", "on")]).await;
    let full = taken(&place, Extent::Full, None).await;
    place.run("INSERT INTO ledger (amount) VALUES (1)").await;
    let first = taken(&place, Extent::Incremental, None).await;
    place.run("INSERT INTO ledger (amount) VALUES (2)").await;
    // Only one is kept, and it needs both others.
    let second = taken(&place, Extent::Incremental, Some(1)).await;
    assert_eq!(second.removed, Vec::<String>::new());
    place.run("INSERT INTO ledger (amount) VALUES (3)").await;
    place.archived().await;
    let mut found = Vec::new();
    let refuse = async || place.recover("no", Until::End).await.unwrap_err().to_string();
    for link in [&full, &first] {
        let heap = link.path.join("base/PG_VERSION");
        let whole = fs_err::read(&heap).unwrap();
        flip(&heap);
        found.push((refuse().await, &link.description.label));
        fs_err::write(&heap, whole).unwrap();
    }
    let away = place.folder.parent().unwrap().join("away");
    fs_err::rename(&first.path, &away).unwrap();
    found.push((refuse().await, &first.description.label));
    let unbuilt = told(&take(&place, Extent::Incremental, None).await.unwrap_err());
    assert!(unbuilt.contains("which is not in"), "{unbuilt}");
    // The full backup under the name of the increment: sound in itself, and not what the next one builds on.
    let status =
        std::process::Command::new("cp").args(["-a", full.path.as_str(), first.path.as_str()]).status();
    assert!(status.unwrap().success());
    rename_description(&first.path, &first.description);
    found.push((refuse().await, &second.description.label));
    fs_err::remove_dir_all(&first.path).unwrap();
    fs_err::rename(&away, &first.path).unwrap();
    for (text, label) in &found {
        assert!(text.contains("is damaged") && text.contains(label.as_str()), "{label} in {text}");
        assert!(!place.folder.parent().unwrap().join("no").exists());
    }
    place.recover("sound", Until::End).await.unwrap();
    // A new full backup needs none of them.
    let last = taken(&place, Extent::Full, Some(1)).await;
    assert_eq!(last.removed.len(), 3, "{:?}", last.removed);
    place.recover("last", Until::End).await.unwrap();
    place.end().await;
}

fn rename_description(folder: &camino::Utf8Path, description: &Description) {
    let mut copy = description.clone();
    copy.parent = None;
    fs_err::write(folder.join("underpin.json"), serde_json::to_string(&copy).unwrap()).unwrap();
}
