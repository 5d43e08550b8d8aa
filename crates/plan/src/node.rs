//! The nodes of a plan, as `EXPLAIN` prints them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// One explained statement.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Explained {
    /// The topmost node.
    pub root: PlanNode,
    /// Settings away from their defaults that bear on planning (`SETTINGS`).
    pub settings: BTreeMap<String, String>,
    /// Blocks that planning touched; not part of any node.
    pub planning: Buffers,
    /// Planning time in milliseconds.
    pub planning_ms: Option<f64>,
    /// Execution time in milliseconds.
    pub execution_ms: Option<f64>,
    /// Triggers that fired, as `name: calls`.
    pub triggers: Vec<String>,
    /// Everything else, unread.
    pub extra: Map<String, Value>,
}

/// One node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlanNode {
    /// `Node Type`, such as `Index Scan`.
    pub kind: String,
    /// How the parent uses it.
    pub role: Role,
    /// The table that it reads or writes.
    pub relation: Option<RelationName>,
    /// The alias of whatever it reads: a table, a function, a CTE, a subquery.
    pub alias: Option<String>,
    /// The index that it reads.
    pub index: Option<String>,
    /// `Join Type` of a join.
    pub join: Option<String>,
    /// `Subplan Name`, such as `CTE branch` or `InitPlan 1 (returns $0)`.
    pub subplan: Option<String>,
    /// Name of the CTE that a `CTE Scan` reads.
    pub cte: Option<String>,
    /// `Strategy` of an aggregate or set operation: `Plain`, `Sorted`, `Hashed`, `Mixed`.
    pub strategy: Option<String>,
    /// The other side of a join has at most one match per row.
    pub inner_unique: bool,
    /// `Index Cond`, `Filter`, `Hash Cond` and the like, label and text.
    pub conditions: Vec<(String, String)>,
    /// `Sort Key`, `Group Key` and the like, label and expressions.
    pub keys: Vec<(String, Vec<String>)>,
    /// What the planner expected.
    pub estimate: Estimate,
    /// What happened; absent without ANALYZE.
    pub actual: Option<Actual>,
    /// `Rows Removed by …`, label and rows per loop (rounded).
    pub removed: Vec<(String, f64)>,
    /// Blocks touched by this node and everything below.
    pub buffers: Buffers,
    /// Log written by this node and everything below.
    pub wal: Wal,
    /// Rows that an index-only scan looked up in the table after all, over all loops.
    pub heap_fetches: Option<f64>,
    /// Parallel workers planned and launched.
    pub workers: Option<(u64, u64)>,
    /// Partitions that were pruned when execution began.
    pub subplans_removed: Option<u64>,
    /// A sort or hash went to disk.
    pub spilled: bool,
    /// The nodes below, in order.
    pub children: Vec<PlanNode>,
    /// Everything else, unread.
    pub extra: Map<String, Value>,
}

/// How the parent uses a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Topmost.
    #[default]
    Root,
    /// The only or the left input.
    Outer,
    /// The right input of a join.
    Inner,
    /// One of many: of an append, or a bitmap combination.
    Member,
    /// Evaluated at most once, before or when its value is first needed.
    InitPlan,
    /// Evaluated per row, or hashed.
    SubPlan,
    /// The subquery below a subquery scan.
    Subquery,
    /// A role of a later version.
    Other,
}

/// A table by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelationName {
    /// Schema; printed with VERBOSE only.
    pub schema: Option<String>,
    /// Name.
    pub name: String,
}

/// What the planner expected of one execution of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    /// Rows.
    pub rows: f64,
    /// Bytes per row.
    pub width: u64,
    /// Cost until the first row.
    pub startup_cost: f64,
    /// Cost until the last row.
    pub total_cost: f64,
}

/// What the executions of a node gave.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Actual {
    /// Rows per execution, averaged over all.
    pub rows: f64,
    /// The average was rounded to a whole number, as before version 18.
    pub rounded: bool,
    /// Executions; 0 for a node that was never reached. Workers count.
    pub loops: f64,
    /// Milliseconds per execution until the last row.
    pub ms: Option<f64>,
}

impl Actual {
    /// Returns whether the node was never executed.
    pub fn never(&self) -> bool {
        self.loops == 0.0
    }

    /// Returns the rows over all executions, where that is known exactly: an average that was rounded
    /// (before 18) or printed with two digits (since) tells the sum of one execution only.
    pub fn exact_rows(&self) -> Option<f64> {
        (self.loops <= 1.0).then_some(self.rows * self.loops)
    }

    /// Returns the rows over all executions, about.
    pub fn about_rows(&self) -> f64 {
        self.rows * self.loops
    }
}

/// Blocks of 8 KiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Buffers {
    /// Found in shared buffers.
    pub hit: u64,
    /// Read from outside.
    pub read: u64,
    /// Changed for the first time.
    pub dirtied: u64,
    /// Written out.
    pub written: u64,
    /// Local blocks (temporary tables), found or read.
    pub local: u64,
    /// Temporary blocks read.
    pub temp_read: u64,
    /// Temporary blocks written.
    pub temp_written: u64,
}

impl Buffers {
    /// Returns the blocks touched: what was found in shared buffers counts like what was read.
    pub fn touched(&self) -> u64 {
        self.hit.saturating_add(self.read).saturating_add(self.local)
    }

    /// Returns the temporary blocks read or written.
    pub fn temp(&self) -> u64 {
        self.temp_read.saturating_add(self.temp_written)
    }
}

/// Write-ahead log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wal {
    /// Records.
    pub records: u64,
    /// Full page images.
    pub page_images: u64,
    /// Bytes.
    pub bytes: u64,
}

impl PlanNode {
    /// Returns the node and everything below, parents first.
    pub fn all(&self) -> Vec<&PlanNode> {
        let mut found = vec![self];
        let mut at = 0;
        while at < found.len() {
            let children: Vec<&PlanNode> = found[at].children.iter().collect();
            found.splice(at + 1..at + 1, children);
            at += 1;
        }
        found
    }

    /// Returns a condition's text by its label.
    pub fn condition(&self, label: &str) -> Option<&str> {
        self.conditions.iter().find(|(name, _)| name == label).map(|(_, text)| text.as_str())
    }

    /// Returns the expressions of a key by its label.
    pub fn key(&self, label: &str) -> Option<&[String]> {
        self.keys.iter().find(|(name, _)| name == label).map(|(_, keys)| keys.as_slice())
    }

    /// Returns the index of this node or, of a bitmap scan, those of the bitmap below.
    pub fn indexes(&self) -> Vec<&str> {
        if let Some(index) = &self.index {
            return vec![index];
        }
        if self.kind != "Bitmap Heap Scan" {
            return Vec::new();
        }
        self.all().into_iter().filter_map(|node| node.index.as_deref()).collect()
    }

    /// Returns the rows that a write without RETURNING took from below, about.
    pub fn rows_inserted(&self) -> f64 {
        self.children.iter().filter_map(|child| child.actual).map(|actual| actual.about_rows()).sum()
    }

    /// Returns whether it reads a whole table.
    pub fn is_seq_scan(&self) -> bool {
        self.kind == "Seq Scan" || self.kind == "Sample Scan"
    }

    /// Returns the rows that conditions removed, per execution.
    pub fn rows_removed(&self) -> f64 {
        self.removed.iter().map(|(_, rows)| rows).sum()
    }

    /// Returns the rows that the node looked at, over all executions, about: those kept and those removed.
    pub fn rows_read(&self) -> f64 {
        self.actual.map_or(0.0, |actual| (actual.rows + self.rows_removed()) * actual.loops)
    }
}
