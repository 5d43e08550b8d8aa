//! Who gives way when a migration and the application want the same locks, and what a CONCURRENTLY waits for.

use std::time::Duration;

use futures_util::future::join_all;
use underpin_lab::migrator::{ApplyOptions, MigrateError, migrate_up};
use underpin_model::event::Silent;
use underpin_pg::{Address, Profile, Server, ServerSpec, Session};

use crate::migrating::{LEDGER, Place, ask, migrations};
use crate::sample;

/// The server's `deadlock_timeout` in these tests: less than the default, so that twenty rounds take seconds.
const DETECTOR_MS: u64 = 300;

/// Rounds of one database; four databases run side by side.
const ROUNDS: u64 = 5;

/// How a round's migration sends its statements.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Sender {
    /// In one transaction without any limit, as psql does.
    Plain,
    /// The same with a fixed limit of seven tenths of the detector's.
    FixedLimit,
    /// Our runner.
    Runner,
}

/// Takes `a`, works for `work_ms`, then wants `b`; returns the statements of a migration that does.
fn statements(work_ms: u64, round: u64) -> [String; 3] {
    [
        format!("ALTER TABLE a ADD x{round} int"),
        format!("SELECT pg_sleep({})", work_ms as f64 / 1000.0),
        format!("ALTER TABLE b ADD x{round} int"),
    ]
}

/// Runs one round; returns whether the application's transaction was cancelled.
async fn round(database: &Address, sender: Sender, nth: u64) -> bool {
    // From at once to just before the detector looks: the later the migration comes to `b`, the longer the
    // application has waited for `a` by then.
    let work_ms = nth * DETECTOR_MS / (4 * ROUNDS);
    let application = Session::connect(database).await.unwrap();
    application.execute("BEGIN; UPDATE b SET n = n + 1").await.unwrap();
    let pid = application.pid();
    let application = async {
        let held = "SELECT count(*) FROM pg_locks WHERE relation = 'a'::regclass AND granted AND mode = 'AccessExclusiveLock'";
        while ask(database, held).await == "0" {}
        let update = application.execute("UPDATE a SET n = n + 1").await;
        let _ = application.execute("COMMIT").await;
        application.close().await;
        match update {
            Ok(_) => false,
            Err(error) => {
                assert_eq!(error.sqlstate(), Some("40P01"), "process {pid}");
                true
            }
        }
    };
    let migration = migrate(database, sender, nth, work_ms);
    let (victim, ()) = tokio::join!(application, migration);
    victim
}

async fn migrate(database: &Address, sender: Sender, nth: u64, work_ms: u64) {
    let statements = statements(work_ms, nth);
    if sender == Sender::Runner {
        let file = format!("migrations/{:03}_x.sql", nth + 1);
        let text = statements.join(";\n") + ";";
        let files = migrations(&[(file.as_str(), text.as_str())]);
        ask(database, "DROP SCHEMA IF EXISTS underpin CASCADE").await;
        migrate_up(database, &files, &ApplyOptions::default(), &Silent).await.unwrap();
        return;
    }
    let session = Session::connect(database).await.unwrap();
    let limit = if sender == Sender::Plain { 0 } else { DETECTOR_MS * 7 / 10 };
    session.execute(&format!("SET lock_timeout = {limit}")).await.unwrap();
    session.execute("BEGIN").await.unwrap();
    for statement in &statements {
        // Giving way is what the limit is for; here only the application's fate counts.
        if session.execute(statement).await.is_err() {
            break;
        }
    }
    let _ = session.execute("COMMIT").await;
    session.close().await;
}

async fn victims(server: &Server, sender: Sender) -> usize {
    let databases = (0..4).map(|nth| async move {
        let name = format!("{sender:?}_{nth}").to_lowercase();
        ask(&server.address(), &format!("CREATE DATABASE {name}")).await;
        let database = server.address().database(&name);
        ask(&database, "CREATE TABLE a (n int); CREATE TABLE b (n int); INSERT INTO a VALUES (1); INSERT INTO b VALUES (1)").await;
        let mut victims = 0;
        for one in 0..ROUNDS {
            victims += usize::from(round(&database, sender, one * 4 + nth).await);
        }
        victims
    });
    join_all(databases).await.into_iter().sum()
}

#[tokio::test]
async fn the_migration_loses_a_deadlock_and_not_the_application() {
    let spec = ServerSpec::new(sample::installation(), Profile::Fast, "test");
    let server = Server::start(spec.setting("deadlock_timeout", format!("{DETECTOR_MS}ms"))).await.unwrap();
    let plain = victims(&server, Sender::Plain).await;
    let fixed = victims(&server, Sender::FixedLimit).await;
    let ours = victims(&server, Sender::Runner).await;
    println!(
        "cancelled transactions of the application in 20 orders: {plain} plain, {fixed} with a fixed limit, {ours} ours"
    );
    assert_eq!(ours, 0);
    assert!(plain > 0 && fixed > 0, "the rounds make no victims at all: {plain} {fixed}");
}

#[tokio::test]
async fn a_statement_with_concurrently_waits_for_old_transactions_before_it_begins() {
    let place = Place::start().await;
    let database = place.database("old").await;
    let table = ("migrations/001_t.sql", "CREATE TABLE t (n int PRIMARY KEY); INSERT INTO t VALUES (1);");
    let index = ("migrations/002_i.sql", "-- no-transaction\n\nCREATE INDEX CONCURRENTLY t_n ON t (n);");
    let files = migrations(&[table, index]);
    migrate_up(&database, &files[..1], &ApplyOptions::default(), &Silent).await.unwrap();
    let old = Session::connect(&database).await.unwrap();
    old.execute("SET application_name = 'report'; BEGIN ISOLATION LEVEL REPEATABLE READ").await.unwrap();
    old.execute("SELECT 1, pg_sleep(1.1)").await.unwrap();
    let hurry = ApplyOptions { old_transactions: Duration::from_millis(300), ..ApplyOptions::default() };
    match migrate_up(&database, &files, &hurry, &Silent).await {
        Err(MigrateError::OldTransaction { file, line, holder, .. }) => {
            assert_eq!((file.as_str(), line), ("migrations/002_i.sql", 3));
            assert!(holder.contains("(report), idle in transaction"), "{holder}");
        }
        other => panic!("{other:?}"),
    }
    // Nothing was begun: no invalid index, and the ledger knows of nothing.
    assert_eq!(ask(&database, LEDGER).await, "001 done");
    let leave = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        old.execute("COMMIT").await.unwrap();
    };
    let patient = ApplyOptions::default();
    let (applied, ()) = tokio::join!(migrate_up(&database, &files, &patient, &Silent), leave);
    assert_eq!(applied.unwrap().files.len(), 1);
}

#[tokio::test]
async fn a_young_transaction_is_waited_for_beyond_the_lock_timeout() {
    let place = Place::start().await;
    let database = place.database("young").await;
    let table = ("migrations/001_t.sql", "CREATE TABLE t (n int PRIMARY KEY);");
    let index = ("migrations/002_i.sql", "-- no-transaction\nCREATE INDEX CONCURRENTLY t_n ON t (n);");
    let files = migrations(&[table, index]);
    migrate_up(&database, &files[..1], &ApplyOptions::default(), &Silent).await.unwrap();
    let young = Session::connect(&database).await.unwrap();
    young.execute("BEGIN; INSERT INTO t VALUES (2)").await.unwrap();
    let leave = async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        young.execute("COMMIT").await.unwrap();
    };
    let options = ApplyOptions { lock_timeout_ms: 50, tries: 1, ..ApplyOptions::default() };
    let (applied, ()) = tokio::join!(migrate_up(&database, &files, &options, &Silent), leave);
    assert_eq!(applied.unwrap().files.len(), 1);
}

#[tokio::test]
async fn what_a_failed_reindex_leaves_is_dropped() {
    let place = Place::start().await;
    let database = place.database("reindex").await;
    let table = ("migrations/001_t.sql", "CREATE TABLE t (n int PRIMARY KEY); INSERT INTO t VALUES (1);");
    let reindex = (
        "migrations/002_r.sql",
        "-- no-transaction\nSET statement_timeout = 300;\nREINDEX INDEX CONCURRENTLY t_pkey;",
    );
    let files = migrations(&[table, reindex]);
    migrate_up(&database, &files[..1], &ApplyOptions::default(), &Silent).await.unwrap();
    let young = Session::connect(&database).await.unwrap();
    young.execute("BEGIN; INSERT INTO t VALUES (2)").await.unwrap();
    let leave = async {
        tokio::time::sleep(Duration::from_millis(800)).await;
        young.execute("COMMIT").await.unwrap();
    };
    let options = ApplyOptions::default();
    let (failed, ()) = tokio::join!(migrate_up(&database, &files, &options, &Silent), leave);
    assert!(matches!(failed, Err(MigrateError::Statement { line: 3, .. })), "{failed:?}");
    assert_eq!(
        ask(&database, "SELECT string_agg(relname, ' ') FROM pg_class WHERE relname LIKE '%_cc%'").await,
        ""
    );
    assert_eq!(ask(&database, LEDGER).await, "001 done, 002 running 1");
}

#[tokio::test]
async fn locks_that_a_file_names_are_taken_first_and_in_their_order() {
    let place = Place::start().await;
    let database = place.database("locks").await;
    let tables = ("migrations/001_t.sql", "CREATE TABLE a (n int); CREATE TABLE b (n int);");
    let held = "DO $$ BEGIN ASSERT 2 = (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() \
                AND relation IN ('a'::regclass, 'b'::regclass) AND mode = 'ShareRowExclusiveLock'); END $$;";
    let text = format!("-- lock: b, a SHARE ROW EXCLUSIVE\n{held}\nALTER TABLE a ADD m int;");
    let files = migrations(&[tables, ("migrations/002_m.sql", text.as_str())]);
    migrate_up(&database, &files, &ApplyOptions::default(), &Silent).await.unwrap();

    let missing = "-- lock: b, nobody\nALTER TABLE a ADD k int;";
    let files =
        migrations(&[tables, ("migrations/002_m.sql", text.as_str()), ("migrations/003_k.sql", missing)]);
    let refused = migrate_up(&database, &files, &ApplyOptions::default(), &Silent).await;
    assert!(matches!(refused, Err(MigrateError::Statement { line: 1, .. })), "{refused:?}");
}
