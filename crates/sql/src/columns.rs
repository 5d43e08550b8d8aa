//! The names of the columns that a statement returns, as far as the text tells.

use pg_query::protobuf::{
    AExprKind, InsertStmt, MinMaxOp, ReturningClause, SelectStmt, SubLinkType, TypeName, node::Node,
};

use crate::syntax::{self, SyntaxError};

/// What a statement returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Columns {
    /// It returns no rows.
    None,
    /// It returns rows with these columns; `?column?` stands for one without a name, as in the server.
    Named(Vec<String>),
    /// It may return rows, of columns that the text does not tell (`*`, `EXECUTE`, …).
    Unknown,
}

/// Returns the columns of the only statement in `sql`.
///
/// The names are those that the server's `FigureColname` gives.
pub fn output_columns(sql: &str) -> Result<Columns, SyntaxError> {
    let Some(node) = syntax::tree(sql)? else { return Ok(Columns::Unknown) };
    Ok(match &node {
        Node::SelectStmt(select) => of_select(select),
        Node::InsertStmt(insert) => of_insert(insert),
        Node::UpdateStmt(update) => of_returning(update.returning_clause.as_ref()),
        Node::DeleteStmt(delete) => of_returning(delete.returning_clause.as_ref()),
        Node::MergeStmt(merge) => of_returning(merge.returning_clause.as_ref()),
        Node::VariableShowStmt(_)
        | Node::ExplainStmt(_)
        | Node::ExecuteStmt(_)
        | Node::FetchStmt(_)
        | Node::CallStmt(_) => Columns::Unknown,
        _ => Columns::None,
    })
}

fn of_select(select: &SelectStmt) -> Columns {
    if select.into_clause.is_some() {
        return Columns::None;
    }
    if let Some(left) = &select.larg {
        return of_select(left);
    }
    match select.values_lists.first().and_then(|row| row.node.as_ref()) {
        Some(Node::List(row)) => {
            Columns::Named((1..=row.items.len()).map(|number| format!("column{number}")).collect())
        }
        _ => of_targets(&select.target_list),
    }
}

fn of_insert(insert: &InsertStmt) -> Columns {
    of_returning(insert.returning_clause.as_ref())
}

fn of_returning(returning: Option<&ReturningClause>) -> Columns {
    returning.map_or(Columns::None, |returning| of_targets(&returning.exprs))
}

fn of_targets(targets: &[pg_query::Node]) -> Columns {
    let names: Option<Vec<_>> = targets.iter().map(|target| target_name(target).ok()).collect();
    names.map_or(Columns::Unknown, Columns::Named)
}

/// The text does not tell the name.
struct Untold;

fn target_name(target: &pg_query::Node) -> Result<String, Untold> {
    match &target.node {
        Some(Node::ResTarget(target)) if !target.name.is_empty() => Ok(target.name.clone()),
        Some(Node::ResTarget(target)) => {
            Ok(name(target.val.as_deref())?.map_or_else(|| "?column?".to_owned(), |found| found.text))
        }
        _ => Err(Untold),
    }
}

/// A name that an expression suggests; a weak one yields to that of a cast or CASE around it.
struct Suggestion {
    text: String,
    weak: bool,
}

fn strong(text: impl Into<String>) -> Result<Option<Suggestion>, Untold> {
    Ok(Some(Suggestion { text: text.into(), weak: false }))
}

fn name(expression: Option<&pg_query::Node>) -> Result<Option<Suggestion>, Untold> {
    match expression.and_then(|expression| expression.node.as_ref()).ok_or(Untold)? {
        Node::ColumnRef(column) => strong(last_word(&column.fields).ok_or(Untold)?),
        Node::AIndirection(place) => match last_word(&place.indirection) {
            Some(field) => strong(field),
            None => name(place.arg.as_deref()),
        },
        Node::FuncCall(call) => strong(last_word(&call.funcname).ok_or(Untold)?),
        Node::TypeCast(cast) => Ok(weakly(name(cast.arg.as_deref())?, type_word(cast.type_name.as_ref()))),
        Node::CollateClause(collate) => name(collate.arg.as_deref()),
        Node::CaseExpr(case) => {
            let otherwise = case.defresult.as_ref().map(|result| name(Some(result))).transpose()?;
            Ok(weakly(otherwise.flatten(), Some("case".to_owned())))
        }
        Node::SubLink(link) => match link.sub_link_type() {
            SubLinkType::ExistsSublink => strong("exists"),
            SubLinkType::ArraySublink => strong("array"),
            SubLinkType::ExprSublink => match link.subselect.as_ref().and_then(|select| select.node.as_ref())
            {
                Some(Node::SelectStmt(select)) => match of_select(select) {
                    Columns::Named(names) => Ok(first_named(names)),
                    _ => Err(Untold),
                },
                _ => Err(Untold),
            },
            _ => Ok(None),
        },
        Node::AExpr(expression) if expression.kind() == AExprKind::AexprNullif => strong("nullif"),
        Node::CoalesceExpr(_) => strong("coalesce"),
        Node::MinMaxExpr(extreme) if extreme.op() == MinMaxOp::IsGreatest => strong("greatest"),
        Node::MinMaxExpr(_) => strong("least"),
        Node::AArrayExpr(_) => strong("array"),
        Node::RowExpr(_) => strong("row"),
        Node::AExpr(_)
        | Node::AConst(_)
        | Node::BoolExpr(_)
        | Node::NullTest(_)
        | Node::BooleanTest(_)
        | Node::ParamRef(_) => Ok(None),
        _ => Err(Untold),
    }
}

fn weakly(inner: Option<Suggestion>, outer: Option<String>) -> Option<Suggestion> {
    match inner {
        Some(inner) if !inner.weak => Some(inner),
        inner => outer.map(|text| Suggestion { text, weak: true }).or(inner),
    }
}

fn first_named(names: Vec<String>) -> Option<Suggestion> {
    let first = names.into_iter().next().filter(|name| name != "?column?");
    first.map(|text| Suggestion { text, weak: false })
}

fn type_word(type_name: Option<&TypeName>) -> Option<String> {
    type_name.and_then(|type_name| last_word(&type_name.names))
}

/// Returns the last of a list of words; `None` when something else, such as `*`, ends it.
fn last_word(words: &[pg_query::Node]) -> Option<String> {
    match words.last().and_then(|word| word.node.as_ref()) {
        Some(Node::String(word)) => Some(word.sval.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(sql: &str) -> String {
        match output_columns(sql).expect(sql) {
            Columns::None => "-".to_owned(),
            Columns::Unknown => "*".to_owned(),
            Columns::Named(names) => names.join(" "),
        }
    }

    #[test]
    fn names_are_the_servers() {
        assert_eq!(names("SELECT a, t.b, c AS \"D e\", count(*), s.f(1) FROM t"), "a b D e count f");
        assert_eq!(
            names("SELECT 1, 1 + a, a::text, '1'::int, CAST(f(x) AS int)"),
            "?column? ?column? a int4 f"
        );
        assert_eq!(names("SELECT CASE WHEN x THEN 1 END, CASE WHEN x THEN 1 ELSE y END"), "case y");
        assert_eq!(
            names("SELECT (SELECT max(x) FROM t), EXISTS (SELECT), ARRAY[1], ARRAY(SELECT 1)"),
            "max exists array array"
        );
        assert_eq!(
            names("SELECT coalesce(a, b), nullif(a, b), greatest(a), ROW(1), (c).d, e[1]"),
            "coalesce nullif greatest row d e"
        );
        assert_eq!(names("VALUES (1, 2)"), "column1 column2");
        assert_eq!(names("WITH x AS (SELECT 1 AS y) SELECT y FROM x UNION SELECT 2 AS z"), "y");
        assert_eq!(names("INSERT INTO t VALUES (1) RETURNING id, a + 1 AS b"), "id b");
        assert_eq!(names("UPDATE t SET x = 1 RETURNING x"), "x");
    }

    #[test]
    fn what_the_text_does_not_tell() {
        for sql in
            ["SELECT *", "SELECT t.* FROM t", "DELETE FROM t RETURNING *", "EXECUTE x", "SELECT current_date"]
        {
            assert_eq!(names(sql), "*", "{sql}");
        }
        for sql in ["DELETE FROM t", "SELECT 1 INTO t", "BEGIN", "CREATE TABLE t ()"] {
            assert_eq!(names(sql), "-", "{sql}");
        }
    }
}
