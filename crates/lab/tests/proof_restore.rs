//! `restore`: a row that comes back with other content is named by its key.

use crate::sample;

#[test]
fn a_row_that_a_dump_does_not_carry_is_named() {
    // A generated column is computed anew by a restore, and this function is not what it says it is.
    let sample = sample::project(&[(
        "migrations/1_orders.sql",
        "CREATE FUNCTION stamp(id int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
         $$ BEGIN RETURN CASE WHEN id = 777 THEN clock_timestamp()::text ELSE 'plain' END; END $$;
         CREATE TABLE orders (id int PRIMARY KEY, stamp text GENERATED ALWAYS AS (stamp(id)) STORED);
         INSERT INTO orders SELECT n FROM generate_series(1, 4000) n;
         SELECT lo_from_bytea(0, 'a large object');",
    )]);
    let report = sample::report(&sample, "restore");
    let messages: Vec<&str> = report.findings.iter().map(|one| one.message.as_str()).collect();
    assert_eq!(sample::findings(&report), ["UP341 backup custom", "UP341 backup directory"], "{messages:?}");
    for message in messages {
        assert!(message.contains("table public.orders: 4000 rows"), "{message}");
        assert!(message.ends_with(": the row \"id\" = '777' is changed."), "{message}");
    }
    assert!(sample::table(&report, "compared").contains("every B-tree in order"));
}
