//! What the header of a query allows its plan: `-- budget: buffers <= 200, no-seq-scan(orders), estimate <= 10x`.

use crate::compare::amount;
use crate::gate::Thresholds;
use crate::misestimate;
use crate::node::Explained;

/// The clauses of one query.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Budget {
    /// Milliseconds; shown beside what was measured, never judged.
    pub ms: Option<f64>,
    /// Most blocks.
    pub buffers: Option<f64>,
    /// Most temporary blocks.
    pub temp: Option<f64>,
    /// Most rows that scans look at.
    pub rows_read: Option<f64>,
    /// Largest q-error.
    pub estimate: Option<f64>,
    /// Tables that must not be read from beginning to end.
    pub no_seq_scan: Vec<String>,
    /// Thresholds of the gate, for this query.
    pub thresholds: Vec<(String, f64)>,
}

impl Budget {
    /// Reads the clauses; those that are none come back as they are.
    pub fn parse(clauses: &[String]) -> (Budget, Vec<String>) {
        let mut budget = Budget::default();
        let unread = clauses.iter().filter(|clause| budget.take(clause).is_none()).cloned().collect();
        (budget, unread)
    }

    fn take(&mut self, clause: &str) -> Option<()> {
        let clause = clause.trim();
        if let Some(table) = clause.strip_prefix("no-seq-scan(").and_then(|rest| rest.strip_suffix(')')) {
            self.no_seq_scan.extend(table.split(',').map(|name| name.trim().to_owned()));
            return Some(());
        }
        if let Some(ms) = clause.strip_suffix("ms").or_else(|| clause.strip_suffix("milliseconds")) {
            self.ms = Some(ms.trim().parse().ok()?);
            return Some(());
        }
        if let Some(seconds) = clause.strip_suffix('s').and_then(|text| text.trim().parse::<f64>().ok()) {
            self.ms = Some(seconds * 1_000.0);
            return Some(());
        }
        let (name, value) = clause.split_once("<=")?;
        let (name, value) = (name.trim(), value.trim());
        let number: f64 = value.trim_end_matches('x').trim().replace('_', "").parse().ok()?;
        match (name, value.ends_with('x')) {
            ("buffers", false) => self.buffers = Some(number),
            ("buffers", true) => self.thresholds.push(("buffers_ratio".to_owned(), number)),
            ("temp", false) => self.temp = Some(number),
            ("rows-read", false) => self.rows_read = Some(number),
            ("estimate", _) => self.estimate = Some(number),
            (other, _) => {
                let name = other.replace('-', "_");
                Thresholds::default().set(&name, number)?;
                self.thresholds.push((name, number));
            }
        }
        Some(())
    }

    /// Returns the project's thresholds with those of this query.
    pub fn over(&self, project: &Thresholds) -> Thresholds {
        let mut own = project.clone();
        for (name, value) in &self.thresholds {
            own.set(name, *value);
        }
        own
    }

    /// Returns every clause that the plan does not keep, as sentences without their subject.
    pub fn exceeded(&self, plan: &Explained) -> Vec<String> {
        let nodes = plan.root.all();
        let mut found = Vec::new();
        let mut most = |limit: Option<f64>, measured: f64, what: &str| {
            if let Some(limit) = limit.filter(|limit| measured > *limit) {
                found.push(format!("{what} {}, at most {} are allowed", amount(measured), amount(limit)));
            }
        };
        most(self.buffers, plan.root.buffers.touched() as f64, "the buffers touched are");
        most(self.temp, plan.root.buffers.temp() as f64, "the temporary blocks are");
        most(self.rows_read, nodes.iter().map(|node| node.rows_read()).sum(), "the rows read are");
        if let Some(limit) = self.estimate {
            let off = misestimate::misestimates(&plan.root);
            let worst = off.iter().max_by(|a, b| a.factor().total_cmp(&b.factor()));
            if let Some(worst) = worst.filter(|worst| worst.factor() > limit) {
                found.push(format!(
                    "the estimate of {} is off {} times ({} expected, {} given), at most {} are allowed",
                    crate::view::name(worst.node),
                    amount(worst.factor()),
                    amount(worst.estimate),
                    amount(worst.actual),
                    amount(limit)
                ));
            }
        }
        for table in &self.no_seq_scan {
            let scans = |node: &&&crate::PlanNode| node.is_seq_scan() && reads(node, table);
            if let Some(node) = nodes.iter().find(scans) {
                found.push(format!(
                    "{table} is read from beginning to end ({} rows)",
                    amount(node.rows_read())
                ));
            }
        }
        found
    }
}

fn reads(node: &crate::PlanNode, table: &str) -> bool {
    let Some(relation) = &node.relation else { return false };
    match table.split_once('.') {
        Some((schema, name)) => {
            relation.name == name && relation.schema.as_deref().is_none_or(|own| own == schema)
        }
        None => relation.name == table,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (Budget, Vec<String>) {
        Budget::parse(&text.split(';').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn clauses_are_read_or_come_back() {
        let (budget, unread) = parse(
            "20 ms; no-seq-scan(a); buffers <= 1_200; buffers <= 2x;estimate <= 10x;seq-scan-rows <= 50;fast;rows <= x",
        );
        assert_eq!((budget.ms, budget.buffers, budget.estimate), (Some(20.0), Some(1_200.0), Some(10.0)));
        assert_eq!(budget.no_seq_scan, ["a"]);
        let own = budget.over(&Thresholds::default());
        assert_eq!((own.buffers_ratio, own.seq_scan_rows, own.buffers_more), (2.0, 50.0, 16.0));
        assert_eq!(unread, ["fast", "rows <= x"]);
        assert_eq!(parse("1.5 s").0.ms, Some(1_500.0));
    }

    #[test]
    fn what_is_exceeded_is_told_with_what_was_measured() {
        let plan = crate::read(
            r#"[{"Plan": {"Node Type": "Seq Scan", "Relation Name": "a", "Alias": "a", "Schema": "public", "Plan Rows": 1,
                "Actual Rows": 900, "Actual Loops": 1, "Rows Removed by Filter": 100, "Shared Hit Blocks": 2000}}]"#,
        )
        .unwrap();
        let told = |text| parse(text).0.exceeded(&plan).join("\n");
        assert_eq!(
            told("buffers <= 1200;estimate <= 10x;no-seq-scan(public.a);temp <= 0"),
            "the buffers touched are 2 000, at most 1 200 are allowed\n\
             the estimate of Seq Scan on a is off 900 times (1 expected, 900 given), at most 10 are allowed\n\
             public.a is read from beginning to end (1 000 rows)"
        );
        assert_eq!(told("buffers <= 2000;1 ms;no-seq-scan(other.a);rows-read <= 1000"), "");
    }
}
