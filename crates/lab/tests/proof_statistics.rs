//! `statistics`: a plan that a wrong estimate forced, its cause, and the least that repairs it.

use underpin_model::Verdict;

use crate::sample;

const SCHEMA: &str = "
CREATE TABLE places (id bigint PRIMARY KEY, city integer NOT NULL, country integer NOT NULL);
CREATE TABLE visits (id bigint PRIMARY KEY, place_id bigint NOT NULL REFERENCES places, note text NOT NULL);
CREATE INDEX visits_place_id_idx ON visits (place_id);
";

/// The country follows from the city: the planner expects a hundredth of the rows that there are.
const SEED: &str = "
INSERT INTO places SELECT n, n % 100, n % 100 / 2 FROM generate_series(1, 20000) AS n WHERE NOT EXISTS (SELECT FROM places);
INSERT INTO visits SELECT n, 1 + n * 7919 % 20000, repeat('x', 90) FROM generate_series(1, 40000) AS n
WHERE NOT EXISTS (SELECT FROM visits);
";

const QUERIES: &str = "
-- name: visits_of_city
-- param: city integer = 7
-- param: country integer = 3
SELECT count(v.note) FROM places AS p JOIN visits AS v ON v.place_id = p.id WHERE p.city = $1 AND p.country = $2;
";

fn report(more: &str) -> underpin_model::report::ProofReport {
    proved(more).report.proofs.remove(0)
}

fn proved(more: &str) -> underpin_lab::prove::Proved {
    let migration = format!("{SCHEMA}\n{more}");
    let project = sample::project(&[
        ("migrations/001_init.sql", &migration),
        ("seed.sql", SEED),
        ("queries/visits.sql", QUERIES),
    ]);
    sample::run(&project, "statistics")
}

#[test]
fn correlated_columns_are_found_and_repaired() {
    let wrong = report("");
    let found = wrong.findings.iter().find(|one| one.code == "UP540" || one.code == "UP541");
    let found = found.unwrap_or_else(|| panic!("{:#?}", sample::table(&wrong, "remedies")));
    assert!(found.message.contains("the columns depend on each other"), "{}", found.message);
    let hint = found.hint.clone().unwrap_or_default();
    assert!(hint.contains("(dependencies) ON \"city\", \"country\""), "{hint}");
    let tried = sample::table(&wrong, "remedies");
    assert!(!tried.contains("n_distinct"), "the numbers of values are right: {tried}");
    let right = report("CREATE STATISTICS places_city_country (dependencies) ON city, country FROM places;");
    assert_eq!(
        (right.verdict, sample::findings(&right).len()),
        (Verdict::Proven, 0),
        "{:#?}",
        right.findings
    );
}

#[test]
fn an_override_that_contradicts_the_data_is_an_error() {
    let report = report("ALTER TABLE places ALTER COLUMN city SET (n_distinct = 5000);");
    assert!(
        sample::findings(&report).contains(&"UP542 column places.city".to_owned()),
        "{:#?}",
        report.findings
    );
    assert_eq!(report.verdict, Verdict::Broken);
}

#[test]
fn statistics_that_repair_are_shown_hidden_and_those_that_do_not_are_told() {
    let needed = proved("CREATE STATISTICS places_city_country (dependencies) ON city, country FROM places;");
    let page = needed.documents.iter().find(|one| one.path == "evidence/bad-plan.md").unwrap();
    for part in [
        "Without `places_city_country`",
        "The least that brings the estimate below two",
        "(dependencies) ON \"city\", \"country\"",
        "## The bad plan",
    ] {
        assert!(page.content.contains(part), "{part}: {}", page.content);
    }
    let spare = report("CREATE STATISTICS visits_pair (dependencies) ON place_id, note FROM visits;");
    let codes = sample::findings(&spare).join("\n");
    assert!(codes.contains("UP543 table visits"), "{codes}");
}

/// Nine of ten calls come from seven callers, each other from its own: a sample of 300 rows takes 4 007 callers for some fifty.
const CALLS: &str = "
CREATE TABLE calls (id bigint PRIMARY KEY, caller integer NOT NULL);
ALTER TABLE calls ALTER COLUMN id SET STATISTICS 1, ALTER COLUMN caller SET STATISTICS 1;
";

fn calls(more: &str) -> underpin_model::report::ProofReport {
    let project = sample::project(&[
        ("migrations/001_init.sql", &format!("{CALLS}\n{more}")),
        (
            "seed.sql",
            "INSERT INTO calls SELECT n, CASE n % 10 WHEN 0 THEN n ELSE n % 7 END FROM generate_series(1, 40000) AS n
             WHERE NOT EXISTS (SELECT FROM calls);",
        ),
        (
            "queries/calls.sql",
            "-- name: calls_by_caller\nSELECT caller, count(*) AS calls FROM calls GROUP BY caller;\n",
        ),
    ]);
    sample::report(&project, "statistics")
}

#[test]
fn a_wrong_number_of_distinct_values_is_counted_and_set() {
    let wrong = calls("");
    let tried = sample::table(&wrong, "remedies");
    let found = wrong.findings.iter().find(|one| one.code == "UP540").unwrap_or_else(|| panic!("{tried}"));
    assert!(found.message.contains("n_distinct is wrong"), "{}", found.message);
    assert_eq!(
        found.hint.as_deref(),
        Some("ALTER TABLE \"public\".\"calls\" ALTER COLUMN \"caller\" SET (n_distinct = -0.1002);")
    );
    let remedies: Vec<&str> = tried.lines().filter_map(|line| line.split(" | ").nth(4)).collect();
    assert!(matches!(remedies.as_slice(), [first, _] if first.starts_with("ANALYZE")), "{remedies:?}");
    // As told, nothing is said any more; a number that contradicts the data is an error of its own.
    let set = |number: &str| {
        let report = calls(&format!("ALTER TABLE calls ALTER COLUMN caller SET (n_distinct = {number});"));
        (report.verdict, sample::findings(&report))
    };
    assert_eq!(set("-0.1002"), (Verdict::Proven, vec![]));
    assert_eq!(set("7").0, Verdict::Broken);
}
