//! One schedule, carried out step by step on the real sessions.

use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use underpin_model::statement::{Access, Verb};
use underpin_pg::{QueryError, Rows};
use underpin_race::{Effect, Explorer, Level, Schedule};

use super::RaceError;
use super::arena::Arena;
use super::footprint::{self, Held, Memory, Strength};
use super::played::{Played, Reply, digest, reply};
use super::player::{Circle, DEADLOCK, Ending, Player, Step, StepKind};
use super::reach::Touch;
use super::restore_point::Marks;
use super::trail::{Known, Trail};

/// What a client leaves when its connection ends.
const GIVE_UP: &str = "ROLLBACK; SELECT pg_advisory_unlock_all()";

/// A statement that neither answers nor waits for the others gets so long.
const PATIENCE: Duration = Duration::from_secs(10);

/// Most answers come within this time, without anybody asking who waits for whom.
const AT_ONCE: Duration = Duration::from_millis(1);

/// What a whole schedule came to.
pub(super) struct Final {
    pub(super) schedule: Schedule,
    pub(super) played: Vec<Played>,
    pub(super) endings: Vec<Ending>,
    /// What the clients saw and the final state, for the sessions that committed.
    pub(super) behaviour: String,
    pub(super) committed: BTreeSet<usize>,
    /// Per invariant.
    pub(super) holds: Vec<bool>,
}

type Flight<'a> = Pin<Box<dyn Future<Output = Result<Rows, QueryError>> + 'a>>;

struct InFlight<'a> {
    step: Step<'a>,
    answer: Flight<'a>,
    played: usize,
}

/// A step with its answer.
struct Answered<'a> {
    number: usize,
    played: usize,
    step: Step<'a>,
    answer: Result<Rows, QueryError>,
}

impl Answered<'_> {
    /// Tells whether it is a statement that the server carried out.
    fn is_statement(&self) -> bool {
        self.step.kind == StepKind::Statement && self.answer.is_ok()
    }
}

/// What is known beforehand of the answers that come within a step.
#[derive(Clone, Copy, Debug)]
enum Expected {
    /// So many; zero where the statement probably waits.
    Answers(usize),
    Unknown,
}

/// So often it is asked at once who waits for whom, where a wait is expected.
const SOON: u32 = 5;

/// What holds for every execution of an exploration.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// Isolation level of every transaction.
    pub(super) level: Level,
    /// How often a session begins again after a serialization failure or a deadlock.
    pub(super) retry: u32,
    /// Whom a deadlock ends.
    pub(super) victim: Victim,
}

impl Rules {
    /// Returns the rules of an execution in which nobody begins again and deadlocks end as usual.
    pub(super) fn plain(level: Level) -> Rules {
        Rules { level, retry: 0, victim: Victim::Closer }
    }
}

/// Whom a deadlock ends, of the sessions in its circle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Victim {
    /// The one that closes the circle.
    Closer,
    /// This one, if it is in the circle.
    Session(usize),
}

pub(super) struct Execution<'a> {
    arena: &'a Arena<'a>,
    rules: Rules,
    players: Vec<Player<'a>>,
    flights: BTreeMap<usize, InFlight<'a>>,
    memories: Vec<Memory>,
    /// Whom each session in flight waited for when that was asked last.
    waiting: BTreeMap<usize, BTreeSet<usize>>,
    played: Vec<Played>,
    marks: Marks,
    /// Some statement asked for advisory locks.
    advisory: bool,
    /// Ended in the place of the session that closed a circle.
    ended_for: Option<usize>,
}

impl<'a> Execution<'a> {
    /// Returns an execution at its start, of the sessions in `members`.
    pub(super) fn new(
        arena: &'a Arena<'a>,
        rules: Rules,
        members: &BTreeSet<usize>,
    ) -> Result<Execution<'a>, RaceError> {
        let mut players = arena.players()?;
        for player in players.iter_mut().filter(|player| !members.contains(&player.number)) {
            player.take();
        }
        let memories = vec![Memory::default(); players.len()];
        Ok(Execution {
            arena,
            rules,
            players,
            flights: BTreeMap::new(),
            memories,
            waiting: BTreeMap::new(),
            played: Vec::new(),
            marks: Marks::default(),
            advisory: false,
            ended_for: None,
        })
    }

    /// Runs to the end, or until the explorer knows every way on; the database is then as it was before.
    pub(super) async fn run(
        mut self,
        explorer: &mut Explorer,
        trail: &mut Trail,
    ) -> Result<Option<Final>, RaceError> {
        let whole = self.steps(explorer, trail).await?;
        self.abandon().await?;
        let last = if whole { Some(self.conclude(explorer).await?) } else { None };
        self.arena.point.restore(&self.arena.watcher, &self.marks, self.rules.level).await?;
        Ok(last)
    }

    async fn steps(&mut self, explorer: &mut Explorer, trail: &mut Trail) -> Result<bool, RaceError> {
        loop {
            let enabled: Vec<usize> = (0..self.players.len())
                .filter(|number| self.players[*number].can_go() && !self.flights.contains_key(number))
                .collect();
            if enabled.is_empty() {
                return Ok(true);
            }
            let chosen = explorer.choose(&enabled).map_err(|source| self.nondeterministic(None, source))?;
            let Some(number) = chosen else { return Ok(false) };
            let effect = self.step(number, trail).await?;
            explorer.executed(effect).map_err(|source| self.nondeterministic(Some(number), source))?;
        }
    }

    fn nondeterministic(&self, session: Option<usize>, source: underpin_race::Nondeterminism) -> RaceError {
        let session = match session.and_then(|_| self.played.last()) {
            Some(last) => {
                let file = &self.players[last.session].script.file;
                format!("t{}, {file}:{}", last.session + 1, last.line)
            }
            None => "the scenario".to_owned(),
        };
        RaceError::Nondeterministic { session, source }
    }

    /// Sends a session's next step, waits until everything has settled, and returns what the step did.
    async fn step(&mut self, number: usize, trail: &mut Trail) -> Result<Effect, RaceError> {
        let place = self.played.len();
        let known = trail.at(place, number);
        let expected = match &known {
            Some(known) => Expected::Answers(known.answers),
            None if self.may_wait(number) => Expected::Answers(0),
            None => Expected::Unknown,
        };
        let Some(first) = self.send(number) else {
            return Ok(Effect { session: number, ..Effect::default() });
        };
        let mut answers = self.settle(expected).await?;
        // The step's own answer first: what it released comes on top of it.
        answers.sort_by_key(|one| one.number != number);
        let mut answer: Vec<&str> = answers.iter().map(|one| self.played[one.played].seen.as_str()).collect();
        if self.flights.contains_key(&number) {
            answer.push("waits");
        }
        let answer = answer.join(" | ");
        if let Some(known) = known {
            self.memories.clone_from(&known.memories);
            self.marks.clone_from(&known.marks);
            return Ok(Effect { answer, ..known.effect.clone() });
        }
        let effect = Effect { first, answer, ..self.learn(number, &answers).await? };
        let (memories, marks) = (self.memories.clone(), self.marks.clone());
        let answers = answers.len();
        trail.keep(Known { session: number, answers, effect: effect.clone(), memories, marks });
        Ok(effect)
    }

    /// Tells whether a session's next step probably waits for another.
    fn may_wait(&self, number: usize) -> bool {
        let Some(step) = self.players[number].next() else { return false };
        let (facts, touch) = (&step.statement.facts, self.touch(step));
        let mut others = self.memories.iter().enumerate().filter(|(other, _)| *other != number);
        others.any(|(_, memory)| memory.may_hold_up(facts, &touch))
    }

    fn touch(&self, step: &Step<'_>) -> Touch {
        self.arena.surroundings.of(&step.statement.facts, &step.sql, self.rules.level)
    }

    /// Sends a session's next step; returns whether BEGIN rides with it, nothing when there is no step.
    fn send(&mut self, number: usize) -> Option<bool> {
        let touch = self.players[number].next().map(|step| self.touch(step)).unwrap_or_default();
        self.advisory |= touch.advisory;
        let circle = match self.rules.victim {
            Victim::Closer if !self.flights.is_empty() => Circle::Possible,
            // Nobody looks for it: it is ended from outside.
            _ => Circle::Impossible,
        };
        let player = &mut self.players[number];
        let step = player.take()?;
        let first = step.begin;
        let message = player.message(&step, self.rules.level, circle);
        let session = player.session;
        let played = self.played.len();
        let named = |access| {
            let relations = step.statement.facts.relations.iter().filter(|used| used.access == access);
            relations.map(|used| used.name.clone()).collect::<Vec<String>>()
        };
        let (reads, writes) = (named(Access::Read), named(Access::Write));
        self.played.push(Played {
            session: number,
            line: step.statement.line,
            sql: step.sql.clone(),
            reply: Reply::Ended,
            answered_in: 0,
            seen: String::new(),
            holds_rows: !writes.is_empty() || touch.locks_rows || touch.advisory,
            reads,
            writes,
            begins: step.begin,
            verb: step.statement.facts.verb,
            commits: step.kind == StepKind::Commit,
            tries: player.tries,
        });
        let answer: Flight<'a> = Box::pin(async move { session.rows(&message).await });
        self.flights.insert(number, InFlight { step, answer, played });
        Some(first)
    }

    /// Learns from the server's locks what a session's step touched; `answers` are those that came within it.
    async fn learn(&mut self, number: usize, answers: &[Answered<'a>]) -> Result<Effect, RaceError> {
        let known: Vec<Option<Held>> = answers.iter().map(|one| self.known_locks(one)).collect();
        let asks = answers.iter().zip(&known).any(|(one, known)| one.is_statement() && known.is_none());
        let locks = match asks || !self.flights.is_empty() {
            true => {
                let rows = self.arena.watcher.rows(include_str!("locks.sql")).await?;
                footprint::held(&rows, &self.arena.point.names)
            }
            false => BTreeMap::new(),
        };
        let asked = |number: usize, players: &[Player<'_>]| {
            locks.get(&players[number].session.pid()).cloned().unwrap_or_default()
        };
        let mut effect = Effect { session: number, ..Effect::default() };
        for (one, known) in answers.iter().zip(known) {
            let after = known.unwrap_or_else(|| asked(one.number, &self.players));
            let part = self.account(one, after);
            if one.number == number { effect = part } else { effect.absorb(part) }
        }
        if let Some(flight) = self.flights.get(&number) {
            // It waits: what it asked for is known from its locks, granted or not.
            let (facts, touch) = (&flight.step.statement.facts, self.touch(&flight.step));
            let after = asked(number, &self.players);
            self.memories[number].waiting(after, facts, &touch, &mut effect);
            effect.waits_for = (0..self.players.len()).filter(|other| *other != number).collect();
        }
        Ok(effect)
    }

    /// Returns what a session holds after a statement, if an earlier schedule told it.
    fn known_locks(&self, one: &Answered<'_>) -> Option<Held> {
        let story = self.story(one)?;
        self.arena.known_locks.borrow().get(&(one.number, story)).cloned()
    }

    fn story(&self, one: &Answered<'_>) -> Option<String> {
        let seen = &self.played[one.played].seen;
        self.memories[one.number].story_with(&self.touch(&one.step), &one.step.sql, seen)
    }

    /// Returns what an answered step did; `after` has the locks of its session.
    fn account(&mut self, one: &Answered<'_>, after: Held) -> Effect {
        let facts = &one.step.statement.facts;
        let mut effect = Effect { session: one.number, ..Effect::default() };
        if one.is_statement() {
            let (touch, story) = (self.touch(&one.step), self.story(one));
            if let Some(story) = &story {
                self.arena.known_locks.borrow_mut().insert((one.number, story.clone()), after.clone());
            }
            let written = after.iter().filter(|(_, strength)| **strength >= Strength::Write);
            self.marks.written.extend(written.map(|(thing, _)| thing.clone()));
            let memory = &mut self.memories[one.number];
            memory.statement(after, facts, &touch, &mut effect);
            memory.tell(story);
            // The answer is of no use to the script, which was rolled back.
            if matches!(self.players[one.number].ended, Some(Ending::Failed { .. })) {
                memory.end(&mut effect);
            }
            return effect;
        }
        let memory = &mut self.memories[one.number];
        if one.answer.is_err() {
            self.marks.refused = true;
            memory.failed(facts, &mut effect);
        } else {
            if self.arena.point.deferred {
                memory.checks_at_commit(&mut effect);
            }
            memory.end(&mut effect);
        }
        effect
    }

    /// Waits until every statement in flight has answered or waits for another session; returns the answers in
    /// their order. A session whose statement failed is rolled back here.
    async fn settle(&mut self, expected: Expected) -> Result<Vec<Answered<'a>>, RaceError> {
        let start = Instant::now();
        let mut answers = Vec::new();
        let mut asked = 0;
        while !self.flights.is_empty() {
            // Asking who waits for whom is only worth it once no answer is to be expected.
            let answer_comes = match expected {
                Expected::Answers(number) => answers.len() < number || asked > SOON,
                Expected::Unknown => answers.is_empty() || asked > 0,
            };
            let patience = if answer_comes || self.some_released() { AT_ONCE } else { Duration::ZERO };
            if let Some((number, answer)) = landed(&mut self.flights, patience).await {
                answers.extend(self.take_answer(number, answer).await?);
                continue;
            }
            self.waiting = self.waits().await?;
            asked += 1;
            if let Some((number, answer)) = landed(&mut self.flights, Duration::ZERO).await {
                answers.extend(self.take_answer(number, answer).await?);
                continue;
            }
            let circle = circle(&self.waiting);
            if let (Some(circle), Victim::Session(wanted)) = (&circle, self.rules.victim) {
                self.end_for_circle(circle, wanted).await?;
            }
            if self.flights.keys().all(|number| self.waiting.contains_key(number)) && circle.is_none() {
                break;
            }
            if start.elapsed() > PATIENCE {
                return Err(self.stuck());
            }
        }
        Ok(answers)
    }

    /// Ends the wait of one session of a circle, as the server would if that one had looked for a deadlock first.
    async fn end_for_circle(&mut self, circle: &BTreeSet<usize>, wanted: usize) -> Result<(), RaceError> {
        if self.ended_for.is_some_and(|number| self.flights.contains_key(&number)) {
            return Ok(());
        }
        let closer = self.played.last().map(|last| last.session).filter(|last| circle.contains(last));
        let victim = if circle.contains(&wanted) { Some(wanted) } else { closer.or(circle.first().copied()) };
        if let Some(victim) = victim {
            self.ended_for = Some(victim);
            let pid = self.players[victim].session.pid();
            self.arena.watcher.execute(&format!("SELECT pg_cancel_backend({pid})")).await?;
        }
        Ok(())
    }

    /// Tells whether everybody whom some statement in flight waited for has ended its transaction since.
    fn some_released(&self) -> bool {
        let free = |others: &BTreeSet<usize>| others.iter().all(|other| !self.players[*other].open);
        self.flights.keys().any(|number| self.waiting.get(number).is_some_and(free))
    }

    fn stuck(&self) -> RaceError {
        let flight = self.flights.iter().next_back();
        let (file, line) = flight.map_or_else(Default::default, |(number, flight)| {
            (self.players[*number].script.file.to_string(), flight.step.statement.line)
        });
        RaceError::Stuck { file, line, seconds: PATIENCE.as_secs() }
    }

    async fn take_answer(
        &mut self,
        number: usize,
        answer: Result<Rows, QueryError>,
    ) -> Result<Option<Answered<'a>>, RaceError> {
        let Some(flight) = self.flights.remove(&number) else { return Ok(None) };
        let player = &mut self.players[number];
        let answer = match answer {
            Err(source) if has_ended(&source) => {
                let (file, line) = (player.script.file.to_string(), flight.step.statement.line);
                return Err(RaceError::Lost { file, line, source });
            }
            answer => answer,
        };
        player.answered(&flight.step, &answer)?;
        if self.ended_for == Some(number) {
            self.ended_for = None;
            player.lost_deadlock();
        }
        let now = self.played.len();
        let played = &mut self.played[flight.played];
        played.answered_in = now;
        played.reply = reply(&flight.step, &answer);
        let inserts = flight.step.statement.facts.verb == Verb::Insert;
        played.seen = digest(&answer, inserts.then_some(&self.arena.point));
        if let Some(Ending::Failed { sqlstate, message }) = &player.ended {
            if answer.is_ok() || sqlstate.as_deref() == Some(DEADLOCK) {
                played.reply = Reply::Failed { sqlstate: sqlstate.clone(), message: message.clone() };
            }
            // The client gives back what it holds beyond the transaction, as one that ends does.
            player.session.execute(GIVE_UP).await?;
            player.open = false;
            if player.may_retry() && player.tries <= self.rules.retry {
                player.restart()?;
            }
        }
        Ok(Some(Answered { number, played: flight.played, step: flight.step, answer }))
    }

    /// Returns for each session in flight the sessions that it waits for; those that wait for none, or for
    /// somebody else, are left out.
    async fn waits(&self) -> Result<BTreeMap<usize, BTreeSet<usize>>, RaceError> {
        let pids: Vec<i32> = self.players.iter().map(|player| player.session.pid()).collect();
        let asked =
            self.flights.keys().map(|number| format!("({number}, pg_blocking_pids({}))", pids[*number]));
        let asked: Vec<String> = asked.collect();
        let sql = format!("SELECT * FROM (VALUES {}) AS it (number, pids)", asked.join(", "));
        let rows = self.arena.watcher.rows(&sql).await?;
        let mut waits = BTreeMap::new();
        for row in &rows.rows {
            let number = row[0].as_deref().and_then(|number| number.parse::<usize>().ok());
            let list = row[1].as_deref().unwrap_or_default().trim_matches(['{', '}']);
            let blockers: Vec<Option<usize>> = list
                .split(',')
                .filter(|pid| !pid.is_empty())
                .map(|pid| pids.iter().position(|one| one.to_string() == pid))
                .collect();
            if let (Some(number), false, Some(blockers)) =
                (number, blockers.is_empty(), blockers.into_iter().collect::<Option<BTreeSet<usize>>>())
            {
                waits.insert(number, blockers);
            }
        }
        Ok(waits)
    }

    /// Rolls back whatever is open, and gives back the advisory locks that sessions hold beyond their transactions.
    async fn abandon(&mut self) -> Result<(), RaceError> {
        let start = Instant::now();
        let mut left: BTreeSet<usize> = self.arena.everybody();
        loop {
            for number in left.clone().into_iter().filter(|number| !self.flights.contains_key(number)) {
                let player = &mut self.players[number];
                if player.open || self.advisory {
                    let sql = if self.advisory { GIVE_UP } else { "ROLLBACK" };
                    player.session.execute(sql).await?;
                    player.open = false;
                }
                left.remove(&number);
            }
            if self.flights.is_empty() {
                return Ok(());
            }
            match landed(&mut self.flights, AT_ONCE).await {
                Some((number, _)) => drop(self.flights.remove(&number)),
                None if start.elapsed() > PATIENCE => return Err(self.stuck()),
                None => {}
            }
        }
    }

    async fn conclude(&self, explorer: &Explorer) -> Result<Final, RaceError> {
        let observed: Vec<_> = self.players.iter().flat_map(Player::observed).collect();
        let (holds, mut behaviour) = self.arena.final_state(&observed, &self.marks.written).await?;
        let ending = |player: &Player<'_>| player.ended.clone().unwrap_or(Ending::Done);
        let endings: Vec<Ending> = self.players.iter().map(ending).collect();
        let committed: BTreeSet<usize> = self
            .players
            .iter()
            .filter(|player| player.ended == Some(Ending::Done))
            .map(|player| player.number)
            .collect();
        for number in &committed {
            // What an attempt saw that was rolled back does not count.
            let tries = self.players[*number].tries;
            let last = self.played.iter().filter(|one| one.session == *number && one.tries == tries);
            let seen: Vec<&str> = last.map(|one| one.seen.as_str()).collect();
            behaviour.push_str(&format!("\nt{}: {}", number + 1, seen.join("; ")));
        }
        let (schedule, played) = (explorer.schedule(), self.played.clone());
        Ok(Final { schedule, played, endings, behaviour, committed, holds })
    }
}

/// Tells whether an error ended the session: class 57P is an operator's intervention (manual, "PostgreSQL Error Codes").
fn has_ended(error: &QueryError) -> bool {
    matches!(error, QueryError::Connection(_)) || error.sqlstate().is_some_and(|code| code.starts_with("57P"))
}

/// Returns a statement that answers within `patience`; zero asks only for what is there already.
async fn landed(
    flights: &mut BTreeMap<usize, InFlight<'_>>,
    patience: Duration,
) -> Option<(usize, Result<Rows, QueryError>)> {
    let any = poll_fn(|context| {
        for (number, flight) in flights.iter_mut() {
            if let Poll::Ready(answer) = flight.answer.as_mut().poll(context) {
                return Poll::Ready(Some((*number, answer)));
            }
        }
        if patience.is_zero() { Poll::Ready(None) } else { Poll::Pending }
    });
    tokio::time::timeout(patience, any).await.ok().flatten()
}

/// Returns the sessions of a circle in which each waits for another.
fn circle(waits: &BTreeMap<usize, BTreeSet<usize>>) -> Option<BTreeSet<usize>> {
    let reached = |start: &usize| {
        let mut open = vec![*start];
        let mut seen = BTreeSet::new();
        while let Some(number) = open.pop() {
            open.extend(waits.get(&number).into_iter().flatten().filter(|next| seen.insert(**next)));
        }
        seen
    };
    let all: BTreeMap<usize, BTreeSet<usize>> = waits.keys().map(|start| (*start, reached(start))).collect();
    let on_circle = |one: usize| all.get(&one).is_some_and(|seen| seen.contains(&one));
    let first = waits.keys().copied().find(|one| on_circle(*one))?;
    let with_first =
        |one: &usize| all[&first].contains(one) && all.get(one).is_some_and(|seen| seen.contains(&first));
    Some(waits.keys().copied().filter(with_first).collect())
}
