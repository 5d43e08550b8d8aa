//! What a migration's session holds and has done, read from inside its transaction.

use std::collections::BTreeMap;

use underpin_model::deployment::Work;
use underpin_model::evidence::HeldLock;
use underpin_pg::{QueryError, Session};

/// One look.
#[derive(Clone, Debug, Default)]
pub(super) struct Observed {
    /// By oid.
    pub(super) relations: BTreeMap<u32, Relation>,
    /// Oid and mode of every relation lock.
    pub(super) locks: Vec<(u32, String)>,
    /// Rows read, inserted, changed so far by this session; only differences mean anything.
    rows: [u64; 3],
    /// Bytes of log so far, of the whole server.
    wal: u64,
}

/// A relation of the project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Relation {
    pub(super) name: String,
    /// `r`, `p`, `m`, `i`, `I`, `S` or `v`, as in `pg_class`.
    pub(super) kind: char,
    /// The file's number; 0 for what has no file.
    file: u32,
    /// Of an index: its table; else 0.
    pub(super) table: u32,
    /// Of an index: whether it may be used.
    pub(super) valid: bool,
}

/// Looks from within `session`.
pub(super) async fn observe(session: &Session) -> Result<Observed, QueryError> {
    let rows = session.rows(include_str!("observe.sql")).await?;
    let mut observed = Observed::default();
    for row in rows.iter() {
        let number = |column: &str| row.text(column).parse().unwrap_or_default();
        match row.text("what") {
            "relation" => {
                let relation = Relation {
                    name: row.text("b").to_owned(),
                    kind: row.text("c").chars().next().unwrap_or('r'),
                    file: number("d") as u32,
                    table: number("e") as u32,
                    valid: row.text("f") == "true",
                };
                observed.relations.insert(number("a") as u32, relation);
            }
            "lock" => observed.locks.push((number("a") as u32, row.text("b").to_owned())),
            _ => {
                observed.rows = [number("a"), number("b"), number("c")];
                observed.wal = number("d");
            }
        }
    }
    Ok(observed)
}

impl Observed {
    /// Returns the name of a relation, or its number where it is gone.
    pub(super) fn name(&self, oid: u32) -> String {
        self.relations.get(&oid).map_or_else(|| oid.to_string(), |relation| relation.name.clone())
    }

    /// Returns the same look with other locks.
    pub(super) fn holding(&self, locks: Vec<(u32, String)>) -> Observed {
        Observed { locks, ..self.clone() }
    }

    /// Returns what happened between an earlier look and this one.
    pub(super) fn since(&self, before: &Observed) -> Work {
        let [read, inserted, changed] =
            [0, 1, 2].map(|at: usize| self.rows[at].saturating_sub(before.rows[at]));
        let (rewrites, index_builds) = self.new_files(before);
        Work {
            locks: self.new_locks(before),
            rewrites,
            index_builds,
            rows_read: read,
            rows_written: inserted + changed,
            rows_changed: changed,
            transactions: 1,
            wal_bytes: self.wal.saturating_sub(before.wal),
            ..Work::default()
        }
    }

    /// Returns the locks that are new or stronger, the strongest for each relation.
    fn new_locks(&self, before: &Observed) -> Vec<HeldLock> {
        let strongest = |look: &Observed| {
            let mut strongest: BTreeMap<u32, usize> = BTreeMap::new();
            for (oid, mode) in &look.locks {
                let rank = rank(mode);
                strongest.entry(*oid).and_modify(|known| *known = rank.max(*known)).or_insert(rank);
            }
            strongest
        };
        let held = strongest(before);
        let mut locks: Vec<HeldLock> = strongest(self)
            .into_iter()
            .filter(|(oid, rank)| held.get(oid).is_none_or(|known| known < rank))
            .map(|(oid, rank)| HeldLock {
                relation: match self.relations.contains_key(&oid) {
                    true => self.name(oid),
                    false => before.name(oid),
                },
                mode: MODES[rank].to_owned(),
            })
            // A lock on the file that a rewrite fills and then drops, or on the TOAST table beside its table.
            .filter(|lock| lock.relation.parse::<u32>().is_err())
            .collect();
        locks.sort();
        locks
    }

    /// Returns tables that got new files, and indexes that did, of tables that existed before.
    fn new_files(&self, before: &Observed) -> (Vec<String>, Vec<(String, String)>) {
        let old_files: Vec<u32> = before.relations.values().map(|relation| relation.file).collect();
        let (mut rewrites, mut builds) = (Vec::new(), Vec::new());
        for (oid, relation) in self.relations.iter().filter(|(_, relation)| relation.file != 0) {
            let fresh = before.relations.get(oid).is_none_or(|old| old.file != relation.file);
            match relation.kind {
                'r' | 'm' if fresh && before.relations.contains_key(oid) => {
                    rewrites.push(relation.name.clone());
                }
                // A change that keeps the file of an index under a new number builds nothing.
                'i' if fresh
                    && before.relations.contains_key(&relation.table)
                    && !old_files.contains(&relation.file) =>
                {
                    builds.push((relation.name.clone(), self.name(relation.table)));
                }
                _ => {}
            }
        }
        (rewrites, builds)
    }

    /// Returns the indexes that cannot be used: name and table. Indexes of partitioned tables wait for their parts and do
    /// not count.
    pub(super) fn invalid_indexes(&self) -> Vec<(String, String)> {
        let invalid = self.relations.values().filter(|relation| relation.kind == 'i' && !relation.valid);
        invalid.map(|relation| (relation.name.clone(), self.name(relation.table))).collect()
    }
}

/// The table-level lock modes, weakest first (manual, "Table-Level Locks").
const MODES: [&str; 8] = [
    "AccessShareLock",
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
];

/// Returns how strong a mode is.
pub(super) fn rank(mode: &str) -> usize {
    MODES.iter().position(|known| *known == mode).unwrap_or_default()
}

/// Returns whether the mode may keep a writer out, which every probe then has to confirm.
pub(super) fn may_block(mode: &str) -> bool {
    rank(mode) >= rank("ShareLock")
}

/// Returns whether the mode keeps readers out.
pub(super) fn keeps_readers_out(mode: &str) -> bool {
    mode == "AccessExclusiveLock"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relation(name: &str, kind: char, file: u32, table: u32) -> Relation {
        Relation { name: name.into(), kind, file, table, valid: true }
    }

    #[test]
    fn new_files_of_known_tables_are_rewrites_and_builds() {
        let before = Observed {
            relations: BTreeMap::from([(1, relation("t", 'r', 1, 0)), (2, relation("t_pkey", 'i', 2, 1))]),
            ..Observed::default()
        };
        let after = Observed {
            relations: BTreeMap::from([
                (1, relation("t", 'r', 11, 0)),
                (3, relation("t_pkey", 'i', 2, 1)),
                (4, relation("t_at", 'i', 14, 1)),
                (5, relation("new", 'r', 15, 0)),
                (6, relation("new_pkey", 'i', 16, 5)),
            ]),
            ..Observed::default()
        };
        let work = after.since(&before);
        assert_eq!(work.rewrites, ["t"]);
        assert_eq!(work.index_builds, [("t_at".to_owned(), "t".to_owned())]);
    }

    #[test]
    fn a_stronger_lock_counts_and_a_weaker_one_does_not() {
        let relations = BTreeMap::from([(1, relation("t", 'r', 1, 0))]);
        let look = |modes: &[&str]| Observed {
            relations: relations.clone(),
            locks: modes.iter().map(|mode| (1, (*mode).to_owned())).collect(),
            ..Observed::default()
        };
        let held = look(&["ShareLock"]);
        assert!(look(&["ShareLock", "RowExclusiveLock"]).since(&held).locks.is_empty());
        assert_eq!(
            look(&["ShareLock", "AccessExclusiveLock"]).since(&held).locks[0].mode,
            "AccessExclusiveLock"
        );
    }
}
