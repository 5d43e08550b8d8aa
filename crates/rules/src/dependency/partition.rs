//! The classes of rows that agree on the left side, and whether they agree on the right one.

use super::encode::Encoded;
use super::hash::QuickMap;

/// Classes up to which numbers are looked up in a list instead of a map.
const LISTED: usize = 1 << 22;

/// Rows by class.
pub(super) struct Partition {
    /// Class of each row.
    of_row: Vec<u32>,
    /// How many there are.
    pub(super) classes: usize,
}

/// Whether all rows of each class agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Holds,
    Contradicted,
}

impl Partition {
    /// Returns the classes of all rows; none when fewer than half of the rows repeat a class, which is noticed on the way.
    pub(super) fn of_repeating(table: &Encoded, left: &[usize]) -> Option<Partition> {
        Partition::build(table, left, (0..table.rows as u32, table.rows - table.rows / 2))
    }

    /// Returns the classes of some rows, in their order.
    pub(super) fn of_sample(table: &Encoded, left: &[usize], rows: &[u32]) -> Partition {
        let whole = Partition::build(table, left, (rows.iter().copied(), usize::MAX));
        whole.unwrap_or(Partition { of_row: Vec::new(), classes: 0 })
    }

    /// Returns the classes of the rows; none as soon as there are more than `most`.
    fn build(
        table: &Encoded,
        left: &[usize],
        (rows, most): (impl ExactSizeIterator<Item = u32> + Clone, usize),
    ) -> Option<Partition> {
        let mut partition = Partition { of_row: vec![0; rows.len()], classes: 1 };
        for column in left {
            let column = &table.columns[*column];
            let codes = rows.clone().map(|row| column.codes[row as usize]);
            if !partition.refine(codes, column.distinct, most) {
                return None;
            }
        }
        Some(partition)
    }

    /// Splits every class by another column; returns whether there are no more than `most` classes then.
    fn refine(&mut self, codes: impl Iterator<Item = u32>, distinct: usize, most: usize) -> bool {
        let room = self.classes.saturating_mul(distinct);
        // A list that is far longer than what is looked up in it takes longer to clear than a map to fill.
        let listed = LISTED.min(self.of_row.len().saturating_mul(8));
        let mut classes = 0u32;
        let mut number = |known: &mut u32| {
            if *known == u32::MAX {
                *known = classes;
                classes += 1;
            }
            *known
        };
        if room <= listed {
            let mut list = vec![u32::MAX; room];
            for (class, code) in self.of_row.iter_mut().zip(codes) {
                *class = number(&mut list[*class as usize * distinct + code as usize]);
                if *class as usize >= most {
                    return false;
                }
            }
        } else {
            let room = self.of_row.len().min(most);
            let mut map: QuickMap<u64, u32> = QuickMap::with_capacity_and_hasher(room, Default::default());
            for (class, code) in self.of_row.iter_mut().zip(codes) {
                *class = number(map.entry(pair(*class, code)).or_insert(u32::MAX));
                if *class as usize >= most {
                    return false;
                }
            }
        }
        self.classes = classes as usize;
        true
    }

    /// Returns whether the sampled rows leave the dependency possible, as an approximate one too.
    pub(super) fn may_hold(&self, table: &Encoded, right: usize, rows: &[u32]) -> bool {
        let column = &table.columns[right];
        let codes = rows.iter().map(|row| column.codes[*row as usize]);
        let mut last = vec![u32::MAX; self.classes];
        let mut changes = 0;
        // A row that contradicts changes its class twice: to its value and back. Twice what an approximate dependency may
        // have: a sample of this size does not err so far.
        let most = (rows.len() as f64 * super::APPROXIMATE * 4.0) as usize + 4;
        for (class, code) in self.of_row.iter().zip(codes) {
            let known = &mut last[*class as usize];
            if *known != code && *known != u32::MAX {
                changes += 1;
                if changes > most {
                    return false;
                }
            }
            *known = code;
        }
        true
    }

    /// Returns whether every class agrees on the column.
    pub(super) fn check(&self, table: &Encoded, right: usize) -> Verdict {
        let mut first = vec![u32::MAX; self.classes];
        for (class, code) in self.of_row.iter().zip(&table.columns[right].codes) {
            let known = &mut first[*class as usize];
            if *known == u32::MAX {
                *known = *code;
            } else if known != code {
                return Verdict::Contradicted;
            }
        }
        Verdict::Holds
    }

    /// Returns the rows that do not have the most frequent value of their class (g3).
    pub(super) fn contradicting(&self, table: &Encoded, right: usize) -> usize {
        let mut counts: QuickMap<u64, usize> = QuickMap::default();
        for (class, code) in self.of_row.iter().zip(&table.columns[right].codes) {
            *counts.entry(pair(*class, *code)).or_default() += 1;
        }
        let mut most = vec![0usize; self.classes];
        for (pair, count) in counts {
            let known = &mut most[(pair >> 32) as usize];
            *known = (*known).max(count);
        }
        self.of_row.len() - most.iter().sum::<usize>()
    }

    /// Returns the logarithm of the chance that all repetitions agree by accident, were the values on the right spread over
    /// the rows without regard to the left.
    pub(super) fn chance(&self, table: &Encoded, right: usize) -> f64 {
        let column = &table.columns[right];
        let mut counts = vec![0f64; column.distinct];
        column.codes.iter().for_each(|code| counts[*code as usize] += 1.0);
        let rows = table.rows as f64;
        let agree: f64 = counts.iter().map(|count| (count / rows).powi(2)).sum();
        agree.ln() * (table.rows - self.classes) as f64
    }
}

/// Returns a class and a code as one number.
fn pair(class: u32, code: u32) -> u64 {
    u64::from(class) << 32 | u64::from(code)
}
