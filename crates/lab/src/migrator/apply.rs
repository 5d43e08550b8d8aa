//! Carries a plan out: migration by migration, in order, until the end or a folder whose next phase waits for people.

use std::time::{Duration, Instant};

use futures_util::future::LocalBoxFuture;
use underpin_model::evidence::StatementTrace;
use underpin_model::project::Migration;
use underpin_model::{Event, EventSink};
use underpin_pg::{Address, Session};

use super::MigrateError;
use super::foreign::{self, ForeignLedger};
use super::ledger::{ledger_create, ledger_read};
use super::lock::lock_runner;
use super::plan::{Pending, plan};
use super::runner::{Runner, Step};
use super::state::State;
use super::throttle::ThrottleLimits;

/// How a run behaves.
#[derive(Clone, Debug)]
pub struct ApplyOptions {
    /// Longest wait for another runner.
    pub patience: Duration,
    /// Longest wait for one lock, in milliseconds; seven tenths of the server's `deadlock_timeout` when that is less.
    ///
    /// 700 ms: below the server's default `deadlock_timeout` of 1 s, so that a migration gives way
    /// before it makes the deadlock detector cancel a query of the application.
    pub lock_timeout_ms: u32,
    /// Longest wait for older transactions before a statement with CONCURRENTLY.
    pub old_transactions: Duration,
    /// How often a file (outside transactions: a statement) is tried when locks cannot be had.
    pub tries: u32,
    /// Stop after this version.
    pub up_to: Option<String>,
    /// Take over from another tool whose ledger cannot be written.
    pub take_over: bool,
    /// Note the locks that each statement takes.
    pub trace: bool,
    /// What to do with migrations that are folders.
    pub folders: Folders,
    /// When a backfill holds back.
    pub throttle: ThrottleLimits,
}

/// What a run does with migrations that are folders of phases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Folders {
    /// Walks through all phases where no migration was applied before, as nobody runs old code then;
    /// elsewhere stops behind the first folder's expand.
    #[default]
    ThroughWhenFresh,
    /// Walks through all phases.
    Through,
    /// Stops behind the first folder's expand.
    Expand,
}

impl Default for ApplyOptions {
    fn default() -> ApplyOptions {
        ApplyOptions {
            patience: Duration::from_secs(10),
            lock_timeout_ms: 700,
            old_transactions: Duration::from_secs(60),
            tries: 10,
            up_to: None,
            take_over: false,
            trace: false,
            folders: Folders::default(),
            throttle: ThrottleLimits::default(),
        }
    }
}

/// What a run did.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    /// Files and folders applied, in order, with their duration in milliseconds.
    pub files: Vec<(String, u64)>,
    /// Versions that were there already.
    pub already: usize,
    /// Statements with the locks they took, when tracing.
    pub traces: Vec<StatementTrace>,
    /// The folder that the run stopped at.
    pub waiting: Option<Waiting>,
}

/// A folder whose next phase waits for people: the new version of the application must be deployed first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its version.
    pub version: String,
    /// The folder.
    pub folder: String,
    /// How far it is.
    pub state: State,
    /// Migrations that come after it and wait as well.
    pub later: usize,
}

/// Applies every pending migration to the database at `address`.
///
/// A file runs in one transaction together with its ledger row, so it is applied whole or not at
/// all, whatever ends this process. A `-- no-transaction` file notes each finished statement, and
/// the next run goes on after it. Folders are walked as [`ApplyOptions::folders`] says.
pub fn migrate_up<'a>(
    address: &'a Address,
    migrations: &'a [Migration],
    options: &'a ApplyOptions,
    events: &'a dyn EventSink,
) -> LocalBoxFuture<'a, Result<Applied, MigrateError>> {
    Box::pin(async move {
        let session = Session::connect(address).await.map_err(MigrateError::Connect)?;
        lock_runner(&session, address, options.patience).await?;
        let foreign = foreign::find(&session).await?;
        ledger_create(&session).await?;
        foreign::adopt(&session, foreign.as_ref(), migrations).await?;
        let plan = plan(migrations, &ledger_read(&session).await?);
        if !plan.problems.is_empty() {
            return Err(MigrateError::Disagreement { problems: plan.problems });
        }
        let mut pending = plan.pending;
        if let Some(last) = &options.up_to {
            pending.retain(|one| {
                underpin_sql::migration::compare_versions(&migrations[one.index].version, last).is_le()
            });
        }
        refuse_unwritable(foreign.as_ref(), &pending, migrations, options)?;
        let through = match options.folders {
            Folders::Through => true,
            Folders::Expand => false,
            Folders::ThroughWhenFresh => plan.applied.is_empty(),
        };
        let mut runner = Runner::new(&session, options, events).await?;
        runner.foreign = foreign.as_ref();
        let mut applied = Applied { already: plan.applied.len(), ..Applied::default() };
        for (nth, one) in pending.iter().enumerate() {
            let migration = &migrations[one.index];
            let (done, total) = (nth as u64, pending.len() as u64);
            let what = migration.path().to_string();
            events.emit(Event::Progress { what: what.clone(), done, total, unit: "migrations" });
            let start = Instant::now();
            let state = match &migration.phases {
                None => runner.step(Step::file(migration, one.state.as_ref())).await?,
                Some(phases) if through => runner.through(migration, phases, one.state.clone()).await?,
                Some(_) => runner.expand(migration, one.state.clone()).await?,
            };
            if state != State::Done {
                let (version, later) = (migration.version.clone(), pending.len() - nth - 1);
                applied.waiting = Some(Waiting { version, folder: what, state, later });
                break;
            }
            applied.files.push((what, start.elapsed().as_millis() as u64));
        }
        applied.traces = runner.traces;
        session.close().await;
        Ok(applied)
    })
}

fn refuse_unwritable(
    foreign: Option<&ForeignLedger>,
    pending: &[Pending],
    migrations: &[Migration],
    options: &ApplyOptions,
) -> Result<(), MigrateError> {
    match foreign {
        Some(ledger) if !ledger.writable() && !options.take_over && !pending.is_empty() => {
            let pending = pending.iter().map(|one| migrations[one.index].version.clone()).collect();
            Err(MigrateError::ForeignLedger { tool: ledger.tool(), pending })
        }
        _ => Ok(()),
    }
}
