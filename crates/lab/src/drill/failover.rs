//! `drill failover`: kill the primary under load, promote a standby, and count what acknowledged commits are gone.

use std::time::{Duration, Instant};

use futures_util::future::LocalBoxFuture;
use serde::Serialize;
use underpin_model::evidence::TranscriptStep;
use underpin_pg::Installation;

use super::ledger::Ledger;
use super::topology::Topology;
use crate::error::LabError;

/// Whether a commit waits for a standby.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Commit {
    /// `synchronous_standby_names = 'ANY 1 (n2, n3)'`.
    Synchronous,
    /// No standby is waited for.
    Asynchronous,
}

/// What happens to the primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Failure {
    /// `kill -9` of all its processes.
    Kill,
    /// The standbys lose it first, and some time later it is killed: `kill -9` alone flatters asynchronous replication.
    Cut,
}

/// A wish for a drill.
pub struct FailoverSpec<'a> {
    /// Programs to use.
    pub installation: &'a Installation,
    /// Whether a commit waits for a standby.
    pub commit: Commit,
    /// What happens to the primary.
    pub failure: Failure,
    /// Time under load before the failure.
    pub load: Duration,
    /// Clients that write.
    pub clients: usize,
}

/// What a drill measured, all from the client's side.
#[derive(Clone, Debug, Serialize)]
pub struct Failover {
    /// Whether a commit waited for a standby.
    pub commit: Commit,
    /// What happened to the primary.
    pub failure: Failure,
    /// Commits that the server acknowledged before and after the failure.
    pub acknowledged: usize,
    /// Acknowledged commits that the new primary does not have.
    pub lost: usize,
    /// Time from the oldest lost acknowledgement to the failure: the recovery point, measured.
    pub rpo_ms: u64,
    /// Time from the failure to the first acknowledged write: the recovery time, measured.
    pub rto_ms: u64,
    /// Rows that the old primary had in common with the new one after it rejoined.
    pub rejoined_rows: u64,
    /// Whether it is what the wish promises: no loss when synchronous, less than a second of it when not.
    pub holds: bool,
    /// The commands that ran.
    pub commands: Vec<TranscriptStep>,
}

/// Loss that asynchronous replication on a healthy link may have.
const RPO_LIMIT_MS: u64 = 1_000;

/// How long the link is cut before the kill.
const CUT: Duration = Duration::from_millis(1_500);

/// Longest wait for a write on the new primary.
const RETURN_LIMIT: Duration = Duration::from_secs(30);

/// Runs the drill; its clients live on this thread.
pub fn failover<'a>(spec: &'a FailoverSpec<'a>) -> LocalBoxFuture<'a, Result<Failover, LabError>> {
    Box::pin(async move {
        let names = match spec.commit {
            Commit::Synchronous => "ANY 1 (n2, n3)",
            Commit::Asynchronous => "",
        };
        let mut topology = Topology::start(spec.installation, names).await?;
        let ledger = Ledger::prepare(&topology.primary.address()).await?;
        let clients =
            futures_util::future::join_all((0..spec.clients.max(1)).map(|_| ledger.clone().client()));
        let act = async {
            let outcome = act(spec, &mut topology, &ledger).await;
            ledger.end();
            outcome
        };
        let (measured, _) = tokio::join!(act, clients);
        let (failed_at, back_at) = measured?;
        let lost = ledger.lost(&topology.primary.address()).await?;
        topology.rejoin().await?;
        let rejoined_rows = topology.caught_up().await?;
        let oldest = lost.iter().map(|one| one.at).min();
        let rpo_ms = oldest.map_or(0, |at| failed_at.saturating_duration_since(at).as_millis() as u64);
        let commands = std::mem::take(&mut topology.transcript);
        topology.stop().await?;
        let holds = match spec.commit {
            Commit::Synchronous => lost.is_empty(),
            Commit::Asynchronous => rpo_ms < RPO_LIMIT_MS,
        };
        Ok(Failover {
            commit: spec.commit,
            failure: spec.failure,
            acknowledged: ledger.count(),
            lost: lost.len(),
            rpo_ms,
            rto_ms: (back_at - failed_at).as_millis() as u64,
            rejoined_rows,
            holds,
            commands,
        })
    })
}

/// Loads, fails, promotes; returns when the primary failed and when a write went through again.
async fn act(
    spec: &FailoverSpec<'_>,
    topology: &mut Topology,
    ledger: &Ledger,
) -> Result<(Instant, Instant), LabError> {
    tokio::time::sleep(spec.load).await;
    if spec.failure == Failure::Cut {
        topology.cut_link().await?;
        tokio::time::sleep(CUT).await;
    }
    let failed_at = Instant::now();
    topology.primary.crash().await?;
    topology.transcript.push(TranscriptStep {
        command: "kill -9 every process of the primary".to_owned(),
        ..TranscriptStep::default()
    });
    ledger.point_to(None);
    let promoted = topology.promote().await?;
    ledger.point_to(Some(promoted));
    loop {
        if let Some(at) = ledger.first_of_present() {
            // Some more load on the new primary, which the old one then has to catch up with.
            tokio::time::sleep(Duration::from_millis(300)).await;
            return Ok((failed_at, at));
        }
        if failed_at.elapsed() > RETURN_LIMIT {
            return Err(LabError::Deadline {
                what: "the first write on the new primary".to_owned(),
                seconds: RETURN_LIMIT.as_secs(),
            });
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
