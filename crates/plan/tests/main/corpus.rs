//! Every plan of the corpus is read, loses nothing, and adds up to what a naive walk of its JSON finds.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use underpin_plan::{PlanNode, PlanRecord, read, view};

use crate::stored::{FILES, stored};

#[test]
fn the_corpus_is_large_and_diverse() {
    let mut kinds = BTreeSet::new();
    for file in FILES {
        let plans = stored(file);
        assert!(plans.len() >= 150, "{}", plans.len());
        for one in plans {
            walk(&one.plan[0]["Plan"], &mut |node| {
                kinds.insert(node["Node Type"].as_str().unwrap().to_owned());
            });
        }
    }
    assert!(FILES.iter().map(|file| file.lines().count()).sum::<usize>() >= 300);
    assert!(kinds.len() >= 38, "{kinds:?}");
}

#[test]
fn every_plan_adds_up_to_its_json() {
    for one in FILES.iter().flat_map(|file| stored(file)) {
        let plan = read(&one.text).unwrap_or_else(|error| panic!("{}: {error}", one.name));
        let raw = &one.plan[0]["Plan"];
        let nodes = plan.root.all();
        let mut order = Vec::new();
        walk(raw, &mut |node| order.push(node.clone()));
        assert_eq!(nodes.len(), order.len(), "{}", one.name);
        for (node, raw) in nodes.iter().zip(&order) {
            assert_eq!(Some(node.kind.as_str()), raw["Node Type"].as_str(), "{}", one.name);
        }
        let ours = |part: &dyn Fn(&PlanNode) -> f64| nodes.iter().map(|node| part(node)).sum::<f64>();
        let theirs = |labels: &[&str]| {
            order
                .iter()
                .flat_map(|node| labels.iter().map(|label| node[*label].as_f64().unwrap_or(0.0)))
                .sum::<f64>()
        };
        let touched = ["Shared Hit Blocks", "Shared Read Blocks", "Local Hit Blocks", "Local Read Blocks"];
        let sums = [
            (ours(&|node| node.buffers.touched() as f64), theirs(&touched), "blocks"),
            (
                ours(&|node| node.buffers.temp() as f64),
                theirs(&["Temp Read Blocks", "Temp Written Blocks"]),
                "temporary blocks",
            ),
            (ours(&|node| node.buffers.dirtied as f64), theirs(&["Shared Dirtied Blocks"]), "dirtied blocks"),
            (ours(&|node| node.estimate.rows), theirs(&["Plan Rows"]), "rows expected"),
            (ours(&|node| node.estimate.total_cost), theirs(&["Total Cost"]), "cost"),
            (
                ours(&|node| node.actual.map_or(0.0, |actual| actual.rows)),
                theirs(&["Actual Rows"]),
                "rows given",
            ),
            (
                ours(&|node| node.actual.map_or(0.0, |actual| actual.loops)),
                theirs(&["Actual Loops"]),
                "loops",
            ),
            (ours(&|node| node.wal.bytes as f64), theirs(&["WAL Bytes"]), "log"),
            (ours(&|node| node.heap_fetches.unwrap_or(0.0)), theirs(&["Heap Fetches"]), "heap fetches"),
            (
                ours(&|node| node.subplans_removed.unwrap_or(0) as f64),
                theirs(&["Subplans Removed"]),
                "parts pruned",
            ),
            (ours(&PlanNode::rows_removed), removed(&order), "rows removed"),
        ];
        for (ours, theirs, what) in sums {
            assert_eq!(ours, theirs, "{what} of {}", one.name);
        }
        let record = PlanRecord::of(&plan);
        let root: f64 = touched.iter().map(|label| raw[*label].as_f64().unwrap_or(0.0)).sum();
        assert_eq!(record.buffers as f64, root, "{}", one.name);
        assert_eq!(view::tree("plan", &plan).nodes.len(), nodes.len(), "{}", one.name);
        assert_eq!(view::text(&plan).is_empty(), nodes.is_empty(), "{}", one.name);
    }
}

#[test]
fn nothing_that_a_server_says_is_lost() {
    for one in FILES.iter().flat_map(|file| stored(file)) {
        let plan = read(&one.text).unwrap();
        let mut order = Vec::new();
        walk(&one.plan[0]["Plan"], &mut |node| order.push(node.clone()));
        for (node, raw) in plan.root.all().into_iter().zip(&order) {
            for (label, value) in raw.as_object().unwrap() {
                let told = told(node, label).or_else(|| node.extra.get(label).cloned());
                assert!(same(told.as_ref(), value), "{label}: {value} became {told:?} in {}", one.name);
            }
        }
        for (label, value) in one.plan[0].as_object().unwrap() {
            let kept = match label.as_str() {
                "Plan" | "Planning" | "Triggers" | "Query Identifier" => continue,
                "Planning Time" => plan.planning_ms.map(|ms| json!(ms)),
                "Execution Time" => plan.execution_ms.map(|ms| json!(ms)),
                "Settings" => Some(json!(plan.settings)),
                _ => plan.extra.get(label).cloned(),
            };
            assert!(same(kept.as_ref(), value), "{label}: {value} became {kept:?} in {}", one.name);
        }
    }
}

#[test]
fn fields_of_later_versions_survive() {
    for one in FILES.iter().flat_map(|file| stored(file)).step_by(7) {
        let mut later = one.plan.clone();
        later[0]["Novelty"] = json!({"deep": [1, {"er": null}]});
        change(&mut later[0]["Plan"], &mut |node| {
            node["Later Field"] = json!(["a", 1.5]);
            node["Later Cond"] = json!("(a = 1)");
        });
        let plan = read(&later.to_string()).unwrap();
        assert_eq!(plan.extra["Novelty"], later[0]["Novelty"]);
        for node in plan.root.all() {
            assert_eq!(node.extra["Later Field"], json!(["a", 1.5]), "{}", one.name);
            assert_eq!(node.condition("Later Cond"), Some("(a = 1)"), "{}", one.name);
        }
    }
}

/// Calls `seen` for each node, parents first.
fn walk(node: &Value, seen: &mut dyn FnMut(&Value)) {
    seen(node);
    node["Plans"].as_array().into_iter().flatten().for_each(|child| walk(child, seen));
}

fn change(node: &mut Value, with: &mut dyn FnMut(&mut Value)) {
    with(node);
    if let Some(children) = node.get_mut("Plans").and_then(Value::as_array_mut) {
        children.iter_mut().for_each(|child| change(child, with));
    }
}

fn removed(nodes: &[Value]) -> f64 {
    let labels = nodes.iter().flat_map(|node| node.as_object().unwrap());
    labels
        .filter(|(label, _)| label.starts_with("Rows Removed by "))
        .map(|(_, rows)| rows.as_f64().unwrap())
        .sum()
}

/// Returns what the typed part of a node says under a label; numbers that are summed are compared elsewhere.
fn told(node: &PlanNode, label: &str) -> Option<Value> {
    let text = |text: &Option<String>| text.as_ref().map(|text| json!(text));
    match label {
        "Node Type" => Some(json!(node.kind)),
        "Relation Name" => node.relation.as_ref().map(|relation| json!(relation.name)),
        "Schema" => node.relation.as_ref().and_then(|relation| text(&relation.schema)),
        "Alias" => text(&node.alias),
        "Index Name" => text(&node.index),
        "Join Type" => text(&node.join),
        "Subplan Name" => text(&node.subplan),
        "CTE Name" => text(&node.cte),
        "Strategy" => text(&node.strategy),
        "Parent Relationship" => Some(json!(format!("{:?}", node.role))),
        "Inner Unique" => Some(json!(node.inner_unique)),
        "Startup Cost" => Some(json!(node.estimate.startup_cost)),
        "Total Cost" => Some(json!(node.estimate.total_cost)),
        "Plan Rows" => Some(json!(node.estimate.rows)),
        "Plan Width" => Some(json!(node.estimate.width)),
        "Actual Rows" => node.actual.map(|actual| json!(actual.rows)),
        "Actual Loops" => node.actual.map(|actual| json!(actual.loops)),
        "Actual Total Time" => node.actual.and_then(|actual| actual.ms).map(|ms| json!(ms)),
        "Shared Hit Blocks" => Some(json!(node.buffers.hit)),
        "Shared Read Blocks" => Some(json!(node.buffers.read)),
        "Shared Dirtied Blocks" => Some(json!(node.buffers.dirtied)),
        "Shared Written Blocks" => Some(json!(node.buffers.written)),
        "Temp Read Blocks" => Some(json!(node.buffers.temp_read)),
        "Temp Written Blocks" => Some(json!(node.buffers.temp_written)),
        "WAL Records" => Some(json!(node.wal.records)),
        "WAL FPI" => Some(json!(node.wal.page_images)),
        "WAL Bytes" => Some(json!(node.wal.bytes)),
        "Heap Fetches" => node.heap_fetches.map(|rows| json!(rows)),
        "Workers Planned" => node.workers.map(|(planned, _)| json!(planned)),
        "Workers Launched" => node.workers.map(|(_, launched)| json!(launched)),
        "Subplans Removed" => node.subplans_removed.map(|parts| json!(parts)),
        "Plans" => Some(Value::Null),
        // Sums of local blocks and the time of the first row are all that is told of these.
        "Local Hit Blocks" | "Local Read Blocks" | "Local Dirtied Blocks" | "Local Written Blocks" => {
            Some(Value::Null)
        }
        "Actual Startup Time" => Some(Value::Null),
        _ => {
            let condition = node.condition(label).map(|text| json!(text));
            let keys = || node.key(label).map(|keys| json!(keys));
            let removed = || node.removed.iter().find(|(one, _)| one == label).map(|(_, rows)| json!(rows));
            condition.or_else(keys).or_else(removed)
        }
    }
}

/// Compares numbers as numbers: `1` and `1.0` are the same amount. NULL stands for what is compared elsewhere.
fn same(told: Option<&Value>, raw: &Value) -> bool {
    match (told, raw) {
        (Some(Value::Null), _) => true,
        (Some(Value::Number(a)), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (told, raw) => told == Some(raw),
    }
}
