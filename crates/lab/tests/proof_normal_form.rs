//! `normal-form`: a planted dependency is found with its facts, and a clean schema gives nothing.

use underpin_model::Verdict;

use crate::sample;

const SCHEMA: &str = "
CREATE TABLE lines (
    order_id bigint NOT NULL, product_id bigint NOT NULL, title text NOT NULL, quantity integer NOT NULL,
    customer_id bigint NOT NULL, customer_city text, PRIMARY KEY (order_id, product_id)
);
";

fn report(title: &str, city: &str, config: &str) -> underpin_model::report::ProofReport {
    let seed = format!(
        "INSERT INTO lines SELECT n / 4, n % 4 * 17 + n / 4 % 30, {title}, 1 + (n::bigint * 7919) % 13, (n::bigint * 104729) % 70, {city}
         FROM generate_series(1, 4000) AS n WHERE NOT EXISTS (SELECT FROM lines);"
    );
    let project = sample::project(&[
        ("underpin.toml", config),
        ("migrations/001_init.sql", SCHEMA),
        ("seed.sql", &seed),
    ]);
    sample::report(&project, "normal-form")
}

const TITLE: &str = "'title ' || (n % 4 * 17 + n / 4 % 30) / 2";
const ANY_TITLE: &str = "md5(n::text)";
const CITY: &str =
    "CASE WHEN (n::bigint * 104729) % 70 > 3 THEN 'city ' || (n::bigint * 104729) % 70 / 3 END";
const ANY_CITY: &str = "md5('c' || (n::bigint * 31) % 600)";

#[test]
fn a_part_of_the_key_and_a_column_that_is_none_are_found() {
    let found = report(TITLE, CITY, "");
    assert_eq!(found.verdict, Verdict::Broken);
    let told: Vec<String> = found
        .findings
        .iter()
        .map(|one| {
            let object = one.object.as_ref().unwrap();
            format!("{} {} -> {}", one.rule, object.determinant.join("+"), object.dependents.join("+"))
        })
        .collect();
    assert_eq!(
        told,
        ["transitive-dependency customer_id -> customer_city", "partial-dependency product_id -> title"]
    );
    assert!(
        found.findings[0].message.contains("4000 rows, 70 values of (customer_id), 3930 redundant"),
        "{}",
        found.findings[0].message
    );
    let accepted = report(TITLE, CITY, "[proofs.normal-form]\nallow = [\"UP110\", \"UP111\"]\n");
    assert_eq!(accepted.verdict, Verdict::Proven);
}

#[test]
fn a_schema_without_one_gives_nothing() {
    let found = report(ANY_TITLE, ANY_CITY, "");
    assert_eq!((found.verdict, sample::findings(&found)), (Verdict::Proven, Vec::new()));
}

/// People with scattered keys, tickets that name them, and events about people or tickets.
const DESK: &str = "
CREATE TABLE people (id bigint PRIMARY KEY, email text NOT NULL);
CREATE TABLE rooms (id bigint PRIMARY KEY, title text NOT NULL);
CREATE TABLE tickets (id bigint PRIMARY KEY, assigned_to bigint REFERENCES_PEOPLE, points_to bigint NOT NULL);
CREATE TABLE events (id bigint PRIMARY KEY, subject_id bigint NOT NULL, subject_type text NOT NULL);
";
const DESK_SEED: &str = "
INSERT INTO people SELECT n * 17, 'p' || n FROM generate_series(1, 200) AS n ON CONFLICT DO NOTHING;
INSERT INTO rooms SELECT n * 5, 'r' || n FROM generate_series(1, 30) AS n ON CONFLICT DO NOTHING;
INSERT INTO tickets SELECT n, (1 + n % 90) * 17, n % 50 FROM generate_series(1, 600) AS n ON CONFLICT DO NOTHING;
INSERT INTO events SELECT n, (1 + n % 90) * 17, 'person' FROM generate_series(1, 600) AS n ON CONFLICT DO NOTHING;
";

#[test]
fn a_missing_foreign_key_is_read_from_the_values_and_a_polymorphic_pair_is_none() {
    let desk = |reference: &str| {
        let schema = DESK.replace("REFERENCES_PEOPLE", reference);
        let project =
            sample::project(&[("migrations/001_init.sql", schema.as_str()), ("seed.sql", DESK_SEED)]);
        let report = sample::report(&project, "normal-form");
        let about = report.findings.iter().filter(|one| one.code == "UP155");
        about.map(|one| (one.message.clone(), one.hint.clone().unwrap_or_default())).collect::<Vec<_>>()
    };
    let found = desk("");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0]
            .0
            .starts_with("All 90 different values of tickets.assigned_to (600 stored) are in people.id"),
        "{found:?}"
    );
    assert!(found[0].1.contains("REFERENCES people (id)"), "{found:?}");
    assert_eq!(desk("REFERENCES people"), []);
}
