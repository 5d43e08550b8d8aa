//! The steps that the present walk has taken before.
//!
//! A walk goes back and forth in a tree of schedules, so that most steps of an execution repeat those of the one
//! before. What such a step touched is known; only its answer is compared.

use underpin_race::Effect;

use super::footprint::Memory;
use super::restore_point::Marks;

/// What is known after a step.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) session: usize,
    /// How many answers came within the step.
    pub(super) answers: usize,
    pub(super) effect: Effect,
    pub(super) memories: Vec<Memory>,
    pub(super) marks: Marks,
}

/// The steps of the execution before, as far as the present one repeats them.
#[derive(Debug, Default)]
pub(super) struct Trail(Vec<Known>);

impl Trail {
    /// Returns what is known of the step at `place`, when the same session took it; forgets the rest otherwise.
    pub(super) fn at(&mut self, place: usize, session: usize) -> Option<&Known> {
        if self.0.get(place).is_some_and(|known| known.session != session) {
            self.0.truncate(place);
        }
        self.0.get(place)
    }

    /// Keeps what a step at the end of the trail did.
    pub(super) fn keep(&mut self, known: Known) {
        self.0.push(known);
    }
}
