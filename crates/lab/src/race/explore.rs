//! Walks through the schedules of a bout at one level and judges what each leaves behind.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use underpin_model::evidence::ScheduleOutcomes;
use underpin_race::{Explorer, Level, Mode, Schedule};

use super::RaceError;
use super::arena::Arena;
use super::execution::{Execution, Final, Played};
use super::player::Ending;

/// How thorough an exploration is.
#[derive(Clone, Debug)]
pub struct RaceOptions {
    /// Leave out schedules that only exchange steps that commute.
    pub reduction: bool,
    /// Most schedules to run.
    pub limit: u64,
}

impl Default for RaceOptions {
    fn default() -> RaceOptions {
        RaceOptions { reduction: true, limit: 20_000 }
    }
}

/// A schedule after which an invariant fails.
#[derive(Clone, Debug)]
pub struct Anomaly {
    /// The schedule; replaying it shows the same.
    pub schedule: Schedule,
    /// Invariants that fail; empty when the schedule only differs from every serial order.
    pub violated: Vec<String>,
    /// Its steps.
    pub played: Vec<Played>,
}

/// What an exploration found.
#[derive(Clone, Debug)]
pub struct Explored {
    /// Isolation level.
    pub level: Level,
    /// Schedules that there are if nobody ever waited; exact without waits.
    pub possible: f64,
    /// Schedules that were run to their end.
    pub explored: u64,
    /// Executions that were left half way because every way on was known.
    pub pruned: u64,
    /// Nothing is left to run.
    pub exhausted: bool,
    /// Schedules after which an invariant fails.
    pub anomalous: u64,
    /// Schedules that no serial order of the sessions that committed explains.
    pub nonserializable: u64,
    /// How they ended.
    pub outcomes: ScheduleOutcomes,
    /// The anomaly with the fewest switches between sessions; without an invariant, a schedule that differs from
    /// every serial order.
    pub minimal: Option<Anomaly>,
    /// A schedule that differs from every serial order, when no invariant fails.
    pub difference: Option<Anomaly>,
    /// A serial order after which an invariant fails: then it is no question of concurrency.
    pub serial: Option<Anomaly>,
    /// Every behaviour that occurred: answers, final state, verdict.
    pub behaviours: BTreeSet<String>,
    /// Executions until the first anomaly.
    pub first_after: Option<u64>,
    /// Duration.
    pub seconds: f64,
}

/// Explores the arena's bout at one level.
pub async fn explore(arena: &Arena<'_>, level: Level, options: &RaceOptions) -> Result<Explored, RaceError> {
    let mut judge = Judge::new(arena, level);
    let everybody: BTreeSet<usize> = (0..arena.bout.corners.len()).collect();
    judge.serial_orders(&everybody).await?;
    // Few switches first, so that what is shown is easy to follow.
    judge.walk(Mode::Bounded(1), u64::MAX).await?;
    judge.begin_count();
    let mode = if options.reduction { Mode::Reduced } else { Mode::All };
    judge.found.exhausted = judge.walk(mode, options.limit).await?;
    if arena.bout.invariants.is_empty() {
        judge.found.minimal = judge.found.difference.take();
    }
    Ok(judge.finish())
}

/// Runs one schedule and returns its steps and the invariants that fail after it.
pub async fn replay(arena: &Arena<'_>, level: Level, schedule: &Schedule) -> Result<Anomaly, RaceError> {
    let everybody: BTreeSet<usize> = (0..arena.bout.corners.len()).collect();
    let mut explorer = Explorer::replay(level, schedule.clone());
    explorer.begin();
    let execution = Execution::new(arena, level, &everybody)?;
    match execution.run(&mut explorer).await? {
        Some(last) => Ok(anomaly(arena, &last)),
        None => {
            let done = explorer.schedule();
            let session = schedule.0.get(done.0.len()).map_or(0, |session| session + 1);
            Err(RaceError::Impossible { schedule: schedule.to_string(), done: done.to_string(), session })
        }
    }
}

fn anomaly(arena: &Arena<'_>, last: &Final) -> Anomaly {
    let names = arena.bout.invariants.iter().zip(&last.holds);
    let violated = names.filter(|(_, holds)| !**holds).map(|((name, _), _)| name.clone()).collect();
    Anomaly { schedule: last.schedule.clone(), violated, played: last.played.clone() }
}

struct Judge<'a> {
    arena: &'a Arena<'a>,
    start: Instant,
    executions: u64,
    found: Explored,
    /// Behaviours of serial orders, by who takes part.
    serial: BTreeMap<BTreeSet<usize>, BTreeSet<String>>,
}

impl<'a> Judge<'a> {
    fn new(arena: &'a Arena<'a>, level: Level) -> Judge<'a> {
        let found = Explored {
            level,
            possible: 0.0,
            explored: 0,
            pruned: 0,
            exhausted: false,
            anomalous: 0,
            nonserializable: 0,
            outcomes: ScheduleOutcomes::default(),
            minimal: None,
            difference: None,
            serial: None,
            behaviours: BTreeSet::new(),
            first_after: None,
            seconds: 0.0,
        };
        Judge { arena, start: Instant::now(), executions: 0, found, serial: BTreeMap::new() }
    }

    fn finish(mut self) -> Explored {
        self.found.seconds = self.start.elapsed().as_secs_f64();
        self.found
    }

    /// Forgets the counts, but not what was found: the same schedules come again.
    fn begin_count(&mut self) {
        self.found.explored = 0;
        self.found.pruned = 0;
        self.found.anomalous = 0;
        self.found.nonserializable = 0;
        self.found.outcomes = ScheduleOutcomes::default();
        self.found.behaviours.clear();
    }

    /// Runs the serial orders of some sessions and keeps what they lead to.
    async fn serial_orders(&mut self, members: &BTreeSet<usize>) -> Result<(), RaceError> {
        let level = self.found.level;
        let mut explorer = Explorer::new(level, Mode::Bounded(0));
        let mut behaviours = BTreeSet::new();
        while explorer.begin() {
            let execution = Execution::new(self.arena, level, members)?;
            let Some(last) = execution.run(&mut explorer).await? else { continue };
            self.executions += 1;
            if last.holds.iter().any(|holds| !holds) && self.found.serial.is_none() {
                self.found.serial = Some(anomaly(self.arena, &last));
            }
            behaviours.insert(last.behaviour);
        }
        self.serial.insert(members.clone(), behaviours);
        Ok(())
    }

    /// Runs the schedules of a mode; true when none is left.
    async fn walk(&mut self, mode: Mode, limit: u64) -> Result<bool, RaceError> {
        let level = self.found.level;
        let everybody: BTreeSet<usize> = (0..self.arena.bout.corners.len()).collect();
        let mut explorer = Explorer::new(level, mode);
        while explorer.begin() {
            if self.found.explored + self.found.pruned >= limit {
                return Ok(false);
            }
            self.executions += 1;
            let execution = Execution::new(self.arena, level, &everybody)?;
            match execution.run(&mut explorer).await? {
                Some(last) => self.judge(last).await?,
                None => self.found.pruned += 1,
            }
        }
        Ok(true)
    }

    async fn judge(&mut self, last: Final) -> Result<(), RaceError> {
        if !self.serial.contains_key(&last.committed) {
            self.serial_orders(&last.committed).await?;
        }
        let found = &mut self.found;
        found.explored += 1;
        found.possible = found.possible.max(last.schedule.orders());
        count(&mut found.outcomes, &last.endings);
        let violated = last.holds.iter().any(|holds| !holds);
        let explained = self.serial.get(&last.committed).is_some_and(|known| known.contains(&last.behaviour));
        found.behaviours.insert(format!("{:?} {violated} {}", last.endings, last.behaviour));
        if !explained {
            found.nonserializable += 1;
            if found.difference.is_none() {
                found.difference = Some(anomaly(self.arena, &last));
            }
        }
        if violated && found.serial.is_none() {
            found.anomalous += 1;
            if found.minimal.is_none() {
                found.first_after = Some(self.executions);
                found.minimal = Some(anomaly(self.arena, &last));
            }
        }
        Ok(())
    }
}

fn count(outcomes: &mut ScheduleOutcomes, endings: &[Ending]) {
    let codes: Vec<Option<&str>> = endings
        .iter()
        .filter_map(|ending| match ending {
            Ending::Done => None,
            Ending::Failed { sqlstate, .. } => Some(sqlstate.as_deref()),
        })
        .collect();
    let any = |wanted: fn(&str) -> bool| codes.iter().flatten().any(|code| wanted(code));
    let counter = if codes.is_empty() {
        &mut outcomes.ok
    } else if any(|code| code == "40P01") {
        &mut outcomes.deadlock
    } else if any(|code| code == "40001") {
        &mut outcomes.serialization_failure
    } else if any(|code| code.starts_with("23")) {
        &mut outcomes.constraint_error
    } else {
        &mut outcomes.error
    };
    *counter += 1;
}
