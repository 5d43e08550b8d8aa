//! Constraints that refuse just the rows which a query returns.

use pg_query::NodeEnum;
use pg_query::protobuf::{
    AExprKind, BoolExprType, Integer, JoinType, RangeVar, SelectStmt, SetOperation, a_const::Val, node::Node,
};
use underpin_model::sql_text::{quote_identifier, quote_qualified};

use crate::syntax;

/// A constraint, and the statements that make it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What it is, such as `CHECK on products`.
    pub what: String,
    /// One or more statements.
    pub ddl: String,
}

/// Returns the constraint that refuses the rows of a query: CHECK for a condition on single rows, a unique index for
/// groups of more than one, an exclusion constraint for pairs. `None` for every other query.
pub fn refusal(query: &str) -> Option<Refusal> {
    let Node::SelectStmt(select) = syntax::tree(query).ok()?? else { return None };
    let plain = select.with_clause.is_none()
        && select.distinct_clause.is_empty()
        && select.op() == SetOperation::SetopNone;
    let [from] = &select.from_clause[..] else { return None };
    if !plain {
        return None;
    }
    match from.node.as_ref()? {
        Node::RangeVar(table) if select.group_clause.is_empty() && select.having_clause.is_none() => {
            check(table, &select)
        }
        Node::RangeVar(table) => unique(table, &select),
        Node::JoinExpr(join) if join.jointype() == JoinType::JoinInner => {
            let (Node::RangeVar(one), Node::RangeVar(other)) =
                (join.larg.as_ref()?.node.as_ref()?, join.rarg.as_ref()?.node.as_ref()?)
            else {
                return None;
            };
            let same = one.relname == other.relname && one.schemaname == other.schemaname;
            same.then(|| exclusion(one, join.quals.as_deref()?, &select)).flatten()
        }
        _ => None,
    }
}

fn quoted(table: &RangeVar) -> String {
    match table.schemaname.as_str() {
        "" => quote_identifier(&table.relname),
        schema => quote_qualified(schema, &table.relname),
    }
}

/// Returns a condition as text, its columns without the table's name.
fn condition(select: &SelectStmt) -> Option<String> {
    let bare = SelectStmt {
        target_list: Vec::new(),
        from_clause: Vec::new(),
        group_clause: Vec::new(),
        having_clause: None,
        sort_clause: Vec::new(),
        limit_count: None,
        limit_offset: None,
        ..select.clone()
    };
    let text = NodeEnum::SelectStmt(Box::new(bare)).deparse(pg_query::DeparseOptions::default()).ok()?;
    Some(text.trim().strip_prefix("SELECT")?.trim().strip_prefix("WHERE")?.trim().to_owned())
}

fn check(table: &RangeVar, select: &SelectStmt) -> Option<Refusal> {
    let (condition, table_name) = (condition(select)?, quoted(table));
    let ddl = format!("ALTER TABLE {table_name} ADD CHECK (({condition}) IS NOT TRUE)");
    Some(Refusal { what: format!("CHECK on {}", table.relname), ddl })
}

/// `GROUP BY a, b HAVING count(*) > 1`.
fn unique(table: &RangeVar, select: &SelectStmt) -> Option<Refusal> {
    let Node::AExpr(having) = select.having_clause.as_ref()?.node.as_ref()? else { return None };
    let counts = match having.lexpr.as_ref()?.node.as_ref()? {
        Node::FuncCall(call) => last_word(&call.funcname).as_deref() == Some("count") && call.agg_star,
        _ => false,
    };
    let one = match having.rexpr.as_ref()?.node.as_ref()? {
        Node::AConst(constant) => constant.val == Some(Val::Ival(Integer { ival: 1 })),
        _ => false,
    };
    if !counts || !one || last_word(&having.name).as_deref() != Some(">") {
        return None;
    }
    let columns: Option<Vec<String>> = select
        .group_clause
        .iter()
        .map(|group| column(group).map(|(_, name)| quote_identifier(&name)))
        .collect();
    let columns = columns?.join(", ");
    let only = match select.where_clause {
        Some(_) => format!(" WHERE {}", condition(select)?),
        None => String::new(),
    };
    let ddl = format!("CREATE UNIQUE INDEX ON {} ({columns}){only}", quoted(table));
    Some(Refusal { what: format!("unique index on {} ({columns})", table.relname), ddl })
}

/// Pairs of rows of one table: `a.room = b.room AND a.nights && b.nights AND a.id < b.id`.
fn exclusion(table: &RangeVar, quals: &pg_query::Node, select: &SelectStmt) -> Option<Refusal> {
    let mut parts = Vec::new();
    conjuncts(quals, &mut parts);
    if let Some(condition) = &select.where_clause {
        conjuncts(condition, &mut parts);
    }
    let mut elements = Vec::new();
    for part in parts {
        let Node::AExpr(test) = part.node.as_ref()? else { return None };
        let ((left, name), (right, other)) = (column(test.lexpr.as_ref()?)?, column(test.rexpr.as_ref()?)?);
        if test.kind() != AExprKind::AexprOp || name != other || left == right {
            return None;
        }
        match last_word(&test.name)?.as_str() {
            operator @ ("=" | "&&") => elements.push(format!("{} WITH {operator}", quote_identifier(&name))),
            // Only says that the two are different rows.
            "<" | ">" | "<>" => {}
            _ => return None,
        }
    }
    let elements = elements.join(", ");
    let ddl = format!(
        "CREATE EXTENSION IF NOT EXISTS btree_gist; ALTER TABLE {} ADD EXCLUDE USING gist ({elements})",
        quoted(table)
    );
    (!elements.is_empty())
        .then(|| Refusal { what: format!("exclusion constraint on {} ({elements})", table.relname), ddl })
}

fn conjuncts<'n>(condition: &'n pg_query::Node, parts: &mut Vec<&'n pg_query::Node>) {
    match condition.node.as_ref() {
        Some(Node::BoolExpr(all)) if all.boolop() == BoolExprType::AndExpr => {
            all.args.iter().for_each(|part| conjuncts(part, parts));
        }
        _ => parts.push(condition),
    }
}

/// Returns the qualifier, if any, and the name of a column.
fn column(node: &pg_query::Node) -> Option<(Option<String>, String)> {
    let Node::ColumnRef(column) = node.node.as_ref()? else { return None };
    let words: Option<Vec<String>> = column.fields.iter().map(word).collect();
    let mut words = words?;
    let name = words.pop()?;
    Some((words.pop(), name))
}

fn last_word(name: &[pg_query::Node]) -> Option<String> {
    word(name.last()?)
}

fn word(node: &pg_query::Node) -> Option<String> {
    match node.node.as_ref()? {
        Node::String(word) => Some(word.sval.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ddl(query: &str) -> Option<String> {
        refusal(query).map(|it| it.ddl)
    }

    #[test]
    fn a_condition_on_single_rows_is_a_check() {
        assert_eq!(
            ddl("SELECT id, stock FROM products WHERE stock < 0 OR stock > 9").as_deref(),
            Some("ALTER TABLE \"products\" ADD CHECK ((stock < 0 OR stock > 9) IS NOT TRUE)")
        );
    }

    #[test]
    fn groups_of_more_than_one_are_a_unique_index() {
        assert_eq!(
            ddl("SELECT email, count(*) FROM users WHERE gone IS NULL GROUP BY email HAVING count(*) > 1")
                .as_deref(),
            Some("CREATE UNIQUE INDEX ON \"users\" (\"email\") WHERE gone IS NULL")
        );
        assert_eq!(ddl("SELECT team FROM members GROUP BY team HAVING count(*) > 3"), None);
    }

    #[test]
    fn pairs_are_an_exclusion_constraint() {
        let pairs = "SELECT a.id FROM bookings AS a JOIN bookings AS b \
                     ON b.room = a.room AND b.nights && a.nights AND b.id > a.id";
        assert_eq!(
            ddl(pairs).as_deref(),
            Some(
                "CREATE EXTENSION IF NOT EXISTS btree_gist; \
                 ALTER TABLE \"bookings\" ADD EXCLUDE USING gist (\"room\" WITH =, \"nights\" WITH &&)"
            )
        );
    }

    #[test]
    fn other_queries_have_none() {
        for query in [
            "SELECT 1 FROM a, b WHERE a.id = b.id",
            "SELECT 1 FROM a JOIN b USING (id)",
            "SELECT sum(n) FROM t HAVING sum(n) < 0",
            "SELECT id FROM t",
            "WITH x AS (SELECT 1) SELECT 1 FROM t WHERE n < 0",
        ] {
            assert_eq!(ddl(query), None, "{query}");
        }
    }
}
