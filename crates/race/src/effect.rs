//! What one step did, as far as other sessions can notice it.

use std::collections::BTreeSet;

use crate::things::Things;

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
    /// Those of `locks` that keep readers away (ACCESS EXCLUSIVE).
    pub exclusive: Things,
    /// The step ended a transaction; what that transaction had written or locked.
    pub ended: Option<Things>,
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
        self.exclusive.add_all(released.exclusive);
        if let Some(ended) = released.ended {
            self.ended.get_or_insert_default().add_all(ended);
        }
        self.released.extend(released.released);
    }
}
