//! A plan as text for people: the tree with rows expected and given, rows removed, and blocks.

use underpin_model::evidence::{PlanBox, PlanTree};

use crate::compare::amount;
use crate::misestimate;
use crate::node::{Explained, PlanNode};
use crate::record::PlanRecord;

/// A q-error from which the view points at a node.
const WORTH_POINTING_AT: f64 = 10.0;

/// Returns what a node is, in a few words, such as `Index Scan using t_pkey on t`.
pub fn name(node: &PlanNode) -> String {
    let mut text = match &node.join {
        Some(join) if join != "Inner" => format!("{} ({join})", node.kind),
        _ => node.kind.clone(),
    };
    if let Some(index) = &node.index {
        text.push_str(&format!(" using {index}"));
    }
    let relation = node.relation.as_ref().map(|relation| relation.name.clone());
    match (relation, node.alias.clone()) {
        (Some(relation), Some(alias)) if relation != alias => {
            text.push_str(&format!(" on {relation} {alias}"))
        }
        (Some(name), _) | (None, Some(name)) => text.push_str(&format!(" on {name}")),
        (None, None) => {}
    }
    text
}

/// Returns the plan as lines, one per node and one per condition; without times, so that the same plan on the same data
/// gives the same text.
pub fn text(plan: &Explained) -> String {
    let far_off: Vec<(*const PlanNode, f64)> = misestimate::misestimates(&plan.root)
        .into_iter()
        .filter(|one| one.factor() >= WORTH_POINTING_AT)
        .map(|one| (std::ptr::from_ref(one.node), one.factor()))
        .collect();
    let mut lines = Vec::new();
    write(&plan.root, 0, &far_off, &mut lines);
    lines.join("\n")
}

/// Returns the plan as a tree for drawing, under a label such as `before`.
pub fn tree(label: &str, plan: &Explained) -> PlanTree {
    let off: Vec<(*const PlanNode, f64)> = misestimate::misestimates(&plan.root)
        .into_iter()
        .map(|one| (std::ptr::from_ref(one.node), one.factor()))
        .collect();
    let mut nodes = Vec::new();
    // Not by recursion: plans may be deep.
    let mut open = vec![(&plan.root, 0)];
    while let Some((node, depth)) = open.pop() {
        let factor = off.iter().find(|(one, _)| std::ptr::eq(*one, node)).map(|(_, factor)| *factor);
        nodes.push(boxed(node, depth, factor));
        open.extend(node.children.iter().rev().map(|child| (child, depth + 1)));
    }
    PlanTree {
        label: label.to_owned(),
        buffers: plan.root.buffers.touched(),
        temp: plan.root.buffers.temp(),
        nodes,
    }
}

fn boxed(node: &PlanNode, depth: usize, off: Option<f64>) -> PlanBox {
    let executed = node.actual.filter(|actual| !actual.never());
    let relation = node.relation.as_ref().map(|relation| relation.name.clone());
    let place = match (relation, node.alias.clone()) {
        (Some(relation), Some(alias)) if relation != alias => Some(format!("{relation} {alias}")),
        (Some(name), _) | (None, Some(name)) => Some(name),
        (None, None) => None,
    };
    let conditions = node.conditions.iter().map(|(label, text)| format!("{label}: {text}"));
    let keys = node.keys.iter().map(|(label, keys)| format!("{label}: {}", keys.join(", ")));
    PlanBox {
        depth,
        node: match &node.join {
            Some(join) if join != "Inner" => format!("{} ({join})", node.kind),
            _ => node.kind.clone(),
        },
        place,
        index: node.index.clone(),
        subplan: node.subplan.clone(),
        estimate: node.estimate.rows,
        rows: executed.map(|actual| actual.rows),
        loops: node.actual.map_or(0.0, |actual| actual.loops),
        off,
        buffers: node.actual.map(|_| node.buffers.touched()),
        removed: node.rows_removed(),
        details: conditions.chain(keys).collect(),
    }
}

/// Returns an accepted plan as a tree for drawing: of its nodes the blocks were not kept, nor which were stopped early.
pub fn accepted_tree(label: &str, plan: &PlanRecord) -> PlanTree {
    let boxed = |node: &crate::NodeRecord| PlanBox {
        depth: node.depth,
        node: node.node.clone(),
        place: node.place(),
        index: (!node.indexes.is_empty()).then(|| node.indexes.join(", ")),
        subplan: None,
        estimate: node.estimate,
        rows: node.rows,
        loops: node.loops,
        off: None,
        buffers: None,
        removed: 0.0,
        details: node.on.clone(),
    };
    PlanTree {
        label: label.to_owned(),
        buffers: plan.buffers,
        temp: plan.temp,
        nodes: plan.nodes.iter().map(boxed).collect(),
    }
}

fn write(node: &PlanNode, depth: usize, far_off: &[(*const PlanNode, f64)], lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    let subplan = node.subplan.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
    let mut line = format!("{indent}{subplan}{}  rows {}", name(node), amount(node.estimate.rows));
    match node.actual {
        Some(actual) if actual.never() => line.push_str(" → never executed"),
        Some(actual) => {
            line.push_str(&format!(" → {}", amount(actual.rows)));
            if actual.loops != 1.0 {
                line.push_str(&format!(" × {}", amount(actual.loops)));
            }
            line.push_str(&format!(", buffers {}", amount(node.buffers.touched() as f64)));
        }
        None => {}
    }
    if node.buffers.temp() > 0 && node.children.iter().all(|child| child.buffers.temp() < node.buffers.temp())
    {
        line.push_str(&format!(", temp {}", amount(node.buffers.temp() as f64)));
    }
    if let Some((_, factor)) = far_off.iter().find(|(one, _)| std::ptr::eq(*one, node)) {
        line.push_str(&format!("  ← off {} times", amount(*factor)));
    }
    lines.push(line);
    for (label, text) in &node.conditions {
        lines.push(format!("{indent}    {label}: {text}"));
    }
    for (label, rows) in node.removed.iter().filter(|(_, rows)| *rows > 0.0) {
        lines.push(format!("{indent}    {label}: {}", amount(*rows)));
    }
    for (label, keys) in &node.keys {
        lines.push(format!("{indent}    {label}: {}", keys.join(", ")));
    }
    for child in &node.children {
        write(child, depth + 1, far_off, lines);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_plan_reads_from_top_to_bottom() {
        let plan = crate::read(
            r#"[{"Plan": {"Node Type": "Limit", "Plan Rows": 10, "Actual Rows": 10, "Actual Loops": 1, "Shared Hit Blocks": 1234,
                "Plans": [{"Node Type": "Sort", "Parent Relationship": "Outer", "Plan Rows": 5, "Actual Rows": 10, "Actual Loops": 1,
                "Sort Key": ["c.id DESC"], "Plans": [{"Node Type": "Seq Scan", "Parent Relationship": "Outer", "Relation Name": "courses",
                "Alias": "c", "Plan Rows": 5, "Actual Rows": 900, "Actual Loops": 1, "Filter": "(c.a = 1)", "Rows Removed by Filter": 99100}]}]}}]"#,
        )
        .unwrap();
        assert_eq!(
            super::text(&plan),
            "Limit  rows 10 → 10, buffers 1 234\n  Sort  rows 5 → 10, buffers 0\n      Sort Key: c.id DESC\n    \
             Seq Scan on courses c  rows 5 → 900, buffers 0  ← off 180 times\n        Filter: (c.a = 1)\n        \
             Rows Removed by Filter: 99 100"
        );
    }
}
