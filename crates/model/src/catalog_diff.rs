//! What differs between two catalog snapshots, object by object.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::catalog::Catalog;

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The object exists on the left only.
    OnlyLeft(String),
    /// The object exists on the right only.
    OnlyRight(String),
    /// The object exists on both sides with different values.
    Changed {
        /// The object, such as `table public.courses column title`.
        object: String,
        /// The attribute, such as `type_name`.
        attribute: String,
        /// Value on the left, as text.
        left: String,
        /// Value on the right, as text.
        right: String,
    },
}

/// Returns the differences between two snapshots, sorted by object.
///
/// Objects are matched by kind and name, never by oid or position, so that it does not matter in
/// which order they were created.
pub fn catalog_diff(left: &Catalog, right: &Catalog) -> Vec<Difference> {
    let (left, right) = (objects(left), objects(right));
    let mut differences = Vec::new();
    for (object, attributes) in &left {
        match right.get(object) {
            None => differences.push(Difference::OnlyLeft(object.clone())),
            Some(other) => differences.extend(changed(object, attributes, other)),
        }
    }
    differences.extend(
        right.keys().filter(|object| !left.contains_key(*object)).cloned().map(Difference::OnlyRight),
    );
    differences
}

fn changed(object: &str, left: &Map<String, Value>, right: &Map<String, Value>) -> Vec<Difference> {
    left.iter()
        .filter(|(attribute, value)| right.get(*attribute) != Some(value))
        .map(|(attribute, value)| Difference::Changed {
            object: object.to_owned(),
            attribute: attribute.clone(),
            left: plain(value),
            right: plain(right.get(attribute).unwrap_or(&Value::Null)),
        })
        .collect()
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Returns every object with its scalar attributes; what is nested becomes an object of its own.
fn objects(catalog: &Catalog) -> BTreeMap<String, Map<String, Value>> {
    let mut objects = BTreeMap::new();
    // Serializing plain structs of strings cannot fail; an empty document would show as "only left".
    let document = serde_json::to_value(catalog).unwrap_or_default();
    for (list, kind) in LISTS {
        for value in document[*list].as_array().into_iter().flatten() {
            insert(&mut objects, kind, "", value);
        }
    }
    objects
}

const LISTS: &[(&str, &str)] = &[
    ("schemas", "schema"),
    ("extensions", "extension"),
    ("roles", "role"),
    ("tables", "table"),
    ("views", "view"),
    ("sequences", "sequence"),
    ("types", "type"),
    ("functions", "function"),
    ("grants", "grant"),
    ("others", "other"),
];

const NESTED: &[(&str, &str)] = &[
    ("columns", "column"),
    ("constraints", "constraint"),
    ("indexes", "index"),
    ("triggers", "trigger"),
    ("policies", "policy"),
];

fn insert(objects: &mut BTreeMap<String, Map<String, Value>>, kind: &str, parent: &str, value: &Value) {
    let Value::Object(fields) = value else { return };
    let name = format!("{parent}{kind} {}", identity(kind, fields));
    let mut scalars = Map::new();
    for (field, content) in fields {
        match nested(field, content) {
            Some((kind, items)) => {
                items.iter().for_each(|item| insert(objects, kind, &format!("{name} "), item));
            }
            None => {
                scalars.insert(field.clone(), content.clone());
            }
        }
    }
    objects.insert(name, scalars);
}

fn nested<'a>(field: &str, content: &'a Value) -> Option<(&'static str, &'a [Value])> {
    let (_, kind) = NESTED.iter().find(|(list, _)| *list == field)?;
    let items = content.as_array()?;
    let all_objects = items.iter().all(Value::is_object);
    all_objects.then_some((kind, items))
}

fn identity(kind: &str, fields: &Map<String, Value>) -> String {
    let text = |field: &str| fields.get(field).and_then(Value::as_str).unwrap_or_default();
    match kind {
        "grant" => format!("{} {} on {} {}", text("grantee"), text("privilege"), text("on"), text("object")),
        "other" => format!("{} {}", text("kind"), text("name")),
        "function" => format!("{}.{}({})", text("schema"), text("name"), text("arguments")),
        _ if fields.contains_key("schema") && kind != "extension" => {
            format!("{}.{}", text("schema"), text("name"))
        }
        _ => text("name").to_owned(),
    }
}
