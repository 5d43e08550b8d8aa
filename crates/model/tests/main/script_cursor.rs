//! The way of a script through its statements and branches.

use std::collections::BTreeMap;

use underpin_model::expression::Expression;
use underpin_model::script::{Piece, ScriptItem, ScriptStatement, TransactionScript};
use underpin_model::script_cursor::{ScriptCursor, ScriptFault};
use underpin_model::statement::StatementFacts;

fn statement(pieces: Vec<Piece>, gset: Option<&str>) -> ScriptItem {
    let gset = gset.map(str::to_owned);
    ScriptItem::Statement(ScriptStatement { pieces, line: 1, facts: StatementFacts::default(), gset })
}

fn script(items: Vec<ScriptItem>) -> TransactionScript {
    let name = "t".to_owned();
    TransactionScript {
        name,
        file: "transactions/t.sql".into(),
        params: vec![],
        role: None,
        rate: None,
        items,
    }
}

#[test]
fn gset_feeds_the_condition_that_chooses_the_branch() {
    let left = Expression::Variable("left".into());
    let condition = Expression::Binary(">".into(), Box::new(left), Box::new(Expression::Integer(0)));
    let script = script(vec![
        statement(vec![Piece::Text("SELECT 1 AS left".into())], Some("")),
        ScriptItem::If {
            branches: vec![(condition, vec![statement(vec![Piece::Text("UPDATE".into())], None)])],
            otherwise: vec![],
            line: 2,
        },
    ]);
    for (value, expected) in [("1", Some("UPDATE")), ("0", None)] {
        let mut cursor = ScriptCursor::new(&script, BTreeMap::new(), 1);
        cursor.next().unwrap().unwrap();
        cursor.answered(&["left".into()], &[vec![Some(value.into())]]).unwrap();
        assert_eq!(cursor.next().unwrap().map(|next| next.sql).as_deref(), expected);
    }
}

#[test]
fn values_are_bound_as_literals() {
    let script =
        script(vec![statement(vec![Piece::Text("SELECT ".into()), Piece::Variable("x".into())], None)]);
    let variables = BTreeMap::from([("x".to_owned(), Some("'; DROP TABLE t; --".to_owned()))]);
    let mut cursor = ScriptCursor::new(&script, variables, 1);
    assert_eq!(cursor.next().unwrap().unwrap().sql, "SELECT '''; DROP TABLE t; --'");
    let mut unset = ScriptCursor::new(&script, BTreeMap::new(), 1);
    assert_eq!(unset.next(), Err(ScriptFault::Unset("x".into())));
}
