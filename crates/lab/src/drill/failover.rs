//! `drill failover`: the primary fails under load, a standby is promoted, and the acknowledged commits that are gone are counted.

use std::time::{Duration, Instant};

use futures_util::future::LocalBoxFuture;
use serde::Serialize;
use underpin_model::evidence::TranscriptStep;
use underpin_pg::Link;

use super::ground::Ground;
use super::ledger::Ledger;
use super::pitr::scene::tables;
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
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// `kill -9` of all its processes.
    Kill,
    /// All its processes are stopped (SIGSTOP) and go on after the promotion, as after a pause of a virtual machine.
    Freeze,
    /// Every further write to its disk fails.
    DiskFull,
    /// The link to the standbys is slow, and some time later it is killed.
    Slow,
    /// The link to the standbys is cut, and some time later it is killed: `kill -9` alone flatters asynchronous replication.
    Cut,
}

/// A wish for a drill.
pub struct FailoverSpec<'a> {
    /// What the primary begins with.
    pub ground: Ground<'a>,
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
    /// Commits that the primary's own view of its standbys said would be lost, just before the failure.
    pub predicted: u64,
    /// Time from the oldest lost acknowledgement to the failure: the recovery point, measured.
    pub rpo_ms: u64,
    /// Time from the failure to the first acknowledged write: the recovery time, measured.
    pub rto_ms: u64,
    /// Whether the old primary acknowledged a write although there was a new one; absent where it was dead.
    pub two_primaries: Option<bool>,
    /// Whom a client with `target_session_attrs=read-write` found: true for the new primary; absent when nobody.
    pub client_found_new: Option<bool>,
    /// How long that client looked, in milliseconds.
    pub client_ms: u64,
    /// Tables of the project that the new or the rejoined server has otherwise than the primary had.
    pub tables_differ: Vec<String>,
    /// Rows that the old primary had in common with the new one after it rejoined.
    pub rejoined_rows: u64,
    /// Whether it is what the wish promises: no loss when synchronous, less than a second of it when not.
    pub holds: bool,
    /// The commands that ran.
    pub commands: Vec<TranscriptStep>,
}

/// Loss that asynchronous replication on a healthy link may have.
const RPO_LIMIT_MS: u64 = 1_000;

/// How long the link is cut or slow before the kill.
const SICK: Duration = Duration::from_millis(1_500);

/// A slow link: everything is under way for longer than the loss that is allowed, and little fits through.
const SLOW: Link =
    Link { delay: Duration::from_millis(1_400), bytes_per_second: Some(256 << 10), cut: false };

/// Longest wait for a write on the new primary.
const RETURN_LIMIT: Duration = Duration::from_secs(120);

/// Runs the drill; its clients live on this thread.
pub fn failover<'a>(spec: &'a FailoverSpec<'a>) -> LocalBoxFuture<'a, Result<Failover, LabError>> {
    Box::pin(async move {
        let names = match spec.commit {
            Commit::Synchronous => "ANY 1 (n2, n3)",
            Commit::Asynchronous => "",
        };
        let mut topology = Topology::start(spec.ground, names).await?;
        let database = spec.ground.database();
        let before = tables(&topology.primary.address().database(database)).await?;
        let ledger = Ledger::prepare(&topology.primary.address()).await?;
        let clients =
            futures_util::future::join_all((0..spec.clients.max(1)).map(|_| ledger.clone().client()));
        let act = async {
            let outcome = act(spec, &mut topology, &ledger).await;
            ledger.end();
            outcome
        };
        let (acted, _) = tokio::join!(act, clients);
        let acted = acted?;
        let lost = ledger.lost(&topology.primary.address()).await?;
        topology.rejoin().await?;
        let rejoined_rows = topology.caught_up().await?;
        let mut tables_differ = Vec::new();
        for server in [Some(&topology.primary), topology.standbys.last()].into_iter().flatten() {
            let after = tables(&server.address().database(database)).await?;
            let differ = before.iter().filter(|(name, sum)| after.get(*name) != Some(sum));
            tables_differ.extend(
                differ.map(|(name, _)| name.clone()).filter(|name| !name.ends_with(".underpin_ledger")),
            );
        }
        let oldest = lost.iter().map(|one| one.at).min();
        let rpo = oldest.map_or(Duration::ZERO, |at| acted.failed_at.saturating_duration_since(at));
        let rpo_ms = rpo.as_millis() as u64;
        let commands = topology.told();
        topology.stop().await?;
        let kept = match spec.commit {
            Commit::Synchronous => lost.is_empty(),
            Commit::Asynchronous => rpo_ms < RPO_LIMIT_MS,
        };
        Ok(Failover {
            commit: spec.commit,
            failure: spec.failure,
            acknowledged: ledger.count(),
            lost: lost.len(),
            predicted: acted.predicted,
            rpo_ms,
            rto_ms: (acted.back_at - acted.failed_at).as_millis() as u64,
            holds: kept && acted.two_primaries != Some(true) && tables_differ.is_empty(),
            two_primaries: acted.two_primaries,
            client_found_new: acted.client.0,
            client_ms: acted.client.1,
            tables_differ,
            rejoined_rows,
            commands,
        })
    })
}

/// What happened, as the clients saw it.
struct Acted {
    failed_at: Instant,
    back_at: Instant,
    predicted: u64,
    client: (Option<bool>, u64),
    two_primaries: Option<bool>,
}

/// Loads, fails, promotes, and looks for a second primary.
async fn act(spec: &FailoverSpec<'_>, topology: &mut Topology, ledger: &Ledger) -> Result<Acted, LabError> {
    let (written, counted) = (topology.written().await?, ledger.count());
    tokio::time::sleep(spec.load).await;
    // What a commit takes in the log, from the load itself.
    let bytes = (topology.written().await? - written) as f64 / (ledger.count() - counted).max(1) as f64;
    match spec.failure {
        Failure::Cut => {
            topology.set_link(Link { cut: true, ..Link::default() }, "cut the link to the standbys")
        }
        Failure::Slow => {
            topology.set_link(SLOW, "slow the link to the standbys down: 1.4 s under way, 256 kB/s")
        }
        Failure::Kill | Failure::Freeze | Failure::DiskFull => {}
    }
    if matches!(spec.failure, Failure::Cut | Failure::Slow) {
        tokio::time::sleep(SICK).await;
    }
    let predicted = (topology.behind().await? as f64 / bytes.max(1.0)).round() as u64;
    let failed_at = Instant::now();
    fail(spec.failure, topology).await?;
    ledger.point_to(None);
    let promoted = topology.promote().await?;
    ledger.point_to(Some(promoted));
    let back_at = first_write(ledger, failed_at).await?;
    let client = topology.ask_as_client().await?;
    let two_primaries = match spec.failure {
        Failure::Freeze => {
            topology.thaw_old()?;
            Some(topology.old_takes_writes().await?)
        }
        _ => None,
    };
    // Some more load on the new primary, which the old one then has to catch up with.
    tokio::time::sleep(Duration::from_millis(300)).await;
    Ok(Acted { failed_at, back_at, predicted, client, two_primaries })
}

async fn fail(failure: Failure, topology: &mut Topology) -> Result<(), LabError> {
    match failure {
        Failure::Freeze => topology.freeze(),
        Failure::DiskFull => topology.fill_disk().await,
        Failure::Kill | Failure::Cut | Failure::Slow => {
            topology.primary.crash().await?;
            topology.transcript.push(TranscriptStep {
                command: "kill -9 every process of the primary".to_owned(),
                ..TranscriptStep::default()
            });
            Ok(())
        }
    }
}

/// Waits for the first write that the new primary acknowledged.
async fn first_write(ledger: &Ledger, failed_at: Instant) -> Result<Instant, LabError> {
    loop {
        if let Some(at) = ledger.first_of_present() {
            return Ok(at);
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
