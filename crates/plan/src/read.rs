//! From the JSON of `EXPLAIN` to a typed plan; what is unknown survives in `extra`.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::node::{Actual, Buffers, Explained, PlanNode, RelationName, Role};

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

/// What is known of a node before all its fields are.
#[derive(Default)]
struct Loose {
    children: Vec<Value>,
    relation: Option<String>,
    schema: Option<String>,
    rows: Option<Value>,
    loops: f64,
    ms: Option<f64>,
    planned: Option<u64>,
    launched: Option<u64>,
}

/// Returns a node without its children, and these unread.
///
/// One pass over the fields: looking each label up took most of the time of reading.
fn alone(fields: Map<String, Value>) -> (PlanNode, std::vec::IntoIter<Value>) {
    let (mut node, mut loose) = (PlanNode::default(), Loose::default());
    for (label, value) in fields {
        let unnamed = named(&mut node, &mut loose, (&label, value));
        let uncounted = unnamed.and_then(|value| counted(&mut node, &mut loose, (&label, value)));
        if let Some(value) = uncounted {
            labelled(&mut node, label, value);
        }
    }
    node.spilled = spilled(&node.extra);
    node.workers = loose.planned.map(|planned| (planned, loose.launched.unwrap_or(0)));
    node.actual = loose.rows.map(|rows| Actual {
        rows: rows.as_f64().unwrap_or(0.0),
        // Since 18 the average is printed as `1.00`, before as `1` (release notes of 18, "EXPLAIN").
        rounded: !rows.is_f64(),
        loops: loose.loops,
        ms: loose.ms,
    });
    match loose.relation {
        Some(name) => node.relation = Some(RelationName { schema: loose.schema, name }),
        // A function has a schema too, and no relation to keep it with.
        None => node.extra.extend(loose.schema.map(|schema| ("Schema".to_owned(), Value::String(schema)))),
    }
    (node, loose.children.into_iter())
}

/// Takes a field that is a name; hands others back.
fn named(node: &mut PlanNode, loose: &mut Loose, (label, value): (&str, Value)) -> Option<Value> {
    match (label, value) {
        ("Plans", Value::Array(list)) => loose.children = list,
        ("Plans", _) => {}
        ("Node Type", value) => node.kind = text(value).unwrap_or_default(),
        ("Parent Relationship", value) => node.role = role(value.as_str()),
        ("Relation Name", value) => loose.relation = text(value),
        ("Schema", value) => loose.schema = text(value),
        ("Alias", value) => node.alias = text(value),
        ("Index Name", value) => node.index = text(value),
        ("Join Type", value) => node.join = text(value),
        ("Subplan Name", value) => node.subplan = text(value),
        ("CTE Name", value) => node.cte = text(value),
        ("Strategy", value) => node.strategy = text(value),
        ("Inner Unique", value) => node.inner_unique = value == Value::Bool(true),
        (_, value) => return Some(value),
    }
    None
}

/// Takes a field that is an amount; hands others back.
fn counted(node: &mut PlanNode, loose: &mut Loose, (label, value): (&str, Value)) -> Option<Value> {
    let number = || value.as_f64();
    let amount = || whole(&value).unwrap_or(0);
    match label {
        "Plan Rows" => node.estimate.rows = number().unwrap_or(0.0),
        "Plan Width" => node.estimate.width = amount(),
        "Startup Cost" => node.estimate.startup_cost = number().unwrap_or(0.0),
        "Total Cost" => node.estimate.total_cost = number().unwrap_or(0.0),
        "Actual Rows" => loose.rows = Some(value),
        "Actual Loops" => loose.loops = number().unwrap_or(0.0),
        "Actual Total Time" => loose.ms = number(),
        "Actual Startup Time" => {}
        "WAL Records" => node.wal.records = amount(),
        "WAL FPI" => node.wal.page_images = amount(),
        "WAL Bytes" => node.wal.bytes = amount(),
        "Heap Fetches" => node.heap_fetches = number(),
        "Workers Planned" => loose.planned = whole(&value),
        "Workers Launched" => loose.launched = whole(&value),
        "Subplans Removed" => node.subplans_removed = whole(&value),
        _ if !label.ends_with(" Blocks") || !blocks(&mut node.buffers, label, &value) => return Some(value),
        _ => {}
    }
    None
}

/// Takes a number of blocks; answers whether it is one of those that are counted.
fn blocks(buffers: &mut Buffers, label: &str, value: &Value) -> bool {
    let amount = whole(value).unwrap_or(0);
    match label {
        "Shared Hit Blocks" => buffers.hit = amount,
        "Shared Read Blocks" => buffers.read = amount,
        "Shared Dirtied Blocks" => buffers.dirtied = amount,
        "Shared Written Blocks" => buffers.written = amount,
        "Local Hit Blocks" | "Local Read Blocks" => buffers.local = buffers.local.saturating_add(amount),
        "Local Dirtied Blocks" | "Local Written Blocks" => {}
        "Temp Read Blocks" => buffers.temp_read = amount,
        "Temp Written Blocks" => buffers.temp_written = amount,
        _ => return false,
    }
    true
}

/// Sorts what has one label per meaning: conditions, keys, rows removed; the rest is kept unread.
fn labelled(node: &mut PlanNode, label: String, value: Value) {
    match value {
        Value::String(text) if is_condition(&label) => node.conditions.push((label, text)),
        Value::Array(list) if label.ends_with(" Key") && list.iter().all(Value::is_string) => {
            node.keys.push((label, list.iter().map(plain).collect()));
        }
        Value::Number(rows) if label.starts_with("Rows Removed by ") => {
            node.removed.push((label, rows.as_f64().unwrap_or(0.0)));
        }
        value => {
            node.extra.insert(label, value);
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

fn buffers(fields: &mut Map<String, Value>) -> Buffers {
    let mut found = Buffers::default();
    fields.retain(|label, value| !blocks(&mut found, label, value));
    found
}

fn spilled(fields: &Map<String, Value>) -> bool {
    let sort = fields.get("Sort Space Type").and_then(Value::as_str) == Some("Disk");
    let batches = |label: &str| fields.get(label).and_then(Value::as_u64).is_some_and(|batches| batches > 1);
    sort || batches("Hash Batches") || batches("HashAgg Batches")
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

fn number(fields: &mut Map<String, Value>, label: &str) -> Option<f64> {
    fields.remove(label)?.as_f64()
}

fn whole(value: &Value) -> Option<u64> {
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
