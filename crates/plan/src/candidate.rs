//! Which indexes could help a plan: from the conditions, joins and sorts of its nodes.
//!
//! A candidate is a guess worth building, nothing more: whoever builds it in a rolled-back transaction
//! and measures decides.

use std::collections::BTreeSet;

use underpin_model::sql_text::{quote_identifier, quote_qualified};

use crate::condition::{self, ColumnName, Comparison, Side};
use crate::node::PlanNode;
use crate::tokens::{self, Token};

/// Most key columns of a candidate. Further ones seldom narrow anything and always cost.
const MOST_KEYS: usize = 4;
/// Most columns that a candidate carries along for an index-only scan.
const MOST_INCLUDED: usize = 4;

/// An index that could help.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// Schema of the table.
    pub schema: String,
    /// The table.
    pub table: String,
    /// Access method.
    pub method: String,
    /// Key columns or expressions, as SQL, with operator class or direction.
    pub keys: Vec<String>,
    /// Columns carried along.
    pub include: Vec<String>,
    /// Condition of a partial index, as SQL.
    pub predicate: Option<String>,
}

impl Candidate {
    /// Returns the statement that builds it under `name`; `how` is empty or `CONCURRENTLY`.
    pub fn statement(&self, name: &str, how: &str) -> String {
        let mut sql = format!(
            "CREATE INDEX {how}{}{} ON ",
            if how.is_empty() { "" } else { " " },
            quote_identifier(name)
        );
        sql.push_str(&format!(
            "{} USING {} ({})",
            quote_qualified(&self.schema, &self.table),
            self.method,
            self.keys.join(", ")
        ));
        if !self.include.is_empty() {
            let names: Vec<String> = self.include.iter().map(|name| quote_identifier(name)).collect();
            sql.push_str(&format!(" INCLUDE ({})", names.join(", ")));
        }
        if let Some(predicate) = &self.predicate {
            sql.push_str(&format!(" WHERE {predicate}"));
        }
        sql
    }

    /// Returns a name that says what it holds, at most 63 bytes long.
    pub fn name(&self) -> String {
        let words: Vec<String> =
            self.keys.iter().flat_map(|key| condition::columns(key)).map(|one| one.column).collect();
        let suffix = if self.predicate.is_some() { "_part_idx" } else { "_idx" };
        let mut name = format!("{}_{}", self.table, words.join("_"));
        while name.len() + suffix.len() > 63 {
            name.pop();
        }
        name + suffix
    }
}

/// What a scan asks of its relation.
#[derive(Debug, Default)]
struct Wish {
    equal: Vec<String>,
    /// Compared with another relation in a join above, which an index may serve and need not.
    joined: Vec<String>,
    range: Vec<String>,
    fixed: Vec<String>,
    special: Vec<(String, String)>,
    output: Vec<String>,
    sort: Vec<String>,
}

/// Returns the candidates for a plan that was made for any value of its parameters (a generic plan with VERBOSE), so
/// that constants in its conditions are those of the statement.
pub fn candidates(root: &PlanNode) -> BTreeSet<Candidate> {
    let mut found = BTreeSet::new();
    visit(root, &[], &mut found);
    found
}

fn visit<'p>(node: &'p PlanNode, above: &[&'p PlanNode], found: &mut BTreeSet<Candidate>) {
    let reads = node.is_seq_scan()
        || matches!(node.kind.as_str(), "Index Scan" | "Index Only Scan" | "Bitmap Heap Scan");
    if let (true, Some(relation)) = (reads, &node.relation) {
        let schema = relation.schema.clone().unwrap_or_else(|| "public".to_owned());
        let plain = Candidate {
            schema,
            table: relation.name.clone(),
            method: "btree".to_owned(),
            ..Candidate::default()
        };
        of_wish(&wish(node, above), &plain, found);
    }
    let mut path = above.to_vec();
    path.push(node);
    node.children.iter().for_each(|child| visit(child, &path, found));
}

fn wish(node: &PlanNode, above: &[&PlanNode]) -> Wish {
    let alias = node.alias.as_deref();
    let (mut wish, mut join) = (Wish::default(), Wish::default());
    let own = node
        .conditions
        .iter()
        .filter(|(label, _)| label != "Recheck Cond" || node.kind != "Bitmap Heap Scan");
    let bitmap = node.all().into_iter().skip(1).filter(|below| below.kind == "Bitmap Index Scan");
    let bitmap = bitmap.flat_map(|below| &below.conditions);
    for (_, text) in own.chain(bitmap) {
        for one in condition::comparisons(text) {
            let joins = one.column_against_value(alias).is_some_and(|(_, value)| match value {
                Side::Column(_) | Side::Cast(..) => true,
                Side::Expression(columns, _) => !columns.is_empty(),
                _ => false,
            });
            if joins { join.take(&one, alias) } else { wish.take(&one, alias) }
        }
    }
    // A join hands one value per row down: only conditions directly above this scan, up to the next aggregate.
    for parent in
        above.iter().rev().take_while(|parent| !matches!(parent.kind.as_str(), "Aggregate" | "Subquery Scan"))
    {
        for (label, text) in &parent.conditions {
            if matches!(label.as_str(), "Join Filter" | "Hash Cond" | "Merge Cond") {
                condition::comparisons(text)
                    .iter()
                    .filter(|one| one.operator == "=")
                    .for_each(|one| join.take(one, alias));
            }
        }
        if let Some(keys) = parent.key("Sort Key").filter(|_| wish.sort.is_empty()) {
            wish.sort = sort_keys(keys, alias);
        }
    }
    wish.joined = join.equal;
    wish.output = output(node).into_iter().map(|column| column.column).collect();
    if let Some(asked) = asked_above(node, above) {
        wish.output.retain(|column| asked.contains(column));
    }
    wish
}

fn output(node: &PlanNode) -> Vec<ColumnName> {
    let Some(serde_json::Value::Array(output)) = node.extra.get("Output") else { return Vec::new() };
    output.iter().filter_map(serde_json::Value::as_str).flat_map(condition::columns).collect()
}

/// Returns the columns of the scan that the rest of the plan names; nothing where that cannot be known.
///
/// A scan whose parent picks its columns anyway hands on whole rows, since that costs nothing: its own output says more than
/// is needed (`use_physical_tlist` of the planner). Above an Append, columns bear the name of the parent table.
fn asked_above(node: &PlanNode, above: &[&PlanNode]) -> Option<BTreeSet<String>> {
    let root = above.first()?;
    if !root.extra.contains_key("Output") || above.iter().any(|parent| parent.kind.ends_with("Append")) {
        return None;
    }
    let mut asked = BTreeSet::new();
    for other in root.all().into_iter().filter(|other| !std::ptr::eq(*other, node)) {
        let conditions = other.conditions.iter().map(|(_, text)| text.as_str());
        let keys = other.keys.iter().flat_map(|(_, keys)| keys).map(String::as_str);
        let named = conditions.chain(keys).flat_map(condition::columns).chain(output(other));
        asked.extend(named.filter(|column| column.alias == node.alias).map(|column| column.column));
    }
    Some(asked)
}

/// Returns the sort keys as index keys when all of them are columns of the relation.
fn sort_keys(keys: &[String], alias: Option<&str>) -> Vec<String> {
    let own = |key: &String| {
        let columns = condition::columns(key);
        let [ColumnName { alias: found, column }] = columns.as_slice() else { return None };
        let plain = !key.contains('(') && (found.is_none() || found.as_deref() == alias);
        let words = tokens::tokens(key);
        let direction = if words.iter().any(|word| word.is("desc")) { " DESC" } else { "" };
        let nulls =
            match (words.iter().any(|word| word.is("nulls")), words.iter().any(|word| word.is("first"))) {
                (true, true) => " NULLS FIRST",
                (true, false) => " NULLS LAST",
                _ => "",
            };
        let collation = match words.iter().skip_while(|word| !word.is("collate")).nth(1) {
            Some(Token::Word { text, .. }) => format!(" COLLATE {}", quote_identifier(text)),
            _ => String::new(),
        };
        plain.then(|| format!("{}{collation}{direction}{nulls}", quote_identifier(column)))
    };
    keys.iter().map(own).collect::<Option<Vec<_>>>().unwrap_or_default()
}

impl Wish {
    fn take(&mut self, one: &Comparison, alias: Option<&str>) {
        let add = |list: &mut Vec<String>, key: String| {
            if !list.contains(&key) {
                list.push(key);
            }
        };
        if one.right.is_none() {
            if let (Side::Column(column), "IS NULL" | "IS NOT NULL" | "") = (&one.left, one.operator.as_str())
            {
                let name = quote_identifier(&column.column);
                add(&mut self.fixed, format!("{name} {}", one.operator).trim().to_owned());
            }
            return;
        }
        if let Some((column, value)) = one.column_against_value(alias) {
            let name = quote_identifier(&column.column);
            match (one.operator.as_str(), value) {
                ("=", Side::Constant(text)) => {
                    add(
                        &mut self.fixed,
                        format!("{name} = {}", underpin_model::sql_text::quote_literal(text)),
                    );
                    add(&mut self.equal, name);
                }
                ("=", _) => add(&mut self.equal, name),
                ("<" | "<=" | ">" | ">=", _) => add(&mut self.range, name),
                (operator, _) => self.special.extend(special(operator, &name)),
            }
        } else if let (Side::Expression(columns, sql), Some(Side::Param(_) | Side::Constant(_))) =
            (&one.left, &one.right)
        {
            let own = columns.iter().all(|column| column.alias.is_none() || column.alias.as_deref() == alias);
            match one.operator.as_str() {
                _ if columns.is_empty() || !own || sql.contains('$') => {}
                "=" => add(&mut self.equal, format!("({sql})")),
                "<" | "<=" | ">" | ">=" => add(&mut self.range, format!("({sql})")),
                operator => self.special.extend(special(operator, &format!("({sql})"))),
            }
        }
    }
}

/// Returns access method and key with operator class for operators that no B-tree serves.
fn special(operator: &str, name: &str) -> Vec<(String, String)> {
    let one = |method: &str, class: &str| (method.to_owned(), format!("{name} {class}").trim().to_owned());
    match operator {
        "~~" => vec![one("btree", "text_pattern_ops"), one("gin", "gin_trgm_ops")],
        "~~*" | "~" | "~*" | "%" => vec![one("gin", "gin_trgm_ops")],
        "@@" | "@>" | "?" | "?|" | "?&" | "@?" => vec![one("gin", "")],
        "&&" => vec![one("gin", ""), one("gist", "")],
        _ => Vec::new(),
    }
}

fn of_wish(wish: &Wish, plain: &Candidate, found: &mut BTreeSet<Candidate>) {
    let every = [wish.equal.clone(), wish.joined.clone()].concat();
    let mut lists: Vec<Vec<String>> =
        [&wish.equal, &every].into_iter().flat_map(|keys| longer(keys, wish)).collect();
    lists.extend(every.iter().map(|key| vec![key.clone()]));
    // What the condition fixes needs no place in the key when the index holds nothing else.
    let fixed_names: Vec<&str> = wish.fixed.iter().filter_map(|text| text.split(' ').next()).collect();
    let free = |keys: &[String]| -> Vec<String> {
        keys.iter().filter(|key| !fixed_names.contains(&key.as_str())).cloned().collect()
    };
    let mut partial: Vec<Vec<String>> =
        [free(&wish.equal), free(&every)].iter().flat_map(|keys| longer(keys, wish)).collect();
    for list in lists.iter_mut().chain(&mut partial) {
        let mut seen = BTreeSet::new();
        list.retain(|key| seen.insert(key.split(' ').next().unwrap_or_default().to_owned()));
        list.truncate(MOST_KEYS);
    }
    for keys in lists.into_iter().filter(|keys| !keys.is_empty()) {
        let candidate = Candidate { keys, ..plain.clone() };
        found.extend(covering(&candidate, wish));
        found.insert(candidate);
    }
    if !wish.fixed.is_empty() {
        for keys in partial.into_iter().filter(|keys| !keys.is_empty()) {
            let candidate = Candidate { keys, predicate: Some(wish.fixed.join(" AND ")), ..plain.clone() };
            found.extend(covering(&candidate, wish));
            found.insert(candidate);
        }
    }
    for (method, key) in &wish.special {
        found.insert(Candidate { method: method.clone(), keys: vec![key.clone()], ..plain.clone() });
    }
    if let (Some(range), true) = (wish.range.first(), wish.equal.is_empty()) {
        found.insert(Candidate { method: "brin".to_owned(), keys: vec![range.clone()], ..plain.clone() });
    }
}

/// Returns the keys alone, before a range, and before the order.
fn longer(keys: &[String], wish: &Wish) -> [Vec<String>; 3] {
    let range: Vec<String> = wish.range.iter().take(1).cloned().collect();
    [keys.to_vec(), [keys.to_vec(), range].concat(), [keys.to_vec(), wish.sort.clone()].concat()]
}

fn covering(candidate: &Candidate, wish: &Wish) -> Option<Candidate> {
    let keyed = |name: &String| {
        candidate.keys.iter().any(|key| key.split(' ').next() == Some(quote_identifier(name).as_str()))
    };
    let include: Vec<String> = wish.output.iter().filter(|name| !keyed(name)).cloned().collect();
    let few = (1..=MOST_INCLUDED).contains(&include.len());
    few.then(|| Candidate { include, ..candidate.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(node: &str) -> Vec<String> {
        let plan = crate::read(&format!(r#"[{{"Plan": {node}}}]"#)).unwrap();
        candidates(&plan.root).iter().map(|one| one.statement(&one.name(), "")).collect()
    }

    #[test]
    fn equality_comes_before_order_and_constants_become_partial() {
        let found = plan(
            r#"{"Node Type": "Sort", "Sort Key": ["o.placed_at DESC"], "Plans": [{"Node Type": "Seq Scan",
            "Parent Relationship": "Outer", "Relation Name": "orders", "Schema": "public", "Alias": "o",
            "Output": ["o.id", "o.placed_at"], "Filter": "((o.customer_id = $1) AND (o.status = 'open'::text))"}]}"#,
        );
        let has = |text: &str| assert!(found.iter().any(|one| one.ends_with(text)), "{text}: {found:#?}");
        has("USING btree (\"customer_id\", \"status\", \"placed_at\" DESC)");
        has("USING btree (\"customer_id\", \"placed_at\" DESC) WHERE \"status\" = 'open'");
        has("USING btree (\"customer_id\")");
        has("(\"customer_id\") INCLUDE (\"id\", \"placed_at\")");
    }

    #[test]
    fn an_index_carries_what_the_plan_names_and_not_what_the_scan_hands_on() {
        let found = plan(
            r#"{"Node Type": "Limit", "Output": ["e.amount"], "Plans": [{"Node Type": "Nested Loop", "Output": ["e.amount"], "Plans": [
            {"Node Type": "Seq Scan", "Relation Name": "entries", "Alias": "e", "Schema": "public",
             "Output": ["e.id", "e.account_id", "e.amount", "e.note", "e.number"], "Filter": "(e.account_id = $1)"},
            {"Node Type": "Index Scan", "Relation Name": "notes", "Alias": "n", "Schema": "public", "Index Cond": "(n.id = e.note)"}]}]}"#,
        );
        assert!(
            found.iter().any(|one| one.ends_with("(\"account_id\") INCLUDE (\"amount\", \"note\")")),
            "{found:#?}"
        );
    }

    #[test]
    fn an_order_is_served_without_the_column_of_a_join_too() {
        let found = plan(
            r#"{"Node Type": "Sort", "Sort Key": ["e.created_at DESC"], "Plans": [{"Node Type": "Merge Join", "Merge Cond": "(e.user_id = u.id)",
            "Plans": [{"Node Type": "Index Scan", "Parent Relationship": "Outer", "Relation Name": "enrollments", "Alias": "e",
            "Index Cond": "(e.course_id = $1)"}, {"Node Type": "Seq Scan", "Relation Name": "users", "Alias": "u"}]}]}"#,
        );
        let has = |text: &str| assert!(found.iter().any(|one| one.ends_with(text)), "{text}: {found:#?}");
        has("USING btree (\"course_id\", \"created_at\" DESC)");
        has("USING btree (\"course_id\", \"user_id\", \"created_at\" DESC)");
    }

    #[test]
    fn a_sort_names_the_collation_that_a_condition_hides() {
        let found = plan(
            r#"{"Node Type": "Sort", "Sort Key": ["c.family_name COLLATE \"C\""], "Plans": [{"Node Type": "Seq Scan",
            "Parent Relationship": "Outer", "Relation Name": "customers", "Schema": "public", "Alias": "c",
            "Filter": "((c.tenant_id = $1) AND (c.family_name >= $2))"}]}"#,
        );
        let wanted = "USING btree (\"tenant_id\", \"family_name\" COLLATE \"C\")";
        assert!(found.iter().any(|one| one.ends_with(wanted)), "{found:#?}");
    }

    #[test]
    fn a_join_asks_for_its_column() {
        let found = plan(
            r#"{"Node Type": "Hash Join", "Hash Cond": "(o.customer_id = c.id)", "Plans": [
            {"Node Type": "Seq Scan", "Parent Relationship": "Outer", "Relation Name": "orders", "Alias": "o"},
            {"Node Type": "Hash", "Parent Relationship": "Inner", "Plans": [{"Node Type": "Seq Scan",
            "Parent Relationship": "Outer", "Relation Name": "customers", "Alias": "c"}]}]}"#,
        );
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[1].contains("\"orders\" USING btree (\"customer_id\")"), "{found:?}");
    }

    #[test]
    fn expressions_patterns_and_documents_get_their_own_methods() {
        let found = plan(
            r#"{"Node Type": "Seq Scan", "Relation Name": "t", "Alias": "t", "Schema": "s",
            "Filter": "((lower(t.email) = $1) AND (t.title ~~* $2) AND (t.doc @> $3) AND (t.at >= $4))"}"#,
        );
        let has = |text: &str| assert!(found.iter().any(|one| one.contains(text)), "{text}: {found:#?}");
        has("btree ((lower(email)))");
        has("gin (\"title\" gin_trgm_ops)");
        has("gin (\"doc\")");
        has("btree ((lower(email)), \"at\")");
        assert!(found.iter().all(|one| one.contains("\"s\".\"t\"")));
    }
}
