//! Which columns of a table follow from others: functional dependencies that the data do not contradict.
//!
//! Every column is dictionary-encoded once. A sample of the rows refutes almost every candidate; what is left is
//! checked against all rows, first for single columns on the left, then for pairs and for the parts of keys.

mod encode;
mod hash;
mod partition;

pub use encode::{Encoded, EncodedColumn, encode};

use partition::{Partition, Verdict};

/// Rows of the sample that refutes: a twentieth, but not so few that it refutes nothing.
const SAMPLE_LEAST: usize = 1_000;
/// Classes below which agreement may be chance.
const FEW_CLASSES: usize = 5;
/// Chance of agreeing by accident above which nothing is said (as a power of e): one in a thousand million.
const ACCIDENT: f64 = -20.7;
/// A dependency that fewer than this part of the rows contradict is worth a note.
pub const APPROXIMATE: f64 = 0.005;

/// What is known of a table beside its rows.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    /// Columns of each key: primary, unique constraints, unique indexes without a condition.
    pub keys: Vec<Vec<usize>>,
    /// Columns that may not stand on the right: generated, derived on purpose.
    pub declared: Vec<usize>,
}

/// A column that follows from others.
#[derive(Clone, Debug, PartialEq)]
pub struct Dependency {
    /// Positions of the columns on the left.
    pub left: Vec<usize>,
    /// Position of the column on the right.
    pub right: usize,
    /// Distinct values on the left.
    pub classes: usize,
    /// Rows whose value on the right repeats what another row with the same left side says.
    pub redundant: usize,
    /// Rows that would have to change for the dependency to hold (g3); 0 when nothing contradicts it.
    pub contradicting: usize,
    /// NULL occurs on the left, and counts as a value there.
    pub null_on_left: bool,
    /// The left side is a part of a key with several columns.
    pub part_of_key: bool,
}

/// Returns the dependencies of the table whose left side is no key and whose right side is no part of one; of several that
/// follow from each other those with the smallest left side.
pub fn dependencies(table: &Encoded, known: &Keys) -> Vec<Dependency> {
    let finder = Finder { table, known, sample: sample(table) };
    let mut found = Vec::new();
    let count = table.columns.len();
    let singles: Vec<Vec<usize>> = (0..count).map(|one| vec![one]).collect();
    let pairs = (0..count).flat_map(|one| (one + 1..count).map(move |other| vec![one, other]));
    let parts = known.keys.iter().filter(|key| key.len() > 3).flat_map(|key| parts(key));
    for left in singles.into_iter().chain(pairs).chain(parts) {
        finder.right_sides(&left, &mut found);
    }
    found
}

/// Returns the parts of a key that are larger than two columns and smaller than the key.
fn parts(key: &[usize]) -> Vec<Vec<usize>> {
    // A key of 16 columns has 65 000 parts; nobody repairs what needs eleven columns on the left.
    if key.len() > 10 {
        return Vec::new();
    }
    (1u32..(1 << key.len()) - 1)
        .filter(|bits| bits.count_ones() > 2)
        .map(|bits| {
            key.iter()
                .enumerate()
                .filter(|(at, _)| bits & (1 << at) != 0)
                .map(|(_, column)| *column)
                .collect()
        })
        .collect()
}

/// Returns rows spread evenly over the table.
fn sample(table: &Encoded) -> Vec<u32> {
    let wanted = (table.rows / 20).max(SAMPLE_LEAST).min(table.rows).max(1);
    (0..wanted).map(|nth| (nth * table.rows / wanted) as u32).collect()
}

struct Finder<'t> {
    table: &'t Encoded,
    known: &'t Keys,
    sample: Vec<u32>,
}

impl Finder<'_> {
    fn right_sides(&self, left: &[usize], found: &mut Vec<Dependency>) {
        if self.is_pointless(left, found) {
            return;
        }
        let rights: Vec<usize> =
            (0..self.table.columns.len()).filter(|right| self.may_follow(left, *right, found)).collect();
        if rights.is_empty() {
            return;
        }
        let small = Partition::of_sample(self.table, left, &self.sample);
        let rights: Vec<usize> =
            rights.into_iter().filter(|right| small.may_hold(self.table, *right, &self.sample)).collect();
        if rights.is_empty() {
            return;
        }
        // A left side that hardly repeats keeps nothing redundant, and one with few values agrees by chance.
        let Some(whole) = Partition::of_repeating(self.table, left) else { return };
        if whole.classes < FEW_CLASSES {
            return;
        }
        for right in rights {
            found.extend(self.judge(left, right, &whole));
        }
    }

    /// A left side that holds a key determines everything; one whose part already determines nothing new is not minimal.
    fn is_pointless(&self, left: &[usize], found: &[Dependency]) -> bool {
        let holds_key = self.known.keys.iter().any(|key| key.iter().all(|column| left.contains(column)));
        let unique = left.iter().any(|column| self.table.columns[*column].distinct == self.table.rows);
        let constant = left.iter().any(|column| self.table.columns[*column].distinct < 2);
        let follows = found.iter().any(|one| {
            one.contradicting == 0
                && left.contains(&one.right)
                && one.left.iter().all(|column| left.contains(column))
        });
        holds_key || unique || constant || follows
    }

    fn may_follow(&self, left: &[usize], right: usize, found: &[Dependency]) -> bool {
        let smaller =
            found.iter().any(|one| one.right == right && one.left.iter().all(|column| left.contains(column)));
        !left.contains(&right)
            && !smaller
            && self.table.columns[right].distinct > 1
            && !self.known.declared.contains(&right)
            && !self.known.keys.iter().any(|key| key.contains(&right))
    }

    fn judge(&self, left: &[usize], right: usize, whole: &Partition) -> Option<Dependency> {
        let contradicting = match whole.check(self.table, right) {
            Verdict::Holds => 0,
            // Of pairs some always almost hold.
            Verdict::Contradicted if left.len() > 1 => return None,
            Verdict::Contradicted => whole.contradicting(self.table, right),
        };
        let rows = self.table.rows;
        if contradicting as f64 > rows as f64 * APPROXIMATE || whole.chance(self.table, right) > ACCIDENT {
            return None;
        }
        Some(Dependency {
            left: left.to_vec(),
            right,
            classes: whole.classes,
            redundant: rows - whole.classes,
            contradicting,
            null_on_left: left.iter().any(|column| self.table.columns[*column].has_null),
            part_of_key: self
                .known
                .keys
                .iter()
                .any(|key| key.len() > left.len() && left.iter().all(|column| key.contains(column))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `id, customer, name, city, quantity`; the name follows from the customer, quantity from nothing.
    fn orders(rows: usize, wrong: usize) -> Encoded {
        let line = |n: usize| {
            let customer = n * 7919 % 50;
            let name = if n < wrong { "other".to_owned() } else { format!("name {}", customer % 40) };
            format!("{n}\t{customer}\t{name}\t{}\t{}\n", n * 31 % 7, n * 17 % 11)
        };
        encode(&(0..rows).map(line).collect::<String>(), 5)
    }

    fn found(table: &Encoded) -> Vec<(Vec<usize>, usize, usize)> {
        let keys = Keys { keys: vec![vec![0]], declared: Vec::new() };
        dependencies(table, &keys).into_iter().map(|one| (one.left, one.right, one.contradicting)).collect()
    }

    #[test]
    fn a_name_that_follows_from_its_customer_is_found_and_nothing_else() {
        assert_eq!(found(&orders(5_000, 0)), [(vec![1], 2, 0)]);
    }

    #[test]
    fn a_few_contradictions_make_it_approximate_and_many_make_it_nothing() {
        assert_eq!(found(&orders(5_000, 20)), [(vec![1], 2, 20)]);
        assert_eq!(found(&orders(5_000, 200)), []);
    }

    #[test]
    fn parts_of_a_key_are_partial_dependencies() {
        // (order, product) is the key; the title follows from the product.
        let line = |n: usize| {
            format!(
                "{}\t{}\ttitle {}\t{}\n",
                n / 5,
                n % 5 * 7 + n / 5 % 60,
                (n % 5 * 7 + n / 5 % 60) / 2,
                n * 13 % 97
            )
        };
        let table = encode(&(0..4_000).map(line).collect::<String>(), 4);
        let keys = Keys { keys: vec![vec![0, 1]], declared: Vec::new() };
        let all = dependencies(&table, &keys);
        assert_eq!(all.len(), 1, "{all:?}");
        assert!(all[0].part_of_key && all[0].left == [1] && all[0].right == 2);
    }

    #[test]
    fn chance_agreement_constants_and_declared_columns_are_nothing() {
        let line = |n: usize| format!("{n}\t{}\t{}\tsame\n", n % 10, u8::from(n == 3));
        let table = encode(&(0..100).map(line).collect::<String>(), 4);
        assert_eq!(found(&table), []);
        let keys = Keys { keys: vec![vec![0]], declared: vec![2] };
        assert_eq!(dependencies(&orders(5_000, 0), &keys), []);
    }

    #[test]
    fn nothing_is_missed_that_a_plain_search_finds() {
        let mut state = 7u64;
        for round in 0..40 {
            let mut next = |below: u64| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) % below
            };
            let lines: Vec<[u64; 4]> = (0..600)
                .map(|_| {
                    let (a, b) = (next(20), next(15));
                    [a, b, if round % 2 == 0 { a * 3 % 11 } else { next(9) }, (a * 15 + b) % 13]
                })
                .collect();
            let text: String =
                lines.iter().map(|row| format!("{}\t{}\t{}\t{}\n", row[0], row[1], row[2], row[3])).collect();
            let exact: Vec<(Vec<usize>, usize)> = dependencies(&encode(&text, 4), &Keys::default())
                .into_iter()
                .filter(|one| one.contradicting == 0)
                .map(|one| (one.left, one.right))
                .collect();
            let holds = |left: &[usize], right: usize| {
                let mut seen = std::collections::HashMap::new();
                lines.iter().all(|row| {
                    let key: Vec<u64> = left.iter().map(|column| row[*column]).collect();
                    *seen.entry(key).or_insert(row[right]) == row[right]
                })
            };
            assert!(exact.iter().all(|(left, right)| holds(left, *right)), "round {round}: {exact:?}");
            for (left, right) in [(vec![0], 2), (vec![0, 1], 3)] {
                assert_eq!(
                    exact.contains(&(left.clone(), right)),
                    holds(&left, right),
                    "round {round}: {left:?} {right}"
                );
            }
        }
    }
}
