//! `drill pitr`: a destructive mistake commits under load; every way back is taken and compared with the clients' own record.

mod recoveries;
mod refusals;
pub mod runbook;
pub(super) mod scene;

use std::time::{Duration, SystemTime};

use futures_util::future::LocalBoxFuture;
use serde::Serialize;
use underpin_model::evidence::TranscriptStep;

use super::ground::Ground;
use crate::error::LabError;
use recoveries::Point;
use scene::Scene;

/// A wish for the drill.
pub struct PitrSpec<'a> {
    /// What the server begins with.
    pub ground: Ground<'a>,
    /// Clients that write.
    pub clients: usize,
    /// Time under load between the marked moment and the mistake.
    pub interval: Duration,
    /// How much is tried.
    pub scope: Scope,
}

/// How much is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// A time, the last transaction before the mistake, and a point behind it.
    Short,
    /// Every kind of target and refusal, the loss of the machine, and a second timeline.
    Full,
}

/// What the drill measured.
#[derive(Clone, Debug, Serialize)]
pub struct Pitr {
    /// Commits that were acknowledged.
    pub acknowledged: usize,
    /// Each way back.
    pub recoveries: Vec<Recovery>,
    /// Each target that cannot be reached, and what else must be refused.
    pub refusals: Vec<Refusal>,
    /// Commits that are gone when the machine is lost with all that was not archived; full drills only.
    pub machine_lost: Option<Loss>,
    /// Whether every way back was exact and everything else was refused.
    pub holds: bool,
    /// The commands that ran.
    pub commands: Vec<TranscriptStep>,
}

/// One way back.
#[derive(Clone, Debug, Serialize)]
pub struct Recovery {
    /// The target, in words.
    pub target: String,
    /// Which backup was taken: `first`, `second`.
    pub backup: String,
    /// Commits of the record that must be there.
    pub expected: usize,
    /// Commits that are there.
    pub found: usize,
    /// Those of them whose answer came behind the target or never: they may be there, and need not.
    pub in_flight: usize,
    /// What differs, as words; none when exact to the commit and the project's tables are what they were.
    pub differs: Option<String>,
    /// Time from the decision to the proven data folder.
    pub rto_ms: u64,
    /// Log that was replayed, in bytes.
    pub replay_bytes: u64,
    /// Time of the replay.
    pub replay_ms: u64,
}

impl Recovery {
    /// Returns how many commits are there, as words.
    pub fn found_told(&self) -> String {
        match self.in_flight {
            0 => self.found.to_string(),
            in_flight => format!("{} ({in_flight} in flight)", self.found),
        }
    }
}

/// Something that must be refused.
#[derive(Clone, Debug, Serialize)]
pub struct Refusal {
    /// What was wished.
    pub wish: String,
    /// What was said; absent when it was not refused.
    pub said: Option<String>,
    /// Whether it was refused with the right reason.
    pub right: bool,
}

/// Acknowledged commits that a lost machine takes along.
#[derive(Clone, Debug, Serialize)]
pub struct Loss {
    /// `archive_timeout` of the server, in seconds.
    pub archive_timeout_s: u64,
    /// How many.
    pub commits: usize,
    /// Age of the oldest at the moment of the loss.
    pub rpo_ms: u64,
    /// Whether what came back is a whole beginning of the record.
    pub whole: bool,
}

/// Runs the drill; its clients live on this thread.
pub fn pitr<'a>(spec: &'a PitrSpec<'a>) -> LocalBoxFuture<'a, Result<Pitr, LabError>> {
    Box::pin(async move {
        let mut scene = Scene::prepare(spec).await?;
        let clients: Vec<_> = (0..spec.clients.max(1)).map(|_| scene.book.clone().client()).collect();
        let book = scene.book.clone();
        let act = async {
            let outcome = act(spec, &mut scene).await;
            book.end();
            outcome
        };
        let (measured, _) = tokio::join!(act, futures_util::future::join_all(clients));
        let measured = measured?;
        scene.close().await?;
        Ok(measured)
    })
}

async fn act(spec: &PitrSpec<'_>, scene: &mut Scene<'_>) -> Result<Pitr, LabError> {
    tokio::time::sleep(spec.interval / 2).await;
    scene.back_up("first").await?;
    let early = scene.mark(Some("early")).await?;
    tokio::time::sleep(spec.interval / 2).await;
    scene.back_up("second").await?;
    let before = scene.mark(None).await?;
    tokio::time::sleep(spec.interval).await;
    let named = scene.mark(Some("before_release")).await?;
    tokio::time::sleep(spec.interval / 4).await;
    let place = scene.mark(None).await?;
    let mistake = scene.mistake().await?;
    tokio::time::sleep(spec.interval / 4).await;
    let after = scene.mark(None).await?;
    let points = Points { early, before, named, place, mistake, after, seconds: spec.interval.as_secs_f64() };
    let mut refusals = match spec.scope {
        Scope::Full => vec![refusals::full_disk(scene).await?],
        Scope::Short => Vec::new(),
    };
    scene.archived().await?;
    let lost_at = match spec.scope {
        Scope::Full => Some(lose_machine(scene).await?),
        Scope::Short => None,
    };
    scene.book.end();
    scene.archived().await?;
    let mut recoveries = recoveries::all(scene, &points, spec.scope).await?;
    if spec.scope == Scope::Full {
        refusals.extend(refusals::all(scene, &points).await?);
        recoveries.extend(recoveries::second_timeline(scene, &points, &mut refusals).await?);
    }
    let holds = recoveries.iter().all(|one| one.differs.is_none())
        && refusals.iter().all(|one| one.right)
        && lost_at.as_ref().is_none_or(|loss| loss.whole);
    Ok(Pitr {
        acknowledged: scene.book.count(),
        recoveries,
        refusals,
        machine_lost: lost_at,
        holds,
        commands: scene.told(),
    })
}

/// The moments that are gone back to.
struct Points {
    early: Point,
    before: Point,
    named: Point,
    place: Point,
    mistake: scene::Mistake,
    after: Point,
    /// Between `before` and the mistake, about.
    seconds: f64,
}

/// Kills the server, recovers from the archive alone as if its disk were gone too, and starts it again for the rest.
async fn lose_machine(scene: &mut Scene<'_>) -> Result<Loss, LabError> {
    // As long as a segment lives, so that the loss is not that of a moment just after a switch.
    tokio::time::sleep(Duration::from_millis(scene::ARCHIVE_TIMEOUT_S * 700)).await;
    scene.server.crash().await?;
    scene.book.point_to(None);
    // An answer that still lies in a socket is an acknowledgement too.
    scene.book.settle().await;
    let lost_at = SystemTime::now();
    let loss = recoveries::from_archive_alone(scene, lost_at).await?;
    scene.server.restart().await?;
    Ok(loss)
}
