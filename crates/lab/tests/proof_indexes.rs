//! `indexes`: each verdict on an index that deserves it, and the index that is missing.

use underpin_lab::lab::LabSpec;
use underpin_lab::trial::{Trial, advise_each};
use underpin_model::ProofReport;
use underpin_model::event::Silent;

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

/// Takes each needed index away from under the advisor; returns what it did not make good.
fn not_made_good(config: &str) -> Vec<(String, Option<String>)> {
    let mut files = vec![
        ("underpin.toml", config),
        ("migrations/001_init.sql", SCHEMA),
        ("seed.sql", SEED),
        ("queries/orders.sql", QUERIES),
    ];
    let blessed = sample::run_blessed(&sample::project(&files), "plans", Some("the first baseline"));
    let lock = blessed.documents.into_iter().find(|one| one.path == "plans.lock").unwrap().content;
    files.push(("plans.lock", &lock));
    let shop = sample::project(&files);
    let spec =
        LabSpec { installation: sample::installation(), scale: 1, cache: Some(shop.cache().to_owned()) };
    let trial = Trial { project: &shop.project, spec: &spec, events: &Silent, told: &|_| () };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let checked = runtime.block_on(advise_each(&trial)).unwrap_or_else(|error| panic!("{}", error.chain()));
    checked.into_iter().map(|one| (one.what, one.failure)).collect()
}

#[test]
fn what_is_advised_for_a_lost_index_measures_as_well_as_the_index() {
    let good = not_made_good("[project]\nname = \"shop\"\n");
    assert!(
        matches!(good.as_slice(), [(_, None), (what, None)] if what.contains("orders_customer_placed_idx")),
        "{good:?}"
    );
    // The advisor may say nothing, and what the foreign key needs is not what the query needs.
    let mute = not_made_good("[project]\nname = \"shop\"\n[proofs.indexes]\nmax_indexes = 0\n");
    assert!(matches!(mute.as_slice(), [(_, None), (_, Some(_))]), "{mute:?}");
}

/// The newest of a kind are searched for along the time, as the planner takes them to be spread: an index on the time helps
/// the count of a day and sends this query through almost all rows.
#[test]
fn an_index_that_makes_another_query_read_more_is_not_advised() {
    let report = |accept: &str| {
        let queries = format!(
            "-- name: events_of_day\n-- param: day timestamptz = '2025-01-03 UTC'\nSELECT count(*) FROM events WHERE at >= $1 AND at < $1 + interval '1 hour';\n\n\
             -- name: first_of_kind\n{accept}-- param: kind integer = 7\nSELECT id, note FROM events WHERE kind = $1 ORDER BY at LIMIT 5;\n"
        );
        let project = sample::project(&[
            ("migrations/001_init.sql", "CREATE TABLE events (id bigint PRIMARY KEY, at timestamptz NOT NULL, kind integer NOT NULL, note text NOT NULL);"),
            ("seed.sql", "INSERT INTO events SELECT n, '2025-01-01 UTC'::timestamptz + (n * 7919 % 20000) * interval '1 minute',
             CASE WHEN n * 7919 % 20000 > 19800 THEN 7 ELSE n % 6 END, repeat('x', 40) FROM generate_series(1, 20000) AS n WHERE NOT EXISTS (SELECT FROM events);"),
            ("queries/events.sql", &queries),
        ]);
        sample::report(&project, "indexes")
    };
    // Given an index of its own, the second query needs no longer to walk along the time.
    let both = sample::findings(&report("")).join("\n");
    assert!(
        both.contains("UP526 query first_of_kind") && both.contains("UP526 query events_of_day"),
        "{both}"
    );
    let declined = report("-- allow: index-missing because it is asked once a year\n");
    let said = sample::findings(&declined).join("\n");
    assert!(!said.contains("UP526"), "{said}");
    assert!(sample::table(&declined, "harmful").contains("first_of_kind"), "{:#?}", declined.evidence);
}

#[test]
fn statistics_are_advised_and_no_index_where_they_are_at_fault() {
    let visits = |more: &str| {
        let migration = format!(
            "CREATE TABLE places (id bigint PRIMARY KEY, city integer NOT NULL, country integer NOT NULL);
             CREATE TABLE visits (id bigint PRIMARY KEY, place_id bigint NOT NULL REFERENCES places, note text NOT NULL);
             CREATE INDEX visits_place_id_idx ON visits (place_id);
             CREATE INDEX places_city_idx ON places (city);
             {more}"
        );
        let project = sample::project(&[
            ("migrations/001_init.sql", &migration),
            ("seed.sql", "INSERT INTO places SELECT n, n % 100, n % 100 / 2 FROM generate_series(1, 20000) AS n WHERE NOT EXISTS (SELECT FROM places);
             INSERT INTO visits SELECT n, 1 + n * 7919 % 20000, repeat('x', 20) FROM generate_series(1, 40000) AS n WHERE NOT EXISTS (SELECT FROM visits);"),
            ("queries/visits.sql", "-- name: visits_of_city\n-- param: city integer = 7\n-- param: country integer = 3\nSELECT count(v.note) FROM places AS p JOIN visits AS v ON v.place_id = p.id WHERE p.city = $1 AND p.country = $2;\n"),
        ]);
        sample::findings(&sample::report(&project, "indexes")).join("\n")
    };
    let wrong = visits("");
    assert!(wrong.contains("UP528 query visits_of_city") && !wrong.contains("UP526"), "{wrong}");
    let right = visits("CREATE STATISTICS places_city_country (dependencies) ON city, country FROM places;");
    assert!(!right.contains("UP528") && !right.contains("UP526"), "{right}");
}

/// Where HypoPG is, it takes candidates away that no query would use; where it is not, the dearest queries' are built.
#[test]
fn more_candidates_than_are_built_are_filtered_where_hypopg_is_there() {
    let project = |most: u32| {
        let config = format!("[project]\nname = \"shop\"\n[proofs.indexes]\nmax_candidates = {most}\n");
        let migration = format!("{SCHEMA}\nDROP INDEX orders_customer_placed_idx;");
        let queries = format!(
            "{QUERIES}\n-- name: notes_since\n-- param: since timestamptz = '2000-01-01 UTC'\nSELECT sum(length(note)) FROM orders WHERE placed_at >= $1;\n"
        );
        let shop = sample::project(&[
            ("underpin.toml", &config),
            ("migrations/001_init.sql", &migration),
            ("seed.sql", SEED),
            ("queries/orders.sql", &queries),
        ]);
        let report = sample::report(&shop, "indexes");
        let hints: Vec<String> = report
            .findings
            .iter()
            .filter(|one| one.code == "UP526")
            .filter_map(|one| one.hint.clone())
            .collect();
        (report.reason.unwrap_or_default(), hints.join("\n"))
    };
    let (few, hints) = project(3);
    assert!(hints.contains("\"customer_id\""), "{hints}");
    let folder = sample::installation().config("--sharedir").unwrap_or_default();
    if std::path::Path::new(&folder).join("extension/hypopg.control").is_file() {
        assert!(few.contains("because HypoPG finds no query that takes them"), "{few}");
    } else {
        eprintln!("could not look at the filter: this server does not have HypoPG");
        assert!(
            !few.contains("HypoPG") && few.contains("candidates of cheaper queries were not built"),
            "{few}"
        );
    }
    // With room for all of them nobody asks it.
    let (all, hints) = project(150);
    assert!(hints.contains("\"customer_id\"") && !all.contains("not built"), "{all}\n{hints}");
}
