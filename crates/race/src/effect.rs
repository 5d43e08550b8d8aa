//! What one step did, as far as other sessions can notice it.

use std::collections::BTreeSet;

use crate::things::Things;

/// What a transaction held that has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// What it had written or locked.
    pub locks: Things,
    /// What it had locked for its foreign keys alone.
    pub shares: Things,
}

impl Ended {
    /// Adds all of another.
    pub fn add_all(&mut self, other: Ended) {
        self.locks.add_all(other.locks);
        self.shares.add_all(other.shares);
    }
}

/// What one step did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// The session that took the step.
    pub session: usize,
    /// The step took the transaction's first snapshot.
    pub first: bool,
    /// What it read through a snapshot.
    pub reads: Things,
    /// What it wrote or locked, granted or not: everything but plain reading.
    pub locks: Things,
    /// Rows that it changed or locked, their keys left as they are (FOR NO KEY UPDATE and weaker).
    pub keeps_key: Things,
    /// Rows that a foreign key asked for (FOR KEY SHARE).
    pub shares: Things,
    /// Those of `locks` that keep readers away (ACCESS EXCLUSIVE).
    pub exclusive: Things,
    /// The step ended a transaction.
    pub ended: Option<Ended>,
    /// Sessions that the step waits for; none when it was answered.
    pub waits_for: BTreeSet<usize>,
    /// Sessions whose waiting step went on in this step; what those did is part of this effect.
    pub released: BTreeSet<usize>,
    /// What the client saw, to notice steps that answer differently when they are repeated.
    pub answer: String,
}

impl Effect {
    /// Adds what a released session's step did.
    pub fn absorb(&mut self, released: Effect) {
        self.released.insert(released.session);
        self.reads.add_all(released.reads);
        self.locks.add_all(released.locks);
        self.keeps_key.add_all(released.keeps_key);
        self.shares.add_all(released.shares);
        self.exclusive.add_all(released.exclusive);
        if let Some(ended) = released.ended {
            self.ended.get_or_insert_default().add_all(ended);
        }
        self.released.extend(released.released);
    }
}
