//! What is left when we end badly.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use camino::Utf8PathBuf;
use underpin_pg::{Profile, Server, ServerSpec, clean_stale_folders};

use crate::support::{Folder, eventually, installation, is_running, session, spec, start};

/// Folder for the server of [`hold_a_server`]; absent when the test is run by itself.
const HOLD_IN: &str = "UNDERPIN_TEST_HOLD_IN";

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_ends_the_server() {
    let folder = Folder::new();
    let server = start(&folder).await;
    let pid = server.pid().unwrap();
    let panicked = tokio::spawn(async move {
        let _held = server;
        panic!("on purpose");
    });
    assert!(panicked.await.unwrap_err().is_panic());
    assert!(!is_running(pid) && folder.entries().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drop_ends_a_busy_server() {
    let folder = Folder::new();
    let server = start(&folder).await;
    let pid = server.pid().unwrap();
    let busy = session(&server).await;
    let backend = busy.pid();
    let running = tokio::spawn(async move { busy.execute("SELECT pg_sleep(600)").await });
    let watcher = session(&server).await;
    eventually("the statement runs", async || {
        let sql = format!("SELECT wait_event FROM pg_stat_activity WHERE pid = {backend}");
        watcher.value(&sql).await.unwrap().as_deref() == Some("PgSleep")
    })
    .await;
    drop(server);
    assert!(!is_running(pid) && !is_running(backend) && folder.entries().is_empty());
    assert!(running.await.unwrap().unwrap_err().ends_session());
}

/// Not a test of its own: the process that the next one kills.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "started by a_killed_process_leaves_no_server_and_its_folder_is_cleaned"]
async fn hold_a_server() {
    let Ok(temp) = std::env::var(HOLD_IN) else { return };
    let spec =
        ServerSpec { temp: Some(temp.into()), ..ServerSpec::new(installation(), Profile::Fast, "held") };
    let server = Server::start(spec).await.unwrap();
    println!("\nheld {} {}", server.pid().unwrap(), server.folder());
    std::future::pending::<()>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_leaves_no_server_and_its_folder_is_cleaned() {
    let folder = Folder::new();
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "death::hold_a_server", "--ignored", "--nocapture"])
        .env(HOLD_IN, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(holder.stdout.take().unwrap()).lines().map_while(Result::ok);
    let held: Vec<String> = lines
        .map(|line| line.split(' ').map(str::to_owned).collect::<Vec<_>>())
        .find(|words| words[0] == "held")
        .unwrap();
    let (pid, left): (i32, Utf8PathBuf) = (held[1].parse().unwrap(), held[2].clone().into());
    assert!(is_running(pid));
    assert!(clean_stale_folders(folder.path()).is_empty(), "its owner lives");
    holder.kill().unwrap();
    holder.wait().unwrap();
    if cfg!(target_os = "linux") {
        eventually("the kernel's signal ends the server", async || !is_running(pid)).await;
    }
    assert!(left.join("owner").is_file());
    let cleaned = clean_stale_folders(folder.path());
    assert_eq!(cleaned.len(), 1);
    assert_eq!((&cleaned[0].folder, cleaned[0].purpose.as_str()), (&left, "held"));
    assert!(!is_running(pid) && folder.entries().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn cleaning_touches_nothing_that_is_not_ours() {
    let folder = Folder::new();
    let server = Server::start(spec(&folder, Profile::Fast)).await.unwrap();
    let prefix = server.folder().file_name().unwrap().rsplit_once('-').unwrap().0.to_owned();
    // No owner file: perhaps somebody is just about to write it.
    std::fs::create_dir(folder.path().join(format!("{prefix}-nobody"))).unwrap();
    // Another user's folder.
    std::fs::create_dir(folder.path().join("underpin-999999-abc")).unwrap();
    // A link to a folder that looks left over.
    let other = Folder::new();
    std::fs::write(other.path().join("owner"), "pid 1\npurpose trap\n").unwrap();
    std::os::unix::fs::symlink(other.path(), folder.path().join(format!("{prefix}-link"))).unwrap();
    // A left-over folder whose postmaster.pid names a process that is none of ours.
    let trap = folder.path().join(format!("{prefix}-trap"));
    std::fs::create_dir_all(trap.join("data")).unwrap();
    std::fs::write(trap.join("owner"), "pid 1\npurpose trap\n").unwrap();
    let pid = server.pid().unwrap();
    std::fs::write(trap.join("data/postmaster.pid"), format!("{pid}\n{trap}/data\n0\n5432\n{trap}/s\n"))
        .unwrap();
    let cleaned = clean_stale_folders(folder.path());
    assert_eq!(cleaned.iter().map(|cleaned| &cleaned.folder).collect::<Vec<_>>(), [&trap]);
    assert_eq!(cleaned[0].postmaster, None);
    assert!(is_running(pid) && other.path().join("owner").is_file());
    assert_eq!(folder.entries().len(), 4);
    server.stop().await.unwrap();
}
