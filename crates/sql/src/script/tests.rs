//! Tests of whole scripts.

use underpin_model::expression::Expression;
use underpin_model::script::Piece;
use underpin_model::statement::Verb;

use super::*;

fn parse(text: &str) -> TransactionScript {
    parse_script(Utf8Path::new("transactions/enroll.sql"), text)
        .unwrap_or_else(|faults| panic!("{faults:#?}"))
}

fn faults(text: &str) -> String {
    let faults = parse_script(Utf8Path::new("t.sql"), text).expect_err("faults");
    let line = |fault: &Diagnostic| format!("{fault} | {}", fault.hint.as_deref().unwrap_or_default());
    faults.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Returns the items with indentation.
fn outline(items: &[ScriptItem], depth: usize) -> String {
    let indent = "  ".repeat(depth);
    let line = |item: &ScriptItem| match item {
        ScriptItem::Statement(statement) => {
            let gset = statement.gset.as_ref().map(|prefix| format!(" gset[{prefix}]")).unwrap_or_default();
            format!("{indent}{} {:?}{gset}: {}\n", statement.line, statement.facts.verb, statement.source())
        }
        ScriptItem::Set { variable, line, .. } => format!("{indent}{line} set {variable}\n"),
        ScriptItem::If { branches, otherwise, line } => {
            let branches: String = branches
                .iter()
                .map(|(_, items)| format!("{indent}branch\n{}", outline(items, depth + 1)))
                .collect();
            format!("{indent}{line} if\n{branches}{indent}else\n{}", outline(otherwise, depth + 1))
        }
    };
    items.iter().map(line).collect()
}

const ENROLL: &str = "\u{feff}-- Enroll a student; größter Fall zuerst\r\n\
-- name: enroll\r\n\
-- param: student bigint = 1\r\n\
-- param: course bigint = (SELECT min(id) FROM courses)\r\n\
-- role: webapp\r\n\
BEGIN;\r\n\
SELECT seats, price::int AS price -- current\r\n\
  FROM courses WHERE id = :course FOR UPDATE \\gset\r\n\
\\set rest :seats - 1\r\n\
\\if :rest >= 0 and \\\r\n\
    :price > 0\r\n\
  UPDATE courses SET seats = :rest WHERE id=:course::bigint;\r\n\
  INSERT INTO enrollments VALUES (:student,:course, '12:30') RETURNING id;\r\n\
  \\gset new_\r\n\
  COMMIT;\r\n\
\\elif :rest < -1\r\n\
  ROLLBACK;\r\n\
\\else\r\n\
  ROLLBACK;\r\n\
\\endif\r\n";

#[test]
fn a_whole_script() {
    let script = parse(ENROLL);
    assert_eq!(
        (script.name.as_str(), script.role.as_deref(), script.params.len()),
        ("enroll", Some("webapp"), 2)
    );
    insta::assert_snapshot!(outline(&script.items, 0).replace('\r', ""), @r#"
        6 Begin: BEGIN
        7 Select gset[]: SELECT seats, price::int AS price -- current
        FROM courses WHERE id = :course FOR UPDATE
        9 set rest
        10 if
        branch
          12 Update: UPDATE courses SET seats = :rest WHERE id=:course::bigint
          13 Insert gset[new_]: INSERT INTO enrollments VALUES (:student,:course, '12:30') RETURNING id
          15 Commit: COMMIT
        branch
          17 Rollback: ROLLBACK
        else
          19 Rollback: ROLLBACK
        "#);
}

#[test]
fn variables_become_pieces_and_null_in_the_facts() {
    let script = parse(
        "-- param: a int\nSELECT x FROM t WHERE y=:a AND z = ARRAY[:a,2] AND b[1:2] IS NULL LIMIT :a;\n",
    );
    let ScriptItem::Statement(statement) = &script.items[0] else { panic!("a statement") };
    let variables = statement.pieces.iter().filter(|piece| matches!(piece, Piece::Variable(_))).count();
    assert_eq!((variables, statement.facts.verb), (3, Verb::Select));
    assert_eq!(statement.facts.relations[0].name, "t");
    assert_eq!(statement.pieces[0], Piece::Text("SELECT x FROM t WHERE y=".into()));
    assert_eq!(statement.pieces[1], Piece::Variable("a".into()));
}

#[test]
fn a_name_is_the_files_when_none_is_given() {
    let script = parse("\\set x 1 + 1\nSELECT :x;");
    assert_eq!(script.name, "enroll");
    let ScriptItem::Set { expression, .. } = &script.items[0] else { panic!("a set") };
    assert!(matches!(expression, Expression::Binary(..)));
}

#[test]
fn unknown_columns_may_be_any_variable() {
    parse("SELECT * FROM t \\gset p_\nSELECT :p_x, :p_y;");
    insta::assert_snapshot!(faults("SELECT * FROM t \\gset p_\nSELECT :q;"), @r#"t.sql:2: The variable `:q` is never set. | Declare it with `-- param: q TYPE`, or set it before with `\set` or `\gset`."#);
}

#[test]
fn transactions_may_end_differently_on_each_way() {
    parse("-- param: x int\nBEGIN;\n\\if :x\nCOMMIT;\n\\else\nROLLBACK;\n\\endif\n");
    parse("BEGIN;\nCOMMIT AND CHAIN;\nCOMMIT;");
    parse("BEGIN;\nSAVEPOINT a;\nROLLBACK TO a;\nEND;");
    parse("SELECT 1;");
}

#[test]
fn wrong_transactions_are_found() {
    insta::assert_snapshot!(faults("-- param: x int\nBEGIN;\n\\if :x\nCOMMIT;\n\\endif\n"), @r#"t.sql:2: The transaction that begins here does not end on every way. | End it with `COMMIT;` or `ROLLBACK;`."#);
    insta::assert_snapshot!(faults("BEGIN;\nBEGIN;\nCOMMIT;\nCOMMIT;\n"), @r#"
        t.sql:2: A transaction begins inside the one of line 1. | Use `SAVEPOINT` inside a transaction.
        t.sql:4: A transaction ends here that does not begin on every way. | Write `BEGIN;` before the first statement.
        "#);
}

#[test]
fn variables_must_be_set_on_every_way() {
    insta::assert_snapshot!(
        faults("-- param: x int\n\\if :x\n\\set y 1\n\\else\nSELECT 1;\n\\endif\nSELECT :y, :y, :z;\n\\set w :w + 1\n"),
        @r#"
        t.sql:7: The variable `:y` is used before it is set on some way to here. | Declare it with `-- param: y TYPE`, or set it before with `\set` or `\gset`.
        t.sql:7: The variable `:z` is never set. | Declare it with `-- param: z TYPE`, or set it before with `\set` or `\gset`.
        t.sql:8: The variable `:w` is used before it is set on some way to here. | Declare it with `-- param: w TYPE`, or set it before with `\set` or `\gset`.
        "#
    );
    parse("-- param: x int\n\\if :x\n\\set y 1\n\\else\n\\set y 2\n\\endif\nSELECT :y;");
}

#[test]
fn wrong_commands_are_found_together() {
    insta::assert_snapshot!(
        faults(
            "\\gset\nDELETE FROM t;\n\\gset\nSELECT 1 \\gset\nSELECT 1 AS a \\gset 1x\nSELECT 1 AS a \\aset\n\\sleep 1 s\n\\shell ls\n\
             \\copy t from x\n\\set 1x 2\n\\set y\n\\set z 1 +\n\\if\n\\elif true\n\\else\n\\else\n\\elif true\n\\endif\n\
             \\endif\n\\else\nSELECT 2\n\\set q 1\n\\if true\nSELECT 3"
        ),
        @r#"
        t.sql:1: `\gset` follows no statement. | Write it after a statement that returns one row: `SELECT … AS name \gset`.
        t.sql:3: `\gset` follows a statement that returns no row. | Write it after a statement that returns one row: `SELECT … AS name \gset`.
        t.sql:4: The column `?column?` cannot become a variable. | Give the column a name of letters, digits and underscores: `expression AS name`.
        t.sql:5: `1x` cannot begin the name of a variable. | Write `\gset` or `\gset PREFIX`.
        t.sql:6: The command `\aset` is not understood. | `\aset` keeps a row of each combined query: write one statement each, and `\gset`.
        t.sql:7: The command `\sleep` is not understood. | Waiting is left to the experiments, which choose the order of steps themselves: remove it.
        t.sql:8: The command `\shell` is not understood. | Scripts run no programs: give the value by `-- param:` or `\set`.
        t.sql:9: The command `\copy` is not understood. | Understood are \set, \gset, \if, \elif, \else and \endif.
        t.sql:10: `1x` is no name of a variable. | Write `\set NAME EXPRESSION`.
        t.sql:11: The expression of `\set` is not understood: the expression ends where a value is expected. | See "pgbench: Built-In Operators" and "Built-In Functions" in PostgreSQL's manual.
        t.sql:12: The expression of `\set` is not understood: the expression ends where a value is expected. | See "pgbench: Built-In Operators" and "Built-In Functions" in PostgreSQL's manual.
        t.sql:13: The expression of `\if` is not understood: the expression ends where a value is expected. | See "pgbench: Built-In Operators" and "Built-In Functions" in PostgreSQL's manual.
        t.sql:16: `\else` follows the `\else` of the same `\if`. | `\else` is the last branch: move it down.
        t.sql:17: `\elif` follows the `\else` of the same `\if`. | `\else` is the last branch: move it down.
        t.sql:19: `\endif` has no `\if`. | Write `\if EXPRESSION` before it, or remove it.
        t.sql:20: `\else` has no `\if`. | Write `\if EXPRESSION` before it, or remove it.
        t.sql:21: A statement ends at `\set` without `;`. | End the statement with `;`.
        t.sql:23: This `\if` has no `\endif`. | Write `\endif` on a line of its own after the last branch.
        t.sql:24: The last statement has no `;`. | End every statement with `;`.
        "#
    );
}

#[test]
fn variables_that_cannot_be_bound_are_found() {
    insta::assert_snapshot!(
        faults(
            "-- param: a int\nSELECT 'x :a', \"y :a\", $$ :a $$, '{\"k\":true} :b';\nSELECT :'a', :\"a\";\nSET x.y = :a;\n\
             SELECT * FROM :a;\nINSERT INTO t VALUS (1,\n 2);\n"
        ),
        @r#"
        t.sql:2: The variable `:a` stands inside quotes, where no value can be bound. | Take it out of the quotes: `'text ' || :a`.
        t.sql:3: pgbench does not know `:'a'`. | Write `:a`: it is bound as a value and needs no quotes.
        t.sql:3: pgbench does not know `:"a"`. | Write `:a`: it is bound as a value and needs no quotes.
        t.sql:4: PostgreSQL does not understand this: syntax error at or near "NULL". | A variable can only stand where a value can, as in pgbench -M extended; for SET use `SELECT set_config('name', :variable, true)`.
        t.sql:5: PostgreSQL does not understand this: syntax error at or near "NULL". | A variable can only stand where a value can, as in pgbench -M extended; for SET use `SELECT set_config('name', :variable, true)`.
        t.sql:6: PostgreSQL does not understand this: syntax error at or near "VALUS". | Write it as PostgreSQL reads it, and end every statement with `;`.
        "#
    );
}

#[test]
fn hostile_scripts_are_errors_and_no_crash() {
    for text in
        ["", "-- x", "'", "$$", "/*", "\\", "\\\\", "SELECT '\0';", ":", ";;", "\\if\n", "\\set", "(;)"]
    {
        assert!(parse_script(Utf8Path::new("t.sql"), text).is_err(), "{text:?}");
    }
    let deep = "\\if true\n".repeat(3000) + "SELECT 1;\n" + &"\\endif\n".repeat(3000);
    assert!(faults(&deep).contains("nest too deeply"));
}
