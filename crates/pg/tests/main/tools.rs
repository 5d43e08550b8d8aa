//! PostgreSQL's own programs.

use std::time::{Duration, Instant};

use underpin_pg::{RunAs, ToolCall, ToolError, run_tool};

use crate::support::{Folder, installation, session, start};

#[tokio::test(flavor = "multi_thread")]
async fn programs_connect_by_libpqs_environment() {
    let folder = Folder::new();
    let server = start(&folder).await;
    let script = "SELECT current_user || ' ' || current_setting('application_name')";
    let call = ToolCall::new("psql").args(["-X", "-A", "-t"]).on(&server.address()).stdin(script);
    let output = run_tool(&installation(), &call).await.unwrap().checked().unwrap();
    assert_eq!(output.stdout, "postgres underpin\n");
    assert!(output.command_line.ends_with("/psql -X -A -t"));
    let failing = ToolCall::new("psql").args(["-X", "-c", "SELECT nonsense"]).on(&server.address());
    let output = run_tool(&installation(), &failing).await.unwrap();
    assert_eq!(output.exit, 1);
    let error = output.checked().unwrap_err();
    assert!(error.to_string().contains("column \"nonsense\" does not exist"), "{error}");
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_can_be_written_into_the_servers_folder() {
    let folder = Folder::new();
    let server = start(&folder).await;
    session(&server).await.execute("CREATE TABLE t AS SELECT generate_series(1, 100) AS id").await.unwrap();
    let target = server.folder().join("dump");
    let call =
        ToolCall::new("pg_dump").args(["-F", "d", "-j", "2", "-f", target.as_str()]).on(&server.address());
    run_tool(&installation(), &call).await.unwrap().checked().unwrap();
    assert!(target.join("toc.dat").is_file());
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_kills() {
    let folder = Folder::new();
    let server = start(&folder).await;
    let call = ToolCall::new("psql")
        .args(["-X", "-c", "SELECT pg_sleep(600)"])
        .on(&server.address())
        .deadline(Duration::from_millis(300));
    let start = Instant::now();
    let error = run_tool(&installation(), &call).await.unwrap_err();
    assert!(matches!(error, ToolError::Finish { .. }), "{error}");
    assert!(start.elapsed() < Duration::from_secs(30));
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_program_is_named() {
    let error = run_tool(&installation(), &ToolCall::new("pg_nonsense")).await.unwrap_err();
    assert!(error.to_string().starts_with("pg_nonsense is missing from /"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_runs_as_the_servers_user() {
    let call = ToolCall::new("/usr/bin/id").arg("-un");
    let output = run_tool(&installation(), &call).await.unwrap().checked().unwrap();
    assert_eq!(output.stdout.trim(), RunAs::choose().unwrap().name());
}
