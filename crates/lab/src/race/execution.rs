//! One schedule, carried out step by step on the real sessions.

use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use underpin_pg::{QueryError, Rows};
use underpin_race::{Effect, Explorer, Level, Schedule};

use super::RaceError;
use super::arena::Arena;
use super::footprint::{self, Held, Memory, Strength};
use super::player::{Circle, Ending, Player, Step, StepKind, message};
use super::restore_point::Marks;

/// A statement that neither answers nor waits for the others gets so long.
const PATIENCE: Duration = Duration::from_secs(10);

/// Most answers come within this time, without anybody asking who waits for whom.
const AT_ONCE: Duration = Duration::from_micros(300);

/// A step as it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Played {
    /// The session, from 0.
    pub session: usize,
    /// Line in the script.
    pub line: u32,
    /// What was sent, values in their places.
    pub sql: String,
    /// What came back.
    pub reply: Reply,
    /// The step, from 1, within which the answer came; later than the step itself when it waited.
    pub answered_in: usize,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Rows, as short text.
    Rows(String),
    /// So many rows changed.
    Changed(u64),
    /// The transaction ended.
    Ended,
    /// The server refused, and the transaction was rolled back.
    Failed {
        /// The server's code; none when the client gave up.
        sqlstate: Option<String>,
        /// Its message.
        message: String,
    },
}

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
    step: Step<'a>,
    answer: Result<Rows, QueryError>,
}

pub(super) struct Execution<'a> {
    arena: &'a Arena<'a>,
    level: Level,
    players: Vec<Player<'a>>,
    flights: BTreeMap<usize, InFlight<'a>>,
    memories: Vec<Memory>,
    played: Vec<Played>,
    marks: Marks,
}

impl<'a> Execution<'a> {
    /// Returns an execution at its start, of the sessions in `members`.
    pub(super) fn new(
        arena: &'a Arena<'a>,
        level: Level,
        members: &BTreeSet<usize>,
    ) -> Result<Execution<'a>, RaceError> {
        let mut players = arena.players()?;
        for player in players.iter_mut().filter(|player| !members.contains(&player.number)) {
            player.take();
        }
        let memories = vec![Memory::default(); players.len()];
        let (flights, played, marks) = (BTreeMap::new(), Vec::new(), Marks::default());
        Ok(Execution { arena, level, players, flights, memories, played, marks })
    }

    /// Runs to the end, or until the explorer knows every way on; the database is then as it was before.
    pub(super) async fn run(mut self, explorer: &mut Explorer) -> Result<Option<Final>, RaceError> {
        let outcome = self.steps(explorer).await;
        self.abandon().await?;
        let result = match outcome {
            Ok(true) => Some(self.conclude(explorer).await?),
            Ok(false) => None,
            Err(error) => return Err(error),
        };
        self.arena.point.restore(&self.arena.watcher, &self.marks, self.level).await?;
        Ok(result)
    }

    async fn steps(&mut self, explorer: &mut Explorer) -> Result<bool, RaceError> {
        loop {
            let enabled: Vec<usize> = (0..self.players.len())
                .filter(|number| self.players[*number].can_go() && !self.flights.contains_key(number))
                .collect();
            if enabled.is_empty() {
                return Ok(true);
            }
            let chosen = explorer.choose(&enabled).map_err(|source| self.nondeterministic(None, source))?;
            let Some(number) = chosen else { return Ok(false) };
            let effect = self.step(number).await?;
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

    /// Sends a session's next step and waits until everything has settled.
    async fn step(&mut self, number: usize) -> Result<Effect, RaceError> {
        let circle = if self.flights.is_empty() { Circle::Impossible } else { Circle::Possible };
        let player = &mut self.players[number];
        let mut effect = Effect { session: number, ..Effect::default() };
        let Some(step) = player.take() else { return Ok(effect) };
        effect.first = step.begin;
        let message = player.message(&step, self.level, circle);
        let session = player.session;
        self.played.push(Played {
            session: number,
            line: step.statement.line,
            sql: step.sql.clone(),
            reply: Reply::Ended,
            answered_in: 0,
        });
        let answer: Flight<'a> = Box::pin(async move { session.rows(&message).await });
        let played = self.played.len() - 1;
        self.flights.insert(number, InFlight { step, answer, played });
        let answers = self.settle().await?;
        let locks = self.locks(&answers).await?;
        // The step's own answer first: what it released comes on top of it.
        let (own, released): (Vec<_>, Vec<_>) = answers.iter().partition(|one| one.number == number);
        for one in own {
            effect = Effect { first: effect.first, ..self.account(one, &locks) };
        }
        for one in released {
            let part = self.account(one, &locks);
            effect.absorb(part);
        }
        if let Some(flight) = self.flights.get(&number) {
            // It waits: what it asked for is known from its locks, granted or not.
            let facts = &flight.step.statement.facts;
            let after = locks.get(&self.players[number].session.pid()).cloned().unwrap_or_default();
            let mut memory = self.memories[number].clone();
            memory.statement(after, facts, &flight.step.sql, &mut effect);
            effect.locks.extend(facts.relations.iter().map(|used| used.name.clone()));
            effect.answer.push_str("waits");
            effect.waits_for = (0..self.players.len()).filter(|other| *other != number).collect();
        }
        Ok(effect)
    }

    /// Returns what an answered step did.
    fn account(&mut self, one: &Answered<'_>, locks: &BTreeMap<i32, Held>) -> Effect {
        let memory = &mut self.memories[one.number];
        let facts = &one.step.statement.facts;
        let mut effect = Effect { session: one.number, answer: digest(&one.answer), ..Effect::default() };
        match (&one.answer, one.step.kind) {
            (Err(_), _) => {
                self.marks.refused = true;
                memory.failed(facts, &mut effect);
            }
            (Ok(_), StepKind::Statement) => {
                let player = &self.players[one.number];
                let after = locks.get(&player.session.pid()).cloned().unwrap_or_default();
                let written = after.iter().filter(|(_, strength)| **strength >= Strength::Write);
                self.marks.written.extend(written.map(|(thing, _)| thing.clone()));
                memory.statement(after, facts, &one.step.sql, &mut effect);
                if matches!(player.ended, Some(Ending::Failed { .. })) {
                    memory.end(&mut effect);
                }
            }
            (Ok(_), _) => {
                if self.arena.point.deferred {
                    effect.locks.extend(memory.held.keys().cloned());
                }
                memory.end(&mut effect);
            }
        }
        effect
    }

    /// Asks for the locks of all sessions, when a statement was among the answers or still waits.
    async fn locks(&self, answers: &[Answered<'a>]) -> Result<BTreeMap<i32, Held>, RaceError> {
        let statement = answers.iter().any(|one| one.step.kind == StepKind::Statement && one.answer.is_ok());
        if !statement && self.flights.is_empty() {
            return Ok(BTreeMap::new());
        }
        let rows = self.arena.watcher.rows(include_str!("locks.sql")).await?;
        Ok(footprint::held(&rows, &self.arena.point.names))
    }

    /// Waits until every statement in flight has answered or waits for another session; returns the answers in
    /// their order. A session whose statement failed is rolled back here.
    async fn settle(&mut self) -> Result<Vec<Answered<'a>>, RaceError> {
        let start = Instant::now();
        let mut answers = Vec::new();
        let mut quick = Instant::now();
        while !self.flights.is_empty() {
            if let Some((number, answer)) = landed(&mut self.flights).await {
                answers.extend(self.take_answer(number, answer).await?);
                quick = Instant::now();
                continue;
            }
            if quick.elapsed() < AT_ONCE {
                tokio::task::yield_now().await;
                continue;
            }
            let waits = self.waits().await?;
            if let Some((number, answer)) = landed(&mut self.flights).await {
                answers.extend(self.take_answer(number, answer).await?);
                continue;
            }
            if self.flights.keys().all(|number| waits.contains_key(number)) && !has_circle(&waits) {
                break;
            }
            if start.elapsed() > PATIENCE {
                return Err(self.stuck());
            }
        }
        Ok(answers)
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
        player.answered(&flight.step, &answer)?;
        let now = self.played.len();
        let played = &mut self.played[flight.played];
        played.answered_in = now;
        played.reply = reply(&flight.step, &answer);
        if let Some(Ending::Failed { sqlstate, message }) = &player.ended {
            if answer.is_ok() {
                played.reply = Reply::Failed { sqlstate: sqlstate.clone(), message: message.clone() };
            }
            player.session.execute("ROLLBACK").await?;
            player.open = false;
        }
        Ok(Some(Answered { number, step: flight.step, answer }))
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

    /// Rolls back whatever is open.
    async fn abandon(&mut self) -> Result<(), RaceError> {
        let start = Instant::now();
        loop {
            for player in self.players.iter_mut().filter(|player| player.open) {
                if !self.flights.contains_key(&player.number) {
                    player.session.execute("ROLLBACK").await?;
                    player.open = false;
                }
            }
            if self.flights.is_empty() {
                return Ok(());
            }
            match landed(&mut self.flights).await {
                Some((number, _)) => drop(self.flights.remove(&number)),
                None if start.elapsed() > PATIENCE => return Err(self.stuck()),
                None => tokio::task::yield_now().await,
            }
        }
    }

    async fn conclude(&self, explorer: &Explorer) -> Result<Final, RaceError> {
        let observed: Vec<_> = self.players.iter().flat_map(Player::observed).collect();
        let holds = self.arena.check(&observed).await?;
        let ending = |player: &Player<'_>| player.ended.clone().unwrap_or(Ending::Done);
        let endings: Vec<Ending> = self.players.iter().map(ending).collect();
        let committed: BTreeSet<usize> = self
            .players
            .iter()
            .filter(|player| player.ended == Some(Ending::Done))
            .map(|player| player.number)
            .collect();
        let mut behaviour = self.arena.point.state(&self.arena.watcher, &self.marks.written).await?;
        for number in &committed {
            let seen = self.played.iter().filter(|played| played.session == *number);
            let replies: Vec<String> = seen.map(|played| format!("{:?}", masked(&played.reply))).collect();
            behaviour.push_str(&format!("\nt{}: {}", number + 1, replies.join("; ")));
        }
        let (schedule, played) = (explorer.schedule(), self.played.clone());
        Ok(Final { schedule, played, endings, behaviour, committed, holds })
    }
}

/// Returns a statement that has answered by now.
async fn landed(flights: &mut BTreeMap<usize, InFlight<'_>>) -> Option<(usize, Result<Rows, QueryError>)> {
    poll_fn(|context| {
        for (number, flight) in flights.iter_mut() {
            if let Poll::Ready(answer) = flight.answer.as_mut().poll(context) {
                return Poll::Ready(Some((*number, answer)));
            }
        }
        Poll::Ready(None)
    })
    .await
}

/// Tells whether some sessions wait for each other in a circle.
fn has_circle(waits: &BTreeMap<usize, BTreeSet<usize>>) -> bool {
    waits.keys().any(|start| {
        let mut open = vec![*start];
        let mut seen = BTreeSet::new();
        while let Some(number) = open.pop() {
            for next in waits.get(&number).into_iter().flatten() {
                if next == start {
                    return true;
                }
                if seen.insert(*next) {
                    open.push(*next);
                }
            }
        }
        false
    })
}

/// Longest text of rows in a reply.
const SHORT: usize = 60;

fn reply(step: &Step<'_>, answer: &Result<Rows, QueryError>) -> Reply {
    match answer {
        Err(error) => {
            Reply::Failed { sqlstate: error.sqlstate().map(str::to_owned), message: message(error) }
        }
        Ok(_) if step.kind != StepKind::Statement => Reply::Ended,
        Ok(rows) if rows.columns.is_empty() => Reply::Changed(rows.affected),
        Ok(rows) => Reply::Rows(short(rows)),
    }
}

/// Returns rows as `column value, …`; several rows are told by their number.
fn short(rows: &Rows) -> String {
    let [row] = &rows.rows[..] else {
        return match rows.rows.len() {
            0 => "no row".to_owned(),
            many => format!("{many} rows"),
        };
    };
    let cells = rows.columns.iter().zip(row);
    let text: Vec<String> =
        cells.map(|(column, value)| format!("{column} {}", value.as_deref().unwrap_or("null"))).collect();
    let text = text.join(", ");
    if text.chars().count() <= SHORT { text } else { text.chars().take(SHORT - 1).chain(['…']).collect() }
}

/// Returns what a client saw, clocks and random values left out.
fn digest(answer: &Result<Rows, QueryError>) -> String {
    match answer {
        Err(error) => error.sqlstate().unwrap_or("failed").to_owned(),
        Ok(rows) => {
            let cell = |value: &Option<String>| steady(value.as_deref().unwrap_or("null"));
            let lines: Vec<String> =
                rows.rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join(",")).collect();
            format!("{} [{}]", rows.affected, lines.join(" / "))
        }
    }
}

/// Hides values that no two runs share: a time of day of this run, a random UUID.
fn steady(value: &str) -> String {
    let bytes = value.as_bytes();
    let clock = bytes.len() >= 19 && bytes[4] == b'-' && bytes[10] == b' ' && bytes[13] == b':';
    let uuid = bytes.len() == 36 && [8, 13, 18, 23].iter().all(|at| bytes[*at] == b'-');
    if clock {
        "time".to_owned()
    } else if uuid {
        "uuid".to_owned()
    } else {
        value.to_owned()
    }
}

fn masked(reply: &Reply) -> Reply {
    match reply {
        Reply::Rows(text) => {
            let words: Vec<String> = text
                .split(", ")
                .map(|part| {
                    part.split_once(' ')
                        .map_or_else(|| part.to_owned(), |(name, value)| format!("{name} {}", steady(value)))
                })
                .collect();
            Reply::Rows(words.join(", "))
        }
        other => other.clone(),
    }
}
