//! `backup` and `restore` under live writes, to points in time, and against damage; all on real servers.

use camino::{Utf8Path, Utf8PathBuf};
use underpin_lab::backup::restore::{Depth, RestoreSpec, RestoreTarget, Restored, Until, restore};
use underpin_lab::backup::{BackupError, BackupKind, BackupSpec, Extent, Taken, archive_command, list, take};
use underpin_model::checksum::described_rows;
use underpin_pg::checksum::differing_rows;
use underpin_pg::{DataSource, OwnedFolder, Profile, RunAs, Server, ServerSpec, Session, ToolCall, run_tool};

use crate::sample;

/// A server that archives into a folder of backups.
pub struct Place {
    pub server: Server,
    pub session: Session,
    pub folder: Utf8PathBuf,
    _dir: OwnedFolder,
}

impl Place {
    async fn start() -> Place {
        Place::start_with(&[]).await
    }

    /// The same with more settings.
    pub async fn start_with(settings: &[(&str, &str)]) -> Place {
        let run_as = RunAs::choose().unwrap();
        let dir = OwnedFolder::create("/tmp".into(), "backups", &run_as).unwrap();
        let folder = dir.path().join("b");
        run_as.create_folder(&folder).unwrap();
        run_as.create_folder(&folder.join("wal")).unwrap();
        let spec = ServerSpec::new(sample::installation(), Profile::Durable, "backup")
            .setting("archive_mode", "on")
            .setting("archive_command", archive_command(&folder));
        let spec = settings.iter().fold(spec, |spec, (name, value)| spec.setting(*name, *value));
        let server = Server::start(spec).await.unwrap();
        let session = Session::connect(&server.address()).await.unwrap();
        session.execute("CREATE DATABASE shop").await.unwrap();
        session.close().await;
        let session = Session::connect(&server.address().database("shop")).await.unwrap();
        let place = Place { server, session, folder, _dir: dir };
        place
            .run(
                "CREATE ROLE clerk; CREATE TABLE ledger (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, amount int NOT NULL);
                 GRANT SELECT ON ledger TO clerk; INSERT INTO ledger (amount) SELECT n FROM generate_series(1, 20000) n",
            )
            .await;
        place
    }

    pub async fn run(&self, sql: &str) {
        self.session.execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    pub async fn ask(&self, sql: &str) -> String {
        self.session.value(sql).await.unwrap().unwrap_or_default()
    }

    async fn back_up(&self, kind: BackupKind, keep: Option<usize>) -> Taken {
        self.try_back_up(kind, Extent::Full, keep).await.unwrap_or_else(|error| panic!("{error:?}"))
    }

    pub async fn try_back_up(
        &self,
        kind: BackupKind,
        extent: Extent,
        keep: Option<usize>,
    ) -> Result<Taken, BackupError> {
        let address = self.server.address().database("shop");
        let installation = sample::installation();
        let folder = &self.folder;
        take(&BackupSpec { address: &address, installation: &installation, folder, kind, extent, keep }).await
    }

    async fn restore_as(&self, name: &str) -> Result<Restored, BackupError> {
        self.restore_to(RestoreTarget::Database(&self.server.address().database(name))).await
    }

    pub async fn recover(&self, name: &str, until: Until) -> Result<Restored, BackupError> {
        let data = self.folder.parent().unwrap().join(name);
        self.restore_to(RestoreTarget::DataFolder(&data, until)).await
    }

    async fn restore_to(&self, target: RestoreTarget<'_>) -> Result<Restored, BackupError> {
        let installation = sample::installation();
        restore(&RestoreSpec {
            installation: &installation,
            folder: &self.folder,
            label: None,
            timeline: None,
            target,
            depth: Depth::Structure,
        })
        .await
    }

    /// Starts the recovered data and returns the ledger's rows and sum.
    pub async fn ledger_of(&self, name: &str) -> String {
        ledger_in(self.folder.parent().unwrap().join(name), "shop").await
    }

    /// Waits until all that was committed is in the archive.
    pub async fn archived(&self) {
        let segment = self.ask("SELECT pg_walfile_name(pg_switch_wal())").await;
        while !self.folder.join("wal").join(&segment).is_file() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    pub async fn end(self) {
        self.session.close().await;
        self.server.stop().await.unwrap();
    }
}

/// Starts recovered data and returns the ledger's rows and sum.
pub async fn ledger_in(data: Utf8PathBuf, database: &str) -> String {
    let spec = ServerSpec::new(sample::installation(), Profile::Durable, "recovered")
        .source(DataSource::InPlace(data));
    let server = Server::start(spec).await.unwrap();
    let session = Session::connect(&server.address().database(database)).await.unwrap();
    let found = session.value(LEDGER).await.unwrap().unwrap_or_default();
    session.close().await;
    server.stop().await.unwrap();
    found
}

pub const LEDGER: &str = "SELECT count(*) || ' ' || coalesce(sum(amount), 0) FROM ledger";

pub fn flip(file: &Utf8Path) {
    let mut bytes = fs_err::read(file).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 0x10;
    fs_err::write(file, bytes).unwrap();
}

#[tokio::test]
async fn a_logical_backup_equals_its_snapshot_under_live_writes() {
    let place = Place::start().await;
    let writer = Session::connect(&place.server.address().database("shop")).await.unwrap();
    let writing = tokio::spawn(async move {
        loop {
            let sql =
                "INSERT INTO ledger (amount) VALUES (1); UPDATE ledger SET amount = amount + 1 WHERE id = 7";
            if writer.execute(sql).await.is_err() {
                break;
            }
        }
    });
    for round in 0..3 {
        tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
        let taken = place.back_up(BackupKind::Logical, Some(2)).await;
        assert_eq!(taken.removed.len(), usize::from(round == 2));
        let restored = place.restore_as(&format!("back_{round}")).await.unwrap();
        assert_eq!(Some(restored.rows), taken.description.content.as_ref().map(|content| content.rows()));
    }
    writing.abort();
    assert_eq!(list(&place.folder).unwrap().len(), 2);
    let again = place.restore_as("back_0").await.unwrap_err();
    assert_eq!(again.to_string(), "the database back_0 is there already, and nothing is ever overwritten");
    place.end().await;
}

#[tokio::test]
async fn damage_to_a_logical_backup_is_found() {
    let place = Place::start().await;
    let taken = place.back_up(BackupKind::Logical, None).await;
    let (dump, description) = (taken.path.join("data.dump"), taken.path.join("underpin.json"));
    let (whole, told) = (fs_err::read(&dump).unwrap(), fs_err::read_to_string(&description).unwrap());
    let mut found = Vec::new();
    // A flipped byte, a truncated file, a file that is gone, a dump of another time, a broken description.
    flip(&dump);
    found.push(place.restore_as("d1").await.unwrap_err().to_string());
    fs_err::write(&dump, &whole[..whole.len() - 100]).unwrap();
    found.push(place.restore_as("d2").await.unwrap_err().to_string());
    fs_err::remove_file(&dump).unwrap();
    found.push(place.restore_as("d3").await.unwrap_err().to_string());
    fs_err::write(&dump, &whole).unwrap();
    fs_err::write(&description, &told[..told.len() / 2]).unwrap();
    found.push(place.restore_as("d4").await.unwrap_err().to_string());
    // Content that is not that of the snapshot: a lost row, a lost table, a sequence that is behind.
    let rows = |text: &str| text.replace("\"rows\": 20000", "\"rows\": 20001");
    fs_err::write(&description, rows(&told)).unwrap();
    found.push(place.restore_as("d5").await.unwrap_err().to_string());
    fs_err::write(&description, told.replace("public.ledger\"", "public.ledgers\"")).unwrap();
    found.push(place.restore_as("d6").await.unwrap_err().to_string());
    fs_err::write(
        &description,
        told.replace("\"public.ledger_id_seq\": \"20000\"", "\"public.ledger_id_seq\": \"20500\""),
    )
    .unwrap();
    found.push(place.restore_as("d7").await.unwrap_err().to_string());
    fs_err::write(&description, &told).unwrap();
    place.restore_as("sound").await.unwrap();
    let label = &taken.description.label;
    for (text, words) in found.iter().zip([
        "the content of data.dump is not what it was",
        "bytes instead of",
        "data.dump is missing",
        "is damaged: underpin.json",
        "table public.ledger: 20001 rows",
        "table public.ledgers:",
        "sequence public.ledger_id_seq: 20500 became 20000",
    ]) {
        assert!(text.contains(words) && text.contains(label.as_str()), "{words} in {text}");
    }
    place.end().await;
}

/// Replaces the dump by one that is sound in itself, hash included, but not of the snapshot that was summed.
async fn dump_anew(place: &Place, taken: &Taken, (database, options): (&str, &[&str])) {
    let dump = taken.path.join("data.dump");
    let call = ToolCall::new("pg_dump")
        .args(["--format=custom".to_owned(), format!("--file={dump}")])
        .args(options.iter().copied())
        .on(&place.server.address().database(database));
    run_tool(&sample::installation(), &call).await.unwrap().checked().unwrap();
    let bytes = fs_err::read(&dump).unwrap();
    let file = taken.path.join("underpin.json");
    let mut told: serde_json::Value = serde_json::from_str(&fs_err::read_to_string(&file).unwrap()).unwrap();
    told["files"][0]["bytes"] = bytes.len().into();
    told["files"][0]["xxh3"] = format!("{:032x}", xxhash_rust::xxh3::xxh3_128(&bytes)).into();
    fs_err::write(file, told.to_string()).unwrap();
}

#[tokio::test]
async fn a_dump_that_is_whole_and_lacks_something_is_found() {
    let place = Place::start().await;
    place.run("CREATE TABLE notes (id int PRIMARY KEY, body text COLLATE \"C\"); INSERT INTO notes VALUES (1, 'x')").await;
    place.session.execute("CREATE DATABASE other TEMPLATE template0").await.unwrap();
    place.run("GRANT CONNECT ON DATABASE shop TO clerk; REVOKE TEMPORARY ON DATABASE shop FROM PUBLIC").await;
    let taken = place.back_up(BackupKind::Logical, None).await;
    place.restore_as("sound").await.unwrap();
    let plants: [(&str, &str, &[&str], &str); 8] = [
        ("", "shop", &["--exclude-table=notes"], "table public.notes: 1 row, checksum"),
        (
            "",
            "shop",
            &["--no-privileges"],
            "grant clerk SELECT on table public.ledger exists only in the backup",
        ),
        ("", "other", &[], "table public.ledger: 20000 rows"),
        ("DELETE FROM ledger WHERE id = 77", "shop", &[], ": the row \"id\" = '77' is lost"),
        (
            "UPDATE ledger SET amount = 0 WHERE id = 78",
            "shop",
            &[],
            "the row \"id\" = '77' is lost, the row \"id\" = '78' is changed",
        ),
        (
            "INSERT INTO ledger OVERRIDING SYSTEM VALUE VALUES (30000, 1); UPDATE ledger SET amount = -1 WHERE id > 19000",
            "shop",
            &[],
            "several rows differ in each of",
        ),
        (
            "SELECT setval('ledger_id_seq', 500)",
            "shop",
            &[],
            "sequence public.ledger_id_seq: 20000 became 500",
        ),
        (
            "ALTER TABLE notes ALTER body TYPE text COLLATE \"POSIX\"",
            "shop",
            &[],
            "table public.notes column body: collation is",
        ),
    ];
    for (nth, (sql, database, options, words)) in plants.into_iter().enumerate() {
        if !sql.is_empty() {
            place.run(sql).await;
        }
        dump_anew(&place, &taken, (database, options)).await;
        let found = place.restore_as(&format!("plant_{nth}")).await.unwrap_err().to_string();
        assert!(found.contains(words), "{words} in {found}");
    }
    // Yesterday's backup under today's name.
    let today = place.folder.join("29991231T000000.000Z-logical");
    fs_err::create_dir(&today).unwrap();
    for name in ["data.dump", "roles.sql", "underpin.json"] {
        fs_err::copy(taken.path.join(name), today.join(name)).unwrap();
    }
    let found = place.restore_as("stale").await.unwrap_err().to_string();
    assert!(found.contains("its description is that of"), "{found}");
    place.end().await;
}

#[tokio::test]
async fn large_objects_come_back_or_are_missed() {
    let place = Place::start().await;
    // One of two pages, and one that is a hole but for its end: a dump writes the zeros out.
    place.run("SELECT lo_from_bytea(4242, decode(repeat('ab', 3000), 'hex')), lo_create(4243)").await;
    place.run("SELECT lo_put(4243, 9000, 'end')").await;
    let taken = place.back_up(BackupKind::Logical, None).await;
    let sound = place.restore_as("sound").await.unwrap();
    assert!(sound.witness.contains("2 large objects have their content."), "{}", sound.witness);
    for (nth, (sql, words)) in [
        ("SELECT lo_put(4243, 100, 'x')", "large object 4243: 9003 bytes, checksum"),
        ("SELECT lo_unlink(4242)", "large object 4242: 3000 bytes, checksum"),
    ]
    .into_iter()
    .enumerate()
    {
        place.run(sql).await;
        dump_anew(&place, &taken, ("shop", &[])).await;
        let found = place.restore_as(&format!("lost_{nth}")).await.unwrap_err().to_string();
        assert!(found.contains(words), "{words} in {found}");
    }
    place.end().await;
}

#[tokio::test]
async fn one_changed_row_is_named_by_its_key() {
    let place = Place::start().await;
    place.run("CREATE TABLE notes (body text); INSERT INTO notes SELECT 'n' || n % 900 FROM generate_series(1, 5000) n").await;
    place.back_up(BackupKind::Logical, None).await;
    place.restore_as("copy").await.unwrap();
    let copy = Session::connect(&place.server.address().database("copy")).await.unwrap();
    let differing = async |table| differing_rows(&place.session, &copy, ("public", table)).await.unwrap();
    assert_eq!(differing("ledger").await, []);
    copy.execute("UPDATE ledger SET amount = 0 WHERE id = 7777").await.unwrap();
    assert_eq!(described_rows(&differing("ledger").await), "the row \"id\" = '7777' is changed");
    copy.execute("DELETE FROM ledger WHERE id = 12; INSERT INTO ledger (amount) VALUES (1)").await.unwrap();
    let told = described_rows(&differing("ledger").await);
    assert_eq!(
        told,
        "the row \"id\" = '12' is lost, the row \"id\" = '20001' came from nowhere, the row \"id\" = '7777' is changed"
    );
    // Without a key the row itself is named, and one of several equal ones is missed too.
    copy.execute("DELETE FROM notes WHERE ctid = (SELECT min(ctid) FROM notes WHERE body = 'n5')")
        .await
        .unwrap();
    assert_eq!(described_rows(&differing("notes").await), "the row (n5) is changed");
    // A table whose every row differs is told by some of them.
    copy.execute("UPDATE ledger SET amount = amount + 1").await.unwrap();
    let told = described_rows(&differing("ledger").await);
    assert!(told.contains(" more"), "{told}");
    copy.close().await;
    place.end().await;
}

#[tokio::test]
async fn an_index_out_of_order_is_named_after_a_recovery() {
    let place = Place::start().await;
    // As a collation does whose library changed: the index is sorted by what a function said before.
    place
        .run(
            "CREATE FUNCTION later(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT pg_catalog.btint4cmp($1, $2)';
             CREATE OPERATOR CLASS by_later FOR TYPE int USING btree AS
                 OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 later(int, int);
             CREATE INDEX sorted ON ledger (amount by_later)",
        )
        .await;
    place.back_up(BackupKind::Physical, None).await;
    place.archived().await;
    let restored = place.recover("sound", Until::Consistent).await.unwrap();
    assert_eq!(restored.remarks, Vec::<String>::new());
    assert!(restored.witness.ends_with("every B-tree in order."), "{}", restored.witness);
    place.run("CREATE OR REPLACE FUNCTION later(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT pg_catalog.btint4cmp($2, $1)'").await;
    place.archived().await;
    let restored = place.recover("turned", Until::End).await.unwrap();
    assert_eq!(restored.remarks.len(), 1, "{:?}", restored.remarks);
    assert!(restored.remarks[0].contains("Database shop: pg_amcheck: "), "{:?}", restored.remarks);
    assert!(restored.remarks[0].contains("sorted"), "{:?}", restored.remarks);
    place.end().await;
}

#[tokio::test]
async fn a_database_comes_back_with_its_collation() {
    let place = Place::start().await;
    let create = "CREATE DATABASE sorted TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'";
    place.session.execute(create).await.unwrap();
    let installation = sample::installation();
    let address = place.server.address().database("sorted");
    let kind = BackupKind::Logical;
    let spec = BackupSpec {
        address: &address,
        installation: &installation,
        folder: &place.folder,
        kind,
        extent: Extent::Full,
        keep: None,
    };
    let taken = take(&spec).await.unwrap();
    place.restore_as("sorted_again").await.unwrap();
    let collate = place.ask("SELECT datcollate FROM pg_database WHERE datname = 'sorted_again'").await;
    assert_eq!((collate.as_str(), taken.description.form.unwrap().collate.as_str()), ("C", "C"));
    place.end().await;
}

#[tokio::test]
async fn a_collation_of_another_library_is_told() {
    let place = Place::start().await;
    if place.server.version().major < 15 {
        return place.end().await;
    }
    place.session.execute("CREATE COLLATION german (provider = icu, locale = 'de')").await.unwrap();
    place.run("UPDATE pg_collation SET collversion = '1.2' WHERE collname = 'german'").await;
    place.back_up(BackupKind::Physical, None).await;
    let restored = place.recover("moved", Until::Consistent).await.unwrap();
    assert_eq!(restored.remarks.len(), 1, "{:?}", restored.remarks);
    assert!(
        restored.remarks[0].contains("german of database shop was made with version 1.2"),
        "{:?}",
        restored.remarks
    );
    place.end().await;
}

#[tokio::test]
async fn a_mistake_is_undone_to_every_kind_of_target() {
    let place = Place::start().await;
    place.back_up(BackupKind::Physical, None).await;
    let early = humantime_now(&place).await;
    place.run("INSERT INTO ledger (amount) SELECT 5 FROM generate_series(1, 100)").await;
    place.run("SELECT pg_create_restore_point('before_release')").await;
    place.run("INSERT INTO ledger (amount) VALUES (9)").await;
    let good = place.ask(LEDGER).await;
    let lsn = place.ask("SELECT pg_current_wal_insert_lsn()").await;
    place.run("SELECT pg_sleep(0.05)").await;
    let time = humantime_now(&place).await;
    place.run("SELECT pg_sleep(0.05)").await;
    let mistake = place.ask("WITH gone AS (DELETE FROM ledger WHERE id > 10 RETURNING 1) SELECT pg_current_xact_id()::text FROM gone LIMIT 1").await;
    let bad = place.ask(LEDGER).await;
    place.archived().await;
    for (name, until, expected) in [
        ("t", Until::Time(time), good.clone()),
        ("l", Until::Lsn(lsn), good.clone()),
        ("x", Until::BeforeTransaction(mistake), good.clone()),
        ("e", Until::End, bad),
        ("n", Until::Name("before_release".to_owned()), "20100 200010500".to_owned()),
        ("early", Until::Time(early), "20000 200010000".to_owned()),
        ("c", Until::Consistent, "20000 200010000".to_owned()),
    ] {
        let restored = place.recover(name, until).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert!(restored.reached.is_some());
        assert_eq!(place.ledger_of(name).await, expected, "{name}");
    }
    // Nothing is overwritten; what cannot be reached is said before anything is copied.
    let again = place.recover("t", Until::End).await.unwrap_err().to_string();
    assert!(again.ends_with("/t is there already, and nothing is ever overwritten"), "{again}");
    for (until, words) in [
        (Until::Time("2020-01-01T00:00:00Z".to_owned()), "it lies before the end of the first backup"),
        (Until::Time("2999-01-01T00:00:00Z".to_owned()), "lies in the future"),
        (Until::Lsn("0/1".to_owned()), "it lies before the end of the first backup"),
        (Until::Name("never".to_owned()), "the archived log of timeline 1 has no restore point never"),
        (Until::BeforeTransaction("999999".to_owned()), "has no commit of transaction 999999"),
        (Until::Lsn("F/0".to_owned()), "the archived log ends at"),
    ] {
        let refused = place.recover("no", until).await.unwrap_err().to_string();
        assert!(refused.contains(words), "{refused}");
        assert!(!place.folder.parent().unwrap().join("no").exists());
    }
    place.end().await;
}

#[tokio::test]
async fn damage_to_a_physical_backup_is_found() {
    let place = Place::start().await;
    let taken = place.back_up(BackupKind::Physical, None).await;
    for _ in 0..3 {
        place.run("INSERT INTO ledger (amount) VALUES (1)").await;
        place.archived().await;
    }
    let base = taken.path.join("base");
    let heap = base.join(place.ask("SELECT pg_relation_filepath('ledger')").await);
    let index = base.join(place.ask("SELECT pg_relation_filepath('ledger_pkey')").await);
    let mut found = Vec::new();
    for file in [heap, index, base.join("backup_manifest")] {
        let whole = fs_err::read(&file).unwrap();
        flip(&file);
        found.push(place.recover("d", Until::End).await.unwrap_err().to_string());
        fs_err::write(&file, &whole[..whole.len() / 2]).unwrap();
        found.push(place.recover("d", Until::End).await.unwrap_err().to_string());
        fs_err::remove_file(&file).unwrap();
        found.push(place.recover("d", Until::End).await.unwrap_err().to_string());
        fs_err::write(&file, &whole).unwrap();
    }
    assert!(found.iter().all(|text| text.contains("is damaged")), "{found:#?}");
    let wal = place.folder.join("wal");
    let mut segments: Vec<Utf8PathBuf> = wal
        .read_dir_utf8()
        .unwrap()
        .map(|entry| entry.unwrap().path().to_owned())
        .filter(|path| path.extension().is_none())
        .collect();
    segments.sort();
    let lost = &segments[segments.len() - 2];
    let whole = fs_err::read(lost).unwrap();
    fs_err::remove_file(lost).unwrap();
    let refused = place.recover("d", Until::End).await.unwrap_err().to_string();
    assert!(refused.contains(&format!("the segment {} is missing", lost.file_name().unwrap())), "{refused}");
    fs_err::write(lost, &whole).unwrap();
    // One byte of a record in the archive: its CRC no longer fits.
    let mut bytes = whole.clone();
    bytes[100] ^= 0x10;
    fs_err::write(lost, bytes).unwrap();
    let refused = place.recover("d", Until::End).await.unwrap_err().to_string();
    assert!(refused.contains(&format!("the archived segment {}", lost.file_name().unwrap())), "{refused}");
    fs_err::write(lost, &whole).unwrap();
    let restored = place.recover("sound", Until::End).await.unwrap();
    assert!(restored.replay.is_some_and(|replay| replay.bytes > 1 << 24), "{:?}", restored.replay);
    place.end().await;
}

async fn humantime_now(place: &Place) -> String {
    place
        .ask("SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
        .await
}

/// A server that is killed after the command and before its own note of it archives the segment once more.
#[tokio::test]
async fn a_segment_that_is_sent_again_is_no_failure_and_another_one_of_its_name_is() {
    let place = Place::start().await;
    let archiver = async |condition: &str| {
        for _ in 0..600 {
            if place.ask(&format!("SELECT {condition} FROM pg_stat_archiver")).await == "t" {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("half a minute passed without: {condition}");
    };
    let segment = place.ask("SELECT pg_walfile_name(pg_switch_wal())").await;
    archiver("last_archived_wal IS NOT NULL").await;
    let status = place.server.data_dir().join("pg_wal/archive_status");
    let again = || {
        fs_err::rename(status.join(format!("{segment}.done")), status.join(format!("{segment}.ready")))
            .unwrap()
    };
    let next = async || {
        place.run("INSERT INTO ledger (amount) VALUES (1)").await;
        place.ask("SELECT pg_walfile_name(pg_switch_wal())").await
    };

    again();
    let younger = next().await;
    archiver(&format!("last_archived_wal = '{younger}' AND failed_count = 0")).await;

    let archived = place.folder.join("wal").join(&segment);
    let mut other = fs_err::read(&archived).unwrap();
    other[4_000_000] ^= 1;
    fs_err::write(&archived, &other).unwrap();
    again();
    next().await;
    archiver(&format!("failed_count > 0 AND last_failed_wal = '{segment}'")).await;
    assert!(fs_err::read(&archived).unwrap() == other, "nothing is overwritten");
    place.server.stop().await.unwrap();
}
