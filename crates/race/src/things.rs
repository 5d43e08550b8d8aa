//! What sessions meet on: tables, whole or by row, sequences and advisory keys.

use std::collections::{BTreeMap, BTreeSet};

/// One row of a table, by the values of its unique keys, as far as they are known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// Name and value of each key.
    pub keys: BTreeMap<String, String>,
    /// It is a new row, and all its keys are known.
    pub new: bool,
}

impl Row {
    /// Returns whether two may be the same row, or one may be in the other's way.
    ///
    /// One key that differs tells two rows of a table apart. A new row waits for every row that has one of its keys,
    /// whatever is done to that row (`_bt_check_unique` in PostgreSQL's sources), so each of its keys has to differ.
    fn meets(&self, other: &Row) -> bool {
        let mut shared = self.keys.iter().filter_map(|(key, value)| Some(value == other.keys.get(key)?));
        let all_known = |new: &Row, there: &Row| new.keys.keys().all(|key| there.keys.contains_key(key));
        if self.new && !all_known(self, other) || other.new && !all_known(other, self) {
            return true;
        }
        match self.new || other.new {
            true => shared.any(|same| same),
            false => shared.all(|same| same),
        }
    }
}

/// How much of a thing.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Whole,
    Rows(BTreeSet<Row>),
}

/// A set of things.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Things(BTreeMap<String, Part>);

impl Things {
    /// Adds a whole thing.
    pub fn add(&mut self, name: &str) {
        self.0.insert(name.to_owned(), Part::Whole);
    }

    /// Adds one row of a table.
    pub fn add_row(&mut self, name: &str, row: Row) {
        match self.0.entry(name.to_owned()).or_insert_with(|| Part::Rows(BTreeSet::new())) {
            Part::Whole => {}
            Part::Rows(rows) => {
                rows.insert(row);
            }
        }
    }

    /// Adds one row when it is known, else the whole thing.
    pub fn add_part(&mut self, name: &str, row: Option<Row>) {
        match row {
            Some(row) => self.add_row(name, row),
            None => self.add(name),
        }
    }

    /// Adds all of another set.
    pub fn add_all(&mut self, other: Things) {
        for (name, part) in other.0 {
            match part {
                Part::Whole => self.add(&name),
                Part::Rows(rows) => rows.into_iter().for_each(|row| self.add_row(&name, row)),
            }
        }
    }

    /// Returns whether a thing, or some row of it, is in the set.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Takes a thing out of the set.
    pub fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Returns the names of all things.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Returns the rows of a thing; nothing when it is in the set as a whole, or not at all.
    pub fn rows(&self, name: &str) -> Option<&BTreeSet<Row>> {
        match self.0.get(name)? {
            Part::Rows(rows) => Some(rows),
            Part::Whole => None,
        }
    }

    /// Returns whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether some thing, or some row of it, is or may be in both.
    pub fn meets(&self, other: &Things) -> bool {
        self.0.iter().any(|(name, part)| other.0.get(name).is_some_and(|there| meet(part, there)))
    }
}

impl<S: AsRef<str>> FromIterator<S> for Things {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Things {
        let mut things = Things::default();
        names.into_iter().for_each(|name| things.add(name.as_ref()));
        things
    }
}

fn meet(one: &Part, other: &Part) -> bool {
    match (one, other) {
        (Part::Rows(ours), Part::Rows(theirs)) => {
            ours.iter().any(|our| theirs.iter().any(|their| our.meets(their)))
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(pairs: &[(&str, &str)], new: bool) -> Things {
        let keys = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let mut things = Things::default();
        things.add_row("t", Row { keys, new });
        things
    }

    fn row(key: &str, value: &str) -> Things {
        keys(&[(key, value)], false)
    }

    #[test]
    fn rows_meet_unless_one_key_tells_them_apart() {
        assert!(!row("id", "1").meets(&row("id", "2")));
        assert!(row("id", "1").meets(&row("id", "1")));
        assert!(row("id", "1").meets(&row("email", "a@b.c")));
        assert!(row("id", "1").meets(&Things::from_iter(["t"])));
        assert!(!row("id", "1").meets(&Things::from_iter(["u"])));
    }

    #[test]
    fn a_new_row_meets_whatever_may_have_one_of_its_keys() {
        let one = keys(&[("id", "1"), ("email", "a@b.c")], true);
        assert!(one.meets(&keys(&[("id", "2"), ("email", "a@b.c")], true)));
        assert!(!one.meets(&keys(&[("id", "2"), ("email", "d@e.f")], true)));
        // The e-mail address of row 2 is not known.
        assert!(one.meets(&row("id", "2")) && row("id", "2").meets(&one));
        assert!(!keys(&[("id", "1")], true).meets(&row("id", "2")));
        assert!(keys(&[("id", "1")], true).meets(&row("id", "1")));
    }

    #[test]
    fn a_whole_table_holds_every_row() {
        let mut things = row("id", "1");
        things.add("t");
        things.add_all(row("id", "2"));
        assert_eq!(things, Things::from_iter(["t"]));
        let mut rows = row("id", "1");
        rows.add_all(row("id", "2"));
        assert!(rows.meets(&row("id", "2")) && !rows.meets(&row("id", "3")));
    }
}
