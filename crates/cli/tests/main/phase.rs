//! `underpin migrate phase` as a user meets it: killed, run again, asked how far it is, taken back.

use std::process::{Command, Stdio};
use std::time::Duration;

use underpin_pg::{Profile, Search, Server, ServerSpec, Session, choose_installation};

use crate::underpin;

const FILES: &[(&str, &str)] = &[
    ("underpin.toml", "[project]\nname = \"phases\"\n"),
    ("migrations/001_t.sql", "CREATE TABLE t (id int PRIMARY KEY, old int NOT NULL);"),
    ("migrations/002_new/expand.sql", "ALTER TABLE t ADD new int, ADD touched int NOT NULL DEFAULT 0;"),
    // Each row takes a millisecond, and shows how often it was done.
    (
        "migrations/002_new/backfill.sql",
        "-- batch: t by id, 100\nUPDATE t SET new = old, touched = touched + 1\n\
         WHERE id > :low AND id <= :high AND pg_sleep(0.001) IS NOT NULL;",
    ),
    ("migrations/002_new/verify.sql", "SELECT id FROM t WHERE new IS DISTINCT FROM old;"),
    ("migrations/002_new/contract.sql", "ALTER TABLE t DROP old;"),
    ("migrations/002_new/revert.sql", "ALTER TABLE t DROP new, DROP touched;"),
];

/// Rows that the backfill has to do; the keys have gaps.
const ROWS: u32 = 2_000;

/// A project on disk with a database that has its first migration and many rows.
struct Place {
    folder: tempfile::TempDir,
    server: Server,
    session: Session,
}

impl Place {
    async fn start() -> Place {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in FILES {
            let path = folder.path().join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        }
        let clusters = Some(concat!(env!("CARGO_TARGET_TMPDIR"), "/clusters").into());
        let installation = choose_installation(&Search { clusters, ..Search::default() }).unwrap();
        let server = Server::start(ServerSpec::new(installation, Profile::Fast, "test")).await.unwrap();
        let session = Session::connect(&server.address()).await.unwrap();
        let place = Place { folder, server, session };
        let ran = place.migrate(&["up", "--to", "001"]);
        assert_eq!(ran.0, Some(0), "{}", ran.1);
        let rows = format!("INSERT INTO t SELECT n * 3, n FROM generate_series(1, {ROWS}) AS n");
        place.session.execute(&rows).await.unwrap();
        place
    }

    fn migrate(&self, args: &[&str]) -> (Option<i32>, String) {
        let url = self.server.address().conninfo();
        let all: Vec<&str> =
            ["migrate"].into_iter().chain(args.iter().copied()).chain(["--database-url", &url]).collect();
        let ran = underpin(self.folder.path(), &all);
        (ran.code, ran.out + &ran.err)
    }

    async fn ask(&self, sql: &str) -> String {
        self.session.value(sql).await.unwrap().unwrap_or_default()
    }
}

#[tokio::test]
async fn a_killed_backfill_goes_on_where_it_was() {
    let place = Place::start().await;
    let phase = "SELECT phase FROM underpin.migrations WHERE version = '002'";
    let url = place.server.address().conninfo();
    let mut kills = 0;
    // Killed again and again, each time in the middle of a range.
    for least in [200, 700, 1300] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_underpin"))
            .args(["migrate", "phase", "002", "--wait", "20", "--database-url", &url])
            .current_dir(place.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while rows_done(&place.ask(phase).await) < least {
            assert!(
                child.try_wait().unwrap().is_none(),
                "it ended before it was killed: {}",
                place.ask(phase).await
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    let left = place.ask("SELECT count(*) FROM t WHERE touched = 0").await;
    assert!(left.parse::<u32>().unwrap() > 0, "nothing was left after {kills} kills");
    let (code, text) = place.migrate(&["phase", "--wait", "20"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("migrations/002_new is verified"), "{text}");
    assert!(text.contains("run `underpin migrate phase 002 contract`"), "{text}");
    assert_eq!(
        place.ask("SELECT min(touched) || ' ' || max(touched) || ' ' || count(*) FROM t").await,
        "1 1 2000"
    );
    assert_eq!(place.ask(phase).await, "verified");
}

/// Returns the rows that the ledger's state says are done.
fn rows_done(phase: &str) -> u32 {
    phase
        .strip_prefix("backfilling")
        .and_then(|rest| rest.rsplit(' ').next())
        .and_then(|rows| rows.parse().ok())
        .unwrap_or(0)
}

#[tokio::test]
async fn a_folder_is_walked_by_command() {
    let place = Place::start().await;
    place.session.execute("DELETE FROM t WHERE id > 300").await.unwrap();
    let mut said = vec![place.migrate(&["phase", "--status"]), place.migrate(&["up"])];
    for args in [
        &["phase", "--status"][..],
        &["phase", "backfill"],
        &["phase", "002"],
        &["phase", "revert"],
        &["phase", "002", "contract", "--format", "json"],
        &["phase", "002", "contract"],
        &["phase", "002", "revert"],
        &["phase", "001"],
        &["phase", "sideways"],
    ] {
        said.push(place.migrate(args));
    }
    let line = |(code, text): &(Option<i32>, String)| format!("{}: {}", code.unwrap_or(-1), mask(text));
    insta::assert_snapshot!(said.iter().map(line).collect::<Vec<_>>().join("\n"), @r#"
        0: migrations/002_new is pending. `underpin migrate up` begins it.
        0: migrations/002_new is expanded. Run `underpin migrate phase 002` to backfill and verify; then deploy the new version.
        0: migrations/002_new is expanded. Run `underpin migrate phase 002` to backfill and verify; then deploy the new version.
        0: migrations/002_new is backfilled (N ms). Run `underpin migrate phase 002` to verify; then deploy the new version.
        0: migrations/002_new is verified (N ms). Deploy the new version; when no old one runs any more, run `underpin migrate phase 002 contract`.
        0: migrations/002_new is taken back (N ms); everything is as before expand.
        0: {"duration_ms":N,"folder":"migrations/002_new","from":null,"to":"done","version":"002"}
        0: migrations/002_new is applied already.
        2: error: migrations/002_new cannot be taken back: contract has taken the old form away.

        hint: Bring the old form back with a new migration, in phases as well.
        2: error: migrations/001_t.sql is one file and has no phases.

        hint: Apply it with `underpin migrate up`.
        2: error: There is no migration of version sideways.

        hint: `underpin migrate status` lists every version.
        "#);
}

/// Returns the text without durations and the line that names the database.
fn mask(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with("Migrating ") && !line.starts_with("Reading ")) {
        let mut masked = String::new();
        for word in line.split(' ') {
            let number =
                word.trim_start_matches('(').bytes().all(|b| b.is_ascii_digit()) && word.starts_with('(');
            masked.push_str(if number { "(N" } else { word });
            masked.push(' ');
        }
        lines.push(masked.trim_end().to_owned());
    }
    let text = lines.join("\n");
    match text.find("\"duration_ms\":") {
        Some(at) => {
            let end = text[at..].find(',').map_or(text.len(), |end| at + end);
            format!("{}\"duration_ms\":N{}", &text[..at], &text[end..])
        }
        None => text,
    }
}
