//! `drill failover`: the primary fails under load, a standby is promoted, and the acknowledged commits that are gone are counted.

use std::time::{Duration, Instant};

use futures_util::future::{LocalBoxFuture, join_all};
use serde::Serialize;
use underpin_model::evidence::TranscriptStep;
use underpin_pg::Address;

use super::callers::{Caller, Callers, CallersSpec, Span, told_error};
use super::driver::asked::{self, Found};
use super::driver::{Cluster, Driver, Node};
use super::ground::Ground;
use super::ledger::Ledger;
use super::patroni::PatroniCluster;
use super::pitr::scene::{Tables, tables};
use super::topology::Topology;
use super::transcript;
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
    /// `kill -9` of all its processes, and of whoever watches over them.
    Kill,
    /// `kill -9` of the server alone: who watches over it sees it, and may start it again.
    KillServer,
    /// All its processes are stopped (SIGSTOP) and go on after the promotion, as after a pause of a virtual machine.
    Freeze,
    /// Every further write to its disk fails.
    DiskFull,
    /// The link to the standbys is slow, and some time later it is killed.
    Slow,
    /// The link to the standbys is cut, and some time later it is killed: `kill -9` alone flatters asynchronous replication.
    /// With a driver that notices by itself it lives on, cut off from everybody but its clients.
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
    /// Who promotes.
    pub driver: Driver,
    /// Clients of every kind beside them; none when absent.
    pub callers: Option<CallersSpec>,
}

/// What a drill measured, all from the client's side.
#[derive(Clone, Debug, Serialize)]
pub struct Failover {
    /// Who promoted.
    pub driver: &'static str,
    /// Who promoted, with versions and settings that decide how long it takes.
    pub promoted_by: String,
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
    /// Time from the oldest lost acknowledgement to the failure, or to the last lost one: the recovery point, measured.
    pub rpo_ms: u64,
    /// Time from the failure to the first acknowledged write: the recovery time, measured.
    pub rto_ms: u64,
    /// The node that takes writes afterwards.
    pub new_primary: String,
    /// Whether the old primary acknowledged a write although there was a new one; absent where it was dead.
    pub two_primaries: Option<bool>,
    /// Whom a client with `target_session_attrs=read-write` found: true for the new primary; absent when nobody.
    pub client_found_new: Option<bool>,
    /// How long that client looked, in milliseconds.
    pub client_ms: u64,
    /// What each kind of client went through; empty when there were none.
    pub callers: Vec<Caller>,
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

/// Longest wait for a write on the new primary.
const RETURN_LIMIT: Duration = Duration::from_secs(120);

/// Runs the drill; its clients live on this thread.
///
/// Fails when a server does not start, stream or come back, or nobody is promoted in time.
pub fn failover<'a>(spec: &'a FailoverSpec<'a>) -> LocalBoxFuture<'a, Result<Failover, LabError>> {
    Box::pin(async move {
        match &spec.driver {
            Driver::Patroni(programs) => {
                drill(spec, PatroniCluster::start(spec.ground, spec.commit, programs).await?).await
            }
            Driver::BuiltIn => {
                let names = match spec.commit {
                    Commit::Synchronous => "ANY 1 (n2, n3)",
                    Commit::Asynchronous => "",
                };
                drill(spec, Topology::start(spec.ground, names).await?).await
            }
        }
    })
}

async fn drill<C: Cluster>(spec: &FailoverSpec<'_>, mut cluster: C) -> Result<Failover, LabError> {
    let hosts: Vec<Address> = cluster.nodes().into_iter().map(|node| node.address).collect();
    let old = hosts.first().ok_or_else(nobody)?;
    let database = spec.ground.database();
    let before = tables(&old.database(database)).await?;
    let ledger = Ledger::prepare(&old.database(database), spec.ground.writer(old)).await?;
    let mut callers = match &spec.callers {
        Some(callers) => Some(Callers::prepare(callers, &hosts).await?),
        None => None,
    };
    let lives = callers.as_ref().map(|callers| callers.lives(spec.ground.installation, &hosts));
    let lives = join_all(lives.unwrap_or_default());
    let clients = join_all((0..spec.clients.max(1)).map(|_| ledger.clone().client()));
    let act = async {
        let outcome = act(spec, &mut cluster, (&ledger, callers.as_mut())).await;
        ledger.end();
        callers.iter().for_each(Callers::end);
        outcome
    };
    let (acted, _, _) = tokio::join!(act, clients, lives);
    let acted = acted?;
    let primary = &acted.primary.address;
    let lost = ledger.lost(&primary.database(database)).await?;
    let mut words = cluster.words();
    let mut went_through = Vec::new();
    if let Some(callers) = &callers {
        words.extend(callers.words());
        went_through = callers.judge((primary, &acted.primary.name), acted.span).await?;
        went_through.iter_mut().for_each(|caller| caller.error = told_error(&caller.error, &words));
    }
    cluster.rejoin().await?;
    let rejoined_rows = asked::caught_up(&primary.database(database), &old.database(database)).await?;
    let tables_differ = differing(&before, [primary, old].map(|server| server.database(database))).await?;
    let promoted_by = cluster.about();
    let commands = transcript::told(std::mem::take(cluster.transcript()), &words);
    cluster.stop().await?;
    let lost_times: Vec<Instant> = lost.iter().map(|one| one.at).collect();
    let mut measured = Failover {
        driver: spec.driver.name(),
        promoted_by,
        commit: spec.commit,
        failure: spec.failure,
        acknowledged: ledger.count(),
        lost: lost.len(),
        predicted: acted.predicted,
        rpo_ms: rpo(&lost_times, acted.failed_at).as_millis() as u64,
        rto_ms: (acted.back_at - acted.failed_at).as_millis() as u64,
        new_primary: acted.primary.name.clone(),
        two_primaries: acted.two_primaries,
        client_found_new: acted.client.new,
        client_ms: acted.client.ms,
        callers: went_through,
        tables_differ,
        rejoined_rows,
        holds: false,
        commands,
    };
    measured.holds = measured.keeps_its_promise();
    Ok(measured)
}

impl Failover {
    /// Returns words for how commits were replicated and what happened to the primary.
    pub fn words(&self) -> (&'static str, &'static str) {
        let commit = match self.commit {
            Commit::Synchronous => "synchronous",
            Commit::Asynchronous => "asynchronous",
        };
        let failure = match self.failure {
            Failure::Kill => "kill -9",
            Failure::KillServer => "kill -9 of the server alone",
            Failure::Freeze => "frozen",
            Failure::DiskFull => "disk full",
            Failure::Slow => "link slow, then kill -9",
            Failure::Cut if self.driver == "patroni" => "cut off, and alive",
            Failure::Cut => "link cut, then kill -9",
        };
        (commit, failure)
    }

    /// Tells whether more is lost than the kind of replication promises: anything when synchronous, a second when not.
    pub fn loses_too_much(&self) -> bool {
        match self.commit {
            Commit::Synchronous => self.lost > 0 || self.callers.iter().any(|caller| caller.lost > 0),
            Commit::Asynchronous => self.rpo_ms >= RPO_LIMIT_MS,
        }
    }

    fn keeps_its_promise(&self) -> bool {
        !self.loses_too_much() && self.two_primaries != Some(true) && self.tables_differ.is_empty()
    }
}

/// Returns how long commits were acknowledged that are lost: from the oldest to the failure, or to the last of them where
/// the failed primary went on acknowledging.
fn rpo(lost: &[Instant], failed_at: Instant) -> Duration {
    let (Some(oldest), Some(last)) = (lost.iter().min(), lost.iter().max()) else { return Duration::ZERO };
    failed_at.max(*last).saturating_duration_since(*oldest)
}

/// Returns the tables that one of the servers has otherwise than before.
async fn differing(before: &Tables, servers: [Address; 2]) -> Result<Vec<String>, LabError> {
    let mut differ = Vec::new();
    for server in servers {
        let after = tables(&server).await?;
        let changed = before.iter().filter(|(name, sum)| after.get(*name) != Some(sum));
        differ.extend(changed.map(|(name, _)| name.clone()));
    }
    Ok(differ)
}

fn nobody() -> LabError {
    LabError::Unexpected("a drill needs servers".to_owned())
}

/// What happened, as the clients saw it.
struct Acted {
    primary: Node,
    failed_at: Instant,
    back_at: Instant,
    span: Span,
    predicted: u64,
    client: Found,
    two_primaries: Option<bool>,
}

/// Loads, fails, promotes, and looks for a second primary.
async fn act<C: Cluster>(
    spec: &FailoverSpec<'_>,
    cluster: &mut C,
    (ledger, mut callers): (&Ledger, Option<&mut Callers>),
) -> Result<Acted, LabError> {
    let nodes = cluster.nodes();
    let old = nodes.first().map(|node| node.address.clone()).ok_or_else(nobody)?;
    let (written, counted) = (asked::written(&old).await?, ledger.count());
    tokio::time::sleep(spec.load).await;
    // What a commit takes in the log, from the load itself.
    let bytes = (asked::written(&old).await? - written) as f64 / (ledger.count() - counted).max(1) as f64;
    cluster.sicken(spec.failure).await?;
    let predicted = (asked::behind(&old).await? as f64 / bytes.max(1.0)).round() as u64;
    let failed_at = Instant::now();
    cluster.fail(spec.failure).await?;
    let primary = cluster.promoted(ledger).await?;
    let same = nodes.first().is_some_and(|old| old.name == primary.name);
    let back_from = if same { Instant::now() } else { failed_at };
    ledger.point_to(Some(spec.ground.writer(&primary.address)));
    if let Some(callers) = &mut callers {
        let steps = callers.operate(&primary.address).await?;
        cluster.transcript().extend(steps);
    }
    let back_at = first_write(ledger, failed_at).await?;
    let client = asked::ask_as_client(spec.ground.installation, &nodes, cluster.transcript()).await?;
    if let Some(callers) = &callers {
        callers.settle(&primary.name, back_from).await;
    }
    let span = Span { failed_at, back_from, settled_at: Instant::now() };
    let two_primaries = if cluster.wake(spec.failure).await? {
        Some(asked::old_takes_writes(&spec.ground.writer(&old), cluster.transcript()).await?)
    } else {
        None
    };
    // Some more load on the new primary, which the old one then has to catch up with.
    tokio::time::sleep(Duration::from_millis(300)).await;
    Ok(Acted { primary, failed_at, back_at, span, predicted, client, two_primaries })
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
