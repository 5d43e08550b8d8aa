//! No text makes the reader, or anything that looks at what it read, panic: plans of the corpus with bytes cut out, put in and
//! exchanged, with values of other types, and JSON made up from the labels of plans.

use serde_json::{Map, Value, json};
use underpin_plan::parameter::compared_columns;
use underpin_plan::search::searches;
use underpin_plan::{PlanRecord, compare, misestimate, read, view};

use crate::stored::{FILES, stored};

/// A sequence that looks like chance and is the same in each run (Marsaglia, "Xorshift RNGs", 2003).
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % most.max(1)
    }
}

/// Reads a text and does with the plan all that can be done with one; returns whether it was one.
fn used(text: &str) -> bool {
    let Ok(plan) = read(text) else { return false };
    let record = PlanRecord::of(&plan);
    assert!(compare::changes(&record, &record).is_empty(), "a plan differs from itself: {text}");
    let nodes = plan.root.all().len();
    assert!(misestimate::misestimates(&plan.root).iter().all(|one| one.factor() >= 1.0), "{text}");
    assert_eq!(view::tree("x", &plan).nodes.len(), nodes);
    assert!(view::text(&plan).lines().count() >= 1);
    searches(&plan.root);
    compared_columns(&plan.root);
    true
}

#[test]
fn mutilated_plans_are_refused_or_read() {
    let plans: Vec<String> = FILES.iter().flat_map(|file| stored(file)).map(|one| one.text).collect();
    let mut chance = Chance(0x2545_f491_4f6c_dd1d);
    let mut read = 0;
    for _ in 0..3_000 {
        let mut bytes = plans[chance.below(plans.len())].clone().into_bytes();
        for _ in 0..=chance.below(3) {
            let at = chance.below(bytes.len());
            match chance.below(4) {
                0 => bytes.truncate(at + 1),
                1 => bytes[at] = b"\"[]{}:,0-e\\ a"[chance.below(13)],
                2 => drop(bytes.drain(at..(at + chance.below(40)).min(bytes.len()))),
                _ => bytes.splice(at..at, *b"[{\"Plan\":").for_each(drop),
            }
        }
        read += usize::from(String::from_utf8(bytes).is_ok_and(|text| used(&text)));
    }
    assert!(read > 100, "{read} were still plans: fewer would test JSON only");
}

#[test]
fn plans_with_values_of_other_types_are_read() {
    let plans: Vec<Value> = FILES.iter().flat_map(|file| stored(file)).map(|one| one.plan).collect();
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    for _ in 0..1_500 {
        let mut plan = plans[chance.below(plans.len())].clone();
        spoil(&mut plan[0]["Plan"], &mut chance);
        assert!(used(&plan.to_string()), "{plan}");
    }
}

#[test]
fn made_up_plans_are_refused_or_read() {
    let mut chance = Chance(0xd1b5_4a32_d192_ed03);
    let read = (0..3_000).filter(|_| used(&json!([{"Plan": object(&mut chance, 4)}]).to_string())).count();
    assert_eq!(read, 3_000, "an object is a plan, whatever it holds");
    for _ in 0..1_000 {
        used(&value(&mut chance, 3).to_string());
    }
}

/// Replaces some values of a node and of those below.
fn spoil(node: &mut Value, chance: &mut Chance) {
    let Some(fields) = node.as_object_mut() else { return };
    for (_, field) in fields.iter_mut().filter(|(label, _)| *label != "Plans") {
        if chance.below(12) == 0 {
            *field = if chance.below(2) == 0 {
                json!(LABELS[chance.below(LABELS.len())])
            } else {
                value(chance, 1)
            };
        }
    }
    if let Some(children) = node.get_mut("Plans").and_then(Value::as_array_mut) {
        children.iter_mut().for_each(|child| spoil(child, chance));
    }
}

const LABELS: &[&str] = &[
    "Node Type",
    "Plans",
    "Parent Relationship",
    "Relation Name",
    "Schema",
    "Alias",
    "Index Name",
    "Join Type",
    "Subplan Name",
    "CTE Name",
    "Strategy",
    "Inner Unique",
    "Plan Rows",
    "Plan Width",
    "Startup Cost",
    "Total Cost",
    "Actual Rows",
    "Actual Loops",
    "Actual Total Time",
    "Shared Hit Blocks",
    "Shared Read Blocks",
    "Local Hit Blocks",
    "Local Read Blocks",
    "Temp Read Blocks",
    "WAL Bytes",
    "Heap Fetches",
    "Workers Planned",
    "Workers Launched",
    "Subplans Removed",
    "Index Cond",
    "Filter",
    "Recheck Cond",
    "Hash Cond",
    "Sort Key",
    "Group Key",
    "Rows Removed by Filter",
    "Sort Space Type",
    "Hash Batches",
    "Workers",
];

const TEXTS: &[&str] = &[
    "",
    "Seq Scan",
    "Nested Loop",
    "Limit",
    "InitPlan",
    "SubPlan",
    "Outer",
    "Inner",
    "Member",
    "Sorted",
    "Semi",
    "CTE Scan",
    "CTE w",
    "InitPlan 1 (returns $0)",
    "(a.b = $1)",
    "((a = ANY ($1)) OR (b @@ $2))",
    "(((",
    "'",
    "\"",
    "$99999999999999999999",
    "::",
    "é'\u{1}",
];

fn object(chance: &mut Chance, depth: usize) -> Value {
    let mut fields = Map::new();
    for _ in 0..chance.below(12) {
        let label = LABELS[chance.below(LABELS.len())];
        let inner = match label {
            "Plans" if depth > 0 => (0..chance.below(4)).map(|_| object(chance, depth - 1)).collect(),
            _ => value(chance, depth.saturating_sub(1)),
        };
        fields.insert(label.to_owned(), inner);
    }
    Value::Object(fields)
}

fn value(chance: &mut Chance, depth: usize) -> Value {
    let numbers = [
        json!(0),
        json!(-1),
        json!(1e308),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(0.5),
        json!(-0.0),
        json!(3),
    ];
    match chance.below(if depth == 0 { 5 } else { 7 }) {
        0 => Value::Null,
        1 => json!(chance.below(2) == 0),
        2 => numbers[chance.below(numbers.len())].clone(),
        3 | 4 => json!(TEXTS[chance.below(TEXTS.len())]),
        5 => (0..chance.below(4)).map(|_| value(chance, depth - 1)).collect(),
        _ => object(chance, depth - 1),
    }
}
