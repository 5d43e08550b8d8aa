//! Tests of the directives.

use super::*;

fn read_text(text: &str) -> (Directives, String) {
    let (directives, faults) = read_header(Utf8Path::new("q.sql"), text);
    let line = |fault: &Diagnostic| format!("{fault} | {}", fault.hint.as_deref().unwrap_or_default());
    (directives, faults.iter().map(line).collect::<Vec<_>>().join("\n"))
}

fn read_well(text: &str) -> Directives {
    let (directives, faults) = read_text(text);
    assert_eq!(faults, "");
    directives
}

#[test]
fn a_whole_header() {
    let directives = read_well(
        "\u{feff}-- Top courses, größte zuerst\r\n-- name: top_courses\r\n-- param: tenant uuid = '00000000-0000-0000-0000-000000000001'\r\n\
         --param: price numeric(12,2)\n-- param: names character varying(20)[] = ARRAY['a=b']\n-- rate: 400/s\n\
         -- budget: 20 ms, no-seq-scan(purchases, x), estimate <= 10x\n-- role: webapp\n-- tenant: required\n\
         -- allow: fk-no-index because the table is tiny until 2027-02-28\n-- allow: UP12 because of until, so be it\n\
         /* x */ SELECT 1 -- role: nobody",
    );
    assert_eq!(directives.name.as_deref(), Some("top_courses"));
    let params: Vec<_> = directives
        .params
        .iter()
        .map(|p| (p.name.as_str(), p.type_name.as_str(), p.value.as_deref(), p.line))
        .collect();
    assert_eq!(
        params,
        [
            ("tenant", "uuid", Some("'00000000-0000-0000-0000-000000000001'"), 3),
            ("price", "numeric(12,2)", None, 4),
            ("names", "character varying(20)[]", Some("ARRAY['a=b']"), 5),
        ]
    );
    assert_eq!(directives.rate, Some(400.0));
    assert_eq!(directives.budget, ["20 ms", "no-seq-scan(purchases, x)", "estimate <= 10x"]);
    assert_eq!(
        (directives.role.as_deref(), directives.tenant.as_deref()),
        (Some("webapp"), Some("required"))
    );
    assert_eq!(directives.allow[0].until.as_deref(), Some("2027-02-28"));
    assert_eq!(directives.allow[0].because, "the table is tiny");
    assert_eq!(
        (directives.allow[1].because.as_str(), &directives.allow[1].until),
        ("of until, so be it", &None)
    );
}

#[test]
fn rates_are_per_second() {
    assert_eq!(read_well("-- rate: 30/min").rate, Some(0.5));
    assert_eq!(read_well("-- rate: 1_800 / h").rate, Some(0.5));
}

#[test]
fn the_rest_of_the_words() {
    let directives = read_well(
        "-- recount: courses.seats, s.t.c\n-- batch: users by id, 5000\n-- no-transaction\n\
         -- lock: a, s.b share row exclusive\n-- lock: c\n",
    );
    assert_eq!(directives.recounts, ["courses.seats", "s.t.c"]);
    assert_eq!(
        directives.batch,
        Some(Batch { table: "users".into(), key: vec!["id".into()], rows: 5000, line: 2 })
    );
    assert!(directives.no_transaction);
    let locks: Vec<_> = directives.locks.iter().map(|lock| (lock.sql(), lock.line)).collect();
    let first = "LOCK TABLE a, s.b IN SHARE ROW EXCLUSIVE MODE".to_owned();
    assert_eq!(locks, [(first, 4), ("LOCK TABLE c IN ACCESS EXCLUSIVE MODE".to_owned(), 5)]);
    let batch = read_well("-- batch: shop.orders by (tenant_id, id), 5_000\n").batch.expect("a batch");
    assert_eq!((batch.table.as_str(), batch.key.join("+").as_str()), ("shop.orders", "tenant_id+id"));
    assert_eq!(read_well("-- name: ListUsers :many").name.as_deref(), Some("ListUsers"));
}

#[test]
fn other_comments_are_left_alone() {
    let text = "-- Note: x\n-- note: x\n-- date: 2026-01-01\n-- why: y\n-- see https://a.b\n-- for example: z\n\
                -- Name: users; Type: TABLE\n-- a transaction follows\n-- nothing\n--\n";
    assert_eq!(read_well(text), Directives::default());
}

#[test]
fn every_fault_has_its_line_and_a_hint() {
    let (_, faults) = read_text(
        "-- nmae: x\n-- parms: x int\n-- no-transactions\n-- no_transaction\n-- rate: fast\n-- param: x\n-- param: 1x int\n\
         -- param: x int int\n-- param: x int = )\n-- allow: some-rule\n-- allow: r because x until 2026-02-30\n\
         -- recount: seats\n-- batch: users\n-- name: a\n-- name: b\n-- name: a b\n-- budget: a,,b\n-- role:\n\
         -- param: y int\n-- param: y int\n-- role: a b\n-- tennant: required\n-- lock: a b c\n\
         -- batch: t by lower(a), 10\n",
    );
    insta::assert_snapshot!(faults, @r#"
        q.sql:1: The directive `-- nmae` is not known. | Did you mean `-- name`?
        q.sql:2: The directive `-- parms` is not known. | Did you mean `-- param`?
        q.sql:3: The directive `-- no-transactions` is not known. | Did you mean `-- no-transaction`?
        q.sql:4: The directive `-- no_transaction` is not known. | Did you mean `-- no-transaction`?
        q.sql:5: `-- rate: fast` is no rate. | Write calls per second, minute, hour or day, such as `-- rate: 400/s` or `-- rate: 2/min`.
        q.sql:6: `-- param: x` has no type. | Write `-- param: NAME TYPE` or `-- param: NAME TYPE = SQL EXPRESSION`.
        q.sql:7: `1x` is no name of a parameter. | Write `-- param: NAME TYPE` or `-- param: NAME TYPE = SQL EXPRESSION`.
        q.sql:8: `int int` is no type: syntax error at or near "int". | Write `-- param: NAME TYPE` or `-- param: NAME TYPE = SQL EXPRESSION`.
        q.sql:9: The value of `x` is no SQL expression: syntax error at or near ")". | Write `-- param: NAME TYPE` or `-- param: NAME TYPE = SQL EXPRESSION`.
        q.sql:10: `-- allow: some-rule` gives no reason. | Write `-- allow: RULE because REASON`, at the end `until YYYY-MM-DD` if it is for a time only.
        q.sql:11: `2026-02-30` is no date. | Write `-- allow: RULE because REASON`, at the end `until YYYY-MM-DD` if it is for a time only.
        q.sql:12: `seats` in `-- recount:` is no column of a table. | Write `-- recount: table.column, table.column`.
        q.sql:13: `-- batch: users` is no key range. | Write `-- batch: TABLE by KEY, ROWS`, such as `-- batch: users by id, 5000` or `-- batch: orders by (tenant_id, id), 5000`.
        q.sql:15: The directive `-- name` is given twice. | Remove one of the two lines.
        q.sql:16: `-- name: a b` is not one name. | Write one word, such as `-- name: top_courses`.
        q.sql:17: `-- budget: a,,b` has an empty clause. | Write clauses separated by commas, such as `-- budget: 20 ms, no-seq-scan(purchases)`.
        q.sql:18: The directive `-- role:` has no value. | Write the value after the colon, or remove the line.
        q.sql:20: The directive `-- param: y` is given twice. | Remove one of the two lines.
        q.sql:21: `-- role: a b` is more than one word. | Write one name: `-- role: NAME`.
        q.sql:22: The directive `-- tennant` is not known. | Did you mean `-- tenant`?
        q.sql:23: `-- lock: a b c` names no tables with a lock mode. | Write `-- lock: TABLE, TABLE MODE`, such as `-- lock: orders, order_lines ACCESS EXCLUSIVE`.
        q.sql:24: `-- batch: t by lower(a), 10` is no key range. | Write `-- batch: TABLE by KEY, ROWS`, such as `-- batch: users by id, 5000` or `-- batch: orders by (tenant_id, id), 5000`.
        "#);
}
