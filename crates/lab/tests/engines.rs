//! pgBackRest as an engine, on real servers: encrypted repositories, increments, points in time, and damage.

use camino::Utf8PathBuf;
use underpin_lab::backup::engine::{Engine, RestoreWish, TakeWish};
use underpin_lab::backup::pgbackrest::{Aws, PgBackRest, Repository, Storage};
use underpin_lab::backup::restore::{Depth, RestoreTarget, Restored, Until};
use underpin_lab::backup::{BackupError, BackupKind, Extent, Taken};
use underpin_pg::installation::find_program;
use underpin_pg::{OwnedFolder, Profile, RunAs, Search, Secret, Server, ServerSpec, Session};

use crate::backups::{LEDGER, ledger_in};
use crate::sample;

/// Returns pgBackRest's program; says so where it is not installed (`make setup` installs it).
#[expect(clippy::print_stderr, reason = "a test that did not look says so")]
fn program() -> Option<Utf8PathBuf> {
    let search = Search { path_var: std::env::var("PATH").ok(), ..Search::default() };
    let found = find_program(&search, "pgbackrest");
    if found.is_none() {
        eprintln!("SKIPPED: pgBackRest is not installed (apt-get install pgbackrest)");
    }
    found
}

/// A server whose log goes into a repository.
struct Place {
    server: Server,
    session: Session,
    engine: PgBackRest,
    dir: OwnedFolder,
}

const PASSPHRASE: &str = "correct horse battery staple";

impl Place {
    async fn start(program: Utf8PathBuf, storage: Option<Storage>) -> Place {
        let run_as = RunAs::choose().unwrap();
        let dir = OwnedFolder::create("/tmp".into(), "engine", &run_as).unwrap();
        let storage = storage.unwrap_or_else(|| Storage::Folder(dir.path().join("repo")));
        // pgBackRest locks by the name of the stanza, and other tests run on this machine.
        let stanza = dir.path().file_name().unwrap();
        let engine = engine((program, stanza), storage, Some(PASSPHRASE));
        let spec =
            ServerSpec::new(sample::installation(), Profile::Durable, "engine").setting("archive_mode", "on");
        let server = Server::start(spec).await.unwrap();
        let session = Session::connect(&server.address()).await.unwrap();
        session
            .execute("CREATE TABLE ledger (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, amount int NOT NULL)")
            .await
            .unwrap();
        let place = Place { server, session, engine, dir };
        place.run("INSERT INTO ledger (amount) SELECT n FROM generate_series(1, 20000) n").await;
        place
    }

    async fn run(&self, sql: &str) {
        self.session.execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    async fn ask(&self, sql: &str) -> String {
        self.session.value(sql).await.unwrap().unwrap_or_default()
    }

    /// Lets the server send its log into the repository, as a user would.
    async fn archive(&self) {
        let file = self.dir.path().join("pgbackrest.conf");
        self.engine.write_config(&file, &self.server.address()).await.unwrap();
        let command = self.engine.archive_command(&file).replace('\'', "''");
        self.run(&format!("ALTER SYSTEM SET archive_command = '{command}'")).await;
        self.run("SELECT pg_reload_conf()").await;
        while !self.ask("SHOW archive_command").await.contains("archive-push") {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    async fn try_take(&self, extent: Extent, keep: Option<usize>) -> Result<Taken, BackupError> {
        let address = self.server.address();
        self.engine.take(&TakeWish { address: &address, kind: BackupKind::Physical, extent, keep }).await
    }

    async fn take(&self, extent: Extent, keep: Option<usize>) -> Taken {
        self.try_take(extent, keep).await.unwrap_or_else(|error| panic!("{error:?}"))
    }

    async fn recover(&self, name: &str, until: Until) -> Result<Restored, BackupError> {
        self.recover_with(&self.engine, (name, until, None)).await
    }

    async fn recover_with(
        &self,
        engine: &PgBackRest,
        (name, until, label): (&str, Until, Option<&str>),
    ) -> Result<Restored, BackupError> {
        let data = self.dir.path().join(name);
        let target = RestoreTarget::DataFolder(&data, until);
        engine.restore(RestoreWish { label, timeline: None, target, depth: Depth::Rows }).await
    }

    async fn ledger_of(&self, name: &str) -> String {
        ledger_in(self.dir.path().join(name), "postgres").await
    }

    /// Waits until all that was committed is in the repository.
    async fn archived(&self) {
        self.run("INSERT INTO ledger (amount) VALUES (0)").await;
        let segment = self.ask("SELECT pg_walfile_name(pg_switch_wal())").await;
        let sql = format!("SELECT last_archived_wal >= '{segment}' FROM pg_stat_archiver");
        while self.ask(&sql).await != "t" {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    /// Returns a folder of the repository.
    fn stored(&self, part: &str) -> Utf8PathBuf {
        self.dir.path().join("repo").join(part).join(&self.engine.repository.stanza)
    }

    async fn end(self) {
        self.session.close().await;
        self.server.stop().await.unwrap();
    }
}

fn engine((program, stanza): (Utf8PathBuf, &str), storage: Storage, passphrase: Option<&str>) -> PgBackRest {
    let repository =
        Repository { storage, passphrase: passphrase.map(Secret::new), stanza: stanza.to_owned() };
    PgBackRest { program, installation: sample::installation(), repository }
}

fn told(error: &BackupError) -> String {
    format!("{error} | {}", error.hint())
}

/// Takes a full backup and an increment, and goes to every kind of target.
async fn round_trip(place: &Place) {
    let refused = told(&place.try_take(Extent::Full, None).await.unwrap_err());
    assert!(
        refused.contains("ALTER SYSTEM SET archive_command") && refused.contains("--write-config"),
        "{refused}"
    );
    place.archive().await;
    let full = place.take(Extent::Incremental, None).await;
    assert_eq!(full.description.extent, Extent::Full);
    assert_eq!(full.remarks, ["There was no backup to build on, so this one is full and not incremental."]);
    place.run("INSERT INTO ledger (amount) SELECT 5 FROM generate_series(1, 100)").await;
    let second = place.take(Extent::Incremental, None).await;
    assert_eq!(second.description.parent.as_deref(), Some(full.description.label.as_str()));
    place.run("INSERT INTO ledger (amount) VALUES (9)").await;
    place.run("SELECT pg_create_restore_point('before_release')").await;
    let good = place.ask(LEDGER).await;
    // The repository knows ends of backups by the second.
    place.run("SELECT pg_sleep(2)").await;
    let time = place
        .ask("SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
        .await;
    let sql = "WITH gone AS (DELETE FROM ledger WHERE id > 10 RETURNING 1) SELECT pg_current_xact_id()::text FROM gone LIMIT 1";
    let mistake = place.ask(sql).await;
    place.archived().await;
    let end = place.ask(LEDGER).await;
    for (name, until, expected) in [
        ("t", Until::Time(time), &good),
        ("n", Until::Name("before_release".to_owned()), &good),
        ("x", Until::BeforeTransaction(mistake), &good),
        ("e", Until::End, &end),
    ] {
        let restored = place.recover(name, until).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(restored.description.label, second.description.label);
        assert!(restored.witness.starts_with("pgBackRest compared every file"), "{}", restored.witness);
        assert_eq!(&place.ledger_of(name).await, expected, "{name}");
        let all: Vec<&str> = restored.transcript.iter().map(|step| step.command.as_str()).collect();
        assert!(!all.join("\n").contains(PASSPHRASE), "{all:?}");
    }
    // A place before the newer backup takes the older one.
    let stop = full.description.stop_lsn.clone().unwrap();
    let wish = ("older", Until::Lsn(stop), None);
    let older = place.recover_with(&place.engine, wish).await.unwrap();
    assert_eq!(older.description.label, full.description.label);
    assert_eq!(place.ledger_of("older").await, "20000 200010000");
    assert_eq!(place.engine.list().await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_encrypted_repository_brings_every_point_back() {
    let Some(program) = program() else { return };
    let place = Place::start(program, None).await;
    round_trip(&place).await;
    // Nothing in the repository can be read without the passphrase.
    let index = fs_err::read(place.stored("backup").join("backup.info")).unwrap();
    assert!(index.starts_with(b"Salted__"), "{:?}", &index[..20]);
    place.end().await;
}

#[tokio::test]
async fn what_cannot_come_back_is_refused() {
    let Some(program) = program() else { return };
    let place = Place::start(program.clone(), None).await;
    place.archive().await;
    let first = place.take(Extent::Full, None).await;
    place.archived().await;
    let storage = place.engine.repository.storage.clone();
    for (passphrase, words) in [
        (Some("wrong"), "cannot be read with this passphrase"),
        (None, "it is encrypted, or damaged | Add --encrypt"),
    ] {
        let stanza = place.engine.repository.stanza.as_str();
        let other = engine((program.clone(), stanza), storage.clone(), passphrase);
        let refused = told(&place.recover_with(&other, ("no", Until::End, None)).await.unwrap_err());
        assert!(refused.contains(words) && refused.contains("UNDERPIN_BACKUP_PASSPHRASE"), "{refused}");
        assert!(!refused.contains(PASSPHRASE) && refused.is_ascii(), "{refused}");
    }
    let label = first.description.label.as_str();
    for (until, label, words) in [
        (Until::Time("2020-01-01T00:00:00Z".to_owned()), None, "it lies before the end of the first backup"),
        (Until::Time("2999-01-01T00:00:00Z".to_owned()), None, "lies in the future"),
        (Until::Lsn("0/1".to_owned()), None, "it lies before the end of the first backup"),
        (Until::Lsn("F/0".to_owned()), None, "the archived log ends at"),
        (Until::Name("never".to_owned()), Some(label), "has no never; pgBackRest cannot look it up"),
        (Until::End, Some("20200101-000000F"), "holds no backup called 20200101-000000F"),
    ] {
        let wish = ("no", until, label);
        let refused = place.recover_with(&place.engine, wish).await.unwrap_err().to_string();
        assert!(refused.contains(words), "{words} in {refused}");
        assert!(!place.dir.path().join("no").exists());
    }
    // A segment in the middle that is gone, which pgBackRest's own verify does not miss.
    place.archived().await;
    place.archived().await;
    let wal = place.stored("archive");
    let segments = files(&wal, ".gz");
    let lost = &segments[segments.len() - 2];
    let whole = fs_err::read(lost).unwrap();
    fs_err::remove_file(lost).unwrap();
    let refused = place.recover("no", Until::End).await.unwrap_err().to_string();
    let name = lost.file_name().unwrap().split('-').next().unwrap();
    assert!(refused.contains(&format!("the segment {name} is missing from the repository")), "{refused}");
    fs_err::write(lost, &whole).unwrap();
    // One byte of the log, one byte of a table.
    let heap = files(&place.stored("backup").join(label), ".gz");
    let heap = heap.iter().max_by_key(|file| file.metadata().unwrap().len()).unwrap();
    for file in [lost, heap] {
        let whole = fs_err::read(file).unwrap();
        crate::backups::flip(file);
        let refused = place.recover("no", Until::End).await.unwrap_err().to_string();
        assert!(refused.contains("is damaged") && refused.contains(label), "{refused}");
        assert!(!place.dir.path().join("no").exists());
        fs_err::write(file, whole).unwrap();
    }
    // A newer full backup takes the place of the old one and of its log.
    let second = place.take(Extent::Full, Some(1)).await;
    assert_eq!(second.removed, [label]);
    // Into the folder that was refused before: what an earlier try left in the log beside it does not count.
    place.recover("no", Until::End).await.unwrap();
    place.end().await;
}

/// Returns the files below a folder, by name.
fn files(folder: &camino::Utf8Path, ending: &str) -> Vec<Utf8PathBuf> {
    let mut found = Vec::new();
    for entry in folder.read_dir_utf8().unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(entry.path(), ending));
        } else if entry.file_name().ends_with(ending) {
            found.push(entry.path().to_owned());
        }
    }
    found.sort();
    found
}

/// Storage that speaks S3 over TLS, as `scripts/test-s3.sh` starts it.
#[tokio::test]
#[ignore = "needs a server that speaks S3: scripts/test-s3.sh"]
async fn a_repository_in_s3_brings_every_point_back() {
    let read = |name: &str| std::env::var(name).ok();
    let aws = Aws {
        access_key_id: read("AWS_ACCESS_KEY_ID"),
        secret_access_key: read("AWS_SECRET_ACCESS_KEY").map(Secret::new),
        session_token: None,
        region: read("AWS_REGION"),
        endpoint_url: read("AWS_ENDPOINT_URL_S3"),
        ca_bundle: read("AWS_CA_BUNDLE"),
    };
    let storage = Storage::parse(&read("UNDERPIN_TEST_BUCKET").unwrap(), "/".into(), &aws).unwrap();
    let place = Place::start(program().unwrap(), Some(storage)).await;
    round_trip(&place).await;
    place.end().await;
}
