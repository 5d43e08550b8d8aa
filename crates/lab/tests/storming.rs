//! `drill storm` with small numbers: a good storm is proven, a pooler that runs out of open files is named.

use std::time::Duration;

use underpin_lab::drill::storm::{StormSpec, storm};
use underpin_lab::lab::LabSpec;
use underpin_model::event::Silent;
use underpin_model::{ProofReport, Verdict};
use underpin_pg::Search;

use crate::sample::{self, Sample};

/// Returns PgBouncer's program; nothing where it is not installed (`make setup` installs it).
pub fn pgbouncer() -> Option<camino::Utf8PathBuf> {
    underpin_pg::installation::find_program(&Search::default(), "pgbouncer")
}

/// Notes by author, read often and written seldom, by a role that is no superuser.
pub const NOTES: &[(&str, &str)] = &[
    ("underpin.toml", "[database]\nowner_role = \"notes_owner\"\napp_role = \"notes_app\"\n"),
    (
        "migrations/001_init.sql",
        "CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, author int NOT NULL, note text NOT NULL);
         CREATE INDEX notes_author ON notes (author);
         GRANT SELECT, INSERT, UPDATE, DELETE ON notes TO notes_app;",
    ),
    (
        "seed.sql",
        "INSERT INTO notes (author, note) SELECT n % 50, 'note ' || n FROM generate_series(1, 500) AS n WHERE NOT EXISTS (SELECT FROM notes);",
    ),
    (
        "queries/notes.sql",
        "-- name: notes_of_author\n-- param: author int = (random() * 49)::int\n-- rate: 90/s\nSELECT id, note FROM notes WHERE author = $1;\n",
    ),
    (
        "transactions/write_note.sql",
        "-- rate: 10/s\n-- param: author int = (random() * 49)::int\nBEGIN;\nINSERT INTO notes (author, note) VALUES (:author, 'new') RETURNING id \\gset\n\
         UPDATE notes SET note = 'newer' WHERE id = :id;\nCOMMIT;\n",
    ),
];

async fn drill(sample: &Sample, clients: &[u32], descriptors: Option<u64>) -> ProofReport {
    let lab =
        LabSpec { installation: sample::installation(), scale: 1, cache: Some(sample.cache().to_owned()) };
    let spec = StormSpec {
        project: &sample.project,
        lab: &lab,
        pgbouncer: pgbouncer(),
        clients: clients.to_vec(),
        pool_size: 5,
        window: Duration::from_millis(500),
        login_limit: Duration::from_secs(3),
        descriptors,
    };
    let proved = storm(&spec, &Silent).await.unwrap_or_else(|error| panic!("{}", error.chain()));
    proved.report.proofs.into_iter().next().unwrap()
}

#[tokio::test]
async fn more_clients_than_connections_wait_behind_the_pool_and_fail_without_it() {
    let sample = sample::project(NOTES);
    let report = drill(&sample, &[20, 200], None).await;
    let rows = sample::table(&report, "ladder");
    let rows: Vec<Vec<&str>> = rows.lines().map(|row| row.split(" | ").collect()).collect();
    if pgbouncer().is_none() {
        assert_eq!((report.verdict, rows.len()), (Verdict::Inconclusive, 2), "{:?}", report.reason);
        return;
    }
    let shown: Vec<(&str, &str, bool)> = rows.iter().map(|row| (row[0], row[1], row[2] == "0")).collect();
    let expected = [
        ("20", "direct", true),
        ("20", "PgBouncer", true),
        ("200", "direct", false),
        ("200", "PgBouncer", true),
    ];
    assert_eq!(shown, expected);
    assert!(rows[3][7].parse::<u32>().unwrap() <= 5, "{:?}", rows[3]);
    // Throughput and logins are the machine's, and no test rests on a time: what must not be here are failures.
    let codes = sample::findings(&report);
    assert!(!codes.iter().any(|code| code.starts_with("UP740") || code.starts_with("UP741")), "{codes:?}");
    assert!(codes.contains(&"UP745 ".to_owned()), "{codes:?}");
    let refused = sample::table(&report, "failures");
    assert!(refused.contains("53300"), "{refused}");
    let told = format!("{:?}", report.evidence);
    assert!(told.contains("SHOW POOLS  -- 200 clients") && !told.contains("/tmp/"), "{told}");
}

#[tokio::test]
async fn a_pooler_without_open_files_left_is_named_and_not_taken_for_a_slow_one() {
    if pgbouncer().is_none() {
        return;
    }
    let sample = sample::project(NOTES);
    let report = drill(&sample, &[60], Some(40)).await;
    assert_eq!(report.verdict, Verdict::Broken);
    let finding = report.findings.iter().find(|one| one.code == "UP744").unwrap();
    assert!(finding.message.contains("may have 40 files open"), "{}", finding.message);
}

#[tokio::test]
async fn a_client_that_is_cut_off_is_a_failure_behind_the_pool() {
    if pgbouncer().is_none() {
        return;
    }
    let mut files = NOTES[..3].to_vec();
    // Only in the storm itself: what runs before it looks at the statement in peace.
    let ends = "-- name: ends\nSELECT CASE WHEN current_setting('application_name') = 'underpin storm' THEN pg_terminate_backend(pg_backend_pid()) END;\n";
    files.push(("queries/end.sql", ends));
    let report = drill(&sample::project(&files), &[5], None).await;
    assert_eq!(report.verdict, Verdict::Broken);
    let finding = report.findings.iter().find(|one| one.code == "UP740").unwrap();
    assert!(finding.message.starts_with("5 of 5 clients failed behind PgBouncer"), "{}", finding.message);
}

#[tokio::test]
async fn more_server_connections_than_the_pool_has_are_counted() {
    if pgbouncer().is_none() {
        return;
    }
    let more = "-- name: more\nSELECT dblink_connect(md5(random()::text), format('host=%s port=%s dbname=%s user=%s', \
                current_setting('unix_socket_directories'), current_setting('port'), current_database(), current_user)), \
                pg_sleep(0.3);\n";
    let files = [
        ("underpin.toml", "[database]\nextensions = [\"dblink\"]\n"),
        ("migrations/001_init.sql", "CREATE TABLE notes (id int PRIMARY KEY);"),
        ("queries/more.sql", more),
    ];
    let report = drill(&sample::project(&files), &[10], None).await;
    let finding = report.findings.iter().find(|one| one.code == "UP741");
    assert!(finding.is_some_and(|one| one.message.ends_with("the pool has 5.")), "{:?}", report.findings);
}
