//! The life of a server: start, stop, crash, restart, copies, data in place.

use underpin_pg::{
    DataSource, LifecycleError, Lifetime, Profile, Server, ServerSpec, Session, adopt, stop_adopted,
};

use crate::support::{Folder, installation, is_running, session, spec, start};

#[tokio::test(flavor = "multi_thread")]
async fn start_and_stop_leave_nothing_behind() {
    let folder = Folder::new();
    let server = start(&folder).await;
    let pid = server.pid().unwrap();
    let session = session(&server).await;
    let settings = session.rows("SELECT current_user AS u, current_setting('fsync') AS f").await.unwrap();
    assert_eq!((settings.get(0, "u"), settings.get(0, "f")), (Some("postgres"), Some("off")));
    assert_eq!(session.value("SHOW data_checksums").await.unwrap().as_deref(), Some("on"));
    assert_eq!(session.value("SHOW listen_addresses").await.unwrap().as_deref(), Some(""));
    assert_eq!(session.value("SHOW server_encoding").await.unwrap().as_deref(), Some("UTF8"));
    assert!(server.command_line().contains("cluster_name=underpin/test"));
    session.close().await;
    server.stop().await.unwrap();
    assert!(!is_running(pid));
    assert_eq!(folder.entries(), Vec::<camino::Utf8PathBuf>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_at_once_do_not_meet() {
    let folder = Folder::new();
    let (one, two) = tokio::join!(start(&folder), start(&folder));
    let (in_one, in_two) = (session(&one).await, session(&two).await);
    in_one.execute("CREATE TABLE only_here ()").await.unwrap();
    let error = in_two.execute("TABLE only_here").await.unwrap_err();
    assert_eq!(error.sqlstate(), Some("42P01"));
    one.stop().await.unwrap();
    assert_eq!(in_two.value("SELECT 1").await.unwrap().as_deref(), Some("1"));
    two.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_keeps_what_was_committed() {
    let folder = Folder::new();
    let mut server = Server::start(spec(&folder, Profile::Durable)).await.unwrap();
    let before = session(&server).await;
    before.execute("CREATE TABLE t (id int); INSERT INTO t VALUES (1)").await.unwrap();
    before.execute("BEGIN").await.unwrap();
    before.execute("INSERT INTO t VALUES (2)").await.unwrap();
    server.crash().await.unwrap();
    assert!(before.execute("COMMIT").await.unwrap_err().ends_session());
    server.restart().await.unwrap();
    let after = session(&server).await;
    assert_eq!(after.rows("TABLE t").await.unwrap().column("id").collect::<Vec<_>>(), ["1"]);
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_gives_back_shared_memory() {
    let folder = Folder::new();
    let mut server = start(&folder).await;
    let pid = server.pid().unwrap();
    let segment_of = || {
        let table = std::fs::read_to_string("/proc/sysvipc/shm").unwrap();
        table.lines().filter(|line| line.split_whitespace().nth(4) == Some(&pid.to_string())).count()
    };
    assert_eq!(segment_of(), 1);
    server.crash().await.unwrap();
    assert_eq!(segment_of(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_starts_with_the_same_rows() {
    let folder = Folder::new();
    let mut server = start(&folder).await;
    session(&server).await.execute("CREATE TABLE t AS SELECT generate_series(1, 1000) AS id").await.unwrap();
    server.stop_keeping_data().await.unwrap();
    let cache = folder.path().join("cache");
    server.move_data_to(&cache).unwrap();
    assert_eq!(folder.entries(), std::slice::from_ref(&cache));
    for _ in 0..2 {
        let from_copy = spec(&folder, Profile::Fast).source(DataSource::CopyOf(cache.clone()));
        let copy = Server::start(from_copy).await.unwrap();
        let session = session(&copy).await;
        assert_eq!(session.value("SELECT count(*) FROM t").await.unwrap().as_deref(), Some("1000"));
        session.execute("DROP TABLE t").await.unwrap();
        copy.stop().await.unwrap();
    }
    let running = start(&folder).await;
    let refused = running.move_data_to(&folder.path().join("x"));
    assert!(matches!(refused, Err(LifecycleError::CopyRunning)));
    assert_eq!(folder.entries(), [cache]);
}

#[tokio::test(flavor = "multi_thread")]
async fn restart_takes_new_settings() {
    let folder = Folder::new();
    let mut server = start(&folder).await;
    server.restart_with(&[("work_mem", "7MB"), ("jit", "on")]).await.unwrap();
    let session = session(&server).await;
    assert_eq!(session.value("SHOW work_mem").await.unwrap().as_deref(), Some("7MB"));
    assert_eq!(session.value("SHOW jit").await.unwrap().as_deref(), Some("on"));
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn data_in_place_are_kept_and_guarded() {
    let folder = Folder::new();
    let data = folder.path().join("project/.underpin/data");
    let in_place = || spec(&folder, Profile::Durable).source(DataSource::InPlace(data.clone()));
    let server = Server::start(in_place()).await.unwrap();
    session(&server).await.execute("CREATE TABLE kept ()").await.unwrap();
    let second = Server::start(in_place()).await.unwrap_err();
    assert!(matches!(second, LifecycleError::UseIdleData { .. }), "{second}");
    server.stop().await.unwrap();
    assert!(data.join("PG_VERSION").is_file() && adopt(&data).is_none());
    let again = Server::start(in_place()).await.unwrap();
    session(&again).await.execute("TABLE kept").await.unwrap();
    again.stop().await.unwrap();
    assert_eq!(folder.entries().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_detached_server_is_adopted_and_stopped() {
    let folder = Folder::new();
    let data = folder.path().join("data");
    let detached = ServerSpec {
        source: DataSource::InPlace(data.clone()),
        lifetime: Lifetime::Detached,
        ..spec(&folder, Profile::Fast)
    };
    let running = Server::start(detached).await.unwrap().detach().unwrap();
    assert!(underpin_pg::clean_stale_folders(folder.path()).is_empty());
    let adopted = adopt(&data).unwrap();
    assert_eq!(adopted, running);
    Session::connect(&adopted.address).await.unwrap().close().await;
    stop_adopted(&adopted).await.unwrap();
    assert!(adopt(&data).is_none() && stop_adopted(&adopted).await.is_err());
    let mut left = folder.entries();
    left.sort();
    assert_eq!(left, [data.clone(), format!("{data}.log").into()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_ours_cannot_be_detached() {
    let folder = Folder::new();
    let server = start(&folder).await;
    let pid = server.pid().unwrap();
    assert!(matches!(server.detach(), Err(LifecycleError::Detach)));
    assert!(!is_running(pid));
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_folders_are_left_alone() {
    let folder = Folder::new();
    let precious = folder.path().join("thesis.tex");
    std::fs::write(&precious, "all my work").unwrap();
    let in_place = spec(&folder, Profile::Fast).source(DataSource::InPlace(folder.path().to_owned()));
    let refused = Server::start(ServerSpec { temp: Some("/tmp".into()), ..in_place }).await.unwrap_err();
    assert!(matches!(refused, LifecycleError::UseData { .. }), "{refused}");
    assert_eq!(folder.entries(), [precious]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_major_version_is_refused() {
    let folder = Folder::new();
    let data = folder.path().join("old");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("PG_VERSION"), "9.6\n").unwrap();
    let old = spec(&folder, Profile::Fast).source(DataSource::CopyOf(data));
    let refused = Server::start(old).await.unwrap_err();
    assert!(refused.to_string().contains("was written by PostgreSQL 9.6"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_bin_folder_is_named() {
    let folder = Folder::new();
    let mut wrong = spec(&folder, Profile::Fast);
    wrong.installation.bin_dir = "/usr/share".into();
    let error = Server::start(wrong).await.unwrap_err();
    let chain = format!("{error}: {}", std::error::Error::source(&error).unwrap());
    insta::assert_snapshot!(chain, @"initdb did not run to its end: initdb is missing from /usr/share");
    assert!(folder.entries().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_come_up_shows_its_log() {
    let folder = Folder::new();
    let wrong = spec(&folder, Profile::Fast).setting("shared_buffers", "lots");
    let error = Server::start(wrong).await.unwrap_err();
    let LifecycleError::StayUp { log, command_line, .. } = &error else { panic!("{error}") };
    assert!(log.contains("invalid value for parameter \"shared_buffers\""), "{log}");
    assert!(command_line.contains("shared_buffers=lots"));
    assert!(folder.entries().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn tcp_is_on_only_if_asked_and_asks_for_a_password() {
    let folder = Folder::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let with_port = || ServerSpec { port: Some(port), ..spec(&folder, Profile::Fast) };
    let taken = Server::start(with_port()).await.unwrap_err();
    assert!(matches!(taken, LifecycleError::TakePort { port: taken } if taken == port), "{taken}");
    drop(listener);
    let server = Server::start(with_port()).await.unwrap();
    let tcp = underpin_pg::Address::tcp("127.0.0.1", "postgres", "postgres").port(port);
    let refused = Session::connect(&tcp).await.err().unwrap();
    assert!(matches!(refused, underpin_pg::ConnectError::PasswordMissing { .. }), "{refused}");
    session(&server).await.execute("ALTER ROLE postgres PASSWORD 'open'").await.unwrap();
    let refused = Session::connect(&tcp.password("wrong")).await.err().unwrap();
    assert!(matches!(refused, underpin_pg::ConnectError::Authentication { .. }), "{refused}");
    let opened = Session::connect(&tcp.password("open")).await.unwrap();
    assert_eq!(opened.value("SELECT inet_server_port()").await.unwrap().unwrap(), port.to_string());
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wish_for_a_long_path_is_refused() {
    let folder = Folder::new();
    let deep = folder.path().join("a-folder-with-a-long-name/".repeat(4));
    std::fs::create_dir_all(&deep).unwrap();
    let long = ServerSpec { temp: Some(deep), ..ServerSpec::new(installation(), Profile::Fast, "test") };
    let error = Server::start(long).await.unwrap_err();
    assert!(matches!(error, LifecycleError::NameSocket { .. }), "{error}");
}
