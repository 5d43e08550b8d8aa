//! Walks one folder of phases up to a goal, or takes it back.

use std::time::Instant;

use futures_util::future::LocalBoxFuture;
use underpin_model::phases::Phases;
use underpin_model::project::Migration;
use underpin_model::{Event, EventSink};
use underpin_pg::{Address, Session};

use super::MigrateError;
use super::apply::ApplyOptions;
use super::foreign;
use super::ledger::{ledger_create, ledger_read};
use super::lock::lock_runner;
use super::old_readers::ContractGuard;
use super::plan::{Plan, plan};
use super::runner::{Runner, Step};
use super::state::{Cursor, State};

/// How far to walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Goal {
    /// The new form is there beside the old one.
    Expand,
    /// Every row has the new form.
    Backfill,
    /// That is looked at, too.
    Verify,
    /// The old form is gone.
    Contract,
    /// Everything is as before expand; possible until contract.
    Revert,
}

/// A folder that is to be walked.
#[derive(Clone, Debug)]
pub struct PhaseWish {
    /// Its version; the folder under way, or else the next one, when absent.
    pub version: Option<String>,
    /// How far.
    pub goal: Goal,
    /// How the run behaves.
    pub apply: ApplyOptions,
    /// What is looked at before contract.
    pub guard: ContractGuard,
}

/// What a walk did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walked {
    /// Version of the folder.
    pub version: String,
    /// The folder.
    pub folder: String,
    /// How far it was; nothing when it was not begun.
    pub from: Option<State>,
    /// How far it is; nothing when it was taken back.
    pub to: Option<State>,
    /// Duration in milliseconds.
    pub duration_ms: u64,
}

/// Walks a folder of the database at `address` towards a goal, from wherever it is.
///
/// Every step is noted in the ledger with its work, so that a walk that was killed goes on where it was.
pub fn migrate_phase<'a>(
    address: &'a Address,
    migrations: &'a [Migration],
    wish: &'a PhaseWish,
    events: &'a dyn EventSink,
) -> LocalBoxFuture<'a, Result<Walked, MigrateError>> {
    Box::pin(async move {
        let session = Session::connect(address).await.map_err(MigrateError::Connect)?;
        lock_runner(&session, address, wish.apply.patience).await?;
        let foreign = foreign::find(&session).await?;
        ledger_create(&session).await?;
        foreign::adopt(&session, foreign.as_ref(), migrations).await?;
        let plan = plan(migrations, &ledger_read(&session).await?);
        let chosen = choose(migrations, plan, wish)?;
        let mut runner = Runner::new(&session, &wish.apply, events).await?;
        runner.foreign = foreign.as_ref();
        let start = Instant::now();
        let to = runner.towards(&chosen, wish).await?;
        session.close().await;
        Ok(Walked {
            version: chosen.migration.version.clone(),
            folder: chosen.phases.folder.to_string(),
            from: chosen.state,
            to,
            duration_ms: start.elapsed().as_millis() as u64,
        })
    })
}

/// A folder and how far it is.
struct Chosen<'m> {
    migration: &'m Migration,
    phases: &'m Phases,
    state: Option<State>,
}

/// Returns the folder that is meant; every migration before it must be applied.
fn choose<'m>(migrations: &'m [Migration], plan: Plan, wish: &PhaseWish) -> Result<Chosen<'m>, MigrateError> {
    if !plan.problems.is_empty() {
        return Err(MigrateError::Disagreement { problems: plan.problems });
    }
    let meant = |migration: &Migration| match &wish.version {
        Some(version) => underpin_sql::migration::compare_versions(&migration.version, version).is_eq(),
        None => migration.phases.is_some(),
    };
    if let Some(one) = plan.pending.iter().find(|one| meant(&migrations[one.index])) {
        let migration = &migrations[one.index];
        let before = plan.pending.iter().take_while(|other| other.index < one.index);
        let before: Vec<String> = before.map(|other| migrations[other.index].version.clone()).collect();
        let Some(phases) = &migration.phases else {
            return Err(MigrateError::NotAFolder { file: migration.sql.file.to_string() });
        };
        if !before.is_empty() {
            return Err(MigrateError::Earlier { version: migration.version.clone(), before });
        }
        return Ok(Chosen { migration, phases, state: one.state.clone() });
    }
    let applied = migrations.iter().find(|one| wish.version.is_some() && meant(one));
    match applied.map(|migration| (migration, &migration.phases)) {
        Some((migration, Some(phases))) => Ok(Chosen { migration, phases, state: Some(State::Done) }),
        Some((migration, None)) => Err(MigrateError::NotAFolder { file: migration.sql.file.to_string() }),
        None => Err(MigrateError::NoFolder { version: wish.version.clone() }),
    }
}

impl Runner<'_> {
    /// Walks from wherever the folder is to its end; a folder that is being taken back stays where it is.
    pub(super) async fn through(
        &mut self,
        migration: &Migration,
        phases: &Phases,
        state: Option<State>,
    ) -> Result<State, MigrateError> {
        let chosen = Chosen { migration, phases, state };
        self.forward(&chosen, Goal::Contract, &ContractGuard::nobody()).await
    }

    async fn towards(
        &mut self,
        chosen: &Chosen<'_>,
        wish: &PhaseWish,
    ) -> Result<Option<State>, MigrateError> {
        let Chosen { migration, phases, state } = chosen;
        match (wish.goal, state) {
            (Goal::Revert, None) => Ok(None),
            (Goal::Revert, Some(state)) => self.revert(migration, phases, state).await,
            (_, Some(State::Reverting(_))) => {
                Err(MigrateError::Reverting { folder: phases.folder.to_string() })
            }
            _ => self.forward(chosen, wish.goal, &wish.guard).await.map(Some),
        }
    }

    async fn forward(
        &mut self,
        chosen: &Chosen<'_>,
        goal: Goal,
        guard: &ContractGuard,
    ) -> Result<State, MigrateError> {
        let Chosen { migration, phases, state } = chosen;
        let mut state = self.expand(migration, state.clone()).await?;
        loop {
            state = match state {
                State::Expanded if goal >= Goal::Backfill => {
                    self.backfill(migration, phases, Cursor::default()).await?
                }
                State::Backfilling(cursor) if goal >= Goal::Backfill => {
                    self.backfill(migration, phases, cursor).await?
                }
                // Forced, contract looks by itself and says what it found.
                State::Backfilled if goal == Goal::Contract && guard.force => {
                    self.note(migration, State::Verified).await?
                }
                State::Backfilled if goal >= Goal::Verify => self.verify(migration, phases).await?,
                State::Verified if goal >= Goal::Contract => {
                    // Rows may have come since: contract looks once more.
                    self.verify_again(phases, guard).await?;
                    self.refuse_old_readers(phases, guard).await?;
                    self.step(Step::contract(migration, &phases.contract, 0)).await?
                }
                State::Contracting(done) if goal >= Goal::Contract => {
                    self.step(Step::contract(migration, &phases.contract, done)).await?
                }
                reached => return Ok(reached),
            };
        }
    }

    async fn verify_again(&self, phases: &Phases, guard: &ContractGuard) -> Result<(), MigrateError> {
        match self.look_at_rows(phases).await {
            Err(fault @ MigrateError::NotVerified { .. }) if guard.force => {
                let text = format!("Contract is forced although {fault}.");
                self.events.emit(Event::Remark { text });
                Ok(())
            }
            looked => looked,
        }
    }

    /// Takes a folder back, as long as contract has not begun.
    async fn revert(
        &mut self,
        migration: &Migration,
        phases: &Phases,
        state: &State,
    ) -> Result<Option<State>, MigrateError> {
        let folder = phases.folder.to_string();
        let done = match state {
            State::Done | State::Contracting(_) => return Err(MigrateError::Contracted { folder }),
            State::Reverting(done) => *done,
            _ => 0,
        };
        let Some(part) = &phases.revert else { return Err(MigrateError::NoRevert { folder }) };
        self.step(Step::revert(migration, part, done)).await?;
        Ok(None)
    }
}
