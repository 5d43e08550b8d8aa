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
