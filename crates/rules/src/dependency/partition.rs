//! The classes of rows that agree on the left side, and whether they agree on the right one.

use std::collections::HashMap;

use super::encode::Encoded;

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
    /// Returns the classes of all rows.
    pub(super) fn of(table: &Encoded, left: &[usize]) -> Partition {
        Partition::build(table, left, 0..table.rows as u32)
    }

    /// Returns the classes of some rows, in their order.
    pub(super) fn of_sample(table: &Encoded, left: &[usize], rows: &[u32]) -> Partition {
        Partition::build(table, left, rows.iter().copied())
    }

    fn build(table: &Encoded, left: &[usize], rows: impl ExactSizeIterator<Item = u32> + Clone) -> Partition {
        let mut partition = Partition { of_row: vec![0; rows.len()], classes: 1 };
        for column in left {
            let column = &table.columns[*column];
            let codes = rows.clone().map(|row| column.codes[row as usize]);
            partition.refine(codes, column.distinct);
        }
        partition
    }

    /// Splits every class by another column.
    fn refine(&mut self, codes: impl Iterator<Item = u32>, distinct: usize) {
        let room = self.classes.saturating_mul(distinct);
        let mut classes = 0u32;
        let mut number = |known: &mut u32| {
            if *known == u32::MAX {
                *known = classes;
                classes += 1;
            }
            *known
        };
        if room <= LISTED {
            let mut list = vec![u32::MAX; room];
            for (class, code) in self.of_row.iter_mut().zip(codes) {
                *class = number(&mut list[*class as usize * distinct + code as usize]);
            }
        } else {
            let mut map: HashMap<(u32, u32), u32> = HashMap::with_capacity(self.of_row.len());
            for (class, code) in self.of_row.iter_mut().zip(codes) {
                *class = number(map.entry((*class, code)).or_insert(u32::MAX));
            }
        }
        self.classes = classes as usize;
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
        let mut counts: HashMap<(u32, u32), usize> = HashMap::new();
        for (class, code) in self.of_row.iter().zip(&table.columns[right].codes) {
            *counts.entry((*class, *code)).or_default() += 1;
        }
        let mut most = vec![0usize; self.classes];
        for ((class, _), count) in counts {
            let known = &mut most[class as usize];
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
