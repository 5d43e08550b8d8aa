//! Whether any number of instances of some transactions is serializable at a level, from what each reads and writes.
//!
//! The graph of possible conflicts decides (Fekete et al., "Making Snapshot Isolation Serializable", 2005, for one
//! snapshot per transaction; Alomari and Fekete, "Serializable Use of Read Committed Isolation Level", 2015). An edge
//! goes from a transaction that reads a thing to one that may write it meanwhile. Rows are not told apart by their
//! values, as other instances have others; but a transaction that changes the very row it read is safe there, unless
//! rows come and go: of two that change it one waits, or is refused.

use crate::level::Level;
use crate::things::Things;

/// What one statement of a transaction touched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// What it read.
    pub reads: Things,
    /// What it may have written or locked.
    pub locks: Things,
    /// What it changed, of that.
    pub changes: Things,
    /// Where rows may have come or gone, of that.
    pub moves: Things,
}

/// The statements of one transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program(pub Vec<Access>);

impl Program {
    /// Adds what the same statements touched another time.
    pub fn merge(&mut self, again: Vec<Access>) {
        for (at, access) in again.into_iter().enumerate() {
            match self.0.get_mut(at) {
                Some(known) => known.merge(access),
                None => self.0.push(access),
            }
        }
    }
}

impl Access {
    fn merge(&mut self, again: Access) {
        self.reads.add_all(again.reads);
        self.locks.add_all(again.locks);
        self.changes.add_all(again.changes);
        self.moves.add_all(again.moves);
    }
}

/// A read that another transaction, or another instance of the same one, may overtake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposed {
    /// The transaction that reads, by its place in the list.
    pub reader: usize,
    /// The one that writes meanwhile.
    pub writer: usize,
    /// What is read and written.
    pub thing: String,
}

/// Returns what prevents that every execution of any number of instances is serializable; `None` when nothing does.
pub fn exposed(level: Level, programs: &[Program]) -> Option<Exposed> {
    let all = || 0..programs.len();
    let edges = all().flat_map(|reader| all().map(move |writer| (reader, writer)));
    let mut edges = edges.filter_map(|(reader, writer)| {
        let thing = vulnerable(level, &programs[reader], &programs[writer])?;
        Some(Exposed { reader, writer, thing })
    });
    match level {
        Level::Serializable => None,
        // The reader does something after its read that comes after the other.
        Level::ReadCommitted => edges.find(|edge| goes_on(programs, edge)),
        // Two such edges in a row, on a circle.
        Level::RepeatableRead => edges.find(|edge| {
            all().any(|third| {
                vulnerable(level, &programs[edge.writer], &programs[third]).is_some()
                    && reaches(programs, third, edge.reader)
            })
        }),
    }
}

/// Returns a thing that `reader` reads and `writer` may write meanwhile.
fn vulnerable(level: Level, reader: &Program, writer: &Program) -> Option<String> {
    reader.0.iter().find_map(|access| {
        let mut things = access.reads.names();
        let exposed = things.find(|thing| {
            let protected = is_protected(level, reader, access, thing);
            writer
                .0
                .iter()
                .any(|other| if protected { other.moves.has(thing) } else { other.locks.has(thing) })
        });
        exposed.map(str::to_owned)
    })
}

/// Tells whether what a statement reads of a thing cannot change before the transaction ends.
///
/// With one snapshot for the transaction, changing the row later is enough: the server refuses it when another did.
/// With one for each statement, the statement itself must lock the row.
fn is_protected(level: Level, program: &Program, access: &Access, thing: &str) -> bool {
    let Some(rows) = access.reads.rows(thing) else { return false };
    let held =
        |holder: &Things| holder.rows(thing).is_some_and(|held| rows.iter().all(|row| held.contains(row)));
    match level {
        Level::ReadCommitted => held(&access.locks),
        _ => program.0.iter().any(|access| held(&access.changes)),
    }
}

/// Tells whether the reader meets, after its exposed read, something that may come after the writer.
fn goes_on(programs: &[Program], edge: &Exposed) -> bool {
    let reader = &programs[edge.reader].0;
    let first = reader.iter().position(|access| access.reads.has(&edge.thing)).unwrap_or(0);
    // What the same statement writes comes after what it read.
    let writes = Access { locks: reader[first].locks.clone(), ..Access::default() };
    let later: Vec<&Access> = std::iter::once(&writes).chain(&reader[first + 1..]).collect();
    let meets = |other: usize| {
        later.iter().any(|access| programs[other].0.iter().any(|there| conflict(access, there)))
    };
    (0..programs.len()).any(|other| meets(other) && reaches(programs, edge.writer, other))
}

/// Tells whether a path of conflicts leads from one transaction to another; every one reaches itself.
fn reaches(programs: &[Program], from: usize, to: usize) -> bool {
    let mut seen = vec![false; programs.len()];
    let mut open = vec![from];
    while let Some(at) = open.pop() {
        if at == to {
            return true;
        }
        if !std::mem::replace(&mut seen[at], true) {
            open.extend((0..programs.len()).filter(|next| meets(&programs[at], &programs[*next])));
        }
    }
    false
}

fn meets(one: &Program, other: &Program) -> bool {
    one.0.iter().any(|access| other.0.iter().any(|there| conflict(access, there)))
}

/// Tells whether two statements of different values may touch one row, and one writes it.
fn conflict(one: &Access, other: &Access) -> bool {
    let shares = |some: &Things, others: &Things| some.names().any(|thing| others.has(thing));
    shares(&one.reads, &other.locks) || shares(&one.locks, &other.reads) || shares(&one.locks, &other.locks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::things::Row;

    fn row(table: &str) -> Things {
        let mut things = Things::default();
        things.add_row(table, Row { keys: [("id".to_owned(), "1".to_owned())].into(), new: false });
        things
    }

    fn read(things: Things) -> Access {
        Access { reads: things, ..Access::default() }
    }

    fn update(things: Things) -> Access {
        Access { reads: things.clone(), locks: things.clone(), changes: things, ..Access::default() }
    }

    fn whole(table: &str) -> Things {
        Things::from_iter([table])
    }

    fn is_robust(level: Level, programs: &[Program]) -> bool {
        exposed(level, programs).is_none()
    }

    #[test]
    fn a_lost_update_is_exposed_below_one_snapshot() {
        let sale = Program(vec![read(row("stock")), update(row("stock"))]);
        let found = exposed(Level::ReadCommitted, std::slice::from_ref(&sale));
        assert_eq!(found, Some(Exposed { reader: 0, writer: 0, thing: "stock".to_owned() }));
        assert!(is_robust(Level::RepeatableRead, &[sale]));
        let atomic = Program(vec![update(row("stock"))]);
        assert!(is_robust(Level::ReadCommitted, &[atomic]));
    }

    #[test]
    fn a_lock_protects_what_is_read_with_it() {
        let locked = Access { reads: row("stock"), locks: row("stock"), ..Access::default() };
        let sale = Program(vec![locked, update(row("stock"))]);
        assert!(is_robust(Level::ReadCommitted, std::slice::from_ref(&sale)));
        // Nobody can lock a row that is not there yet.
        let arrival = Access { locks: whole("stock"), moves: whole("stock"), ..Access::default() };
        assert!(!is_robust(Level::ReadCommitted, &[sale, Program(vec![arrival])]));
    }

    #[test]
    fn write_skew_is_exposed_at_one_snapshot() {
        let off_call = Program(vec![read(whole("doctors")), update(row("doctors"))]);
        assert!(!is_robust(Level::ReadCommitted, std::slice::from_ref(&off_call)));
        assert!(!is_robust(Level::RepeatableRead, std::slice::from_ref(&off_call)));
        assert!(is_robust(Level::Serializable, &[off_call]));
    }

    #[test]
    fn one_statement_that_reads_and_writes_is_exposed() {
        let next = Access { reads: whole("t"), locks: whole("t"), moves: whole("t"), ..Access::default() };
        assert!(!is_robust(Level::ReadCommitted, &[Program(vec![next])]));
    }

    #[test]
    fn a_report_beside_one_writer_wants_one_snapshot() {
        let report = Program(vec![read(whole("a")), read(whole("b"))]);
        let transfer = Program(vec![update(row("a")), update(row("b"))]);
        let both = [report, transfer];
        assert!(!is_robust(Level::ReadCommitted, &both));
        assert!(is_robust(Level::RepeatableRead, &both));
        // One statement looks at one moment.
        let report = Program(vec![read(Things::from_iter(["a", "b"]))]);
        assert!(is_robust(Level::ReadCommitted, &[report, both[1].clone()]));
    }
}
