//! Which session goes next: depth first, by running every schedule from its start.
//!
//! Sleep sets (Godefroid, "Partial-Order Methods for the Verification of Concurrent Systems", 1996) leave out
//! schedules that only exchange neighbouring steps that commute. Bounded runs count preemptions (Musuvathi and
//! Qadeer, "Iterative Context Bounding", 2007): a switch away from a session that could have gone on.

use crate::effect::Effect;
use crate::independence::independent;
use crate::level::Level;
use crate::pct::Pct;
use crate::schedule::Schedule;

/// Which schedules are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Those with at most so many preemptions.
    Bounded(usize),
    /// All.
    All,
    /// One of each class of schedules that differ in the order of independent steps.
    Reduced,
}

/// A repeated step gave another answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("step {step} answered differently when the same schedule was repeated: first {first}, then {second}")]
pub struct Nondeterminism {
    /// The step, from 1.
    pub step: usize,
    /// First answer, or the sessions that could go on.
    pub first: String,
    /// Second answer.
    pub second: String,
}

/// A walk through all schedules of some sessions.
///
/// For each execution: [`begin`](Explorer::begin), then [`choose`](Explorer::choose) and
/// [`executed`](Explorer::executed) in turn until no session is left or `choose` gives none.
#[derive(Debug)]
pub struct Explorer {
    level: Level,
    mode: Mode,
    stack: Vec<Node>,
    depth: usize,
    begun: bool,
    guide: Option<Guide>,
}

/// What chooses the steps of a single execution.
#[derive(Debug)]
enum Guide {
    /// A schedule, and beyond its end no preemption.
    Fixed(Schedule),
    /// Chance.
    Random(Pct),
}

/// A state in which a choice was made.
#[derive(Debug)]
struct Node {
    enabled: Vec<usize>,
    /// Sessions whose next step has been explored in an equivalent state.
    sleep: Vec<Effect>,
    /// Steps explored from here, the present one left out.
    done: Vec<Effect>,
    chosen: usize,
    effect: Option<Effect>,
    /// The session that went before.
    last: Option<usize>,
    /// Preemptions before this choice.
    preemptions: usize,
}

impl Node {
    /// Returns the next session to try: the one that went last, then the others by number.
    fn candidate(&self, mode: Mode) -> Option<usize> {
        let open = |session: &usize| {
            let tried = |effect: &Effect| effect.session == *session;
            !self.done.iter().any(tried) && !self.sleep.iter().any(tried)
        };
        let affordable = |session: &usize| match mode {
            Mode::Bounded(bound) => self.preemptions + self.cost(*session) <= bound,
            Mode::All | Mode::Reduced => true,
        };
        let order = self.last.into_iter().chain(self.enabled.iter().copied());
        order.filter(|session| self.enabled.contains(session)).filter(open).find(affordable)
    }

    fn cost(&self, session: usize) -> usize {
        usize::from(self.last.is_some_and(|last| last != session && self.enabled.contains(&last)))
    }
}

impl Explorer {
    /// Returns a walk that has run nothing yet.
    pub fn new(level: Level, mode: Mode) -> Explorer {
        Explorer { level, mode, stack: Vec::new(), depth: 0, begun: false, guide: None }
    }

    /// Returns a walk that runs one schedule and, where that ends, goes on without preemption.
    pub fn replay(level: Level, schedule: Schedule) -> Explorer {
        Explorer { guide: Some(Guide::Fixed(schedule)), ..Explorer::new(level, Mode::Bounded(0)) }
    }

    /// Returns a walk that runs one random schedule.
    pub fn random(level: Level, pct: Pct) -> Explorer {
        Explorer { guide: Some(Guide::Random(pct)), ..Explorer::new(level, Mode::All) }
    }

    /// Begins the next execution; false when there is none left.
    pub fn begin(&mut self) -> bool {
        self.depth = 0;
        if !self.begun {
            self.begun = true;
            return true;
        }
        if self.guide.is_some() {
            return false;
        }
        while let Some(node) = self.stack.last_mut() {
            node.done.extend(node.effect.take());
            match node.candidate(self.mode) {
                Some(session) => {
                    node.chosen = session;
                    return true;
                }
                None => self.stack.pop(),
            };
        }
        false
    }

    /// Returns the session that goes next among those that can, `None` when every way on from here is known.
    pub fn choose(&mut self, enabled: &[usize]) -> Result<Option<usize>, Nondeterminism> {
        if let Some(node) = self.stack.get(self.depth) {
            if node.enabled != enabled {
                return Err(self.differs(sessions(&node.enabled), sessions(enabled)));
            }
            return Ok(Some(node.chosen));
        }
        let parent = self.stack.last();
        let last = parent.map(|parent| parent.chosen);
        let node = Node {
            enabled: enabled.to_vec(),
            sleep: parent.map(|parent| self.asleep_after(parent)).unwrap_or_default(),
            done: Vec::new(),
            chosen: 0,
            effect: None,
            last,
            preemptions: parent.map_or(0, |parent| parent.preemptions + parent.cost(parent.chosen)),
        };
        let chosen = match &mut self.guide {
            Some(Guide::Random(pct)) => pct.choose(self.depth, enabled),
            Some(Guide::Fixed(schedule)) => match schedule.0.get(self.depth) {
                Some(session) => Some(*session).filter(|session| enabled.contains(session)),
                None => last.filter(|last| enabled.contains(last)).or(enabled.first().copied()),
            },
            None => node.candidate(self.mode),
        };
        if let Some(chosen) = chosen {
            self.stack.push(Node { chosen, ..node });
        }
        Ok(chosen)
    }

    /// Takes what the chosen step did.
    pub fn executed(&mut self, effect: Effect) -> Result<(), Nondeterminism> {
        let Some(node) = self.stack.get_mut(self.depth) else { return Ok(()) };
        if let Some(known) = node.effect.as_ref().filter(|known| known.answer != effect.answer) {
            let first = known.answer.clone();
            return Err(self.differs(first, effect.answer));
        }
        node.effect = Some(effect);
        self.depth += 1;
        Ok(())
    }

    /// Returns the choices of the present execution so far.
    pub fn schedule(&self) -> Schedule {
        Schedule(self.stack.iter().take(self.depth).map(|node| node.chosen).collect())
    }

    /// Returns what the steps of the present execution did, in their order.
    pub fn effects(&self) -> impl Iterator<Item = &Effect> {
        self.stack.iter().take(self.depth).filter_map(|node| node.effect.as_ref())
    }

    fn asleep_after(&self, node: &Node) -> Vec<Effect> {
        let (Mode::Reduced, Some(step)) = (self.mode, &node.effect) else { return Vec::new() };
        let known = node.sleep.iter().chain(&node.done);
        known.filter(|asleep| independent(self.level, asleep, step)).cloned().collect()
    }

    fn differs(&self, first: String, second: String) -> Nondeterminism {
        Nondeterminism { step: self.depth + 1, first, second }
    }
}

fn sessions(numbers: &[usize]) -> String {
    let names: Vec<String> = numbers.iter().map(|number| format!("t{}", number + 1)).collect();
    format!("{} can go on", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::Ended;
    use crate::things::Things;
    use std::collections::BTreeSet;

    /// A step of the toy server: reads or writes a variable, or commits.
    #[derive(Clone, Copy)]
    enum Step {
        Read(&'static str),
        Add(&'static str),
        Commit,
    }
    use Step::{Add, Commit, Read};

    /// Runs everything on a toy server without waits: writes go to a buffer and become visible at commit.
    fn behaviours(sessions: &[&[Step]], mode: Mode) -> (usize, usize, BTreeSet<String>) {
        let mut explorer = Explorer::new(Level::ReadCommitted, mode);
        let (mut executions, mut cut, mut found) = (0, 0, BTreeSet::new());
        while explorer.begin() {
            let mut at = vec![0; sessions.len()];
            let mut state = std::collections::BTreeMap::<&str, i32>::new();
            let mut seen = vec![String::new(); sessions.len()];
            let mut buffers = vec![Vec::<(&str, i32)>::new(); sessions.len()];
            let whole = loop {
                let enabled: Vec<usize> =
                    (0..sessions.len()).filter(|&one| at[one] < sessions[one].len()).collect();
                if enabled.is_empty() {
                    break true;
                }
                let Some(session) = explorer.choose(&enabled).unwrap() else { break false };
                let name = |name: &str| Things::from_iter([name]);
                let mut effect = Effect { session, ..Effect::default() };
                match sessions[session][at[session]] {
                    Read(variable) => {
                        let value = state.get(variable).copied().unwrap_or_default();
                        seen[session].push_str(&format!("{variable}{value} "));
                        effect.reads = name(variable);
                    }
                    Add(variable) => {
                        let value = state.get(variable).copied().unwrap_or_default();
                        buffers[session].push((variable, value + 1));
                        (effect.reads, effect.locks) = (name(variable), name(variable));
                    }
                    Commit => {
                        let written = std::mem::take(&mut buffers[session]);
                        let locks = written.iter().map(|(name, _)| *name).collect();
                        effect.ended = Some(Ended { locks, ..Ended::default() });
                        state.extend(written);
                    }
                }
                effect.answer = seen[session].clone();
                at[session] += 1;
                explorer.executed(effect).unwrap();
            };
            if whole {
                executions += 1;
                found.insert(format!("{seen:?} {state:?}"));
            } else {
                cut += 1;
            }
        }
        (executions, cut, found)
    }

    const SCENARIOS: &[&[&[Step]]] = &[
        &[&[Read("a"), Add("a"), Commit], &[Read("a"), Add("a"), Commit]],
        &[&[Read("a"), Read("b"), Add("b"), Commit], &[Read("b"), Add("a"), Commit]],
        &[&[Add("a"), Commit, Read("b"), Commit], &[Add("b"), Commit, Read("a"), Commit]],
        &[&[Read("a"), Add("b"), Commit], &[Read("b"), Add("c"), Commit], &[Read("c"), Add("a"), Commit]],
    ];

    #[test]
    fn reduction_loses_no_behaviour_and_saves_executions() {
        for scenario in SCENARIOS {
            let (all, _, every) = behaviours(scenario, Mode::All);
            let (some, cut, found) = behaviours(scenario, Mode::Reduced);
            assert_eq!(found, every);
            assert!(some + cut < all, "{some} + {cut} of {all}");
        }
    }

    #[test]
    fn without_reduction_every_order_is_run() {
        assert_eq!(behaviours(SCENARIOS[0], Mode::All).0, 20);
        assert_eq!(behaviours(SCENARIOS[3], Mode::All).0, 1680);
    }

    #[test]
    fn bound_zero_gives_the_serial_orders() {
        assert_eq!(behaviours(SCENARIOS[0], Mode::Bounded(0)).0, 2);
        assert_eq!(behaviours(SCENARIOS[3], Mode::Bounded(0)).0, 6);
        // One preemption: after any but the last step of the first, the second goes on to its end.
        assert_eq!(behaviours(SCENARIOS[0], Mode::Bounded(1)).0, 2 + 4);
    }

    #[test]
    fn a_repeated_step_that_answers_differently_is_noticed() {
        let mut explorer = Explorer::new(Level::ReadCommitted, Mode::All);
        let effect =
            |session, answer: &str| Effect { session, answer: answer.to_owned(), ..Effect::default() };
        assert!(explorer.begin());
        for answer in ["one", "two"] {
            let session = explorer.choose(&[0, 1]).unwrap().unwrap();
            explorer.executed(effect(session, answer)).unwrap();
        }
        assert!(explorer.begin());
        explorer.choose(&[0, 1]).unwrap();
        let error = explorer.executed(effect(0, "other")).unwrap_err();
        assert_eq!((error.step, error.first.as_str(), error.second.as_str()), (1, "one", "other"));
    }

    #[test]
    fn a_replay_goes_on_where_its_schedule_ends() {
        let mut explorer = Explorer::replay(Level::ReadCommitted, "121".parse().unwrap());
        assert!(explorer.begin());
        let mut chosen = Vec::new();
        for enabled in [&[0, 1][..], &[0, 1], &[0, 1], &[0, 1], &[1], &[]] {
            chosen.extend(explorer.choose(enabled).unwrap());
            explorer.executed(Effect::default()).unwrap();
        }
        assert_eq!(chosen, [0, 1, 0, 0, 1]);
    }

    #[test]
    fn a_schedule_is_replayed_once() {
        let mut explorer = Explorer::replay(Level::ReadCommitted, "12".parse().unwrap());
        assert!(explorer.begin());
        assert_eq!(explorer.choose(&[0, 1]).unwrap(), Some(0));
        explorer.executed(Effect::default()).unwrap();
        assert_eq!(explorer.choose(&[0]).unwrap(), None);
        assert!(!explorer.begin());
    }
}
