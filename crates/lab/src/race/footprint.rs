//! What a step touched, learned from the locks that its session holds afterwards.
//!
//! `pg_locks` also shows what triggers, functions, views and foreign keys reached. A lock that was held before
//! tells nothing about the present step, so what the statement names, what it may reach unseen ([`Touch`]), and what
//! the session ever reached without a foreign key or naming it, counts as touched again.

use std::collections::{BTreeMap, BTreeSet};

use underpin_model::statement::{Access, StatementFacts};
use underpin_pg::Rows;
use underpin_race::{Effect, Ended, Things};

use super::reach::Touch;

/// What a lock on a table is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    /// ACCESS SHARE: plain reading.
    Read,
    /// ROW SHARE: rows are locked (FOR UPDATE, foreign keys).
    Rows,
    /// ROW EXCLUSIVE and more: rows are written.
    Write,
    /// ACCESS EXCLUSIVE: readers wait.
    Exclusive,
}

/// The thing that all advisory locks are.
const ADVISORY: &str = "an advisory lock";

/// Names of things with the strongest lock held on each.
pub(super) type Held = BTreeMap<String, Strength>;

/// Every lock of the given backends; `names` has the tables and sequences by oid.
pub(super) fn held(rows: &Rows, names: &BTreeMap<u32, String>) -> BTreeMap<i32, Held> {
    let mut all: BTreeMap<i32, Held> = BTreeMap::new();
    for row in rows.iter() {
        let strength = match row.text("mode") {
            "AccessShareLock" => Strength::Read,
            "RowShareLock" => Strength::Rows,
            "AccessExclusiveLock" => Strength::Exclusive,
            _ => Strength::Write,
        };
        let thing = match row.text("locktype") {
            "relation" => row.text("relation").parse().ok().and_then(|oid: u32| names.get(&oid)).cloned(),
            "advisory" => Some(ADVISORY.to_owned()),
            _ => None,
        };
        if let (Some(thing), Ok(pid)) = (thing, row.text("pid").parse()) {
            let known = all.entry(pid).or_default().entry(thing).or_insert(strength);
            *known = strength.max(*known);
        }
    }
    all
}

/// What one session held after its last step, and what it reached without naming it.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    held: Held,
    hidden: BTreeSet<String>,
    /// What the open transaction wrote or locked.
    locked: Things,
    /// What it locked for foreign keys alone.
    shared: Things,
    /// What it sent and saw, as long as that decides which tables it holds.
    story: Option<String>,
}

impl Default for Memory {
    fn default() -> Memory {
        Memory {
            held: Held::new(),
            hidden: BTreeSet::new(),
            locked: Things::default(),
            shared: Things::default(),
            story: Some(String::new()),
        }
    }
}

impl Memory {
    /// Returns all that the open transaction sent and saw, with a statement that was answered now; `None` when other
    /// sessions may decide which tables it holds.
    pub(super) fn story_with(&self, touch: &Touch, sql: &str, seen: &str) -> Option<String> {
        let before = self.story.as_ref().filter(|_| touch.is_plain())?;
        Some(format!("{before}{sql}\n{seen}\n"))
    }

    /// Notes what the open transaction has sent and seen.
    pub(super) fn tell(&mut self, story: Option<String>) {
        self.story = story;
    }

    /// Tells whether a statement probably waits for this session.
    pub(super) fn may_hold_up(&self, facts: &StatementFacts, touch: &Touch) -> bool {
        let mut wanted = Effect::default();
        want(facts, touch, &mut wanted);
        let Effect { locks, keeps_key, shares, .. } = wanted;
        [&locks, &keeps_key, &shares].iter().any(|things| things.meets(&self.locked))
            || locks.meets(&self.shared)
    }

    /// Notes the locks after a statement and adds what the statement touched to `effect`.
    pub(super) fn statement(
        &mut self,
        after: Held,
        facts: &StatementFacts,
        touch: &Touch,
        effect: &mut Effect,
    ) {
        let named: BTreeMap<&str, Access> =
            facts.relations.iter().map(|used| (used.name.as_str(), used.access)).collect();
        for (thing, strength) in &after {
            let access = named.get(thing.as_str());
            let cascades = touch.cascades.contains(thing);
            let new = self.held.get(thing).is_none_or(|before| before < strength);
            // What only a foreign key asks for is told apart below.
            let new = new && (access.is_some() || !touch.parents.contains_key(thing));
            if new && access.is_none() && !cascades {
                self.hidden.insert(thing.clone());
            }
            let unseen = cascades || touch.everything || self.hidden.contains(thing);
            let row = touch.row_of(thing).filter(|_| !unseen);
            if new || access.is_some() || unseen {
                effect.reads.add_part(thing, row.clone());
            }
            let writes = access.is_some_and(|access| *access != Access::Read || touch.locks_rows);
            if *strength > Strength::Read && (new || writes || unseen) {
                let keeps_key = touch.keeps_key && writes && !unseen;
                let locks = if keeps_key { &mut effect.keeps_key } else { &mut effect.locks };
                locks.add_part(thing, row.clone());
                self.locked.add_part(thing, row);
            }
            if *strength == Strength::Exclusive && new {
                effect.exclusive.add(thing);
            }
        }
        for (table, row) in &touch.parents {
            effect.shares.add_part(table, row.clone());
            self.shared.add_part(table, row.clone());
        }
        if touch.advisory {
            // A lock that was tried and not had leaves no trace.
            effect.locks.add(ADVISORY);
        }
        self.held = after;
    }

    /// Adds what a statement that still waits asked for to `effect`: some of it has no lock yet.
    pub(super) fn waiting(&self, after: Held, facts: &StatementFacts, touch: &Touch, effect: &mut Effect) {
        self.clone().statement(after, facts, touch, effect);
        want(facts, touch, effect);
    }

    /// Adds what a statement that failed may have touched: its locks are gone, so everything that it names or
    /// that the session holds counts.
    pub(super) fn failed(&mut self, facts: &StatementFacts, effect: &mut Effect) {
        let named = facts.relations.iter().map(|used| &used.name);
        for name in named.chain(self.held.keys()) {
            effect.reads.add(name);
            effect.locks.add(name);
        }
        self.end(effect);
    }

    /// Adds everything that the session holds to `effect`: deferred checks read it at COMMIT.
    pub(super) fn checks_at_commit(&self, effect: &mut Effect) {
        self.held.keys().for_each(|thing| effect.locks.add(thing));
    }

    /// Notes the end of the transaction.
    pub(super) fn end(&mut self, effect: &mut Effect) {
        let mut ended = Ended { locks: effect.locks.clone(), shares: effect.shares.clone() };
        ended.locks.add_all(effect.keeps_key.clone());
        ended.locks.add_all(std::mem::take(&mut self.locked));
        ended.shares.add_all(std::mem::take(&mut self.shared));
        for (thing, _) in self.held.iter().filter(|(_, strength)| **strength > Strength::Read) {
            if !ended.locks.has(thing) && !ended.shares.has(thing) {
                ended.locks.add(thing);
            }
        }
        effect.ended.get_or_insert_default().add_all(ended);
        // What a session holds beyond its transaction is no part of the next one's story.
        self.story = (!self.held.contains_key(ADVISORY)).then(String::new);
        self.held.clear();
    }
}

/// Adds the locks that a statement wants, as far as its text and the catalog tell.
fn want(facts: &StatementFacts, touch: &Touch, effect: &mut Effect) {
    for used in facts.relations.iter().filter(|used| used.access != Access::Read || touch.locks_rows) {
        let locks = if touch.keeps_key { &mut effect.keeps_key } else { &mut effect.locks };
        locks.add_part(&used.name, touch.row_of(&used.name));
    }
    touch.cascades.iter().for_each(|table| effect.locks.add(table));
    touch.parents.iter().for_each(|(table, row)| effect.shares.add_part(table, row.clone()));
    if touch.advisory {
        effect.locks.add(ADVISORY);
    }
}
