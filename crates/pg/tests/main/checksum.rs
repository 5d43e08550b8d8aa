//! Content checksums: what they tell apart, and what they must not see.

use std::collections::BTreeSet;

use underpin_model::checksum::DatabaseChecksum;
use underpin_pg::checksum::{ChecksumError, Options, Scope, database_checksums, in_session, in_session_of};
use underpin_pg::{Address, Server, Session};

use crate::support::{Folder, session, start};

const TABLES: &str = include_str!("checksum/tables.sql");

async fn database(server: &Server, name: &str, fill: &str) -> Session {
    session(server).await.execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    let session = Session::connect(&server.address().database(name)).await.unwrap();
    session.execute(TABLES).await.unwrap();
    session.execute(fill).await.unwrap();
    session
}

async fn with_sessions(address: &Address, sessions: usize) -> DatabaseChecksum {
    let options = Options { sessions: Some(sessions), ..Options::default() };
    database_checksums(address, &options).await.unwrap()
}

fn changed_objects(left: &DatabaseChecksum, right: &DatabaseChecksum) -> Vec<String> {
    left.differences(right).into_iter().map(|difference| difference.object).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_of_content_is_seen() {
    let folder = Folder::new();
    let server = start(&folder).await;
    let fill = "INSERT INTO pair VALUES (1, 'x'), (2, 'y'), (3, 'y'), (3, 'y'), (4, NULL)";
    let session = database(&server, "one", fill).await;
    let before = in_session(&session).await.unwrap();
    let changes = [
        ("UPDATE pair SET b = 'X' WHERE a = 1", "table public.pair"),
        // The same values in every column, only not in the same rows.
        ("UPDATE pair SET b = CASE a WHEN 1 THEN 'y' ELSE 'x' END WHERE a IN (1, 2)", "table public.pair"),
        // The same set of rows and the same number, only another row is the double one.
        (
            "DELETE FROM pair; INSERT INTO pair VALUES (1, 'x'), (2, 'y'), (2, 'y'), (3, 'y'), (4, NULL)",
            "table public.pair",
        ),
        ("DELETE FROM pair WHERE a = 1", "table public.pair"),
        ("DELETE FROM pair WHERE a = 3; INSERT INTO pair VALUES (3, 'y')", "table public.pair"),
        ("UPDATE pair SET b = '' WHERE b IS NULL", "table public.pair"),
        ("INSERT INTO event VALUES (1, '2026-05-05')", "table public.event_2026"),
        ("SELECT setval('ticket', 9)", "sequence public.ticket"),
        ("SELECT setval('ticket', 1, true)", "sequence public.ticket"),
        ("CREATE TABLE extra (id int)", "table public.extra"),
        ("CREATE SEQUENCE extra_seq", "sequence public.extra_seq"),
    ];
    for (change, object) in changes {
        // Sequences do not roll back.
        session.execute("SELECT setval('ticket', 1, false); BEGIN").await.unwrap();
        session.execute(change).await.unwrap();
        let after = in_session(&session).await.unwrap();
        session.execute("ROLLBACK").await.unwrap();
        assert_eq!(changed_objects(&before, &after), [object], "{change}");
    }
    session.execute("SELECT setval('ticket', 1, false)").await.unwrap();
    session
        .execute("INSERT INTO _sqlx_migrations VALUES (7); REFRESH MATERIALIZED VIEW pairs")
        .await
        .unwrap();
    assert_eq!(changed_objects(&before, &in_session(&session).await.unwrap()), [""; 0]);
    let with_ledgers = in_session_of(&session, &Scope::WithLedgers).await.unwrap();
    assert_eq!(changed_objects(&before, &with_ledgers), ["table public._sqlx_migrations"]);
    server.stop().await.unwrap();
}

const VALUES: &str = "INSERT INTO every_text SELECT n, n / 3.0::float8, n / 7.0::real, \
     '2026-01-01 00:00:00+00'::timestamptz + n * interval '17 minutes', n * interval '3 days 7 seconds', \
     decode(md5(n::text), 'hex'), 'public.pair'::regclass, (n * 1.5)::numeric::money, \
     tstzrange('2026-01-01+00', '2026-02-01+00'), repeat(md5(n::text), 200), 'it', 'row' \
     FROM generate_series(1, 6000) n ORDER BY n";

#[tokio::test(flavor = "multi_thread")]
async fn order_settings_and_sessions_do_not_matter() {
    let folder = Folder::new();
    let server = start(&folder).await;
    let one = database(&server, "one", VALUES).await;
    let other = database(&server, "other", &format!("{VALUES} DESC")).await;
    other.execute("UPDATE every_text SET note = 'row' WHERE n % 3 = 0").await.unwrap();
    other.execute("ANALYZE").await.unwrap();
    let expected = with_sessions(&server.address().database("one"), 1).await;
    assert_eq!(expected.tables["public.every_text"].rows, 6000);
    for sessions in [1, 2, 5] {
        assert_eq!(with_sessions(&server.address().database("other"), sessions).await, expected);
        assert_eq!(with_sessions(&server.address().database("one"), sessions).await, expected);
    }
    let strange = "-c search_path=public -c DateStyle=German -c IntervalStyle=iso_8601 \
         -c TimeZone=Asia/Kathmandu -c extra_float_digits=-5 -c bytea_output=escape";
    let address = server.address().database("other").options(strange);
    assert_eq!(with_sessions(&address, 2).await, expected);
    let strange = Session::connect(&address).await.unwrap();
    assert_eq!(in_session(&strange).await.unwrap(), expected);
    assert_eq!(strange.value("SHOW TimeZone").await.unwrap().as_deref(), Some("Asia/Kathmandu"));
    let plain = one.value(PLAIN_SUM).await.unwrap();
    assert_eq!(plain.as_ref(), Some(&expected.tables["public.every_text"].sum));
    server.stop().await.unwrap();
}

/// What a person would type, under the settings that make it comparable.
const PLAIN_SUM: &str = "SET search_path = pg_catalog; SET DateStyle = ISO; SET TimeZone = UTC; \
     SET lc_monetary = 'C'; SELECT sum(hashtextextended(t::text, 0)) FROM public.every_text t";

#[tokio::test(flavor = "multi_thread")]
async fn all_sessions_see_one_moment() {
    let folder = Folder::new();
    let server = start(&folder).await;
    let fill = "INSERT INTO pair SELECT n, repeat('x', 900) FROM generate_series(1, 12000) n";
    let writer = database(&server, "one", fill).await;
    let moving = tokio::spawn(async move {
        let mut moved = 0;
        // A row more here is a row less there, within every statement.
        let step = "WITH gone AS (DELETE FROM pair WHERE ctid = (SELECT ctid FROM pair LIMIT 1) RETURNING *) \
             INSERT INTO pair_archive SELECT * FROM gone";
        loop {
            writer.execute(step).await.unwrap();
            moved += 1;
            if moved == 500 {
                return;
            }
        }
    });
    let address = server.address().database("one");
    let mut rounds = 0;
    while !moving.is_finished() || rounds < 2 {
        let checksum = with_sessions(&address, 3).await;
        let rows = ["public.pair", "public.pair_archive"].map(|table| checksum.tables[table].rows);
        assert_eq!(rows.iter().sum::<u64>(), 12_000, "{rows:?}");
        rounds += 1;
    }
    moving.await.unwrap();
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_named() {
    let folder = Folder::new();
    let server = start(&folder).await;
    let session = database(&server, "one", "INSERT INTO pair VALUES (1, 'x')").await;
    let rights = "CREATE ROLE reader LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader; \
         GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO reader; REVOKE SELECT ON pair FROM reader";
    session.execute(rights).await.unwrap();
    let reader = server.address().database("one").user("reader");
    let refused = database_checksums(&reader, &Options::default()).await.unwrap_err();
    assert_eq!(refused.to_string(), "the content of table public.pair cannot be read");
    assert!(refused.hint().unwrap().contains("pg_read_all_data"));
    // A policy that hides rows must not make a smaller table of it.
    session
        .execute("GRANT SELECT ON pair TO reader; ALTER TABLE pair ENABLE ROW LEVEL SECURITY")
        .await
        .unwrap();
    let refused = database_checksums(&reader, &Options::default()).await.unwrap_err();
    assert!(matches!(refused, ChecksumError::ReadTable { table, .. } if table == "public.pair"));
    let scope = |name: &str| Scope::Tables(BTreeSet::from([name.to_owned()]));
    let missing = in_session_of(&session, &scope("public.nowhere")).await.unwrap_err();
    assert_eq!(missing.to_string(), "there is no table public.nowhere with rows of its own");
    let only = in_session_of(&session, &scope("public.pair")).await.unwrap();
    assert_eq!((only.tables.len(), only.sequences.len(), only.rows()), (1, 0, 1));
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn few_connections_are_enough() {
    let folder = Folder::new();
    let server = start(&folder).await;
    let session = database(&server, "one", VALUES).await;
    let role = "CREATE ROLE reader LOGIN CONNECTION LIMIT 2; GRANT pg_read_all_data TO reader";
    session.execute(role).await.unwrap();
    let reader = server.address().database("one").user("reader");
    assert_eq!(with_sessions(&reader, 6).await, in_session(&session).await.unwrap());
    server.stop().await.unwrap();
}
