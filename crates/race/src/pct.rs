//! Random schedules that find an anomaly of small depth with a known probability.
//!
//! Probabilistic concurrency testing (Burckhardt et al., "A Randomized Scheduler with Probabilistic Guarantees of
//! Finding Bugs", 2010): sessions have random priorities, the highest that can go goes, and at a few random steps the
//! one that would go falls behind all others. One run of n sessions and k steps finds what needs d such orderings with
//! a probability of at least 1 / (n · k^(d−1)).

/// Orderings of two steps that a schedule is made of; most anomalies need two or three.
const DEPTH: usize = 3;

/// One random schedule in the making.
#[derive(Clone, Debug)]
pub struct Pct {
    /// By session; the highest goes.
    priorities: Vec<u64>,
    /// Steps before which the session that would go falls behind, and the priority that it gets then.
    changes: Vec<(usize, u64)>,
}

impl Pct {
    /// Returns a schedule for `sessions` with about `steps` steps in all; equal seeds give equal schedules.
    pub fn new(seed: u64, sessions: usize, steps: usize) -> Pct {
        let mut state = seed;
        let mut below = |bound: usize| (split_mix(&mut state) % bound.max(1) as u64) as usize;
        // Every session above all change points, in a random order.
        let mut priorities: Vec<u64> = (0..sessions).map(|session| (DEPTH + session) as u64).collect();
        (1..sessions).for_each(|at| priorities.swap(at, below(at + 1)));
        let changes = (1..DEPTH).map(|priority| (below(steps), priority as u64)).collect();
        Pct { priorities, changes }
    }

    /// Returns who takes the step at a place, from 0, among those that can.
    pub fn choose(&mut self, place: usize, enabled: &[usize]) -> Option<usize> {
        for (_, priority) in self.changes.clone().iter().filter(|(at, _)| *at == place) {
            let first = self.highest(enabled)?;
            self.priorities[first] = *priority;
        }
        self.highest(enabled)
    }

    fn highest(&self, enabled: &[usize]) -> Option<usize> {
        enabled.iter().copied().max_by_key(|session| self.priorities.get(*session))
    }
}

/// The next number of the generator SplitMix64 (Steele et al., "Fast Splittable Pseudorandom Number Generators", 2014).
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn schedule(seed: u64) -> String {
        let mut pct = Pct::new(seed, 2, 6);
        let mut left = [3, 3];
        let mut word = String::new();
        for place in 0..6 {
            let enabled: Vec<usize> = (0..2).filter(|session| left[*session] > 0).collect();
            let session = pct.choose(place, &enabled).unwrap();
            left[session] -= 1;
            word.push_str(&(session + 1).to_string());
        }
        word
    }

    #[test]
    fn seeds_give_different_schedules_and_the_same_one_again() {
        let found: BTreeSet<String> = (0..200).map(schedule).collect();
        assert_eq!(schedule(7), schedule(7));
        // Without a change a serial order; with two changes every schedule of at most two switches more.
        assert!(
            found.contains("111222") && found.contains("222111") && found.contains("112221"),
            "{found:?}"
        );
        assert!(found.len() > 8, "{found:?}");
    }
}
