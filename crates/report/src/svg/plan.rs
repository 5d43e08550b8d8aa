//! A plan as a tree of boxes: one per node, parents above, the line to the parent as thick as the rows that it hands up,
//! the colour by how far the estimate is off.

use underpin_model::evidence::{PlanBox, PlanTree};

use super::text_width::{fitted, text_width};
use super::{coordinate, escape};
use crate::amounts::{count, number};
use crate::plan_text::{self, FAR_OFF, OFF};
use crate::printable::one_line;

/// Width of a box in pixels: two plans of usual depth fit side by side on a wide page.
const WIDTH: f64 = 350.0;
/// How far a child stands to the right of its parent.
const INDENT: f64 = 26.0;
/// Height of a line of text.
const LINE: f64 = 16.0;
/// Room above and below the lines of a box.
const PAD: f64 = 8.0;
/// Air between two boxes.
const GAP: f64 = 10.0;
/// Height of the label of the plan.
const HEAD: f64 = 26.0;
/// Thickest line between two boxes.
const THICKEST: f64 = 11.0;

/// Returns the drawing as an `svg` element of fixed size.
pub fn plan(plan: &PlanTree) -> String {
    let tops = tops(plan);
    let height = tops.last().copied().unwrap_or(HEAD)
        + plan.nodes.last().map_or(0.0, |node| lines(node).len() as f64 * LINE + 2.0 * PAD);
    let deepest = plan.nodes.iter().map(|node| node.depth).max().unwrap_or(0);
    let width = WIDTH + INDENT * deepest as f64 + 2.0;
    let edges: String = (0..plan.nodes.len()).map(|place| edge(plan, place, &tops)).collect();
    let boxes: String =
        plan.nodes.iter().enumerate().map(|(place, node)| boxed(plan, node, (place, tops[place]))).collect();
    format!(
        "<svg class=\"tree\" role=\"img\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" aria-label=\"{2}\">\
         <text class=\"label\" x=\"1\" y=\"15\">{3}</text>{edges}{boxes}</svg>",
        coordinate(width),
        coordinate(height + 2.0),
        escape(&plan_text::tree(plan).join("; ")),
        escape(&format!("{}: {}", one_line(&plan.label), plan_text::totals(plan))),
    )
}

/// Returns where each box begins.
fn tops(plan: &PlanTree) -> Vec<f64> {
    let mut y = HEAD;
    let mut tops = Vec::new();
    for node in &plan.nodes {
        tops.push(y);
        y += lines(node).len() as f64 * LINE + 2.0 * PAD + GAP;
    }
    tops
}

/// A line of a box: its class and its text.
fn lines(node: &PlanBox) -> Vec<(&'static str, String)> {
    let name = match &node.subplan {
        Some(subplan) => format!("{}: {}", one_line(subplan), one_line(&node.node)),
        None => one_line(&node.node),
    };
    let mut lines = vec![("node", name)];
    let place = match (&node.place, &node.index) {
        (Some(place), Some(index)) => Some(format!("{} · {}", one_line(place), one_line(index))),
        (Some(one), None) | (None, Some(one)) => Some(one_line(one)),
        (None, None) => None,
    };
    lines.extend(place.map(|place| ("place", place)));
    lines.extend(node.details.first().map(|detail| ("detail", one_line(detail))));
    lines.push(("numbers", rows(node)));
    lines
}

fn rows(node: &PlanBox) -> String {
    match node.rows {
        None => format!("{} expected, never executed", number(node.estimate)),
        Some(rows) if node.loops == 1.0 => format!("{} → {} rows", number(node.estimate), number(rows)),
        Some(rows) => {
            format!("{} → {} rows × {}", number(node.estimate), number(rows), number(node.loops))
        }
    }
}

/// Returns the line from a box up to its parent, as thick as the rows are many.
fn edge(plan: &PlanTree, place: usize, tops: &[f64]) -> String {
    let node = &plan.nodes[place];
    let above = plan.nodes[..place].iter().rposition(|one| one.depth < node.depth);
    let Some(parent) = above else { return String::new() };
    let x = INDENT * plan.nodes[parent].depth as f64 + 13.0;
    let from = tops[parent] + lines(&plan.nodes[parent]).len() as f64 * LINE + 2.0 * PAD;
    let to = tops[place] + PAD + LINE * 0.6;
    let end = INDENT * node.depth as f64;
    let never = if node.rows.is_none() { " never" } else { "" };
    format!(
        "<path class=\"edge{never}\" d=\"M{} {}V{}H{}\" stroke-width=\"{}\"/>",
        coordinate(x),
        coordinate(from),
        coordinate(to),
        coordinate(end),
        coordinate(thickness(node)),
    )
}

/// A pixel, and about two more for each tenfold.
fn thickness(node: &PlanBox) -> f64 {
    let rows = node.rows.unwrap_or(0.0) * node.loops;
    if rows.is_finite() { (1.0 + 1.9 * rows.max(1.0).log10()).min(THICKEST) } else { 1.0 }
}

fn boxed(plan: &PlanTree, node: &PlanBox, (place, top): (usize, f64)) -> String {
    let lines = lines(node);
    let height = lines.len() as f64 * LINE + 2.0 * PAD;
    let factor = node.off.filter(|off| *off >= OFF).map(|off| format!("×{} off", number(off)));
    let own = own_buffers(plan, place);
    let blocks = own.map(|own| format!("{} of {} buffers", count(own), count(plan.buffers)));
    let texts: String = lines
        .iter()
        .enumerate()
        .map(|(line, (class, text))| {
            let beside = match *class {
                "node" => factor.as_deref(),
                "numbers" => blocks.as_deref(),
                _ => None,
            };
            let room = WIDTH - 26.0 - beside.map_or(0.0, |text| text_width(text, 13.5) + 12.0);
            let size = if *class == "node" { 15.0 } else { 14.0 };
            format!(
                "<text class=\"{class}\" x=\"14\" y=\"{}\">{}</text>",
                coordinate(PAD + LINE * line as f64 + 12.0),
                escape(&fitted(text, size, room)),
            )
        })
        .collect();
    let right = |class: &str, line: usize, text: &Option<String>| {
        text.as_ref().map_or_else(String::new, |text| {
            format!(
                "<text class=\"{class}\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
                coordinate(WIDTH - 10.0),
                coordinate(PAD + LINE * line as f64 + 12.0),
                escape(text),
            )
        })
    };
    format!(
        "<g class=\"{}\" transform=\"translate({} {})\"><title>{}</title>\
         <rect class=\"frame\" x=\".5\" y=\".5\" width=\"{WIDTH}\" height=\"{}\" rx=\"6\"/>\
         <rect class=\"side\" x=\".5\" y=\".5\" width=\"5\" height=\"{4}\" rx=\"2.5\"/>{}{texts}{}{}</g>",
        class(node),
        coordinate(INDENT * node.depth as f64),
        coordinate(top),
        escape(&spoken(node)),
        coordinate(height),
        share(plan, own, height),
        right("factor", 0, &factor),
        right("blocks", lines.len() - 1, &blocks),
    )
}

fn class(node: &PlanBox) -> &'static str {
    match (node.rows, node.off) {
        (None, _) => "never",
        (_, Some(off)) if off >= FAR_OFF => "far",
        (_, Some(off)) if off >= OFF => "off",
        (_, Some(_)) => "near",
        (_, None) => "unknown",
    }
}

/// Returns the blocks that a node touched itself: its own less those of its children.
fn own_buffers(plan: &PlanTree, place: usize) -> Option<u64> {
    let node = &plan.nodes[place];
    let all = node.buffers.filter(|_| node.rows.is_some())?;
    let below = plan.nodes[place + 1..].iter().take_while(|later| later.depth > node.depth);
    let children = below.filter(|later| later.depth == node.depth + 1).filter_map(|child| child.buffers);
    Some(all.saturating_sub(children.fold(0, u64::saturating_add)))
}

/// Returns the bar at the foot of a box: its part of the plan's blocks.
fn share(plan: &PlanTree, own: Option<u64>, height: f64) -> String {
    let Some(own) = own.filter(|_| plan.buffers > 0) else { return String::new() };
    let room = WIDTH - 24.0;
    let part = (own as f64 / plan.buffers as f64).min(1.0);
    format!(
        "<rect class=\"rail\" x=\"14\" y=\"{0}\" width=\"{1}\" height=\"3\" rx=\"1.5\"/>\
         <rect class=\"share\" x=\"14\" y=\"{0}\" width=\"{2}\" height=\"3\" rx=\"1.5\"/>",
        coordinate(height - 5.0),
        coordinate(room),
        coordinate(room * part),
    )
}

fn spoken(node: &PlanBox) -> String {
    let mut text = format!("{}\n{}", plan_text::title(node), plan_text::numbers(node));
    for detail in &node.details {
        text.push_str(&format!("\n{}", one_line(detail)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(depth: usize, rows: Option<f64>, buffers: u64) -> PlanBox {
        PlanBox {
            depth,
            node: "Seq Scan".to_owned(),
            place: Some("a<b".to_owned()),
            estimate: 10.0,
            rows,
            loops: 1.0,
            buffers: Some(buffers),
            ..PlanBox::default()
        }
    }

    #[test]
    fn thickness_follows_rows_and_colour_the_estimate() {
        assert_eq!(thickness(&node(0, Some(1.0), 1)), 1.0);
        assert!(
            thickness(&node(0, Some(1e30), 1)) == THICKEST && thickness(&node(0, Some(f64::NAN), 1)) == 1.0
        );
        let off = |factor| PlanBox { off: Some(factor), ..node(0, Some(1.0), 1) };
        assert_eq!([off(1.0), off(2.0), off(10.0)].map(|one| class(&one)), ["near", "off", "far"]);
        assert_eq!((class(&node(0, None, 0)), class(&node(0, Some(1.0), 0))), ("never", "unknown"));
    }

    #[test]
    fn blocks_are_those_of_the_node_itself() {
        let nodes =
            vec![node(0, Some(1.0), 100), node(1, Some(1.0), 60), node(2, Some(1.0), 50), node(1, None, 7)];
        let plan = PlanTree { label: "now".to_owned(), buffers: 100, temp: 0, nodes };
        assert_eq!([0, 1, 2, 3].map(|place| own_buffers(&plan, place)), [Some(33), Some(10), Some(50), None]);
    }

    #[test]
    fn a_plan_is_drawn_from_top_to_bottom() {
        let nodes = vec![node(0, Some(5.0), 12), PlanBox { off: Some(40.0), ..node(1, Some(400.0), 11) }];
        let drawn = plan(&PlanTree { label: "now".to_owned(), buffers: 12, temp: 0, nodes });
        assert!(drawn.contains("a&lt;b") && !drawn.contains("a<b"));
        insta::assert_snapshot!(drawn.replace("><", ">\n<"));
    }

    #[test]
    fn odd_trees_are_drawn_too() {
        for nodes in [vec![], vec![node(3, Some(f64::INFINITY), u64::MAX), node(0, None, 0)]] {
            let drawn = plan(&PlanTree { label: String::new(), buffers: 0, temp: 1, nodes });
            assert!(!drawn.contains("NaN") && !drawn.contains("inf\""), "{drawn}");
        }
    }
}
