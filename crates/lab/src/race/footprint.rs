//! What a step touched, learned from the locks that its session holds afterwards.
//!
//! `pg_locks` also shows what triggers, functions, views and foreign keys reached. A lock that was held before
//! tells nothing about the present step, so what the statement names, what it may reach unseen ([`Touch`]), and what
//! the session ever reached without a foreign key or naming it, counts as touched again.

use std::collections::{BTreeMap, BTreeSet};

use underpin_model::statement::{Access, StatementFacts};
use underpin_pg::Rows;
use underpin_race::{Effect, Things};

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
            "advisory" => Some("an advisory lock".to_owned()),
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
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    pub(super) held: Held,
    hidden: BTreeSet<String>,
    /// What the open transaction wrote or locked.
    locked: Things,
}

impl Memory {
    /// Notes the locks after a statement and adds what the statement touched to `effect`.
    pub(super) fn statement(
        &mut self,
        after: Held,
        facts: &StatementFacts,
        (sql, touch): (&str, &Touch),
        effect: &mut Effect,
    ) {
        let named: BTreeMap<&str, Access> =
            facts.relations.iter().map(|used| (used.name.as_str(), used.access)).collect();
        let sql = sql.to_ascii_uppercase();
        let locks_rows = ["FOR UPDATE", "FOR NO KEY UPDATE", "FOR SHARE", "FOR KEY SHARE"];
        let locks_rows = locks_rows.iter().any(|words| sql.contains(words));
        for (thing, strength) in &after {
            let new = self.held.get(thing).is_none_or(|before| before < strength);
            let access = named.get(thing.as_str());
            let behind = touch.behind.contains(thing);
            if new && access.is_none() && !behind {
                self.hidden.insert(thing.clone());
            }
            let unseen = behind || touch.everything || self.hidden.contains(thing);
            let row = touch.row_of(thing).filter(|_| !unseen);
            if new || access.is_some() || unseen {
                effect.reads.add_part(thing, row.clone());
            }
            let writes =
                access.is_some_and(|access| *access != Access::Read) || locks_rows && access.is_some();
            if *strength > Strength::Read && (new || writes || unseen) {
                effect.locks.add_part(thing, row.clone());
                self.locked.add_part(thing, row);
            }
            if *strength == Strength::Exclusive && new {
                effect.exclusive.add(thing);
            }
        }
        if sql.contains("ADVISORY") {
            // A lock that was tried and not had leaves no trace.
            effect.locks.add("an advisory lock");
        }
        self.held = after;
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

    /// Notes the end of the transaction.
    pub(super) fn end(&mut self, effect: &mut Effect) {
        let mut ended = effect.locks.clone();
        for (thing, _) in self.held.iter().filter(|(_, strength)| **strength > Strength::Read) {
            ended.add_as_in(thing, &self.locked);
        }
        effect.ended.get_or_insert_default().add_all(ended);
        self.held.clear();
        self.locked = Things::default();
    }
}
