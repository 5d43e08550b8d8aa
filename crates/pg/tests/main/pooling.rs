//! Light sessions, directly and through a PgBouncer of our own.

use underpin_pg::light::{InTransaction, Keep};
use underpin_pg::{AuthFile, Credentials, LightSession, Pooler, PoolerSpec, Search, Secret};

use crate::support::{Folder, eventually, is_running, session, start};

/// Returns PgBouncer's program; nothing where it is not installed (`make setup` installs it), and then there is nothing to
/// test: the drill itself says that it could not look.
fn pgbouncer() -> Option<camino::Utf8PathBuf> {
    let search = Search { path_var: std::env::var("PATH").ok(), ..Search::default() };
    underpin_pg::installation::find_program(&search, "pgbouncer")
}

#[tokio::test]
async fn a_light_session_answers_as_a_session_does() {
    let folder = Folder::new();
    let server = start(&folder).await;
    let credentials = Credentials::new(&Secret::new("unused"));
    let mut light = LightSession::connect(&server.address(), &credentials).await.unwrap();
    let rows = light.query("SELECT 1 AS a, NULL AS b, 'ü' AS c", Keep::Rows).await.unwrap();
    assert_eq!((rows.columns.join(" "), rows.affected), ("a b c".to_owned(), 1));
    assert_eq!(rows.rows, [[Some("1".to_owned()), None, Some("ü".to_owned())]]);
    light.query("BEGIN; CREATE TEMP TABLE t (a int)", Keep::Count).await.unwrap();
    assert_eq!(light.in_transaction(), InTransaction::Yes);
    let refused = light.query("SELECT 1 / 0", Keep::Count).await.unwrap_err();
    assert_eq!((refused.sqlstate(), light.in_transaction()), (Some("22012"), InTransaction::Failed));
    let copy = light.query("ROLLBACK; CREATE TEMP TABLE t (a int); COPY t FROM STDIN", Keep::Count).await;
    assert_eq!(copy.unwrap_err().sqlstate(), Some("57014"));
    light.prepare("p", "SELECT generate_series(1, $1)").await.unwrap();
    assert_eq!(light.execute("p", &[Some("3")]).await.unwrap().affected, 3);
    let other = session(&server).await;
    other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%generate_series%' AND pid <> pg_backend_pid()").await.unwrap();
    let ended = light.query("SELECT 1", Keep::Count).await.unwrap_err();
    assert_eq!(ended.sqlstate(), Some("57P01"), "{ended}");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_pooler_of_ours_takes_logins_by_password_and_ends_with_us() {
    let Some(program) = pgbouncer() else { return };
    let folder = Folder::new();
    let server = start(&folder).await;
    for auth_file in [AuthFile::Verifier, AuthFile::Plaintext] {
        let spec = PoolerSpec { auth_file, ..PoolerSpec::new(&program, &server.address(), &["postgres"], 1) };
        let pooler = Pooler::start(&spec).await.unwrap();
        let address = pooler.address("postgres", "postgres");
        let mut first = LightSession::connect(&address, pooler.credentials()).await.unwrap();
        let mut second = LightSession::connect(&address, pooler.credentials()).await.unwrap();
        let pid = "SELECT pg_backend_pid()";
        let [one, two] = [first.query(pid, Keep::Rows).await, second.query(pid, Keep::Rows).await];
        assert_eq!(one.unwrap().rows, two.unwrap().rows, "both share the one connection");
        let wrong = Credentials::new(&Secret::new("wrong"));
        let refused = LightSession::connect(&address, &wrong).await.err().unwrap();
        assert!(
            matches!(
                refused,
                underpin_pg::ConnectError::Refusal { .. } | underpin_pg::ConnectError::Authentication { .. }
            ),
            "{refused}"
        );
        let mut admin = LightSession::connect(&pooler.admin_address(), pooler.credentials()).await.unwrap();
        let pools = admin.query("SHOW POOLS", Keep::Rows).await.unwrap();
        assert!(pools.iter().any(|pool| pool.text("database") == "postgres"), "{pools:?}");
        let (pid, path) = (pooler.pid(), pooler.folder().to_owned());
        drop(pooler);
        eventually("the pooler ends", async || !is_running(pid)).await;
        assert!(!path.exists());
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_pooler_that_cannot_start_says_why() {
    let Some(program) = pgbouncer() else { return };
    let server = underpin_pg::Address::socket("/nowhere", "postgres", "postgres");
    let spec = PoolerSpec::new(program, &server, &["postgres"], 1).setting("pool_mode", "sometimes");
    let error = Pooler::start(&spec).await.unwrap_err().to_string();
    assert!(error.contains("pool_mode"), "{error}");
}
