//! From counts on copies to advice. Values in, findings out.

use underpin_model::{Code, Finding, ObjectKind, ObjectRef};

use super::changed::Table;
use super::copy::Counts;

/// Every code of the drill. Notes: no update is wrong, some cost more than they need to.
pub(super) const CODES: &[Code] = &[NO_ROOM, PREVENTED, UNNEEDED];

const NO_ROOM: Code =
    Code::note("UP760", "update-finds-no-room", "updates leave their full page and pay for every index");
const PREVENTED: Code =
    Code::note("UP761", "index-prevents-hot", "an index on an updated column makes every update pay for all");
const UNNEEDED: Code =
    Code::note("UP762", "fillfactor-unneeded", "a table keeps room on its pages that no update needs");

/// From this part of HOT updates on nothing is to be won.
const ENOUGH: f64 = 0.9;

/// A change must make so many more of the updates HOT.
const GAIN: f64 = 0.1;

/// A smaller change is preferred to one that is better by no more than this.
const NEARLY: f64 = 0.05;

/// What the whole load must save in log, as a part of it: less is the noise of keys and times that differ in length.
const SAVED: f64 = 0.005;

/// What was counted for one table.
pub(super) struct Studied {
    pub(super) table: Table,
    /// As declared.
    pub(super) base: Counts,
    /// With another fillfactor.
    pub(super) rooms: Vec<(u32, Counts)>,
    /// Without these indexes, with most room: first without all that hold an updated column, then with one of them each.
    pub(super) hidden: Vec<(Vec<String>, Counts)>,
    /// Without those that prevent HOT, else as declared.
    pub(super) without: Option<Counts>,
}

/// What is advised for a table.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Advice {
    /// A lower fillfactor, and what it led to.
    Room(u32, Counts),
    /// These indexes prevent HOT.
    Indexes(Vec<String>),
    /// The declared fillfactor wins nothing.
    Unneeded(Counts),
}

impl Studied {
    pub(super) fn new(table: &Table, base: Counts) -> Studied {
        Studied { table: table.clone(), base, rooms: Vec::new(), hidden: Vec::new(), without: None }
    }

    /// Tells whether no change could be advised: no room is kept free, and nearly all updates are HOT.
    pub(super) fn has_nothing_to_win(&self) -> bool {
        self.table.fillfactor == 100 && self.base.share() > 1.0 - GAIN
    }

    /// Tells whether room alone makes nearly all updates HOT.
    pub(super) fn room_suffices(&self) -> bool {
        self.best() >= ENOUGH
    }

    /// Returns the highest part of HOT updates with all indexes there.
    fn best(&self) -> f64 {
        self.rooms.iter().map(|(_, counts)| counts.share()).fold(self.base.share(), f64::max)
    }

    /// Returns the indexes each of which prevents HOT by itself; those that do it only together are all named.
    pub(super) fn preventing(&self) -> Vec<String> {
        let Some(((all, none_there), alone)) = self.hidden.split_first() else { return Vec::new() };
        if none_there.share() < self.best() + GAIN {
            return Vec::new();
        }
        let prevents = |kept: &&String| {
            let with_it = alone.iter().find(|(hidden, _)| !hidden.contains(kept));
            with_it.is_some_and(|(_, counts)| counts.share() + GAIN <= none_there.share())
        };
        let found: Vec<String> = all.iter().filter(prevents).cloned().collect();
        if found.is_empty() { all.clone() } else { found }
    }

    /// Returns the smallest changes that help clearly; nothing when there is none.
    pub(super) fn advice(&self) -> Vec<Advice> {
        let mut advice: Vec<Advice> = self.unneeded().into_iter().chain(self.room()).collect();
        let preventing = self.preventing();
        if !preventing.is_empty() {
            advice.push(Advice::Indexes(preventing));
        }
        advice
    }

    fn unneeded(&self) -> Option<Advice> {
        let (_, full) = self.rooms.iter().find(|(fillfactor, _)| *fillfactor == 100)?;
        let as_good = full.share() + NEARLY / 2.0 >= self.base.share() && full.wal <= self.base.wal;
        as_good.then_some(Advice::Unneeded(*full))
    }

    fn room(&self) -> Option<Advice> {
        let lower = || self.rooms.iter().filter(|(fillfactor, _)| *fillfactor < self.table.fillfactor);
        let best = lower().map(|(_, counts)| counts.share()).fold(0.0, f64::max);
        let helps = |counts: &Counts| {
            counts.share() >= self.base.share() + GAIN
                && counts.share() + NEARLY >= best
                && (counts.wal as f64) < self.base.wal as f64 * (1.0 - SAVED)
        };
        let smallest = lower().filter(|(_, counts)| helps(counts)).max_by_key(|(fillfactor, _)| *fillfactor);
        smallest.map(|(fillfactor, counts)| Advice::Room(*fillfactor, *counts))
    }

    /// Returns the advice in a few words.
    pub(super) fn words(&self) -> String {
        let advice = self.advice();
        let words = |one: &Advice| match one {
            Advice::Room(fillfactor, _) => format!("fillfactor = {fillfactor}"),
            Advice::Indexes(names) => told(names),
            Advice::Unneeded(_) => "fillfactor = 100".to_owned(),
        };
        match advice.as_slice() {
            [] if self.base.share() >= ENOUGH => {
                format!("no change: {} HOT already", percent(self.base.share()))
            }
            [] => {
                format!("no change: none that was tried helps clearly ({} HOT at best)", percent(self.best()))
            }
            all => all.iter().map(words).collect::<Vec<_>>().join("; "),
        }
    }

    /// Returns a finding per piece of advice.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let object = ObjectRef::in_schema(ObjectKind::Table, &self.table.schema, &self.table.name);
        let finding = |one: Advice| match one {
            Advice::Room(fillfactor, counts) => self.no_room(fillfactor, &counts),
            Advice::Indexes(names) => self.prevented(&names),
            Advice::Unneeded(counts) => self.unneeded_room(&counts),
        };
        self.advice().into_iter().map(|one| finding(one).object(object.clone())).collect()
    }

    fn no_room(&self, fillfactor: u32, counts: &Counts) -> Finding {
        let Studied { table, base, .. } = self;
        let message = format!(
            "{} of {} updates of {} are HOT at fillfactor {}, {} at {fillfactor}: the whole load then writes {} less log. The table \
             begins with {} pages instead of {} and ends with {} instead of {}; its indexes end with {} instead of {}.",
            percent(base.share()),
            base.updates,
            table.display(),
            table.fillfactor,
            percent(counts.share()),
            percent(saved(base, counts)),
            counts.pages.0,
            base.pages.0,
            counts.pages.1,
            base.pages.1,
            counts.index_pages.1,
            base.index_pages.1,
        );
        let hint = format!("ALTER TABLE {} SET (fillfactor = {fillfactor});", table.quoted());
        Finding::new(&NO_ROOM, message).hint(hint)
    }

    fn prevented(&self, names: &[String]) -> Finding {
        let Studied { table, base, .. } = self;
        let none_there = self.hidden.first().map_or(0.0, |(_, counts)| counts.share());
        let mut message = format!(
            "{} on {}: at best {} of {} updates are HOT at any fillfactor, {} without any index on what changes ({}).",
            told(names),
            table.display(),
            percent(self.best()),
            base.updates,
            percent(none_there),
            table.columns,
        );
        if let Some(without) = &self.without {
            let gone = if names.len() == 1 { "it" } else { "them" };
            message.push_str(&format!(
                " Without {gone}, else as declared, {} are HOT, the whole load writes {} less log, and the indexes end with {} pages \
                 instead of {}.",
                percent(without.share()),
                percent(saved(base, without)),
                without.index_pages.1,
                base.index_pages.1
            ));
        }
        Finding::new(&PREVENTED, message).hint(
            "underpin prove indexes  # which queries need it; one that none needs can go, a column that changes often may move to a table of its own",
        )
    }

    fn unneeded_room(&self, full: &Counts) -> Finding {
        let Studied { table, base, .. } = self;
        let message = format!(
            "{} has fillfactor {}, and at 100 as many updates are HOT ({} instead of {}): {} pages would do instead of {}.",
            table.display(),
            table.fillfactor,
            percent(full.share()),
            percent(base.share()),
            full.pages.0,
            base.pages.0
        );
        Finding::new(&UNNEEDED, message).hint(format!("ALTER TABLE {} RESET (fillfactor);", table.quoted()))
    }
}

/// Returns who prevents HOT.
fn told(names: &[String]) -> String {
    let verb = if names.len() == 1 { "prevents" } else { "prevent" };
    format!("{} {verb} HOT", names.join(", "))
}

/// Returns the part of the load's log that a change saves.
fn saved(base: &Counts, changed: &Counts) -> f64 {
    1.0 - changed.wal as f64 / base.wal.max(1) as f64
}

/// Returns a part in hundredths.
pub(super) fn percent(part: f64) -> String {
    format!("{:.0} %", part * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(hot: u64, wal: u64) -> Counts {
        Counts { updates: 100, hot, wal, ..Counts::default() }
    }

    fn studied(fillfactor: u32, base: Counts, rooms: &[(u32, Counts)]) -> Studied {
        let table =
            Table { schema: "public".to_owned(), name: "t".to_owned(), fillfactor, ..Table::default() };
        Studied { rooms: rooms.to_vec(), ..Studied::new(&table, base) }
    }

    #[test]
    fn the_smallest_change_that_helps_is_advised() {
        let rooms = [(90, counts(70, 900)), (80, counts(93, 850)), (70, counts(97, 840))];
        let studied = studied(100, counts(20, 1_000), &rooms);
        assert_eq!(studied.advice(), [Advice::Room(80, counts(93, 850))]);
        let finding = &studied.findings()[0];
        assert_eq!(finding.code, "UP760");
        assert_eq!(finding.hint.as_deref(), Some("ALTER TABLE \"public\".\"t\" SET (fillfactor = 80);"));
    }

    #[test]
    fn what_is_hot_already_or_saves_nothing_stays() {
        let hot = studied(100, counts(93, 1_000), &[(90, counts(99, 900))]);
        assert_eq!((hot.advice(), hot.words().as_str()), (vec![], "no change: 93 % HOT already"));
        let dear = studied(100, counts(50, 1_000), &[(90, counts(99, 1_000))]);
        assert_eq!(dear.advice(), []);
        assert!(dear.words().contains("99 % HOT at best"), "{}", dear.words());
    }

    #[test]
    fn room_that_wins_nothing_is_told() {
        let rooms = [(100, counts(90, 1_000)), (80, counts(92, 990)), (70, counts(92, 980))];
        assert_eq!(studied(90, counts(91, 1_000), &rooms).advice(), [Advice::Unneeded(counts(90, 1_000))]);
        let needed = [(100, counts(40, 1_200))];
        assert_eq!(studied(90, counts(91, 1_000), &needed).advice(), []);
    }

    #[test]
    fn of_several_indexes_the_one_that_prevents_is_named() {
        let mut one = studied(100, counts(0, 1_000), &[(70, counts(5, 1_000))]);
        let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        one.hidden = vec![
            (names(&["a", "b"]), counts(98, 700)),
            (names(&["b"]), counts(4, 900)),
            (names(&["a"]), counts(95, 750)),
        ];
        assert_eq!(one.preventing(), ["a"]);
        one.without = Some(counts(95, 750));
        assert!(one.findings()[0].message.contains("25 % less log"), "{}", one.findings()[0].message);
        one.hidden[0].1 = counts(12, 990);
        assert_eq!(one.advice(), [], "no index is to blame when nothing changes without all of them");
    }
}
