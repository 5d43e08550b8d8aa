//! What a baseline keeps of a plan: its tree, conditions by column, estimates, rows and blocks; never a time.

use serde::{Deserialize, Serialize};

use crate::condition;
use crate::misestimate;
use crate::node::{Explained, PlanNode};

/// A plan without what changes from run to run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlanRecord {
    /// Blocks that execution touched; those of planning are not counted.
    pub buffers: u64,
    /// Rows that all scans looked at.
    pub rows_read: u64,
    /// Rows that the statement returned.
    pub rows: u64,
    /// Temporary blocks read or written.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub temp: u64,
    /// Rows that index-only scans looked up in tables after all.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub heap_fetches: u64,
    /// Worst q-error of the nodes that ran to completion, rounded to one digit.
    pub estimate: f64,
    /// Partitions that were pruned when execution began.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub pruned: u64,
    /// The nodes, parents first.
    pub nodes: Vec<NodeRecord>,
}

/// One node of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NodeRecord {
    /// Levels below the top.
    pub depth: usize,
    /// `Node Type`, with the join type: `Hash Join (Left)`.
    pub node: String,
    /// The relation, with its schema unless that is `public`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relation: Option<String>,
    /// The alias, where it is another word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Indexes that it reads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<String>,
    /// Conditions and keys as `label: columns`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on: Vec<String>,
    /// Rows expected per execution.
    pub estimate: f64,
    /// Rows given per execution; absent when it was never executed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<f64>,
    /// Executions.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub loops: f64,
    /// Rows looked at over all executions, of a scan.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub read: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn once() -> f64 {
    1.0
}

fn is_once(loops: &f64) -> bool {
    *loops == 1.0
}

impl PlanRecord {
    /// Returns what a baseline keeps of a plan that was executed.
    pub fn of(plan: &Explained) -> PlanRecord {
        let root = &plan.root;
        let all = root.all();
        let sum =
            |part: &dyn Fn(&PlanNode) -> f64| all.iter().map(|node| part(node)).sum::<f64>().round() as u64;
        let mut nodes = Vec::new();
        record(root, 0, &mut nodes);
        PlanRecord {
            buffers: root.buffers.touched(),
            rows_read: nodes.iter().fold(0, |rows, node| rows.saturating_add(node.read)),
            rows: root.actual.map_or(0.0, |actual| actual.about_rows()).round() as u64,
            temp: root.buffers.temp(),
            heap_fetches: sum(&|node| node.heap_fetches.unwrap_or(0.0)),
            estimate: (misestimate::worst(root) * 10.0).round() / 10.0,
            pruned: sum(&|node| node.subplans_removed.unwrap_or(0) as f64),
            nodes,
        }
    }

    /// Returns the rows that all scans kept, about.
    pub fn kept(&self) -> f64 {
        self.nodes.iter().filter(|node| node.relation.is_some()).map(NodeRecord::kept).sum()
    }

    /// Returns the tree as lines: what a plan does, without any amount.
    pub fn shape(&self) -> Vec<String> {
        self.nodes.iter().map(NodeRecord::line).collect()
    }
}

fn record(node: &PlanNode, depth: usize, into: &mut Vec<NodeRecord>) {
    let executed = node.actual.filter(|actual| !actual.never());
    let kind = match &node.join {
        Some(join) if join != "Inner" => format!("{} ({join})", node.kind),
        _ => node.kind.clone(),
    };
    let relation = node.relation.as_ref().map(|relation| match relation.schema.as_deref() {
        None | Some("public") => relation.name.clone(),
        Some(schema) => format!("{schema}.{}", relation.name),
    });
    let alias = node
        .alias
        .clone()
        .filter(|alias| node.relation.as_ref().is_none_or(|relation| relation.name != *alias));
    into.push(NodeRecord {
        depth,
        node: kind,
        alias,
        indexes: if node.relation.is_some() {
            node.indexes().into_iter().map(str::to_owned).collect()
        } else {
            Vec::new()
        },
        on: on(node),
        estimate: node.estimate.rows,
        rows: executed.map(|actual| actual.rows),
        loops: executed.map_or(1.0, |actual| actual.loops),
        read: if relation.is_some() { node.rows_read().round() as u64 } else { 0 },
        relation,
    });
    for child in &node.children {
        record(child, depth + 1, into);
    }
}

/// Returns the columns of each condition and key. A recheck repeats the condition of the bitmap below.
fn on(node: &PlanNode) -> Vec<String> {
    let names = |text: &str| condition::columns(text).into_iter().map(|one| one.column).collect::<Vec<_>>();
    let conditions = node.conditions.iter().filter(|(label, _)| label != "Recheck Cond");
    let conditions = conditions.map(|(label, text)| (label, names(text)));
    let keys = node.keys.iter().map(|(label, keys)| (label, names(&keys.join(", "))));
    let mut found: Vec<String> = conditions
        .chain(keys)
        .filter(|(_, columns)| !columns.is_empty())
        .map(|(label, columns)| format!("{}: {}", label.to_lowercase(), columns.join(", ")))
        .collect();
    found.sort();
    found
}

impl NodeRecord {
    /// Returns the node as a line of a tree, without any amount.
    pub fn line(&self) -> String {
        let mut line = format!("{}{}", "  ".repeat(self.depth), self.node);
        if !self.indexes.is_empty() {
            line.push_str(&format!(" using {}", self.indexes.join(", ")));
        }
        if let Some(name) = self.place() {
            line.push_str(&format!(" on {name}"));
        }
        if !self.on.is_empty() {
            line.push_str(&format!(" ({})", self.on.join("; ")));
        }
        line
    }

    /// Returns relation and alias as SQL writes them.
    pub fn place(&self) -> Option<String> {
        match (&self.relation, &self.alias) {
            (Some(relation), Some(alias)) => Some(format!("{relation} {alias}")),
            (Some(name), None) | (None, Some(name)) => Some(name.clone()),
            (None, None) => None,
        }
    }

    /// Returns the rows that it gave over all executions, about, of those that it read.
    pub fn kept(&self) -> f64 {
        (self.rows.unwrap_or(0.0) * self.loops).min(self.read as f64)
    }

    /// Returns whether it reads a table from beginning to end.
    pub fn is_seq_scan(&self) -> bool {
        self.relation.is_some() && (self.node == "Seq Scan" || self.node == "Parallel Seq Scan")
    }
}
