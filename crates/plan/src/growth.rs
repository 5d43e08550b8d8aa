//! Work that grows with the data though the result does not: what a small seed hides.

use std::collections::BTreeMap;

use crate::compare::amount;
use crate::gate::Thresholds;
use crate::record::PlanRecord;

/// Sizes at which a query runs, as multiples of the project's own.
pub const SIZES: [u32; 3] = [1, 2, 4];

/// Blocks below which nothing is told: a scan of a few pages.
const FEW_BLOCKS: f64 = 32.0;
/// A result that grows by less than this factor over all sizes does not grow.
const SAME_RESULT: f64 = 1.5;
/// Blocks must grow by this factor at each step: what jumps once changed its plan, and stays where it is.
const STEP: f64 = 1.2;

/// A query whose work grows with the data.
#[derive(Clone, Debug, PartialEq)]
pub struct Growth {
    /// Blocks at each size.
    pub buffers: [u64; 3],
    /// Rows returned at each size.
    pub rows: [u64; 3],
    /// The scan whose rows grew most, with the rows that it looked at.
    pub scan: Option<(String, [u64; 3])>,
    /// Most rows that this scan looks at are kept, and then summed up or sorted away.
    pub keeps: bool,
}

impl Growth {
    /// Returns what was measured, as the end of a sentence.
    pub fn message(&self) -> String {
        let series = |numbers: &[u64; 3]| numbers.map(|number| amount(number as f64)).join(", ");
        let scan = self.scan.as_ref().map_or_else(String::new, |(place, read)| {
            format!("; rows of {place} looked at: {}", series(read))
        });
        format!(
            "touches {} buffers at 1, 2 and 4 times the data and returns {} rows{scan}",
            series(&self.buffers),
            series(&self.rows)
        )
    }
}

/// Returns the growth of one query with the same values at the three sizes; nothing when its work keeps still or its
/// result grows as well.
pub fn growth(plans: [&PlanRecord; 3], limits: &Thresholds) -> Option<Growth> {
    let buffers = plans.map(|plan| plan.buffers);
    let rows = plans.map(|plan| plan.rows);
    let [first, second, third] = buffers.map(|number| number as f64);
    let grows = third >= first * limits.growth && third >= first + FEW_BLOCKS;
    let steadily = second >= first * STEP && third >= second * STEP;
    let result_grows = rows[2] as f64 > (rows[0].max(1)) as f64 * SAME_RESULT;
    if !grows || !steadily || result_grows {
        return None;
    }
    let mut scans: Vec<(String, [u64; 3])> = Vec::new();
    let read = plans.map(|plan| sums(plan, |node| node.read as f64));
    for (place, last) in &read[2] {
        let at = |size: usize| read[size].get(place).copied().unwrap_or(0.0) as u64;
        scans.push((place.clone(), [at(0), at(1), *last as u64]));
    }
    let scan = scans.into_iter().max_by_key(|(_, read)| read[2].saturating_sub(read[0]));
    let keeps = scan.as_ref().is_some_and(|(place, read)| {
        let kept = sums(plans[2], |node| node.kept());
        kept.get(place).copied().unwrap_or(0.0) * 2.0 >= read[2] as f64
    });
    Some(Growth { buffers, rows, scan, keeps })
}

/// Returns an amount of each relation, summed over its scans.
fn sums(plan: &PlanRecord, of: impl Fn(&crate::record::NodeRecord) -> f64) -> BTreeMap<String, f64> {
    let mut found = BTreeMap::new();
    for node in plan.nodes.iter().filter(|node| node.relation.is_some()) {
        *found.entry(node.place().unwrap_or_default()).or_default() += of(node);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::NodeRecord;

    fn plan(buffers: u64, rows: u64, (read, kept): (u64, f64)) -> PlanRecord {
        let node = NodeRecord {
            node: "Seq Scan".to_owned(),
            relation: Some("t".to_owned()),
            rows: Some(kept),
            loops: 1.0,
            read,
            ..NodeRecord::default()
        };
        PlanRecord { buffers, rows, nodes: vec![node], ..PlanRecord::default() }
    }

    fn judge(buffers: [u64; 3], rows: [u64; 3]) -> Option<Growth> {
        let plans = [0, 1, 2].map(|at| plan(buffers[at], rows[at], (buffers[at] * 50, 10.0)));
        growth([&plans[0], &plans[1], &plans[2]], &Thresholds::default())
    }

    #[test]
    fn work_that_grows_under_the_same_result_is_told_with_its_scan() {
        let found = judge([20, 40, 80], [10, 10, 10]).unwrap();
        assert_eq!(
            found.message(),
            "touches 20, 40, 80 buffers at 1, 2 and 4 times the data and returns 10, 10, 10 rows; rows of t looked at: \
             1 000, 2 000, 4 000"
        );
        assert!(!found.keeps);
    }

    #[test]
    fn deeper_indexes_growing_results_and_other_plans_are_no_growth() {
        assert_eq!(judge([4, 5, 6], [1, 1, 1]), None, "few blocks");
        assert_eq!(judge([100, 110, 130], [5, 5, 5]), None, "less than twice");
        assert_eq!(judge([20, 40, 80], [100, 200, 400]), None, "the result grows as well");
        assert_eq!(judge([20, 80, 81], [10, 10, 10]), None, "another plan, which then keeps still");
    }

    #[test]
    fn a_count_keeps_what_it_reads() {
        let plans = [1u64, 2, 4].map(|size| plan(20 * size, 1, (1_000 * size, 1_000.0 * size as f64)));
        assert!(growth([&plans[0], &plans[1], &plans[2]], &Thresholds::default()).unwrap().keeps);
    }
}
