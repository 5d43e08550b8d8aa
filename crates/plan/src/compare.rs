//! What changed from one plan to another: one line per change.

use std::collections::{BTreeMap, BTreeSet};

use crate::record::{NodeRecord, PlanRecord};

/// One difference between two plans of a query.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A relation is read in another way.
    Access {
        /// Relation and alias.
        place: String,
        /// How it was read.
        from: String,
        /// How it is read now.
        to: String,
        /// Rows expected and given now, per execution.
        rows: Option<(f64, f64)>,
    },
    /// The same relations are joined in another way.
    Join {
        /// The relations below the join.
        of: String,
        /// Join before.
        from: String,
        /// Join now.
        to: String,
    },
    /// Something else in the tree came or went, such as a sort.
    Node {
        /// The node without amounts.
        line: String,
        /// How often less or more.
        by: i64,
    },
    /// The same parts in another order.
    Order,
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Change::Access { place, from, to, rows } => {
                write!(f, "{place}: {from} became {to}")?;
                match rows {
                    Some((estimate, actual)) => {
                        write!(f, "; estimate {}, actual {}", amount(*estimate), amount(*actual))
                    }
                    None => Ok(()),
                }
            }
            Change::Join { of, from, to } => write!(f, "join of {of}: {from} became {to}"),
            Change::Node { line, by } if *by > 0 => write!(f, "new: {line}"),
            Change::Node { line, .. } => write!(f, "gone: {line}"),
            Change::Order => write!(f, "the same parts in another order"),
        }
    }
}

/// Returns a number with spaces between thousands, fractions only below ten.
pub fn amount(number: f64) -> String {
    if number < 10.0 && number.fract() != 0.0 {
        return format!("{number:.1}");
    }
    let digits = format!("{:.0}", number.abs());
    let mut text = if number <= -0.5 { "-".to_owned() } else { String::new() };
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// Returns what changed in the tree, access paths first; nothing when both have the same shape.
pub fn changes(before: &PlanRecord, after: &PlanRecord) -> Vec<Change> {
    if before.shape() == after.shape() {
        return Vec::new();
    }
    let mut found = access_changes(before, after);
    found.extend(join_changes(before, after));
    found.extend(node_changes(before, after));
    if found.is_empty() {
        found.push(Change::Order);
    }
    found
}

fn access_changes(before: &PlanRecord, after: &PlanRecord) -> Vec<Change> {
    let (old, new) = (accesses(before), accesses(after));
    let places: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let words = |paths: Option<&Vec<&NodeRecord>>| match paths {
        Some(paths) => paths.iter().map(|node| access_words(node)).collect::<Vec<_>>().join(" and "),
        None => "nothing".to_owned(),
    };
    let mut found = Vec::new();
    for place in places {
        let (from, to) = (words(old.get(place)), words(new.get(place)));
        if from != to {
            let node = new.get(place).and_then(|nodes| nodes.first());
            let rows = node.and_then(|node| Some((node.estimate, node.rows?)));
            found.push(Change::Access { place: place.clone(), from, to, rows });
        }
    }
    found
}

/// Returns how each relation and alias is read. Partitions are summed up under their own names.
fn accesses(plan: &PlanRecord) -> BTreeMap<String, Vec<&NodeRecord>> {
    let mut found: BTreeMap<String, Vec<&NodeRecord>> = BTreeMap::new();
    for node in plan.nodes.iter().filter(|node| node.relation.is_some() && node.node != "ModifyTable") {
        found.entry(node.place().unwrap_or_default()).or_default().push(node);
    }
    found
}

fn access_words(node: &NodeRecord) -> String {
    let kind = match node.node.as_str() {
        "Seq Scan" => "sequential scan".to_owned(),
        other => other.to_lowercase(),
    };
    let cond = node.on.iter().find_map(|on| on.strip_prefix("index cond: "));
    match (node.indexes.is_empty(), cond) {
        (true, _) => kind,
        (false, Some(columns)) => format!("{kind} on {} by {columns}", node.indexes.join(", ")),
        (false, None) => format!("{kind} on {}", node.indexes.join(", ")),
    }
}

fn join_changes(before: &PlanRecord, after: &PlanRecord) -> Vec<Change> {
    let (old, new) = (joins(before), joins(after));
    let changed = |(of, from): (&String, &String)| {
        let to = new.get(of).filter(|to| *to != from)?;
        Some(Change::Join { of: of.clone(), from: from.clone(), to: to.clone() })
    };
    old.iter().filter_map(changed).collect()
}

/// Returns the kind of each join by the relations below it.
fn joins(plan: &PlanRecord) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (at, node) in plan.nodes.iter().enumerate().filter(|(_, node)| is_join(&node.node)) {
        let below = plan.nodes[at + 1..].iter().take_while(|below| below.depth > node.depth);
        let places: BTreeSet<String> =
            below.filter(|below| below.relation.is_some()).filter_map(NodeRecord::place).collect();
        found.insert(places.into_iter().collect::<Vec<_>>().join(", "), node.node.clone());
    }
    found
}

fn is_join(kind: &str) -> bool {
    kind.starts_with("Nested Loop") || kind.starts_with("Hash Join") || kind.starts_with("Merge Join")
}

/// Returns nodes that are neither access paths nor joins and came or went.
fn node_changes(before: &PlanRecord, after: &PlanRecord) -> Vec<Change> {
    let mut count: BTreeMap<String, i64> = BTreeMap::new();
    let part_of = |node: &&NodeRecord| {
        node.relation.is_none()
            && !is_join(&node.node)
            && !matches!(node.node.as_str(), "Hash" | "BitmapAnd" | "BitmapOr")
            && !node.node.starts_with("Bitmap Index Scan")
    };
    for (plan, by) in [(before, -1), (after, 1)] {
        for node in plan.nodes.iter().filter(part_of) {
            *count.entry(node.line().trim_start().to_owned()).or_default() += by;
        }
    }
    count.into_iter().filter(|(_, by)| *by != 0).map(|(line, by)| Change::Node { line, by }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(node: &str, index: Option<&str>, rows: f64) -> NodeRecord {
        NodeRecord {
            depth: 1,
            node: node.to_owned(),
            relation: Some("courses".to_owned()),
            alias: Some("c".to_owned()),
            indexes: index.map(str::to_owned).into_iter().collect(),
            on: index.map(|_| "index cond: slug".to_owned()).into_iter().collect(),
            estimate: 12.0,
            rows: Some(rows),
            loops: 1.0,
            read: rows as u64,
        }
    }

    fn plan(top: &str, below: Vec<NodeRecord>) -> PlanRecord {
        let root = NodeRecord { node: top.to_owned(), ..NodeRecord::default() };
        PlanRecord { nodes: [vec![root], below].concat(), ..PlanRecord::default() }
    }

    #[test]
    fn a_lost_index_is_one_line() {
        let before = plan("Limit", vec![scan("Index Scan", Some("courses_slug_key"), 12.0)]);
        let after = plan("Limit", vec![scan("Seq Scan", None, 90_000.0)]);
        let lines: Vec<String> = changes(&before, &after).iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "courses c: index scan on courses_slug_key by slug became sequential scan; estimate 12, actual 90 000"
            ]
        );
        assert!(changes(&before, &before).is_empty());
    }

    #[test]
    fn another_join_and_a_new_sort_are_two_lines() {
        let mut other = scan("Seq Scan", None, 1.0);
        (other.relation, other.alias) = (Some("tags".to_owned()), None);
        let below = vec![scan("Seq Scan", None, 1.0), other];
        let mut sorted = plan("Nested Loop", below.clone());
        sorted.nodes.insert(0, NodeRecord { node: "Sort".to_owned(), ..NodeRecord::default() });
        let lines: Vec<String> =
            changes(&plan("Hash Join", below), &sorted).iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["join of courses c, tags: Hash Join became Nested Loop", "new: Sort"]);
    }
}
