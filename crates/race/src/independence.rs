//! Which steps commute: the same answers and the same state in either order.
//!
//! Reasons lie in PostgreSQL's own rules (manual, "Transaction Isolation" and "Explicit Locking"). Where it is not
//! certain which rows a step touches, it touches the table: two steps that are called dependent without need cost a
//! schedule, the other mistake costs a behaviour.

use crate::effect::{Effect, Ended};
use crate::level::Level;

/// Returns whether two steps of different sessions commute.
pub fn independent(level: Level, one: &Effect, other: &Effect) -> bool {
    one.session != other.session && !depends(level, one, other) && !depends(level, other, one)
}

/// Returns whether `one` could notice that `other` came before it.
fn depends(level: Level, one: &Effect, other: &Effect) -> bool {
    // What the others do next decides how long it waits, and whether the circle closes.
    if one.waits_for.contains(&other.session) || one.released.contains(&other.session) {
        return true;
    }
    // Which transaction is refused depends on who has committed when a read and a write meet.
    if level == Level::Serializable && one.ended.is_some() {
        return true;
    }
    // The manual's table of row-level locks: what keeps the key and what asks for the key let each other pass.
    let waits = one.locks.meets(&other.locks)
        || one.locks.meets(&other.keeps_key)
        || one.locks.meets(&other.shares)
        || one.keeps_key.meets(&other.keeps_key);
    if waits || one.reads.meets(&other.exclusive) {
        return true;
    }
    let Some(Ended { locks: published, shares }) = &other.ended else { return false };
    // One snapshot for all that follows: whatever is published before it can be read later.
    let snapshot = level != Level::ReadCommitted && one.first && !published.is_empty();
    let sees = level == Level::ReadCommitted && one.reads.meets(published);
    // The row that a foreign key asks for is there, or changed after the snapshot, once it is published.
    let meets = [&one.locks, &one.keeps_key, &one.shares].iter().any(|held| held.meets(published));
    snapshot || sees || meets || one.locks.meets(shares)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::things::{Row, Things};

    fn things(names: &[&str]) -> Things {
        names.iter().collect()
    }

    fn read(session: usize, names: &[&str]) -> Effect {
        Effect { session, reads: things(names), ..Effect::default() }
    }

    fn write(session: usize, names: &[&str]) -> Effect {
        Effect { session, reads: things(names), locks: things(names), ..Effect::default() }
    }

    fn commit(session: usize, names: &[&str]) -> Effect {
        let ended = Ended { locks: things(names), ..Ended::default() };
        Effect { session, ended: Some(ended), ..Effect::default() }
    }

    #[test]
    fn a_read_notices_commits_and_nothing_else() {
        let level = Level::ReadCommitted;
        assert!(independent(level, &read(0, &["t"]), &write(1, &["t"])));
        assert!(independent(level, &read(0, &["t"]), &read(1, &["t"])));
        assert!(!independent(level, &read(0, &["t"]), &commit(1, &["t"])));
        assert!(independent(level, &read(0, &["t"]), &commit(1, &["u"])));
        assert!(independent(level, &commit(0, &["t"]), &commit(1, &["t"])));
    }

    #[test]
    fn writers_of_different_rows_do_not_meet() {
        let one_row = |session, value: &str| {
            let mut effect = Effect { session, ..Effect::default() };
            let row = Row { keys: [("id".to_owned(), value.to_owned())].into(), new: false };
            effect.reads.add_row("t", row.clone());
            effect.locks.add_row("t", row);
            effect
        };
        let level = Level::ReadCommitted;
        assert!(independent(level, &one_row(0, "1"), &one_row(1, "2")));
        assert!(!independent(level, &one_row(0, "1"), &one_row(1, "1")));
        assert!(!independent(level, &one_row(0, "1"), &commit(1, &["t"])));
        let ended = Ended { locks: one_row(1, "2").locks, ..Ended::default() };
        let published = Effect { ended: Some(ended), session: 1, ..Effect::default() };
        assert!(independent(level, &one_row(0, "1"), &published));
        assert!(!independent(level, &read(0, &["t"]), &published));
    }

    #[test]
    fn foreign_keys_wait_only_for_those_who_change_the_key() {
        let level = Level::ReadCommitted;
        let share = |session| Effect { session, shares: things(&["t"]), ..Effect::default() };
        let update = Effect { session: 1, keeps_key: things(&["t"]), ..Effect::default() };
        assert!(independent(level, &share(0), &share(1)));
        assert!(independent(level, &share(0), &update));
        assert!(!independent(level, &share(0), &write(1, &["t"])));
        assert!(!independent(level, &Effect { session: 0, ..update.clone() }, &update));
        // Published, the change is seen: at REPEATABLE READ the foreign key is refused then.
        assert!(!independent(level, &share(0), &commit(1, &["t"])));
        let ended = Ended { shares: things(&["t"]), ..Ended::default() };
        let released = Effect { session: 1, ended: Some(ended), ..Effect::default() };
        assert!(independent(level, &Effect { session: 0, ..update }, &released));
        assert!(independent(level, &read(0, &["t"]), &released));
        assert!(!independent(level, &write(0, &["t"]), &released));
    }

    #[test]
    fn at_repeatable_read_only_the_snapshot_looks_outside() {
        let level = Level::RepeatableRead;
        assert!(independent(level, &read(0, &["t"]), &commit(1, &["t"])));
        let snapshot = Effect { first: true, ..read(0, &["u"]) };
        assert!(!independent(level, &snapshot, &commit(1, &["t"])));
        assert!(independent(level, &snapshot, &commit(1, &[])));
        assert!(!independent(level, &write(0, &["t"]), &commit(1, &["t"])));
    }

    #[test]
    fn at_serializable_a_commit_depends_on_every_step() {
        assert!(!independent(Level::Serializable, &read(0, &["t"]), &commit(1, &["u"])));
        assert!(independent(Level::Serializable, &read(0, &["t"]), &write(1, &["t"])));
    }

    #[test]
    fn lock_takers_meet_and_waits_depend_on_those_waited_for() {
        let level = Level::ReadCommitted;
        assert!(!independent(level, &write(0, &["t"]), &write(1, &["t"])));
        let waiting = Effect { waits_for: [1].into(), ..write(0, &["t"]) };
        assert!(!independent(level, &waiting, &read(1, &["u"])));
        let truncate = Effect { exclusive: things(&["t"]), ..write(0, &["t"]) };
        assert!(!independent(level, &truncate, &read(1, &["t"])));
        assert!(!independent(level, &read(0, &["t"]), &read(0, &["t"])));
    }
}
