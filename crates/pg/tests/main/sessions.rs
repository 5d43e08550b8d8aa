//! Statements, results, errors, COPY, cancelling.

use bytes::Bytes;
use underpin_pg::{OneCore, QueryError, Session};

use crate::support::{Folder, eventually, session, start};

#[tokio::test(flavor = "multi_thread")]
async fn results_are_text() {
    let folder = Folder::new();
    let server = start(&folder).await;
    let session = session(&server).await;
    let rows = session
        .rows(
            "SELECT 1 AS ignored; SELECT n AS n, n > 1 AS big, NULL AS nothing FROM generate_series(1, 2) n",
        )
        .await
        .unwrap();
    assert_eq!(rows.columns, ["n", "big", "nothing"]);
    assert_eq!((rows.len(), rows.affected), (2, 2));
    let last = rows.iter().last().unwrap();
    assert_eq!((last.int("n"), last.bool("big"), last.get("nothing")), (Some(2), Some(true), None));
    assert_eq!(session.value("SELECT 1 WHERE false").await.unwrap(), None);
    assert_eq!(session.value("").await.unwrap(), None);
    session.execute("CREATE TABLE t (id int)").await.unwrap();
    assert_eq!(session.execute("INSERT INTO t SELECT generate_series(1, 5)").await.unwrap(), 5);
    assert_eq!(session.value("SHOW application_name").await.unwrap().as_deref(), Some("underpin"));
    assert_eq!(session.value("SELECT pg_backend_pid()").await.unwrap(), Some(session.pid().to_string()));
    let with_options = server.address().options("-c work_mem=5MB").application_name("lab");
    let other = Session::connect(&with_options).await.unwrap();
    assert_eq!(other.value("SHOW work_mem").await.unwrap().as_deref(), Some("5MB"));
    server.stop().await.unwrap();
}

/// Returns the cores that a process, or this thread, may use.
#[cfg(target_os = "linux")]
fn cores(process: &str) -> String {
    let status = fs_err::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("Cpus_allowed_list:")).unwrap();
    line.split_whitespace().nth(1).unwrap().to_owned()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_thread_and_its_backends_share_one_core_for_a_while() {
    let folder = Folder::new();
    let server = start(&folder).await;
    let session = session(&server).await;
    let before = cores("thread-self");
    let held = OneCore::hold(&[&session]).unwrap();
    let here = cores("thread-self");
    assert!(here.parse::<u32>().is_ok(), "{here}");
    assert_eq!(cores(&session.pid().to_string()), here);
    drop(held);
    assert_eq!(cores("thread-self"), before);
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_keep_what_the_server_said() {
    let folder = Folder::new();
    let server = start(&folder).await;
    let session = session(&server).await;
    session.execute("CREATE TABLE users (email text CONSTRAINT email_unique UNIQUE)").await.unwrap();
    session.execute("INSERT INTO users VALUES ('a@b')").await.unwrap();
    let error = session.execute("INSERT INTO users VALUES ('a@b')").await.unwrap_err();
    assert_eq!((error.sqlstate(), error.constraint()), (Some("23505"), Some("email_unique")));
    assert_eq!(error.server().unwrap().table.as_deref(), Some("users"));
    assert!(!error.ends_session());
    insta::assert_snapshot!(
        error.to_string(),
        @r#"ERROR 23505: duplicate key value violates unique constraint "email_unique" (Key (email)=(a@b) already exists.)"#
    );
    let error = session.execute("SELECT frm users").await.unwrap_err();
    assert_eq!((error.sqlstate(), error.server().unwrap().position), (Some("42703"), Some(8)));
    assert!(matches!(session.execute("SELECT '\0'").await, Err(QueryError::SendNul)));
    session.execute("DO $$ BEGIN RAISE NOTICE 'one'; RAISE WARNING 'two'; END $$").await.unwrap();
    let notices = session.take_notices();
    assert_eq!(notices.iter().map(|notice| notice.message.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    assert!(session.take_notices().is_empty());
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn copy_goes_both_ways() {
    let folder = Folder::new();
    let server = start(&folder).await;
    let session = session(&server).await;
    session.execute("CREATE TABLE t (id int PRIMARY KEY, name text)").await.unwrap();
    assert_eq!(session.copy_in("COPY t FROM STDIN", b"1\tone\n2\t\\N\n").await.unwrap(), 2);
    let mut copy = session.start_copy_in("COPY t FROM STDIN (FORMAT csv)").await.unwrap();
    for id in 3..50_000 {
        copy.send(Bytes::from(format!("{id},name of {id}\n"))).await.unwrap();
    }
    assert_eq!(copy.finish().await.unwrap(), 49_997);
    let out = session.copy_out("COPY (SELECT * FROM t WHERE id < 3 ORDER BY id) TO STDOUT").await.unwrap();
    assert_eq!(out, b"1\tone\n2\t\\N\n");
    let bad = session.copy_in("COPY t FROM STDIN", &b"x\ty\n".repeat(200_000)).await.unwrap_err();
    assert_eq!(bad.sqlstate(), Some("22P02"));
    assert!(bad.server().unwrap().where_.as_deref().unwrap().starts_with("COPY t, line 1"));
    drop(session.start_copy_in("COPY t FROM STDIN").await.unwrap());
    assert_eq!(session.value("SELECT count(*) FROM t").await.unwrap().as_deref(), Some("49999"));
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_can_be_cancelled() {
    let folder = Folder::new();
    let server = start(&folder).await;
    let busy = session(&server).await;
    let (cancel, backend) = (busy.cancel_handle(), busy.pid());
    let running = tokio::spawn(async move { (busy.execute("SELECT pg_sleep(600)").await, busy) });
    let watcher = session(&server).await;
    eventually("the statement runs", async || is_sleeping(&watcher, backend).await).await;
    cancel.cancel().await.unwrap();
    let (outcome, busy) = running.await.unwrap();
    assert_eq!(outcome.unwrap_err().sqlstate(), Some("57014"));
    assert_eq!(busy.value("SELECT 1").await.unwrap().as_deref(), Some("1"));
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_session_does_not_linger() {
    let folder = Folder::new();
    let server = start(&folder).await;
    let busy = session(&server).await;
    let backend = busy.pid();
    let running = tokio::spawn(async move { busy.execute("SELECT pg_sleep(600)").await });
    let watcher = session(&server).await;
    eventually("the statement runs", async || is_sleeping(&watcher, backend).await).await;
    running.abort();
    eventually("the backend is gone", async || {
        let sql = format!("SELECT 1 FROM pg_stat_activity WHERE pid = {backend}");
        watcher.value(&sql).await.unwrap().is_none()
    })
    .await;
    server.stop().await.unwrap();
}

async fn is_sleeping(watcher: &Session, backend: i32) -> bool {
    let sql = format!("SELECT wait_event FROM pg_stat_activity WHERE pid = {backend}");
    watcher.value(&sql).await.unwrap().as_deref() == Some("PgSleep")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_tells_why() {
    let folder = Folder::new();
    let server = start(&folder).await;
    let (victim, killer) = (session(&server).await, session(&server).await);
    killer.execute(&format!("SELECT pg_terminate_backend({})", victim.pid())).await.unwrap();
    eventually("the session is closed", async || victim.is_closed()).await;
    let error = victim.execute("SELECT 1").await.unwrap_err();
    assert!(error.ends_session());
    assert_eq!(error.sqlstate(), Some("57P01"));
    let victim = session(&server).await;
    let error = victim.execute("SELECT pg_terminate_backend(pg_backend_pid())").await.unwrap_err();
    assert!(error.ends_session());
    assert_eq!(error.sqlstate(), Some("57P01"));
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn copy_as_a_query_ends_the_session_instead_of_hanging() {
    let folder = Folder::new();
    let server = start(&folder).await;
    let session = session(&server).await;
    session.execute("CREATE TABLE t (id int)").await.unwrap();
    let error = session.execute("COPY t FROM STDIN").await.unwrap_err();
    assert!(matches!(error, QueryError::UnderstandAnswer(_)) && error.ends_session());
    assert!(session.execute("SELECT 1").await.unwrap_err().ends_session());
    server.stop().await.unwrap();
}
