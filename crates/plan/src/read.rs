//! From the JSON of `EXPLAIN` to a typed plan; what is unknown survives in `extra`.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::node::{Actual, Buffers, Estimate, Explained, PlanNode, RelationName, Role, Wal};

/// Deepest nesting that is read: a join of 250 tables, each below the other, has half of it. A text that is deeper is no
/// plan, and reading it would need more stack than there is.
const DEEPEST: usize = 1_000;

/// Why a text is no plan.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is not JSON.
    #[error("the plan is no JSON")]
    Json(#[source] serde_json::Error),
    /// It is JSON without a plan.
    #[error("the JSON holds no plan: {0} is missing")]
    NoPlan(&'static str),
    /// It nests deeper than any plan.
    #[error("the JSON nests deeper than {DEEPEST} levels")]
    Deep,
}

/// Reads the answer of `EXPLAIN (FORMAT JSON)`: a list with one object.
///
/// PostgreSQL 14 to 18 (manual, "EXPLAIN"); fields that this version of ours does not know are kept
/// in [`Explained::extra`] and [`PlanNode::extra`].
pub fn read(text: &str) -> Result<Explained, ReadError> {
    if nesting(text) > DEEPEST {
        return Err(ReadError::Deep);
    }
    let mut json = serde_json::Deserializer::from_str(text);
    json.disable_recursion_limit();
    let value = Value::deserialize(&mut json).map_err(ReadError::Json)?;
    json.end().map_err(ReadError::Json)?;
    let first = match value {
        Value::Array(list) => list.into_iter().next(),
        object => Some(object),
    };
    let Some(Value::Object(mut fields)) = first else { return Err(ReadError::NoPlan("the first object")) };
    let Some(Value::Object(plan)) = fields.remove("Plan") else { return Err(ReadError::NoPlan("Plan")) };
    Ok(explained(node(plan), fields))
}

/// Returns the deepest nesting of brackets outside strings.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn explained(root: PlanNode, mut fields: Map<String, Value>) -> Explained {
    let planning = match fields.get_mut("Planning") {
        Some(Value::Object(planning)) => buffers(planning),
        _ => Buffers::default(),
    };
    fields.retain(|_, value| value.as_object().is_none_or(|object| !object.is_empty()));
    let settings = match fields.remove("Settings") {
        Some(Value::Object(settings)) => {
            settings.into_iter().map(|(name, value)| (name, plain(&value))).collect()
        }
        _ => Default::default(),
    };
    let triggers = match fields.get("Triggers") {
        Some(Value::Array(list)) => list.iter().filter_map(trigger).collect(),
        _ => Vec::new(),
    };
    Explained {
        root,
        settings,
        planning,
        planning_ms: number(&mut fields, "Planning Time"),
        execution_ms: number(&mut fields, "Execution Time"),
        triggers,
        extra: fields,
    }
}

fn trigger(value: &Value) -> Option<String> {
    let name = value.get("Constraint Name").or_else(|| value.get("Trigger Name"))?;
    Some(format!("{}: {} calls", plain(name), plain(value.get("Calls")?)))
}

/// Reads a node and what is below it. Not by recursion: its frames are large, and plans may be deep.
fn node(fields: Map<String, Value>) -> PlanNode {
    let mut open = vec![alone(fields)];
    loop {
        let next = open.last_mut().and_then(|(_, below)| below.next());
        match next {
            Some(Value::Object(fields)) => open.push(alone(fields)),
            Some(_) => {}
            None => {
                let Some((done, _)) = open.pop() else { return PlanNode::default() };
                match open.last_mut() {
                    Some((parent, _)) => parent.children.push(done),
                    None => return done,
                }
            }
        }
    }
}

/// Returns a node without its children, and these unread.
fn alone(mut fields: Map<String, Value>) -> (PlanNode, std::vec::IntoIter<Value>) {
    let children = match fields.remove("Plans") {
        Some(Value::Array(list)) => list,
        _ => Vec::new(),
    };
    let name = text(&mut fields, "Relation Name");
    // A function has a schema too, and no relation to keep it with.
    let schema = if name.is_some() { text(&mut fields, "Schema") } else { None };
    let mut node = PlanNode {
        kind: text(&mut fields, "Node Type").unwrap_or_default(),
        role: role(text(&mut fields, "Parent Relationship").as_deref()),
        relation: name.map(|name| RelationName { schema, name }),
        alias: text(&mut fields, "Alias"),
        index: text(&mut fields, "Index Name"),
        join: text(&mut fields, "Join Type"),
        subplan: text(&mut fields, "Subplan Name"),
        cte: text(&mut fields, "CTE Name"),
        strategy: text(&mut fields, "Strategy"),
        inner_unique: fields.remove("Inner Unique") == Some(Value::Bool(true)),
        estimate: estimate(&mut fields),
        actual: actual(&mut fields),
        buffers: buffers(&mut fields),
        wal: wal(&mut fields),
        heap_fetches: number(&mut fields, "Heap Fetches"),
        workers: workers(&mut fields),
        subplans_removed: count(&mut fields, "Subplans Removed"),
        spilled: spilled(&fields),
        ..PlanNode::default()
    };
    labelled(&mut node, fields);
    (node, children.into_iter())
}

/// Sorts what has one label per meaning: conditions, keys, rows removed; the rest is kept unread.
fn labelled(node: &mut PlanNode, fields: Map<String, Value>) {
    for (label, value) in fields {
        match &value {
            Value::String(text) if is_condition(&label) => node.conditions.push((label, text.clone())),
            Value::Array(list) if label.ends_with(" Key") && list.iter().all(Value::is_string) => {
                node.keys.push((label, list.iter().map(plain).collect()));
            }
            Value::Number(rows) if label.starts_with("Rows Removed by ") => {
                node.removed.push((label, rows.as_f64().unwrap_or(0.0)));
            }
            _ => {
                node.extra.insert(label, value);
            }
        }
    }
}

fn is_condition(label: &str) -> bool {
    label.ends_with(" Cond") || label.ends_with("Filter") || matches!(label, "Order By" | "Run Condition")
}

fn role(text: Option<&str>) -> Role {
    match text {
        None => Role::Root,
        Some("Outer") => Role::Outer,
        Some("Inner") => Role::Inner,
        Some("Member") => Role::Member,
        Some("InitPlan") => Role::InitPlan,
        Some("SubPlan") => Role::SubPlan,
        Some("Subquery") => Role::Subquery,
        Some(_) => Role::Other,
    }
}

fn estimate(fields: &mut Map<String, Value>) -> Estimate {
    Estimate {
        rows: number(fields, "Plan Rows").unwrap_or(0.0),
        width: count(fields, "Plan Width").unwrap_or(0),
        startup_cost: number(fields, "Startup Cost").unwrap_or(0.0),
        total_cost: number(fields, "Total Cost").unwrap_or(0.0),
    }
}

fn actual(fields: &mut Map<String, Value>) -> Option<Actual> {
    let rows = fields.remove("Actual Rows")?;
    fields.remove("Actual Startup Time");
    Some(Actual {
        rows: rows.as_f64().unwrap_or(0.0),
        // Since 18 the average is printed as `1.00`, before as `1` (release notes of 18, "EXPLAIN").
        rounded: !rows.is_f64(),
        loops: number(fields, "Actual Loops").unwrap_or(0.0),
        ms: number(fields, "Actual Total Time"),
    })
}

fn buffers(fields: &mut Map<String, Value>) -> Buffers {
    let mut blocks = |label: &str| count(fields, label).unwrap_or(0);
    let buffers = Buffers {
        hit: blocks("Shared Hit Blocks"),
        read: blocks("Shared Read Blocks"),
        dirtied: blocks("Shared Dirtied Blocks"),
        written: blocks("Shared Written Blocks"),
        local: blocks("Local Hit Blocks").saturating_add(blocks("Local Read Blocks")),
        temp_read: blocks("Temp Read Blocks"),
        temp_written: blocks("Temp Written Blocks"),
    };
    blocks("Local Dirtied Blocks");
    blocks("Local Written Blocks");
    buffers
}

fn wal(fields: &mut Map<String, Value>) -> Wal {
    let mut amount = |label: &str| count(fields, label).unwrap_or(0);
    Wal { records: amount("WAL Records"), page_images: amount("WAL FPI"), bytes: amount("WAL Bytes") }
}

fn workers(fields: &mut Map<String, Value>) -> Option<(u64, u64)> {
    let planned = count(fields, "Workers Planned")?;
    Some((planned, count(fields, "Workers Launched").unwrap_or(0)))
}

fn spilled(fields: &Map<String, Value>) -> bool {
    let sort = fields.get("Sort Space Type").and_then(Value::as_str) == Some("Disk");
    let batches = |label: &str| fields.get(label).and_then(Value::as_u64).is_some_and(|batches| batches > 1);
    sort || batches("Hash Batches") || batches("HashAgg Batches")
}

fn text(fields: &mut Map<String, Value>, label: &str) -> Option<String> {
    match fields.remove(label) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

fn number(fields: &mut Map<String, Value>, label: &str) -> Option<f64> {
    fields.remove(label)?.as_f64()
}

fn count(fields: &mut Map<String, Value>, label: &str) -> Option<u64> {
    let value = fields.remove(label)?;
    value.as_u64().or_else(|| value.as_f64().map(|number| number.max(0.0) as u64))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = r#"[{"Plan": {"Node Type": "Nested Loop", "Join Type": "Inner", "Inner Unique": true,
        "Startup Cost": 0.1, "Total Cost": 9.5, "Plan Rows": 3, "Plan Width": 8, "Actual Rows": 2, "Actual Loops": 1,
        "Actual Total Time": 0.5, "Shared Hit Blocks": 7, "Shared Read Blocks": 1, "Novelty": {"a": [1]},
        "Plans": [{"Node Type": "Index Scan", "Parent Relationship": "Outer", "Relation Name": "t", "Alias": "t_1",
            "Index Name": "t_pkey", "Index Cond": "(id = 1)", "Rows Removed by Filter": 4, "Filter": "(a > 2)",
            "Actual Rows": 0, "Actual Loops": 0}]},
        "Planning": {"Shared Hit Blocks": 3}, "Settings": {"work_mem": "1MB"}, "Triggers": [], "Execution Time": 1.5}]"#;

    #[test]
    fn what_is_known_is_typed_and_what_is_not_survives() {
        let plan = read(OLD).unwrap();
        assert_eq!((plan.root.buffers.touched(), plan.planning.hit, plan.execution_ms), (8, 3, Some(1.5)));
        assert_eq!(plan.root.extra["Novelty"]["a"][0], 1);
        let scan = plan.root.all()[1];
        assert_eq!((scan.alias.as_deref(), scan.condition("Index Cond")), (Some("t_1"), Some("(id = 1)")));
        assert_eq!((scan.rows_removed(), scan.actual.unwrap().never()), (4.0, true));
        assert_eq!(plan.settings["work_mem"], "1MB");
    }

    #[test]
    fn rounded_averages_give_no_exact_sum() {
        let exact = |rows: &str, loops: u32| {
            let text = format!(
                r#"{{"Plan": {{"Node Type": "Result", "Actual Rows": {rows}, "Actual Loops": {loops}}}}}"#
            );
            let actual = read(&text).unwrap().root.actual.unwrap();
            (actual.rounded, actual.exact_rows())
        };
        assert_eq!(exact("7", 1), (true, Some(7.0)));
        assert_eq!(exact("0", 900), (true, None));
        assert_eq!(exact("0.33", 3), (false, None));
    }

    #[test]
    fn what_is_no_plan_is_refused() {
        for text in ["", "[", "[]", "[{}]", "{\"Plan\": 3}", "[{\"Plan\": {}}] x"] {
            assert!(read(text).is_err(), "{text}");
        }
        let deep = "[".repeat(100_000);
        assert!(matches!(read(&deep), Err(ReadError::Deep)));
    }

    #[test]
    fn deep_joins_are_read() {
        let mut text = r#"{"Node Type": "Result"}"#.to_owned();
        for _ in 0..240 {
            text = format!(r#"{{"Node Type": "Nested Loop", "Plans": [{text}]}}"#);
        }
        let plan = read(&format!(r#"[{{"Plan": {text}}}]"#)).unwrap();
        assert_eq!(plan.root.all().len(), 241);
    }

    /// No text makes the reader panic, whatever is cut from a plan or put into it.
    #[test]
    fn mutilated_plans_are_refused_or_read() {
        let mut state = 0x2545_f491_4f6c_dd1du64;
        for _ in 0..4_000 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let mut bytes = OLD.as_bytes().to_vec();
            let at = (state as usize >> 8) % bytes.len();
            match state % 3 {
                0 => bytes.truncate(at),
                1 => bytes[at] = b"\"[]{}:,0-e"[(state >> 40) as usize % 10],
                _ => drop(bytes.drain(at..(at + 9).min(OLD.len()))),
            }
            let _ = String::from_utf8(bytes).map(|text| read(&text).map(|plan| plan.root.all().len()));
        }
    }
}
