//! `migrate up` on real databases: whole files or nothing, one runner, patience with locks, other tools' ledgers.

use std::time::Duration;

use underpin_lab::migrator::{Applied, ApplyOptions, MigrateError, migrate_up};
use underpin_model::event::Silent;
use underpin_model::project::Migration;
use underpin_pg::{Address, Profile, Server, ServerSpec, Session};

use crate::sample;

const CONFIG: (&str, &str) = ("underpin.toml", "[project]\nname = \"history\"\n");

pub fn migrations(files: &[(&str, &str)]) -> Vec<Migration> {
    let files: Vec<(&str, &str)> = [CONFIG].into_iter().chain(files.iter().copied()).collect();
    sample::project(&files).project.migrations
}

pub struct Place {
    server: Server,
}

impl Place {
    pub async fn start() -> Place {
        let spec = ServerSpec::new(sample::installation(), Profile::Fast, "test");
        Place { server: Server::start(spec).await.unwrap() }
    }

    /// Returns a new database.
    pub async fn database(&self, name: &str) -> Address {
        ask(&self.server.address(), &format!("CREATE DATABASE {name}")).await;
        self.server.address().database(name)
    }
}

/// Returns the first value that a statement returns.
pub async fn ask(address: &Address, sql: &str) -> String {
    let session = Session::connect(address).await.unwrap();
    let value = session.value(sql).await.unwrap();
    session.close().await;
    value.unwrap_or_default()
}

async fn up(address: &Address, migrations: &[Migration]) -> Result<Applied, MigrateError> {
    migrate_up(address, migrations, &ApplyOptions::default(), &Silent).await
}

pub const LEDGER: &str =
    "SELECT string_agg(version || ' ' || phase, ', ' ORDER BY version) FROM underpin.migrations";

#[tokio::test]
async fn a_file_is_applied_whole_or_not_at_all() {
    let place = Place::start().await;
    let database = place.database("whole").await;
    let first = ("migrations/0001_a.sql", "CREATE TABLE a (n int PRIMARY KEY);");
    let broken = ("migrations/0002_b.sql", "CREATE TABLE b (n int);\n\nSELECT 1 / 0;\n");
    let Err(MigrateError::Statement { file, line, .. }) = up(&database, &migrations(&[first, broken])).await
    else {
        panic!("a division by zero was applied")
    };
    assert_eq!((file.as_str(), line), ("migrations/0002_b.sql", 3));
    assert_eq!(ask(&database, LEDGER).await, "0001 done");
    assert_eq!(ask(&database, "SELECT to_regclass('b')").await, "");

    // The runner's session is ended by the server in the middle of a file.
    let suicide = "CREATE TABLE b (n int); SELECT pg_terminate_backend(pg_backend_pid());";
    let killed = up(&database, &migrations(&[first, ("migrations/0002_b.sql", suicide)])).await;
    assert!(killed.is_err());
    assert_eq!(ask(&database, "SELECT to_regclass('b')").await, "");

    let mended = ("migrations/0002_b.sql", "CREATE TABLE b (n int);");
    let applied = up(&database, &migrations(&[first, mended])).await.unwrap();
    assert_eq!((applied.already, applied.files.len()), (1, 1));
    assert_eq!(ask(&database, LEDGER).await, "0001 done, 0002 done");

    let edited = ("migrations/0001_a.sql", "CREATE TABLE a (n bigint PRIMARY KEY);");
    let refused = up(&database, &migrations(&[edited, mended])).await;
    assert!(matches!(refused, Err(MigrateError::Disagreement { problems }) if problems.len() == 1));
}

#[tokio::test]
async fn a_file_outside_a_transaction_goes_on_after_its_finished_statements() {
    let place = Place::start().await;
    let database = place.database("apart").await;
    let table = ("migrations/0001_t.sql", "CREATE TABLE t (n int); INSERT INTO t VALUES (1), (1);");
    let index = (
        "migrations/0002_index.sql",
        "-- no-transaction\nCREATE SEQUENCE s;\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS t_n_key ON t (n);",
    );
    let files = migrations(&[table, index]);
    let Err(MigrateError::Statement { line, .. }) = up(&database, &files).await else {
        panic!("a unique index was built over duplicates")
    };
    assert_eq!(line, 3);
    assert_eq!(ask(&database, LEDGER).await, "0001 done, 0002 running 1");
    // What the failed build left was dropped again; an invalid index of another name is not ours to drop.
    let invalid = "SELECT string_agg(indexrelid::regclass::text, ' ') FROM pg_index WHERE NOT indisvalid";
    assert_eq!(ask(&database, invalid).await, "");
    let session = Session::connect(&database).await.unwrap();
    assert!(session.execute("CREATE UNIQUE INDEX CONCURRENTLY n_key ON t (n)").await.is_err());
    session.execute("DELETE FROM t WHERE ctid = '(0,1)'").await.unwrap();
    session.close().await;
    // The statement before it is not repeated: the sequence exists.
    up(&database, &files).await.unwrap();
    assert_eq!(ask(&database, LEDGER).await, "0001 done, 0002 done");
    assert_eq!(ask(&database, invalid).await, "n_key");
    assert_eq!(
        ask(&database, "SELECT indisvalid FROM pg_index WHERE indexrelid = 't_n_key'::regclass").await,
        "t"
    );
}

#[tokio::test]
async fn one_runner_at_a_time_and_locks_are_not_waited_for_long() {
    let place = Place::start().await;
    let database = place.database("busy").await;
    let slow = migrations(&[("migrations/0001_slow.sql", "CREATE TABLE t (n int);\nSELECT pg_sleep(3);")]);
    let hurry = ApplyOptions { patience: Duration::from_millis(200), ..ApplyOptions::default() };
    let late = async {
        let holder = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'";
        while ask(&database, holder).await == "0" {}
        let busy = migrate_up(&database, &slow, &hurry, &Silent).await;
        assert!(
            matches!(&busy, Err(MigrateError::Busy { holder }) if holder.contains("process")),
            "{busy:?}"
        );
        up(&database, &slow).await.unwrap()
    };
    let (first, second) = tokio::join!(up(&database, &slow), late);
    assert_eq!((first.unwrap().files.len(), second.files.len(), second.already), (1, 0, 1));

    let alter = ("migrations/0002_alter.sql", "\nALTER TABLE t ADD m int;");
    let files: Vec<Migration> = slow.iter().cloned().chain(migrations(&[alter])).collect();
    let reader = Session::connect(&database).await.unwrap();
    reader.execute("BEGIN; SELECT * FROM t").await.unwrap();
    let twice = ApplyOptions { lock_timeout_ms: 50, tries: 2, ..ApplyOptions::default() };
    let gave_up = migrate_up(&database, &files, &twice, &Silent).await;
    let Err(MigrateError::LockTimeout { file, line, tries, .. }) = gave_up else {
        panic!("a lock that a reader holds was had")
    };
    assert_eq!((file.as_str(), line, tries), ("migrations/0002_alter.sql", 2, 2));
    let often = ApplyOptions { lock_timeout_ms: 50, tries: 50, ..ApplyOptions::default() };
    let leave = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        reader.execute("COMMIT").await.unwrap();
    };
    let (applied, ()) = tokio::join!(migrate_up(&database, &files, &often, &Silent), leave);
    assert_eq!(applied.unwrap().files.len(), 1);
}

/// Ledgers as the tools make them, one version applied.
pub const LEDGERS: &[(&str, &str, &str)] = &[
    (
        "sqlx",
        "CREATE TABLE _sqlx_migrations (version bigint PRIMARY KEY, description text NOT NULL, \
         installed_on timestamptz NOT NULL DEFAULT now(), success boolean NOT NULL, checksum bytea NOT NULL, \
         execution_time bigint NOT NULL); \
         INSERT INTO _sqlx_migrations VALUES (1, 'a', now(), true, '\\x00', 1)",
        "SELECT string_agg(version || ' ' || description, ', ' ORDER BY version) FROM _sqlx_migrations",
    ),
    (
        "dbmate",
        "CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY); INSERT INTO schema_migrations VALUES ('0001')",
        "SELECT string_agg(version, ', ' ORDER BY version) FROM schema_migrations",
    ),
    (
        "golang",
        "CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL); \
         INSERT INTO schema_migrations VALUES (1, false)",
        "SELECT string_agg(version || ' ' || dirty, ', ' ORDER BY version) FROM schema_migrations",
    ),
];

#[tokio::test]
async fn the_ledger_of_another_tool_is_believed_and_kept_true() {
    let place = Place::start().await;
    let files = migrations(&[
        ("migrations/0001_a.sql", "CREATE TABLE a (n int);"),
        ("migrations/0002_b_c.sql", "CREATE TABLE b (n int);"),
    ]);
    let mut after = Vec::new();
    for (tool, ledger, look) in LEDGERS {
        let database = place.database(tool).await;
        ask(&database, &format!("CREATE TABLE a (n int); {ledger}")).await;
        let applied = up(&database, &files).await.unwrap();
        assert_eq!((applied.already, applied.files.len()), (1, 1), "{tool}");
        after.push(ask(&database, look).await);
    }
    assert_eq!(after, ["1 a, 2 b c", "0001, 0002", "2 false"]);

    let database = place.database("dirty").await;
    ask(&database, &format!("{}; UPDATE schema_migrations SET dirty = true", LEDGERS[2].1)).await;
    assert!(
        matches!(up(&database, &files).await, Err(MigrateError::Dirty { version, .. }) if version == "1")
    );

    let database = place.database("refinery").await;
    let refinery = "CREATE TABLE refinery_schema_history (version int4 PRIMARY KEY, name varchar(255), \
         applied_on varchar(255), checksum varchar(255)); INSERT INTO refinery_schema_history VALUES (1, 'a', '', '')";
    ask(&database, refinery).await;
    let refused = up(&database, &files).await;
    assert!(
        matches!(&refused, Err(MigrateError::ForeignLedger { tool: "refinery", pending }) if pending == &["0002"]),
        "{refused:?}"
    );
    let over = ApplyOptions { take_over: true, ..ApplyOptions::default() };
    assert_eq!(migrate_up(&database, &files, &over, &Silent).await.unwrap().files.len(), 1);
}
