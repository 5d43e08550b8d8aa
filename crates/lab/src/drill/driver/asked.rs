//! What a drill asks single servers, whoever promotes.

use std::time::{Duration, Instant};

use underpin_model::evidence::TranscriptStep;
use underpin_pg::{Address, Installation, Session, ToolCall, libpq, run_tool};

use super::Node;
use crate::error::LabError;

/// Longest wait for a state of replication.
const LIMIT: Duration = Duration::from_secs(60);

/// How long a second primary is looked for.
const LOOK: Duration = Duration::from_secs(1);

/// Returns how many bytes of log the standby that has most has not confirmed, as the primary knows it.
pub(in crate::drill) async fn behind(primary: &Address) -> Result<u64, LabError> {
    let sql = "SELECT coalesce(min(pg_wal_lsn_diff(pg_current_wal_lsn(), flush_lsn)), 0)::bigint FROM pg_stat_replication";
    Ok(value(primary, sql).await?.parse().unwrap_or_default())
}

/// Returns the primary's place in the log, in bytes.
pub(in crate::drill) async fn written(primary: &Address) -> Result<u64, LabError> {
    let sql = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint";
    Ok(value(primary, sql).await?.parse().unwrap_or_default())
}

/// What a client found that asks every server, in order, for one that takes writes.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::drill) struct Found {
    /// True for another server than the first of the list; absent when nobody was found.
    pub(in crate::drill) new: Option<bool>,
    /// How long it looked.
    pub(in crate::drill) ms: u64,
}

/// Asks every server, the failed one first, for one that takes writes, as libpq's clients do.
pub(in crate::drill) async fn ask_as_client(
    installation: &Installation,
    nodes: &[Node],
    transcript: &mut Vec<TranscriptStep>,
) -> Result<Found, LabError> {
    let addresses: Vec<Address> = nodes.iter().map(|node| node.address.clone()).collect();
    let old = nodes.first().map(|node| node.name.as_str()).unwrap_or_default();
    let call = ToolCall::new("psql").args(["-XAtc", "SHOW data_directory", &libpq::conninfo(&addresses)]);
    let output = run_tool(installation, &call.deadline(Duration::from_secs(30))).await?;
    let new = (output.exit == 0).then(|| output.stdout.trim().rsplit('/').next() != Some(old));
    transcript.push(TranscriptStep {
        command:
            "psql 'host=n1,n2,n3 target_session_attrs=read-write connect_timeout=2' -c 'SHOW data_directory'"
                .to_owned(),
        output: if new.is_some() { output.stdout.trim().to_owned() } else { output.complaint() },
        exit: Some(output.exit),
        duration_ms: output.duration_ms,
    });
    Ok(Found { new, ms: output.duration_ms })
}

/// Tries to write on the old primary although there is a new one; tells whether it acknowledged any.
pub(in crate::drill) async fn old_takes_writes(
    old: &Address,
    transcript: &mut Vec<TranscriptStep>,
) -> Result<bool, LabError> {
    let start = Instant::now();
    let (mut acknowledged, mut last) = (0, Duration::ZERO);
    let mut number = 0;
    while start.elapsed() < LOOK {
        number += 1;
        let sql = format!("SET statement_timeout = '1s'; INSERT INTO underpin.ledger VALUES (-{number})");
        let written = async {
            let session = Session::connect(old).await.ok()?;
            session.execute(&sql).await.ok()?;
            // A cancelled wait for a standby is answered with a warning: nobody may take that for a commit.
            session.take_notices().is_empty().then_some(())
        };
        if tokio::time::timeout(LOOK * 5, written).await.ok().flatten().is_some() {
            acknowledged += 1;
            last = start.elapsed();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let told = match acknowledged {
        0 => "not acknowledged".to_owned(),
        count => format!("{count} acknowledged, the last after {} ms: two primaries", last.as_millis()),
    };
    transcript.push(said("INSERT on the old primary, again and again for a second", &told));
    Ok(acknowledged > 0)
}

/// Waits until the server has as many rows of the ledger as the primary, and returns their number.
pub(in crate::drill) async fn caught_up(primary: &Address, other: &Address) -> Result<u64, LabError> {
    let count = value(primary, "SELECT count(*) FROM underpin.ledger").await?;
    until(other, &format!("SELECT count(*) = {count} FROM underpin.ledger")).await?;
    Ok(count.parse().unwrap_or_default())
}

/// Returns a step of the transcript that is no process of its own.
pub(in crate::drill) fn said(command: &str, output: &str) -> TranscriptStep {
    TranscriptStep { command: command.to_owned(), output: output.to_owned(), exit: None, duration_ms: 0 }
}

/// Returns the one value of a query.
pub(in crate::drill) async fn value(address: &Address, sql: &str) -> Result<String, LabError> {
    let session = Session::connect(address).await?;
    let value = session.value(sql).await?.unwrap_or_default();
    session.close().await;
    Ok(value)
}

/// Waits until the query answers true; a server that is not there yet is waited for too.
pub(in crate::drill) async fn until(address: &Address, sql: &str) -> Result<(), LabError> {
    let start = Instant::now();
    loop {
        let answer = value(address, sql).await;
        if answer.as_deref().is_ok_and(|answer| answer == "t") {
            return Ok(());
        }
        if start.elapsed() > LIMIT {
            answer?;
            return Err(LabError::Deadline { what: format!("waiting for: {sql}"), seconds: LIMIT.as_secs() });
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
