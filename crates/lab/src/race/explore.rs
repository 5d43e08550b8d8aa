//! Walks through the schedules of a bout at one level and judges what each leaves behind.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use futures_util::future::LocalBoxFuture;
use underpin_model::evidence::ScheduleOutcomes;
use underpin_race::robust::{Exposed, Program, exposed};
use underpin_race::{Class, Deed, Explorer, Level, Mode, Pct, Schedule, WrittenOver, classify};

use super::RaceError;
use super::arena::Arena;
use super::execution::{Execution, Final, Rules, Victim};
use super::played::{Played, Reply};
use super::player::{Ending, asks_again};
use super::trail::Trail;

/// How thorough an exploration is.
#[derive(Clone, Debug)]
pub struct RaceOptions {
    /// Leave out schedules that only exchange steps that commute.
    pub reduction: bool,
    /// Most schedules to run per level.
    pub limit: u64,
    /// Most seconds per level.
    pub seconds: Option<f64>,
    /// How often a session begins again after a serialization failure or a deadlock.
    pub retry: u32,
    /// End with the first anomaly; how many there are is not asked.
    pub first_anomaly: bool,
    /// Explore every other victim of a deadlock too; else it is the session that closes the circle.
    pub every_victim: bool,
}

impl Default for RaceOptions {
    fn default() -> RaceOptions {
        RaceOptions {
            reduction: true,
            limit: 20_000,
            seconds: None,
            retry: 0,
            first_anomaly: false,
            every_victim: false,
        }
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
    /// Of those, drawn by chance after the limit.
    pub sampled: u64,
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
    /// Which of the known anomalies `minimal` is.
    pub class: Option<Class>,
    /// A schedule that differs from every serial order, when no invariant fails.
    pub difference: Option<Anomaly>,
    /// A serial order after which an invariant fails: for that invariant it is no question of concurrency.
    pub serial: Option<Anomaly>,
    /// Some session commits in some serial order; otherwise nothing was tried that an invariant could notice.
    pub someone_commits: bool,
    /// Every behaviour that occurred: answers, final state, verdict.
    pub behaviours: BTreeSet<String>,
    /// Schedules in which some session waited for another.
    pub waiting: u64,
    /// Schedules in which some session was refused with 40001 or 40P01 at least once.
    pub refused: u64,
    /// Schedules at SERIALIZABLE, of the first that were refused, that go through at REPEATABLE READ and end as a serial
    /// order does: the server refused them for nothing.
    pub needless: u64,
    /// A message of the server that is none of a constraint, a serialization failure or a deadlock.
    pub first_error: Option<String>,
    /// What prevents that any number of such sessions is serializable, in words; an empty text when nothing does, and
    /// nothing where that is not known.
    pub beyond: Option<String>,
    /// Most messages of one session from its first lock or write to its commit, when nobody disturbs it.
    pub under_lock: u64,
    /// The same schedule ends the same way again; otherwise nothing was compared with serial orders.
    pub steady: bool,
    /// Executions in all: schedules, those left half way, serial orders, and those that explain the anomaly.
    pub executions: u64,
    /// Executions until the first anomaly.
    pub first_after: Option<u64>,
    /// Duration.
    pub seconds: f64,
}

/// So many schedules that were refused at SERIALIZABLE are run again, to see whether that was needed.
const DOUBTED: u64 = 8;

/// Part of the time in which schedules are run in order; the rest is for those that chance draws.
const WALKING: f64 = 0.8;

/// So many schedules are drawn by chance at least.
const FEWEST_SAMPLES: u64 = 100;

/// Beyond so many switches no schedule is easy to follow any more.
const MOST_SWITCHES: usize = 4;

/// What an exploration says about a scenario at one level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RaceVerdict {
    /// Every schedule was covered, and every invariant holds after each.
    Holds,
    /// An invariant fails after some schedule, though it holds after every serial order.
    Breaks,
    /// An invariant fails after a serial order.
    FailsAlone,
    /// There is no invariant, and some schedule ends as no serial order does.
    Differs,
    /// Nothing was found, and not every schedule was covered, or no session ever commits.
    Unknown,
}

impl RaceVerdict {
    /// Tells whether the verdict is against what is expected: `true` to hold, `false` to break. Nothing when that
    /// is not known. A difference is told and fails nothing, unless something is expected.
    pub fn against(self, expected: Option<bool>) -> Option<bool> {
        match (self, expected) {
            (RaceVerdict::Unknown, _) => None,
            (RaceVerdict::Differs, None) => Some(false),
            (verdict, expected) => Some((verdict == RaceVerdict::Holds) != expected.unwrap_or(true)),
        }
    }
}

impl Explored {
    /// Returns the verdict.
    pub fn verdict(&self) -> RaceVerdict {
        match (&self.serial, &self.minimal) {
            (Some(_), _) => RaceVerdict::FailsAlone,
            (None, Some(anomaly)) if anomaly.violated.is_empty() => RaceVerdict::Differs,
            (None, Some(_)) => RaceVerdict::Breaks,
            (None, None) if self.exhausted && self.someone_commits => RaceVerdict::Holds,
            (None, None) => RaceVerdict::Unknown,
        }
    }
}

/// Explores the arena's bout at one level.
pub fn explore<'a>(
    arena: &'a Arena<'_>,
    level: Level,
    options: &'a RaceOptions,
) -> LocalBoxFuture<'a, Result<Explored, RaceError>> {
    Box::pin(async move {
        let mut judge = Judge::new(arena, level, options);
        judge.serial_orders(&arena.everybody()).await?;
        judge.steady().await?;
        let mode = if options.reduction { Mode::Reduced } else { Mode::All };
        judge.found.exhausted = judge.walk(mode, options.limit).await?;
        if !judge.found.exhausted && !judge.is_enough() {
            judge.sample(options.limit).await?;
        }
        if options.every_victim && judge.found.outcomes.deadlock > 0 {
            judge.other_victims(mode, options.limit).await?;
        }
        judge.fewest_switches().await?;
        if arena.bout.invariants.is_empty() {
            judge.found.minimal = judge.found.difference.take();
        }
        judge.classify().await?;
        judge.beyond();
        Ok(judge.finish())
    })
}

/// Runs one schedule and returns its steps and the invariants that fail after it.
pub fn replay<'a>(
    arena: &'a Arena<'_>,
    level: Level,
    schedule: &'a Schedule,
) -> LocalBoxFuture<'a, Result<Anomaly, RaceError>> {
    Box::pin(async move {
        let mut explorer = Explorer::replay(level, schedule.clone());
        match once(arena, Rules::plain(level), &mut explorer).await? {
            Some(last) => Ok(anomaly(arena, &last)),
            None => {
                let done = explorer.schedule();
                let session = schedule.0.get(done.0.len()).map_or(0, |session| session + 1);
                Err(RaceError::Impossible { schedule: schedule.to_string(), done: done.to_string(), session })
            }
        }
    })
}

/// Runs the one schedule of an explorer that replays, or that chance guides; nothing when it cannot be followed.
async fn once(arena: &Arena<'_>, rules: Rules, explorer: &mut Explorer) -> Result<Option<Final>, RaceError> {
    explorer.begin();
    Execution::new(arena, rules, &arena.everybody())?.run(explorer, &mut Trail::default()).await
}

fn anomaly(arena: &Arena<'_>, last: &Final) -> Anomaly {
    let names = arena.bout.invariants.iter().zip(&last.holds);
    let violated = names.filter(|(_, holds)| !**holds).map(|((name, _), _)| name.clone()).collect();
    Anomaly { schedule: last.schedule.clone(), violated, played: last.played.clone() }
}

struct Judge<'a> {
    arena: &'a Arena<'a>,
    rules: Rules,
    start: Instant,
    seconds: Option<f64>,
    first_anomaly: bool,
    found: Explored,
    /// Behaviours of serial orders, by who takes part.
    serial: BTreeMap<BTreeSet<usize>, BTreeSet<String>>,
    /// The first serial order of all sessions, and how it ended.
    first: Option<(Schedule, String)>,
    /// Per invariant: it fails after some serial order of all sessions.
    fails_alone: Vec<bool>,
    /// What each session does in serial orders.
    programs: Vec<Program>,
    /// No session has a second transaction.
    single: bool,
    /// Refused schedules that were run again at a weaker level.
    doubted: u64,
}

impl<'a> Judge<'a> {
    fn new(arena: &'a Arena<'a>, level: Level, options: &RaceOptions) -> Judge<'a> {
        let found = Explored {
            level,
            possible: 0.0,
            explored: 0,
            sampled: 0,
            pruned: 0,
            exhausted: false,
            anomalous: 0,
            nonserializable: 0,
            outcomes: ScheduleOutcomes::default(),
            minimal: None,
            difference: None,
            class: None,
            serial: None,
            someone_commits: false,
            behaviours: BTreeSet::new(),
            executions: 0,
            first_after: None,
            waiting: 0,
            refused: 0,
            needless: 0,
            first_error: None,
            beyond: None,
            under_lock: 0,
            steady: true,
            seconds: 0.0,
        };
        Judge {
            arena,
            rules: Rules { retry: options.retry, ..Rules::plain(level) },
            start: Instant::now(),
            seconds: options.seconds,
            first_anomaly: options.first_anomaly,
            found,
            serial: BTreeMap::new(),
            first: None,
            fails_alone: vec![false; arena.bout.invariants.len()],
            programs: vec![Program::default(); arena.bout.corners.len()],
            single: true,
            doubted: 0,
        }
    }

    fn finish(mut self) -> Explored {
        self.found.seconds = self.start.elapsed().as_secs_f64();
        self.found
    }

    /// Runs a schedule once more.
    async fn again(&mut self, rules: Rules, schedule: Schedule) -> Result<Option<Final>, RaceError> {
        self.found.executions += 1;
        once(self.arena, rules, &mut Explorer::replay(rules.level, schedule)).await
    }

    /// Explores again with each session as the one that a deadlock ends.
    async fn other_victims(&mut self, mode: Mode, limit: u64) -> Result<(), RaceError> {
        for session in self.arena.everybody() {
            self.rules.victim = Victim::Session(session);
            self.found.exhausted &= self.walk(mode, limit).await?;
        }
        self.rules.victim = Victim::Closer;
        Ok(())
    }

    /// Runs a serial order again: when it does not end as before, something in it differs from run to run, and
    /// comparing with serial orders says nothing.
    async fn steady(&mut self) -> Result<(), RaceError> {
        let Some((schedule, behaviour)) = self.first.clone() else { return Ok(()) };
        let again = self.again(self.rules, schedule).await?;
        self.found.steady = again.is_some_and(|last| last.behaviour == behaviour);
        Ok(())
    }

    /// Looks for the anomaly, or difference, with the fewest switches between sessions: it is easiest to follow.
    async fn fewest_switches(&mut self) -> Result<(), RaceError> {
        let anomaly = self.found.minimal.is_some();
        let wanted = anomaly || self.arena.bout.invariants.is_empty() && self.found.difference.is_some();
        if !wanted {
            return Ok(());
        }
        let everybody = self.arena.everybody();
        for bound in 1..MOST_SWITCHES {
            let mut explorer = Explorer::new(self.rules.level, Mode::Bounded(bound));
            let mut trail = Trail::default();
            while explorer.begin() && !self.late(1.0) {
                let execution = Execution::new(self.arena, self.rules, &everybody)?;
                self.found.executions += 1;
                let Some(last) = execution.run(&mut explorer, &mut trail).await? else { continue };
                if anomaly && self.violates(&last) {
                    self.found.minimal = Some(self::anomaly(self.arena, &last));
                    return Ok(());
                }
                if !anomaly && !self.explained(&last).await? {
                    self.found.difference = Some(self::anomaly(self.arena, &last));
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Names the anomaly that was found.
    ///
    /// Whether a row was written over is asked of the server: under one snapshot for the transaction it refuses
    /// just that (manual, "Repeatable Read Isolation Level").
    async fn classify(&mut self) -> Result<(), RaceError> {
        let Some(minimal) = self.found.minimal.clone() else { return Ok(()) };
        let mut over = WrittenOver::NoRow;
        if self.rules.level == Level::ReadCommitted {
            let replayed = self.again(Rules::plain(Level::RepeatableRead), minimal.schedule.clone()).await?;
            if replayed.is_some_and(|last| last.played.iter().any(|one| refused(&one.reply))) {
                over = WrittenOver::SomeRow;
            }
        }
        let deeds: Vec<Deed> = minimal.played.iter().map(Played::deed).collect();
        self.found.class = classify(self.rules.level, &deeds, over);
        Ok(())
    }

    /// Tells whether what was found is all that is asked.
    fn is_enough(&self) -> bool {
        self.first_anomaly && self.found.minimal.is_some()
    }

    /// Tells whether a part of the time is over.
    fn late(&self, part: f64) -> bool {
        self.seconds.is_some_and(|most| self.start.elapsed().as_secs_f64() > most * part)
    }

    /// Tells whether an invariant fails that holds after every serial order.
    fn violates(&self, last: &Final) -> bool {
        last.holds.iter().zip(&self.fails_alone).any(|(holds, alone)| !holds && !alone)
    }

    /// Tells whether a serial order of the sessions that committed ends the same way.
    async fn explained(&mut self, last: &Final) -> Result<bool, RaceError> {
        if !self.found.steady {
            return Ok(true);
        }
        if !self.serial.contains_key(&last.committed) {
            self.serial_orders(&last.committed).await?;
        }
        Ok(self.serial.get(&last.committed).is_some_and(|known| known.contains(&last.behaviour)))
    }

    /// Runs the serial orders of some sessions and keeps what they lead to.
    async fn serial_orders(&mut self, members: &BTreeSet<usize>) -> Result<(), RaceError> {
        let mut explorer = Explorer::new(self.rules.level, Mode::Bounded(0));
        let mut trail = Trail::default();
        let mut behaviours = BTreeSet::new();
        let all = members.len() == self.arena.bout.corners.len();
        while explorer.begin() {
            let execution = Execution::new(self.arena, self.rules, members)?;
            let Some(last) = execution.run(&mut explorer, &mut trail).await? else { continue };
            self.found.executions += 1;
            self.found.someone_commits |= !last.committed.is_empty();
            if all && last.holds.contains(&false) {
                self.fails_alone.iter_mut().zip(&last.holds).for_each(|(fails, holds)| *fails |= !holds);
                self.found.serial.get_or_insert_with(|| anomaly(self.arena, &last));
            }
            if all {
                self.programs_of(&last.played, &explorer);
                if self.first.is_none() {
                    self.first = Some((last.schedule.clone(), last.behaviour.clone()));
                }
            }
            behaviours.insert(last.behaviour);
        }
        self.serial.insert(members.clone(), behaviours);
        Ok(())
    }

    /// Runs the schedules of a mode; true when none is left.
    async fn walk(&mut self, mode: Mode, limit: u64) -> Result<bool, RaceError> {
        let everybody = self.arena.everybody();
        let before = self.found.explored + self.found.pruned;
        let mut explorer = Explorer::new(self.rules.level, mode);
        let mut trail = Trail::default();
        while explorer.begin() {
            if self.is_enough()
                || self.late(WALKING)
                || self.found.explored + self.found.pruned - before >= limit
            {
                return Ok(false);
            }
            self.found.executions += 1;
            let execution = Execution::new(self.arena, self.rules, &everybody)?;
            match execution.run(&mut explorer, &mut trail).await? {
                Some(last) => self.judge(last).await?,
                None => self.found.pruned += 1,
            }
        }
        Ok(true)
    }

    /// Draws schedules by chance, where there are more than could be run.
    async fn sample(&mut self, limit: u64) -> Result<(), RaceError> {
        let steps = self.first.as_ref().map_or(0, |(schedule, _)| schedule.0.len());
        let sessions = self.arena.bout.corners.len();
        for seed in 0..(limit / 10).max(FEWEST_SAMPLES) {
            if self.is_enough() || self.late(1.0) {
                break;
            }
            self.found.executions += 1;
            let pct = Pct::new(seed, sessions, steps);
            let mut explorer = Explorer::random(self.rules.level, pct);
            if let Some(last) = once(self.arena, self.rules, &mut explorer).await? {
                self.found.sampled += 1;
                self.judge(last).await?;
            }
        }
        Ok(())
    }

    /// Notes what each session did in a serial order.
    fn programs_of(&mut self, played: &[Played], explorer: &Explorer) {
        for session in self.arena.everybody() {
            let steps = played.iter().zip(explorer.effects());
            let own: Vec<_> = steps.filter(|(one, _)| one.session == session).collect();
            let accesses = own.iter().map(|(one, effect)| one.access(effect));
            self.single &= own.iter().filter(|(one, _)| one.begins).count() <= 1;
            self.programs[session].merge(accesses.collect());
            let first = own.iter().position(|(one, _)| one.holds_rows);
            let messages = first.map_or(0, |first| own.len() - first) as u64;
            self.found.under_lock = self.found.under_lock.max(messages);
        }
    }

    /// Says what holds for any number of such sessions.
    fn beyond(&mut self) {
        let complete = self.programs.iter().all(|program| !program.0.is_empty());
        if self.rules.level == Level::Serializable || !self.single || !complete {
            return;
        }
        let name = |session: usize| self.arena.bout.corners[session].script.name.clone();
        self.found.beyond = Some(match exposed(self.rules.level, &self.programs) {
            None => String::new(),
            Some(Exposed { reader, writer, thing }) => {
                let (reads, writes) = (name(reader), name(writer));
                let writes = if reads == writes { format!("another {writes}") } else { writes };
                format!("{reads} reads {thing}, which {writes} may change before {reads} commits")
            }
        });
    }

    /// Looks whether the server refused a schedule for nothing: predicate locks on pages and tables, and dangerous
    /// structures without a circle, refuse more than has to be (manual, "Serializable Isolation Level").
    async fn was_it_needed(&mut self, last: &Final) -> Result<(), RaceError> {
        let refused = last.played.iter().any(|one| refused(&one.reply));
        if self.rules.level != Level::Serializable
            || !refused
            || self.rules.retry > 0
            || self.doubted >= DOUBTED
        {
            return Ok(());
        }
        self.doubted += 1;
        let rules = Rules::plain(Level::RepeatableRead);
        if let Some(again) = self.again(rules, last.schedule.clone()).await? {
            let through = again.committed == self.arena.everybody();
            let harmless = through && self.explained(&again).await? && !self.violates(&again);
            self.found.needless += u64::from(harmless && self.found.steady);
        }
        Ok(())
    }

    async fn judge(&mut self, last: Final) -> Result<(), RaceError> {
        self.was_it_needed(&last).await?;
        let (violates, explained) = (self.violates(&last), self.explained(&last).await?);
        let found = &mut self.found;
        found.explored += 1;
        found.possible = found.possible.max(last.schedule.orders());
        count(&mut found.outcomes, &last.endings);
        found.waiting += u64::from(last.played.iter().enumerate().any(|(at, one)| one.answered_in != at + 1));
        found.refused += u64::from(last.played.iter().any(|one| refused(&one.reply)));
        found.first_error = found.first_error.take().or_else(|| last.endings.iter().find_map(error));
        found.behaviours.insert(format!("{:?} {:?} {}", last.endings, last.holds, last.behaviour));
        if !explained {
            found.nonserializable += 1;
            found.difference.get_or_insert_with(|| anomaly(self.arena, &last));
        }
        if violates {
            found.anomalous += 1;
            if found.minimal.is_none() {
                found.first_after = Some(found.executions);
                found.minimal = Some(anomaly(self.arena, &last));
            }
        }
        Ok(())
    }
}

fn refused(reply: &Reply) -> bool {
    matches!(reply, Reply::Failed { sqlstate, .. } if asks_again(sqlstate.as_deref()))
}

fn error(ending: &Ending) -> Option<String> {
    match ending {
        Ending::Failed { sqlstate: Some(code), message }
            if !code.starts_with("23") && !code.starts_with("40") =>
        {
            Some(message.clone())
        }
        _ => None,
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
