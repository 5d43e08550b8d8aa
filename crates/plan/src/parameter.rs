//! With which columns a statement compares its parameters for equality.

use std::collections::BTreeMap;

use crate::condition::{self, Side};
use crate::node::PlanNode;
use crate::tokens::{Token, tokens};

/// A parameter and the column that it is compared with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Compared {
    /// Number of the parameter, from 1.
    pub parameter: usize,
    /// Schema of the table.
    pub schema: String,
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
    /// The parameter is an array, compared with `= ANY`.
    pub any: bool,
}

/// Returns the comparisons of a generic plan made with VERBOSE, one per parameter, by its number.
///
/// Before version 17 the results of subplans are printed like parameters (`$0`); those are left out.
pub fn compared_columns(root: &PlanNode) -> Vec<Compared> {
    let nodes = root.all();
    let results = subplan_results(&nodes);
    let mut found: BTreeMap<usize, Compared> = BTreeMap::new();
    let places = places(&nodes);
    for node in nodes {
        // The condition of a bitmap stands below the node that knows the relation.
        for (_, text) in &node.conditions {
            for one in condition::alternatives(text).iter().filter(|one| one.operator == "=") {
                let (column, parameter, any) = match (&one.left, &one.right) {
                    (Side::Column(column), Some(Side::Param(number)))
                    | (Side::Param(number), Some(Side::Column(column))) => (column, *number, false),
                    (Side::Column(column), Some(Side::AnyParam(number))) => (column, *number, true),
                    _ => continue,
                };
                let alias = column.alias.as_deref().or(node.alias.as_deref());
                let Some((schema, table)) = alias.and_then(|alias| places.get(alias)) else { continue };
                if results.contains(&parameter) {
                    continue;
                }
                found.entry(parameter).or_insert_with(|| Compared {
                    parameter,
                    schema: (*schema).to_owned(),
                    table: (*table).to_owned(),
                    column: column.column.clone(),
                    any,
                });
            }
        }
    }
    found.into_values().collect()
}

/// Returns the numbers under which results of subplans are printed like parameters.
pub(crate) fn subplan_results(nodes: &[&PlanNode]) -> Vec<usize> {
    nodes
        .iter()
        .filter_map(|node| node.subplan.as_deref()?.split_once("(returns ").map(|(_, list)| list))
        .flat_map(tokens)
        .filter_map(|token| if let Token::Param(number) = token { Some(number) } else { None })
        .collect()
}

/// Returns the table, with its schema, behind each alias.
pub(crate) fn places<'p>(nodes: &[&'p PlanNode]) -> BTreeMap<&'p str, (&'p str, &'p str)> {
    let named = nodes.iter().filter_map(|node| Some((node.relation.as_ref()?, node.alias.as_deref()?)));
    named
        .map(|(relation, alias)| {
            (alias, (relation.schema.as_deref().unwrap_or("public"), relation.name.as_str()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_in_views_alternatives_and_arrays() {
        let plan = crate::read(
            r#"[{"Plan": {"Node Type": "Nested Loop", "Plans": [
            {"Node Type": "Limit", "Parent Relationship": "InitPlan", "Subplan Name": "InitPlan 1 (returns $3)"},
            {"Node Type": "Seq Scan", "Parent Relationship": "Outer", "Relation Name": "courses", "Schema": "shop", "Alias": "c",
             "Filter": "((c.id = $3) AND (($1 IS NULL) OR ((c.kind)::text = $1)) AND (c.price < $4))"},
            {"Node Type": "Seq Scan", "Parent Relationship": "Inner", "Relation Name": "tags", "Alias": "t", "Filter": "(t.id = ANY ($2))"}]}}]"#,
        )
        .unwrap();
        let found: Vec<String> = compared_columns(&plan.root)
            .iter()
            .map(|one| format!("${} {}.{}.{} {}", one.parameter, one.schema, one.table, one.column, one.any))
            .collect();
        assert_eq!(found, ["$1 shop.courses.kind false", "$2 public.tags.id true"]);
    }
}
