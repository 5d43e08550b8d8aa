//! Which of the known anomalies a schedule shows.
//!
//! An anomaly is a circle of dependencies between committed transactions, and at least one of them is a read that
//! another transaction overtakes (Berenson et al., "A Critique of ANSI SQL Isolation Levels", 1995; Adya, "Weak
//! Consistency", 1999). What closes the circle gives the class.

use crate::level::Level;

/// What one step of a schedule did, as far as its statement tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deed {
    /// The session, from 0.
    pub session: usize,
    /// Tables that it read.
    pub reads: Vec<String>,
    /// Tables in which it changed rows.
    pub writes: Vec<String>,
    /// It inserted or deleted rows rather than change their columns.
    pub moves_rows: bool,
    /// It is a COMMIT.
    pub commits: bool,
}

/// A known anomaly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A row was read, somebody else changed it, and it was written over on the strength of the old value.
    LostUpdate,
    /// Each read what the other changed, and both wrote.
    WriteSkew,
    /// The same, where the other inserted or deleted rows that the condition of the read would have chosen.
    Phantom,
    /// What was read first comes from before the other's commit, what was read then from after it.
    ReadSkew,
}

impl Class {
    /// Returns its name as the literature has it.
    pub fn name(self) -> &'static str {
        match self {
            Class::LostUpdate => "lost update",
            Class::WriteSkew => "write skew",
            Class::Phantom => "phantom",
            Class::ReadSkew => "read skew",
        }
    }
}

/// A read that another session overtook: `writer` changed what `reader` had read, and committed after that.
struct Overtaken {
    reader: usize,
    writer: usize,
    read: usize,
    write: usize,
    commit: usize,
}

/// What sessions changed that another had changed since they had read it; the names of tables do not tell that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrittenOver {
    /// Some row.
    SomeRow,
    /// None.
    NoRow,
}

/// Returns the class of an anomalous schedule; nothing when its statements alone do not tell, as with what triggers do.
pub fn classify(level: Level, deeds: &[Deed], over: WrittenOver) -> Option<Class> {
    let overtaken = overtaken(level, deeds);
    overtaken.iter().filter_map(|one| class(one, &overtaken, deeds, over)).min()
}

fn overtaken(level: Level, deeds: &[Deed]) -> Vec<Overtaken> {
    let commit_of = |session| deeds.iter().position(|deed| deed.session == session && deed.commits);
    let mut all = Vec::new();
    for (read, reader) in deeds.iter().enumerate().filter(|(_, deed)| !deed.reads.is_empty()) {
        // With one snapshot for the transaction, every read looks at the time of its first statement.
        let looks_at = match level {
            Level::ReadCommitted => Some(read),
            _ => deeds.iter().position(|deed| deed.session == reader.session),
        };
        for (write, writer) in deeds.iter().enumerate().filter(|(_, deed)| deed.session != reader.session) {
            let meets = reader.reads.iter().any(|table| writer.writes.contains(table));
            let (Some(looks_at), Some(commit), Some(_)) =
                (looks_at, commit_of(writer.session), commit_of(reader.session))
            else {
                continue;
            };
            if meets && commit > looks_at {
                let (reader, writer) = (reader.session, writer.session);
                all.push(Overtaken { reader, writer, read, write, commit });
            }
        }
    }
    all
}

fn class(one: &Overtaken, all: &[Overtaken], deeds: &[Deed], over: WrittenOver) -> Option<Class> {
    let later = |from: usize| deeds[from..].iter().filter(|deed| deed.session == one.reader);
    let shares = |tables: &[String]| tables.iter().any(|table| deeds[one.write].writes.contains(table));
    if over == WrittenOver::SomeRow && later(one.read).any(|deed| !deed.moves_rows && shares(&deed.writes)) {
        return Some(Class::LostUpdate);
    }
    let back = all.iter().filter(|back| (back.reader, back.writer) == (one.writer, one.reader));
    let new = |table| deeds.iter().any(|deed| deed.session == one.writer && deed.writes.contains(table));
    let moved = back.map(|back| deeds[back.write].moves_rows || deeds[one.write].moves_rows).max();
    match moved {
        Some(true) => Some(Class::Phantom),
        Some(false) => Some(Class::WriteSkew),
        None if later(one.commit).any(|deed| deed.reads.iter().any(new)) => Some(Class::ReadSkew),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::WrittenOver::{NoRow, SomeRow};
    use super::*;

    /// Steps such as `1 read stock`, `2 change stock`, `1 add sales`, `1 commit`.
    fn deeds(steps: &str) -> Vec<Deed> {
        let deed = |step: &str| {
            let words: Vec<&str> = step.split_whitespace().collect();
            let table = |wanted: &[&str]| {
                words.get(2).filter(|_| wanted.contains(&words[1])).map(|table| (*table).to_owned())
            };
            Deed {
                session: words[0].parse::<usize>().unwrap() - 1,
                reads: table(&["read"]).into_iter().collect(),
                writes: table(&["change", "add"]).into_iter().collect(),
                moves_rows: words[1] == "add",
                commits: words[1] == "commit",
            }
        };
        steps.split(", ").map(deed).collect()
    }

    fn class_of(steps: &str, over: WrittenOver) -> Option<Class> {
        classify(Level::ReadCommitted, &deeds(steps), over)
    }

    #[test]
    fn an_overwritten_row_is_a_lost_update() {
        let steps = "1 read stock, 2 read stock, 2 change stock, 2 commit, 1 change stock, 1 commit";
        assert_eq!(class_of(steps, SomeRow), Some(Class::LostUpdate));
        assert_eq!(class_of(steps, NoRow), Some(Class::WriteSkew));
    }

    #[test]
    fn inserted_rows_are_a_phantom() {
        let steps = "1 read seats, 2 read seats, 2 add seats, 2 commit, 1 add seats, 1 commit";
        assert_eq!(class_of(steps, NoRow), Some(Class::Phantom));
    }

    #[test]
    fn two_reads_around_a_commit_are_read_skew() {
        let steps = "1 read a, 2 change a, 2 change b, 2 commit, 1 read b, 1 commit";
        assert_eq!(class_of(steps, NoRow), Some(Class::ReadSkew));
        assert_eq!(class_of(&steps.replace("2 change b, ", ""), NoRow), None);
        let twice = "1 read a, 2 change a, 2 commit, 1 read a, 1 commit";
        assert_eq!(class_of(twice, NoRow), Some(Class::ReadSkew));
    }

    #[test]
    fn a_snapshot_is_as_old_as_its_first_statement() {
        let steps = "1 read x, 2 read b, 2 change a, 2 commit, 1 read a, 1 change b, 1 commit";
        assert_eq!(class_of(steps, NoRow), None);
        assert_eq!(classify(Level::RepeatableRead, &deeds(steps), NoRow), Some(Class::WriteSkew));
    }

    #[test]
    fn who_was_rolled_back_overtakes_nobody() {
        assert_eq!(class_of("1 read a, 2 change a, 1 change a, 1 commit", SomeRow), None);
    }
}
