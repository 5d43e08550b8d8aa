//! A plan as a compact tree of text: what a node is, rows expected and given, blocks, and where an estimate is off.

use underpin_model::evidence::{PlanBox, PlanTree};

use crate::amounts::{count, number};
use crate::printable::one_line;

/// From here on an estimate is worth pointing at.
pub(crate) const OFF: f64 = 2.0;
/// From here on it decides plans.
pub(crate) const FAR_OFF: f64 = 10.0;
/// Longest condition that is printed; plans hold whole lists of values.
const DETAIL: usize = 120;

/// Returns the plan as lines: its label, then a line per node with branches, and one per condition.
pub fn tree(plan: &PlanTree) -> Vec<String> {
    let mut lines = vec![format!("{}: {}", one_line(&plan.label), totals(plan))];
    for (place, node) in plan.nodes.iter().enumerate() {
        let (lead, below) = branches(plan, place);
        lines.push(format!("{lead}{}  {}", title(node), numbers(node)));
        let details = node.details.iter().map(|detail| shortened(&one_line(detail)));
        lines.extend(details.map(|detail| format!("{below}  {detail}")));
    }
    lines
}

/// Returns the blocks of the whole plan in words.
pub(crate) fn totals(plan: &PlanTree) -> String {
    let temp = if plan.temp > 0 { format!(", {} temporary", count(plan.temp)) } else { String::new() };
    format!("{} buffers{temp}", count(plan.buffers))
}

/// Returns what a node is, in a few words.
pub(crate) fn title(node: &PlanBox) -> String {
    let mut text = match &node.subplan {
        Some(subplan) => format!("{}: {}", one_line(subplan), one_line(&node.node)),
        None => one_line(&node.node),
    };
    if let Some(index) = &node.index {
        text.push_str(&format!(" using {}", one_line(index)));
    }
    if let Some(place) = &node.place {
        text.push_str(&format!(" on {}", one_line(place)));
    }
    text
}

/// Returns rows expected and given, executions, and blocks.
pub(crate) fn numbers(node: &PlanBox) -> String {
    let mut text = match node.rows {
        Some(rows) => format!("{} → {} rows", number(node.estimate), number(rows)),
        None => format!("{} → never executed", number(node.estimate)),
    };
    if node.rows.is_some() && node.loops != 1.0 {
        text.push_str(&format!(" × {}", number(node.loops)));
    }
    if node.removed > 0.0 {
        text.push_str(&format!(", {} removed", number(node.removed)));
    }
    if let Some(buffers) = node.buffers.filter(|_| node.rows.is_some()) {
        text.push_str(&format!(", {} buffers", count(buffers)));
    }
    if let Some(off) = node.off.filter(|off| *off >= OFF) {
        text.push_str(&format!("  ×{} off", number(off)));
    }
    text
}

/// Returns what stands before a node's line, and before the lines of its conditions.
fn branches(plan: &PlanTree, place: usize) -> (String, String) {
    let depth = plan.nodes[place].depth;
    // A line goes on below a level as long as a sibling follows on it before the tree comes back above it.
    let goes_on = |level: usize| {
        plan.nodes[place + 1..]
            .iter()
            .take_while(|later| later.depth >= level)
            .any(|later| later.depth == level)
    };
    let mut lead = String::new();
    for level in 1..depth {
        lead.push_str(if goes_on(level) { "│  " } else { "   " });
    }
    let mut below = lead.clone();
    if depth > 0 {
        let more = goes_on(depth);
        lead.push_str(if more { "├─ " } else { "└─ " });
        below.push_str(if more { "│  " } else { "   " });
    }
    let children = plan.nodes.get(place + 1).is_some_and(|next| next.depth > depth);
    below.push_str(if children { "│" } else { " " });
    (lead, below)
}

fn shortened(detail: &str) -> String {
    match detail.char_indices().nth(DETAIL) {
        Some((at, _)) => format!("{}…", &detail[..at]),
        None => detail.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_end_where_no_sibling_follows() {
        let node = |depth: usize, name: &str| PlanBox {
            depth,
            node: name.to_owned(),
            estimate: 10.0,
            rows: Some(10.0),
            loops: 1.0,
            ..PlanBox::default()
        };
        let mut far = node(2, "Seq Scan");
        far.place = Some("courses c".to_owned());
        far.off = Some(180.0);
        far.details = vec!["Filter: (c.a = 1)".to_owned()];
        let mut never = node(1, "Result");
        never.rows = None;
        never.loops = 0.0;
        let plan = PlanTree {
            label: "now".to_owned(),
            buffers: 12_345,
            temp: 4,
            nodes: vec![node(0, "Append"), node(1, "Sort"), far, node(2, "Hash"), never],
        };
        insta::assert_snapshot!(tree(&plan).join("\n"), @r"
        now: 12 345 buffers, 4 temporary
        Append  10 → 10 rows
        ├─ Sort  10 → 10 rows
        │  ├─ Seq Scan on courses c  10 → 10 rows  ×180 off
        │  │     Filter: (c.a = 1)
        │  └─ Hash  10 → 10 rows
        └─ Result  10 → never executed
        ");
    }
}
