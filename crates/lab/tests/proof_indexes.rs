//! `indexes`: each verdict on an index that deserves it, and the index that is missing.

use underpin_model::ProofReport;

use crate::sample;

const SCHEMA: &str = "
CREATE TABLE customers (id bigint PRIMARY KEY, name text NOT NULL);
CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers,
    placed_at timestamptz NOT NULL, status text NOT NULL, note text NOT NULL
);
CREATE INDEX orders_customer_placed_idx ON orders (customer_id, placed_at);
";

const SEED: &str = "
INSERT INTO customers SELECT n, 'c' || n FROM generate_series(1, 310) AS n WHERE NOT EXISTS (SELECT FROM customers);
INSERT INTO orders (customer_id, placed_at, status, note)
SELECT 1 + n * 7919 % 300, '2025-01-01 UTC'::timestamptz + n * interval '1 minute', CASE WHEN n % 200 = 0 THEN 'open' ELSE 'done' END, repeat('x', 80)
FROM generate_series(1, 12000) AS n WHERE NOT EXISTS (SELECT FROM orders);
";

const QUERIES: &str = "
-- name: orders_of_customer
-- param: customer_id bigint = 7
-- rate: 10/s
SELECT id, placed_at FROM orders WHERE customer_id = $1 ORDER BY placed_at DESC LIMIT 10;
";

fn report(more: &str, queries: &str) -> ProofReport {
    let migration = format!("{SCHEMA}\n{more}");
    let queries = format!("{QUERIES}\n{queries}");
    let shop = sample::project(&[
        ("migrations/001_init.sql", &migration),
        ("seed.sql", SEED),
        ("queries/orders.sql", &queries),
    ]);
    sample::report(&shop, "indexes")
}

/// Returns the verdict on an index.
fn verdict(report: &ProofReport, index: &str) -> String {
    let table = sample::table(report, "indexes");
    let line = table.lines().find(|line| line.starts_with(index));
    let line = line.unwrap_or_else(|| panic!("{index} in {table}"));
    line.split(" | ").nth(1).unwrap_or_default().to_owned()
}

#[test]
fn nothing_is_said_of_a_project_that_lacks_nothing() {
    let report = report("", "");
    assert_eq!(sample::findings(&report), [""; 0], "{:#?}", report.findings);
    assert_eq!(verdict(&report, "orders_customer_placed_idx"), "needed");
    assert_eq!(verdict(&report, "orders_pkey"), "keeps a rule");
}

#[test]
fn indexes_that_do_nothing_are_told_apart() {
    let report = report(
        "CREATE INDEX orders_note_idx ON orders (note, id);
         CREATE INDEX orders_customer_idx ON orders (customer_id);
         CREATE INDEX orders_id_idx ON orders (id);",
        "",
    );
    assert_eq!(verdict(&report, "orders_note_idx"), "unused");
    assert_eq!(verdict(&report, "orders_customer_idx"), "redundant");
    assert_eq!(verdict(&report, "orders_id_idx"), "duplicate");
    assert_eq!(
        sample::findings(&report),
        ["UP522 index orders_id_idx", "UP520 index orders_note_idx", "UP521 index orders_customer_idx"]
    );
}

#[test]
fn a_foreign_key_is_judged_by_what_its_check_reads() {
    let lost = "DROP INDEX orders_customer_placed_idx;";
    let walks = report(
        &format!("{lost} CREATE INDEX orders_placed_customer_idx ON orders (placed_at, customer_id);"),
        "",
    );
    assert!(
        sample::findings(&walks).iter().any(|one| one.starts_with("UP525 constraint orders")),
        "{:#?}",
        walks.findings
    );
    let partial = report(
        &format!(
            "{lost} CREATE INDEX orders_customer_some_idx ON orders (customer_id) WHERE customer_id IS NOT NULL;"
        ),
        "",
    );
    assert!(
        sample::findings(&partial).iter().all(|one| !one.starts_with("UP525")),
        "{:#?}",
        partial.findings
    );
    assert_eq!(verdict(&partial, "orders_customer_some_idx"), "needed");
}

#[test]
fn a_removed_index_is_found_again() {
    let report = report("DROP INDEX orders_customer_placed_idx;", "");
    let missing = report.findings.iter().find(|one| one.code == "UP526").unwrap();
    let hint = missing.hint.clone().unwrap_or_default();
    assert!(hint.contains("\"customer_id\""), "{hint}");
}

#[test]
fn rewrites_are_named_where_they_cost() {
    let report = report(
        "CREATE INDEX orders_placed_idx ON orders (placed_at);",
        "-- name: orders_of_day\n-- param: day date = '2025-01-09'\nSELECT id FROM orders WHERE (placed_at AT TIME ZONE 'UTC')::date = $1 AND note <> '';\n",
    );
    let codes = sample::findings(&report).join("\n");
    assert!(codes.contains("UP527 query orders_of_day"), "{:#?}", report.findings);
}
