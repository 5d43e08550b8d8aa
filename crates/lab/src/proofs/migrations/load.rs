//! The two versions of the application at a steady rate, and a session that watches who waits.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use underpin_model::script::TransactionScript;
use underpin_pg::{Address, Session};

use super::log::{Log, Part, Version};
use crate::error::LabError;
use crate::params;
use crate::script_run::{ScriptRun, StepFault};

/// Between two looks at waiting sessions: a wait that is shorter is nobody's trouble.
const LOOK: Duration = Duration::from_millis(15);

/// Between two looks of a session that has nothing to do.
const IDLE: Duration = Duration::from_millis(5);

/// What everybody in the experiment shares; one thread runs them all.
pub(super) struct Traffic {
    part: Cell<Part>,
    over: Cell<bool>,
    /// Transactions on their way: old, new.
    under_way: [Cell<u32>; 2],
    next_slot: Cell<Instant>,
    gap: Duration,
    log: RefCell<Log>,
}

impl Traffic {
    /// Returns traffic of so many transactions per second that has not begun.
    pub(super) fn new(rate: f64) -> Traffic {
        Traffic {
            part: Cell::new(Part::Before),
            over: Cell::new(false),
            under_way: [Cell::new(0), Cell::new(0)],
            next_slot: Cell::new(Instant::now()),
            gap: Duration::from_secs_f64(1.0 / rate.max(0.1)),
            log: RefCell::default(),
        }
    }

    /// Goes over to a part, once nobody who must not see it is under way.
    pub(super) async fn enter(&self, part: Part) {
        let last = self.part.replace(part);
        for version in [Version::Old, Version::New] {
            while last.runs(version) && !part.runs(version) && self.under_way[version.place()].get() > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }

    /// Notes how long the present part took.
    pub(super) fn took(&self, seconds: f64) {
        self.log.borrow_mut().entry(self.part.get()).or_default().seconds = seconds;
    }

    /// Ends everybody.
    pub(super) fn end(&self) {
        self.over.set(true);
    }

    /// Returns what was seen.
    pub(super) fn into_log(self) -> Log {
        self.log.into_inner()
    }

    /// Waits for the next place in the rate that all sessions share.
    async fn slot(&self) {
        let slot = self.next_slot.get().max(Instant::now());
        self.next_slot.set(slot + self.gap);
        tokio::time::sleep_until(slot.into()).await;
    }

    /// Runs a script again and again, in the parts in which its version runs.
    pub(super) async fn drive(
        &self,
        version: Version,
        script: &TransactionScript,
        database: &Sessions,
    ) -> Result<(), LabError> {
        let chooser = Session::connect(&database.superuser).await?;
        let session = Session::connect(&database.application.application_name(version.application())).await?;
        let mut seed = u64::from(session.pid().unsigned_abs());
        while !self.over.get() {
            if !self.part.get().runs(version) {
                tokio::time::sleep(IDLE).await;
                continue;
            }
            self.slot().await;
            if self.over.get() || !self.part.get().runs(version) {
                continue;
            }
            seed = seed.wrapping_add(1_000_003);
            let under_way = &self.under_way[version.place()];
            under_way.set(under_way.get() + 1);
            let outcome = self.once(script, &chooser, &session, seed).await;
            under_way.set(under_way.get() - 1);
            self.note(version, outcome?);
        }
        chooser.close().await;
        session.close().await;
        Ok(())
    }

    /// Runs a script once; the inner error is a statement that the server refused.
    async fn once(
        &self,
        script: &TransactionScript,
        chooser: &Session,
        session: &Session,
        seed: u64,
    ) -> Result<Result<(), StepFault>, LabError> {
        // Values are chosen from rows that others change meanwhile, and by a look that contract may end.
        let values = match params::evaluate(chooser, &script.name, &script.params).await {
            Ok(values) => values,
            Err(LabError::Params { source, .. }) => return Ok(Err(StepFault::Refused { line: 1, source })),
            Err(error) => return Err(error),
        };
        let outcome = self.play(script, values, (session, seed)).await;
        if outcome.is_err() {
            let _ = session.execute("ROLLBACK").await;
        }
        Ok(outcome)
    }

    async fn play(
        &self,
        script: &TransactionScript,
        values: params::Values,
        (session, seed): (&Session, u64),
    ) -> Result<(), StepFault> {
        let mut run = ScriptRun::new(script, values, seed)?;
        loop {
            let start = Instant::now();
            let step = run.step(session).await?;
            if step.is_none() {
                return Ok(());
            }
            let mut log = self.log.borrow_mut();
            let part = log.entry(self.part.get()).or_default();
            part.statements += 1;
            part.longest_statement_ms = part.longest_statement_ms.max(start.elapsed().as_secs_f64() * 1000.0);
        }
    }

    fn note(&self, version: Version, outcome: Result<(), StepFault>) {
        let mut log = self.log.borrow_mut();
        let part = log.entry(self.part.get()).or_default();
        match outcome {
            Ok(()) => part.transactions[version.place()] += 1,
            Err(fault) => {
                let message = match &fault {
                    StepFault::Refused { source, .. } => source.to_string(),
                    StepFault::Script { source, .. } => source.to_string(),
                };
                *part.failures.entry((version, fault.line(), message)).or_default() += 1;
            }
        }
    }

    /// Looks again and again who waits, and what the migration holds.
    pub(super) async fn watch(&self, superuser: &Address) -> Result<(), LabError> {
        let session = Session::connect(superuser).await?;
        while !self.over.get() {
            tokio::time::sleep(LOOK).await;
            let seen = session.rows(include_str!("lock_watch.sql")).await?;
            let mut log = self.log.borrow_mut();
            let part = log.entry(self.part.get()).or_default();
            for row in seen.rows {
                let cell = |at: usize| row.get(at).cloned().flatten().unwrap_or_default();
                match (cell(0).as_str(), cell(1).starts_with("underpin-phases-runner")) {
                    ("holds", _) => {
                        part.held.insert((cell(2), cell(3)));
                    }
                    (_, true) => {}
                    (_, false) => {
                        let longest = part.waits.entry((cell(2), cell(3), cell(5))).or_default();
                        *longest = longest.max(cell(4).parse().unwrap_or(0.0));
                    }
                }
            }
        }
        session.close().await;
        Ok(())
    }
}

/// Where the sessions go.
pub(super) struct Sessions {
    /// For those who look on.
    pub(super) superuser: Address,
    /// For the application.
    pub(super) application: Address,
}
