//! How far estimates are off, for the nodes where that can be told.
//!
//! A node that was stopped early gave fewer rows than it has: below a LIMIT, on the inner side of a semi
//! or anti join, on either side of a merge join. Its actual rows say nothing about its estimate.

use std::collections::BTreeMap;

use crate::node::{PlanNode, Role};

/// The estimate of one node against what it gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Misestimate<'p> {
    /// The node.
    pub node: &'p PlanNode,
    /// Rows expected per execution, at least 1.
    pub estimate: f64,
    /// Rows given per execution, at least 1.
    pub actual: f64,
}

impl Misestimate<'_> {
    /// Returns by how many times the estimate is off, at least 1 (q-error: the greater over the smaller).
    pub fn factor(&self) -> f64 {
        (self.estimate / self.actual).max(self.actual / self.estimate)
    }
}

/// Whether a node runs until it has no more rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Run {
    /// It may be stopped before.
    Partly,
    /// It runs to its end.
    Whole,
}

/// Returns every node that ran to completion, with its estimate and what it gave, parents first.
pub fn misestimates(root: &PlanNode) -> Vec<Misestimate<'_>> {
    let mut ctes = BTreeMap::new();
    // A CTE is read to its end when some scan of it is, which may itself stand in a CTE: until nothing changes.
    for _ in 0..8 {
        let before = ctes.clone();
        walk(root, Run::Whole, &mut ctes, &mut |_| {});
        if ctes == before {
            break;
        }
    }
    let mut found = Vec::new();
    walk(root, Run::Whole, &mut ctes, &mut |node| found.extend(misestimate(node)));
    found
}

/// Returns the largest factor of all nodes that ran to completion; 1 when there is none.
pub fn worst(root: &PlanNode) -> f64 {
    misestimates(root).iter().map(Misestimate::factor).fold(1.0, f64::max)
}

fn misestimate(node: &PlanNode) -> Option<Misestimate<'_>> {
    let actual = node.actual.filter(|actual| !actual.never())?;
    // Bitmap combinations print 0 rows whatever they found, and writes without RETURNING return none.
    let tells =
        !matches!(node.kind.as_str(), "BitmapAnd" | "BitmapOr" | "ModifyTable" | "Hash" | "Materialize");
    tells.then(|| Misestimate { node, estimate: node.estimate.rows.max(1.0), actual: actual.rows.max(1.0) })
}

fn walk<'p>(
    node: &'p PlanNode,
    run: Run,
    ctes: &mut BTreeMap<String, Run>,
    whole: &mut impl FnMut(&'p PlanNode),
) {
    if node.actual.is_some_and(|actual| actual.never()) {
        return;
    }
    if run == Run::Whole {
        whole(node);
    }
    if let Some(cte) = &node.cte {
        let known = ctes.entry(cte.clone()).or_insert(run);
        *known = (*known).max(run);
    }
    for child in &node.children {
        walk(child, of_child(node, run, child, ctes), ctes, whole);
    }
}

fn of_child(parent: &PlanNode, run: Run, child: &PlanNode, ctes: &BTreeMap<String, Run>) -> Run {
    match child.role {
        Role::InitPlan | Role::SubPlan => return of_subplan(parent, child, ctes),
        _ => {}
    }
    match parent.kind.as_str() {
        // Read to the end before the first row comes out.
        "Sort" | "Hash" | "Bitmap Heap Scan" | "BitmapAnd" | "BitmapOr" | "ModifyTable" => Run::Whole,
        "Aggregate" | "SetOp" if parent.strategy.as_deref() != Some("Sorted") => Run::Whole,
        "Limit" => Run::Partly,
        // A merge join ends with its shorter side.
        "Merge Join" => match (parent.join.as_deref(), child.role) {
            (Some("Full"), _) | (Some("Left" | "Anti"), Role::Outer) | (Some("Right"), Role::Inner) => run,
            _ => Run::Partly,
        },
        "Nested Loop" | "Hash Join" if child.role == Role::Inner => {
            let stops = matches!(parent.join.as_deref(), Some("Semi" | "Anti")) || parent.inner_unique;
            if stops { Run::Partly } else { run }
        }
        _ => run,
    }
}

/// A CTE runs as far as its scans read it. Of other subplans only a hashed one surely runs to its end: EXISTS stops at the
/// first row, and before version 17 the text does not tell it from the rest.
fn of_subplan(parent: &PlanNode, child: &PlanNode, ctes: &BTreeMap<String, Run>) -> Run {
    let name = child.subplan.as_deref().unwrap_or("");
    if let Some(cte) = name.strip_prefix("CTE ") {
        return ctes.get(cte).copied().unwrap_or(Run::Partly);
    }
    let hashed = format!("hashed {name}");
    if parent.conditions.iter().any(|(_, text)| text.contains(&hashed)) { Run::Whole } else { Run::Partly }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::{Actual, Estimate};

    fn node(kind: &str, role: Role, children: Vec<PlanNode>) -> PlanNode {
        PlanNode {
            kind: kind.to_owned(),
            role,
            estimate: Estimate { rows: 100.0, ..Estimate::default() },
            actual: Some(Actual { rows: 5.0, rounded: true, loops: 1.0, ms: None }),
            children,
            ..PlanNode::default()
        }
    }

    fn join(kind: &str, how: &str) -> PlanNode {
        let children = vec![node("Index Scan", Role::Outer, vec![]), node("Seq Scan", Role::Inner, vec![])];
        PlanNode { join: Some(how.to_owned()), ..node(kind, Role::Root, children) }
    }

    fn told(root: &PlanNode) -> Vec<&str> {
        misestimates(root).into_iter().map(|one| one.node.kind.as_str()).collect()
    }

    #[test]
    fn below_a_limit_nothing_is_told_until_something_reads_to_the_end() {
        let scan = || node("Seq Scan", Role::Outer, vec![]);
        assert_eq!(told(&node("Limit", Role::Root, vec![scan()])), ["Limit"]);
        let sorted = node("Sort", Role::Outer, vec![scan()]);
        assert_eq!(told(&node("Limit", Role::Root, vec![sorted])), ["Limit", "Seq Scan"]);
        let mut grouped = node("Aggregate", Role::Outer, vec![scan()]);
        grouped.strategy = Some("Sorted".to_owned());
        assert_eq!(told(&node("Limit", Role::Root, vec![grouped])), ["Limit"]);
    }

    #[test]
    fn sides_of_joins_that_stop_early_tell_nothing() {
        assert_eq!(told(&join("Nested Loop", "Inner")), ["Nested Loop", "Index Scan", "Seq Scan"]);
        assert_eq!(told(&join("Nested Loop", "Semi")), ["Nested Loop", "Index Scan"]);
        assert_eq!(told(&join("Nested Loop", "Anti")), ["Nested Loop", "Index Scan"]);
        assert_eq!(told(&join("Merge Join", "Inner")), ["Merge Join"]);
        assert_eq!(told(&join("Merge Join", "Left")), ["Merge Join", "Index Scan"]);
    }

    #[test]
    fn what_never_ran_tells_nothing() {
        let mut never = node("Seq Scan", Role::Inner, vec![node("Index Scan", Role::Outer, vec![])]);
        never.actual = Some(Actual::default());
        assert_eq!(told(&node("Nested Loop", Role::Root, vec![never])), ["Nested Loop"]);
    }

    #[test]
    fn a_cte_runs_as_far_as_it_is_read() {
        let plan = |top: &str| {
            let mut cte = node("Seq Scan", Role::InitPlan, vec![]);
            cte.subplan = Some("CTE w".to_owned());
            let mut scan = node("CTE Scan", Role::Outer, vec![]);
            scan.cte = Some("w".to_owned());
            node(top, Role::Root, vec![cte, scan])
        };
        assert_eq!(told(&plan("Append")), ["Append", "Seq Scan", "CTE Scan"]);
        assert_eq!(told(&plan("Limit")), ["Limit"]);
    }

    #[test]
    fn the_factor_counts_in_both_directions_from_one_row_on() {
        let factor = |rows: f64| {
            let mut one = node("Seq Scan", Role::Root, vec![]);
            one.actual = Some(Actual { rows, rounded: true, loops: 3.0, ms: None });
            worst(&one)
        };
        assert_eq!((factor(0.0), factor(5.0), factor(2_000.0)), (100.0, 20.0, 20.0));
    }
}
