//! Which conditions of a plan search text: by words, by patterns, by similarity.

use crate::condition::{self, ColumnName, Side};
use crate::node::PlanNode;
use crate::parameter::{places, subplan_results};
use crate::tokens::{Token, tokens};

/// Operators that search text: full text, LIKE, ILIKE, regular expressions, beginnings, `pg_trgm`'s similarities.
const OPERATORS: &[&str] = &["@@", "~~", "~~*", "~", "~*", "^@", "%", "<%", "%>", "<<%", "%>>"];

/// A condition that searches text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Searched {
    /// Schema of the table.
    pub schema: String,
    /// The table.
    pub table: String,
    /// The columns that are searched.
    pub columns: Vec<String>,
    /// The operator, such as `@@` or `~~*`.
    pub operator: String,
    /// The parameter that holds what is searched for; absent when it is fixed.
    pub parameter: Option<usize>,
    /// The condition chooses where an index is read, and does not filter what was read.
    pub by_index: bool,
}

/// Returns the searches of a plan made with VERBOSE, each once; where the same search is a filter and chooses rows of an
/// index too (a recheck), the index counts.
///
/// A parameter is known of generic plans only: others hold its value.
pub fn searches(root: &PlanNode) -> Vec<Searched> {
    let nodes = root.all();
    let (results, places) = (subplan_results(&nodes), places(&nodes));
    let mut found: Vec<Searched> = Vec::new();
    for node in &nodes {
        for (label, text) in &node.conditions {
            for one in condition::alternatives(text) {
                let Some(right) = one.right.as_ref().filter(|_| OPERATORS.contains(&one.operator.as_str()))
                else {
                    continue;
                };
                let (columns, value) = match (own(&one.left), own(right)) {
                    (Some(columns), _) => (columns, right),
                    (None, Some(columns)) => (columns, &one.left),
                    (None, None) => continue,
                };
                let alias = columns[0].alias.as_deref().or(node.alias.as_deref());
                let Some((schema, table)) = alias.and_then(|alias| places.get(alias)) else { continue };
                let searched = Searched {
                    schema: (*schema).to_owned(),
                    table: (*table).to_owned(),
                    columns: columns.into_iter().map(|column| column.column).collect(),
                    operator: one.operator.clone(),
                    parameter: parameter(value).filter(|number| !results.contains(number)),
                    by_index: label == "Index Cond",
                };
                add(&mut found, searched);
            }
        }
    }
    found
}

/// Keeps one of two that differ in where they are applied only.
fn add(found: &mut Vec<Searched>, new: Searched) {
    let same = |one: &&mut Searched| Searched { by_index: new.by_index, ..(**one).clone() } == new;
    match found.iter_mut().find(same) {
        Some(known) => known.by_index |= new.by_index,
        None => found.push(new),
    }
}

/// Returns the columns of one side, of one relation; nothing when it has none.
fn own(side: &Side) -> Option<Vec<ColumnName>> {
    match side {
        Side::Column(column) | Side::Cast(column, _) => Some(vec![column.clone()]),
        Side::Expression(columns, _) if !columns.is_empty() => {
            let first = &columns[0].alias;
            columns.iter().all(|column| column.alias == *first).then(|| columns.clone())
        }
        _ => None,
    }
}

fn parameter(side: &Side) -> Option<usize> {
    match side {
        Side::Param(number) | Side::AnyParam(number) => Some(*number),
        Side::Expression(_, sql) => tokens(sql)
            .into_iter()
            .find_map(|token| if let Token::Param(number) = token { Some(number) } else { None }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let plan = crate::read(text).unwrap();
        let shown = |one: Searched| {
            let columns = one.columns.join("+");
            let value = one.parameter.map_or("-".to_owned(), |number| format!("${number}"));
            format!("{}.{}.{columns} {} {value} {}", one.schema, one.table, one.operator, one.by_index)
        };
        searches(&plan.root).into_iter().map(shown).collect()
    }

    #[test]
    fn a_recheck_of_an_index_is_no_filter() {
        let found = told(
            r#"[{"Plan": {"Node Type": "Bitmap Heap Scan", "Schema": "shop", "Relation Name": "courses", "Alias": "c",
            "Recheck Cond": "(c.vector @@ websearch_to_tsquery('english'::regconfig, $1))",
            "Filter": "(((c.title)::text ~~* (('%'::text || $2) || '%'::text)) AND (c.id > $3))",
            "Plans": [{"Node Type": "Bitmap Index Scan", "Index Name": "i", "Parent Relationship": "Outer",
                "Index Cond": "(c.vector @@ websearch_to_tsquery('english'::regconfig, $1))"}]}}]"#,
        );
        assert_eq!(found, ["shop.courses.title ~~* $2 false", "shop.courses.vector @@ $1 true"]);
    }

    #[test]
    fn expressions_are_searched_by_their_columns() {
        let found = told(
            r#"[{"Plan": {"Node Type": "Seq Scan", "Relation Name": "t", "Alias": "t", "Schema": "public",
            "Filter": "((to_tsvector('english'::regconfig, ((t.title || ' '::text) || t.body)) @@ '''rust'''::tsquery) OR ($1 <% t.title) OR (lower(t.title) ~~ '%x%'::text))"}}]"#,
        );
        let mut found = found;
        found.sort();
        assert_eq!(
            found,
            ["public.t.title <% $1 false", "public.t.title ~~ - false", "public.t.title+body @@ - false"]
        );
    }

    #[test]
    fn comparisons_of_numbers_search_nothing() {
        let none = r#"[{"Plan": {"Node Type": "Seq Scan", "Relation Name": "t", "Alias": "t", "Filter": "((t.a = $1) AND ($2 ~~ 'x'::text))"}}]"#;
        assert_eq!(told(none), [""; 0]);
    }
}
