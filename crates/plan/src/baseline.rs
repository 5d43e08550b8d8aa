//! `plans.lock`: the plans that were accepted, sorted and without a time, so that it changes only when a plan does.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::record::PlanRecord;

/// Version of the file's form.
pub const FORMAT: u32 = 1;

/// An object or list that is no longer than this stands on one line.
const LINE: usize = 180;

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlansLock {
    /// Version of this form: [`FORMAT`].
    pub plans: u32,
    /// One baseline per major version of the server: each plans in its own way.
    pub servers: BTreeMap<String, Baseline>,
}

/// What was accepted on one major version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// Value of `:scale`.
    pub scale: u32,
    /// Settings under which the plans were made: their fingerprint, readable.
    pub settings: BTreeMap<String, String>,
    /// Checksum of each table's content: results are compared only where the data are the same.
    pub data: BTreeMap<String, String>,
    /// Definition of each index without its name, by schema and name.
    #[serde(default)]
    pub indexes: BTreeMap<String, String>,
    /// By name.
    pub queries: BTreeMap<String, QueryBaseline>,
    /// Transactions up to their COMMIT (`transaction NAME`) and checks of foreign keys (`foreign key TABLE.NAME`).
    #[serde(default)]
    pub writes: BTreeMap<String, WriteBaseline>,
}

/// What was accepted for a transaction or the check of a foreign key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteBaseline {
    /// Values of a transaction's parameters, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, Option<String>>,
    /// Blocks touched.
    pub buffers: u64,
    /// Indexes that it scanned, with their schemas.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<String>,
}

/// What was accepted for one query.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct QueryBaseline {
    /// Why it was accepted.
    pub reason: String,
    /// Checksum of the statement's text: another statement may give another result.
    pub statement: String,
    /// By parameter set: `given`, `hot`, `rare`, `absent`, each also with ` generic`.
    pub sets: BTreeMap<String, SetBaseline>,
}

/// What was accepted for one parameter set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SetBaseline {
    /// The values, in the order of the parameters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Option<String>>,
    /// Checksum of the rows, in any order; absent where the statement may give different rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// The plan.
    pub plan: PlanRecord,
}

/// Why a text is no `plans.lock`.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// It does not parse.
    #[error("it is no plans.lock")]
    Parse(#[source] serde_json::Error),
    /// It is of a later form.
    #[error("it has form {0}, and this version of Underpin reads form {FORMAT}")]
    Form(u32),
}

impl PlansLock {
    /// Reads the file.
    pub fn read(text: &str) -> Result<PlansLock, LockError> {
        let lock: PlansLock = serde_json::from_str(text).map_err(LockError::Parse)?;
        if lock.plans == FORMAT { Ok(lock) } else { Err(LockError::Form(lock.plans)) }
    }

    /// Returns the file's text: the same content gives the same bytes.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Structures of ours always serialise: their keys are strings.
        let value = serde_json::to_value(self).unwrap_or_default();
        write(&value, 0, &mut text);
        text.push('\n');
        text
    }
}

/// Writes one line per object or list that fits on a line.
fn write(value: &Value, depth: usize, text: &mut String) {
    let compact = spaced(value);
    let (open, close, parts): (_, _, Vec<(String, &Value)>) = match value {
        Value::Object(map) if depth < 2 || compact.len() > LINE => (
            '{',
            '}',
            map.iter().map(|(key, value)| (format!("{}: ", Value::from(key.as_str())), value)).collect(),
        ),
        Value::Array(list) if compact.len() > LINE => {
            ('[', ']', list.iter().map(|value| (String::new(), value)).collect())
        }
        _ => return text.push_str(&compact),
    };
    text.push(open);
    let last = parts.len().saturating_sub(1);
    for (at, (key, part)) in parts.into_iter().enumerate() {
        text.push_str(&format!("\n{}{key}", "  ".repeat(depth + 1)));
        write(part, depth + 1, text);
        if at < last {
            text.push(',');
        }
    }
    text.push_str(&format!("\n{}{close}", "  ".repeat(depth)));
}

/// Returns a value on one line, with a space behind colons and commas.
fn spaced(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let parts: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{}: {}", Value::from(key.as_str()), spaced(value)))
                .collect();
            format!("{{{}}}", parts.join(", "))
        }
        Value::Array(list) => format!("[{}]", list.iter().map(spaced).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::NodeRecord;

    fn lock() -> PlansLock {
        let node = |name: &str| NodeRecord { node: name.to_owned(), loops: 1.0, ..NodeRecord::default() };
        let set = SetBaseline {
            values: vec![Some("a \"b\"".to_owned()), None],
            result: Some("00ff".to_owned()),
            plan: PlanRecord {
                buffers: 7,
                estimate: 1.5,
                nodes: vec![node("Limit"), node("Seq Scan")],
                ..PlanRecord::default()
            },
        };
        let query = QueryBaseline {
            reason: "the first baseline".to_owned(),
            statement: "12".to_owned(),
            sets: [("hot".to_owned(), set.clone()), ("given".to_owned(), set)].into(),
        };
        let baseline =
            Baseline { scale: 1, queries: [("top".to_owned(), query)].into(), ..Baseline::default() };
        PlansLock { plans: FORMAT, servers: [("15".to_owned(), baseline)].into() }
    }

    #[test]
    fn what_is_written_is_read_again_and_sorted() {
        let text = lock().text();
        assert_eq!(PlansLock::read(&text).unwrap(), lock());
        assert!(text.find("\"given\"").unwrap() < text.find("\"hot\"").unwrap(), "{text}");
        assert!(text.lines().all(|line| line.len() < 220) && text.lines().count() > 10, "{text}");
        assert_eq!(lock().text(), text);
    }

    #[test]
    fn other_files_and_later_forms_are_refused() {
        assert!(matches!(PlansLock::read("{}"), Err(LockError::Parse(_))));
        let later = lock().text().replace("\"plans\": 1", "\"plans\": 2");
        assert!(matches!(PlansLock::read(&later), Err(LockError::Form(2))));
    }
}
