//! How far a statement reaches: the functions it calls, and the one row that its WHERE chooses by equality.

use std::collections::BTreeMap;

use pg_query::protobuf::{
    AExprKind, BoolExprType, InsertStmt, LockClauseStrength, TypeName, a_const::Val, node::Node,
};

use crate::facts::walk::Walk;
use crate::syntax;

/// What the text of a statement tells about its reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Functions that it calls, without schema.
    pub functions: Vec<String>,
    /// Columns that an UPDATE, or an INSERT in its ON CONFLICT, sets.
    pub sets: Vec<String>,
    /// It has a locking clause, such as FOR UPDATE.
    pub locks_rows: bool,
    /// Its only locking clauses are its own, and none is FOR UPDATE.
    pub keeps_key: bool,
    /// Columns that a SELECT returns as they are, by the names it gives them.
    pub outputs: BTreeMap<String, String>,
    /// It has a LIMIT.
    pub limited: bool,
    /// Numbers of the parameters in its OFFSET.
    pub offset_params: Vec<usize>,
    /// The rows that it reads, changes or locks, when its only relation's WHERE holds some columns equal to values;
    /// or the one that it inserts.
    pub choice: Option<Choice>,
}

/// Rows by the values of some columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The table's name, without schema.
    pub table: String,
    /// Columns with the value that each has, as text.
    pub equal: BTreeMap<String, String>,
    /// It is one new row; else the rows that WHERE leaves.
    pub inserted: bool,
}

/// Returns the reach of the only statement in `sql`; `None` when its tree is not to be had.
pub fn reach(sql: &str) -> Option<Reach> {
    let tree = syntax::tree(sql).ok()??;
    let walk = Walk::over(&tree);
    // A second relation may be the same table again, under another condition.
    let choice = if walk.relations.len() == 1 { choice(&tree) } else { None };
    let locks_rows = walk.locking_clauses > 0;
    let keeps_key = locks_rows && walk.locking_clauses == weak_clauses(&tree);
    let (outputs, limited, offset_params) = match &tree {
        Node::SelectStmt(select) => (
            outputs(&select.target_list),
            select.limit_count.is_some(),
            select.limit_offset.as_deref().map(params).unwrap_or_default(),
        ),
        _ => (BTreeMap::new(), false, Vec::new()),
    };
    Some(Reach {
        functions: walk.functions,
        sets: sets(&tree),
        locks_rows,
        keeps_key,
        outputs,
        limited,
        offset_params,
        choice,
    })
}

/// Returns the parameters in an arithmetic expression, such as those of `($1 - 1) * 20`.
fn params(node: &pg_query::Node) -> Vec<usize> {
    let inside = |list: &[&Option<Box<pg_query::Node>>]| {
        list.iter().filter_map(|one| one.as_deref()).flat_map(params).collect()
    };
    match node.node.as_ref() {
        Some(Node::ParamRef(param)) => usize::try_from(param.number).into_iter().collect(),
        Some(Node::TypeCast(cast)) => inside(&[&cast.arg]),
        Some(Node::AExpr(expression)) => inside(&[&expression.lexpr, &expression.rexpr]),
        Some(Node::CoalesceExpr(coalesce)) => coalesce.args.iter().flat_map(params).collect(),
        Some(Node::MinMaxExpr(extreme)) => extreme.args.iter().flat_map(params).collect(),
        Some(Node::FuncCall(call)) => call.args.iter().flat_map(params).collect(),
        _ => Vec::new(),
    }
}

fn outputs(targets: &[pg_query::Node]) -> BTreeMap<String, String> {
    let plain = targets.iter().filter_map(|target| match target.node.as_ref()? {
        Node::ResTarget(target) => {
            let column = column(target.val.as_deref()?)?;
            let name = if target.name.is_empty() { column.clone() } else { target.name.clone() };
            Some((name, column))
        }
        _ => None,
    });
    plain.collect()
}

/// Returns how many locking clauses of the outermost SELECT let foreign keys pass.
fn weak_clauses(tree: &Node) -> usize {
    let Node::SelectStmt(select) = tree else { return 0 };
    let weak = |clause: &&pg_query::Node| match clause.node.as_ref() {
        Some(Node::LockingClause(clause)) => clause.strength() != LockClauseStrength::LcsForupdate,
        _ => false,
    };
    select.locking_clause.iter().filter(weak).count()
}

fn sets(tree: &Node) -> Vec<String> {
    let targets = match tree {
        Node::UpdateStmt(update) => &update.target_list[..],
        Node::InsertStmt(insert) => {
            insert.on_conflict_clause.as_ref().map_or(&[][..], |clause| &clause.target_list[..])
        }
        _ => &[],
    };
    let name = |target: &pg_query::Node| match target.node.as_ref() {
        Some(Node::ResTarget(target)) => Some(target.name.clone()),
        _ => None,
    };
    targets.iter().filter_map(name).collect()
}

fn choice(tree: &Node) -> Option<Choice> {
    let (relation, condition) = match tree {
        Node::SelectStmt(select) => match &select.from_clause[..] {
            [from] => match from.node.as_ref()? {
                Node::RangeVar(relation) => (relation, select.where_clause.as_deref()),
                _ => return None,
            },
            _ => return None,
        },
        Node::UpdateStmt(update) => (update.relation.as_ref()?, update.where_clause.as_deref()),
        Node::DeleteStmt(delete) => (delete.relation.as_ref()?, delete.where_clause.as_deref()),
        Node::InsertStmt(insert) => return inserted(insert),
        _ => return None,
    };
    let mut equal = BTreeMap::new();
    equalities(condition?, &mut equal);
    (!equal.is_empty()).then(|| Choice { table: relation.relname.clone(), equal, inserted: false })
}

fn inserted(insert: &InsertStmt) -> Option<Choice> {
    let Node::SelectStmt(select) = insert.select_stmt.as_ref()?.node.as_ref()? else { return None };
    let [row] = &select.values_lists[..] else { return None };
    let Node::List(row) = row.node.as_ref()? else { return None };
    let pairs =
        insert.cols.iter().zip(&row.items).filter_map(|(column, item)| match column.node.as_ref()? {
            Node::ResTarget(column) => Some((column.name.clone(), value(item)?)),
            _ => None,
        });
    Some(Choice { table: insert.relation.as_ref()?.relname.clone(), equal: pairs.collect(), inserted: true })
}

/// Collects the equalities that must hold for the whole condition to hold.
fn equalities(condition: &pg_query::Node, equal: &mut BTreeMap<String, String>) {
    match condition.node.as_ref() {
        Some(Node::BoolExpr(all)) if all.boolop() == BoolExprType::AndExpr => {
            all.args.iter().for_each(|part| equalities(part, equal));
        }
        Some(Node::AExpr(test)) if test.kind() == AExprKind::AexprOp && is_equals(&test.name) => {
            let sides = (test.lexpr.as_deref(), test.rexpr.as_deref());
            let (Some(left), Some(right)) = sides else { return };
            let found = column(left).zip(value(right)).or_else(|| column(right).zip(value(left)));
            equal.extend(found);
        }
        _ => {}
    }
}

fn is_equals(name: &[pg_query::Node]) -> bool {
    matches!(name, [pg_query::Node { node: Some(Node::String(word)) }] if word.sval == "=")
}

fn column(side: &pg_query::Node) -> Option<String> {
    let Some(Node::ColumnRef(column)) = side.node.as_ref() else { return None };
    match column.fields.last()?.node.as_ref()? {
        Node::String(word) => Some(word.sval.clone()),
        _ => None,
    }
}

fn value(side: &pg_query::Node) -> Option<String> {
    match side.node.as_ref()? {
        Node::TypeCast(cast) if keeps_text(cast.type_name.as_ref()?) => value(cast.arg.as_deref()?),
        Node::AConst(constant) => match constant.val.as_ref()? {
            Val::Ival(number) => Some(number.ival.to_string()),
            Val::Fval(number) => Some(number.fval.clone()),
            Val::Sval(text) => Some(text.sval.clone()),
            Val::Boolval(_) | Val::Bsval(_) => None,
        },
        _ => None,
    }
}

/// Returns whether two texts that differ are two values of the type: others round or cut off.
fn keeps_text(name: &TypeName) -> bool {
    const KEEPING: &[&str] = &["int2", "int4", "int8", "uuid", "text", "varchar"];
    let last = name.names.last().and_then(|word| word.node.as_ref());
    name.typmods.is_empty()
        && matches!(last, Some(Node::String(word)) if KEEPING.contains(&word.sval.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(sql: &str) -> Option<(String, Vec<(String, String)>)> {
        let choice = reach(sql)?.choice?;
        Some((choice.table, choice.equal.into_iter().collect()))
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(column, value)| ((*column).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn equality_with_values_chooses_rows() {
        let read = chosen("SELECT balance FROM bank.accounts AS a WHERE a.id = 1 FOR UPDATE");
        assert_eq!(read, Some(("accounts".to_owned(), pairs(&[("id", "1")]))));
        let write =
            chosen("UPDATE seats SET taken = taken + 1 WHERE 'A'::text = hall AND number = '7' AND free > 0");
        let equal = pairs(&[("hall", "A"), ("number", "7")]);
        assert_eq!(write, Some(("seats".to_owned(), equal)));
        assert_eq!(
            chosen("DELETE FROM t WHERE id = 99999999999").map(|it| it.1),
            Some(pairs(&[("id", "99999999999")]))
        );
    }

    #[test]
    fn a_new_row_is_known_by_its_values() {
        let sql = "INSERT INTO t (id, name, at) VALUES (1, 'a', now()) ON CONFLICT DO NOTHING";
        assert_eq!(chosen(sql), Some(("t".to_owned(), pairs(&[("id", "1"), ("name", "a")]))));
    }

    #[test]
    fn what_may_reach_further_chooses_nothing() {
        for sql in [
            "SELECT * FROM t",
            "SELECT * FROM t WHERE id = 1 OR id = 2",
            "SELECT * FROM t WHERE id > 1",
            "SELECT * FROM t WHERE id = other",
            "SELECT * FROM t, u WHERE t.id = 1",
            "SELECT * FROM t WHERE id = 1 AND EXISTS (SELECT FROM t WHERE id = 2)",
            "UPDATE t SET n = (SELECT max(n) FROM t) WHERE id = 1",
            "UPDATE t SET n = 1 FROM u WHERE t.id = 1",
            "INSERT INTO t (id) VALUES (1), (2)",
            "INSERT INTO t (id) SELECT 1",
            "SELECT * FROM t WHERE name = 'abc'::varchar(2)",
            "SELECT * FROM t WHERE id = 1.5::numeric",
        ] {
            assert_eq!(chosen(sql), None, "{sql}");
        }
    }

    #[test]
    fn columns_that_are_set_are_named() {
        let sets = |sql: &str| reach(sql).map(|it| it.sets);
        assert_eq!(
            sets("UPDATE t SET a = 1, (b, c) = (2, 3)"),
            Some(["a", "b", "c"].map(str::to_owned).to_vec())
        );
        let upsert = "INSERT INTO t VALUES (1) ON CONFLICT (id) DO UPDATE SET n = 2";
        assert_eq!(sets(upsert), Some(vec!["n".to_owned()]));
        assert_eq!(sets("DELETE FROM t"), Some(vec![]));
    }

    #[test]
    fn plain_columns_are_named_as_they_are_returned() {
        let told = reach("SELECT t.stock AS s, price, price * 2 AS twice FROM t LIMIT 1").unwrap();
        assert_eq!(
            told.outputs.into_iter().collect::<Vec<_>>(),
            pairs(&[("price", "price"), ("s", "stock")])
        );
        assert!(told.limited);
    }

    #[test]
    fn parameters_of_an_offset_are_found_in_arithmetic() {
        let offset = |sql: &str| reach(sql).unwrap().offset_params;
        assert_eq!(
            offset("SELECT id FROM t ORDER BY id LIMIT $2 OFFSET (greatest($1, 1)::int - 1) * $2"),
            [1, 2]
        );
        assert_eq!(offset("SELECT id FROM t LIMIT $1"), [0; 0]);
        assert_eq!(offset("SELECT id FROM t WHERE id > (SELECT id FROM t LIMIT 1 OFFSET $1)"), [0; 0]);
    }

    #[test]
    fn locking_clauses_are_found_wherever_they_stand() {
        let locks = |sql: &str| reach(sql).map(|it| (it.locks_rows, it.keeps_key));
        assert_eq!(locks("SELECT * FROM t"), Some((false, false)));
        assert_eq!(locks("SELECT * FROM t FOR UPDATE SKIP LOCKED"), Some((true, false)));
        assert_eq!(locks("SELECT * FROM t FOR NO KEY UPDATE"), Some((true, true)));
        let inside = "DELETE FROM t WHERE id IN (SELECT id FROM t LIMIT 1 FOR SHARE)";
        assert_eq!(locks(inside), Some((true, false)));
        assert_eq!(locks("SELECT 'FOR UPDATE' FROM t"), Some((false, false)));
    }

    #[test]
    fn functions_are_named_wherever_they_stand() {
        let functions = |sql: &str| reach(sql).map(|it| it.functions);
        let called = functions("SELECT shop.total(max(id)) FROM t WHERE lower(name) = 'a'");
        assert_eq!(called, Some(["total", "max", "lower"].map(str::to_owned).to_vec()));
        assert_eq!(functions("CALL settle(1)"), Some(vec!["settle".to_owned()]));
        assert_eq!(functions("SELECT coalesce(n, 0) FROM t"), Some(vec![]));
    }
}
