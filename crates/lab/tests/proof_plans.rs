//! `plans`: green for what was accepted, red for each regression, green again when it is taken back.

use underpin_model::Verdict;

use crate::sample;

const SCHEMA: &str = "
CREATE TABLE people (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL, city text NOT NULL, note text NOT NULL);
CREATE INDEX people_email_idx ON people (email);
CREATE INDEX people_city_idx ON people (city);
CREATE VIEW citizens AS SELECT id, email, city FROM people WHERE city <> 'nowhere';
";

/// One city holds nine of ten people; the rest are spread over ninety.
const SEED: &str = "
INSERT INTO people (email, city, note)
SELECT 'p' || n || '@example.org', CASE WHEN n % 10 > 0 THEN 'Rome' ELSE 'city ' || (n / 10) % 90 END, repeat('x', 60)
FROM generate_series(1, 9000) AS n WHERE NOT EXISTS (SELECT FROM people);
";

const QUERIES: &str = "
-- name: by_email
-- param: email text = 'p77@example.org'
-- budget: 5 ms, buffers <= 6, no-seq-scan(people), estimate <= 10x
SELECT id, city FROM citizens WHERE email = $1;

-- name: by_city
-- param: city text = 'city 7'
SELECT count(*) FROM people WHERE city = $1;
";

fn town(migrations: &[&str], queries: &str, lock: Option<&str>) -> sample::Sample {
    let migration = format!("{SCHEMA}\n{}", migrations.join("\n"));
    grown(&migration, SEED, (queries, lock))
}

fn grown(migration: &str, seed: &str, (queries, lock): (&str, Option<&str>)) -> sample::Sample {
    let mut files =
        vec![("migrations/001_init.sql", migration), ("seed.sql", seed), ("queries/people.sql", queries)];
    files.extend(lock.map(|text| ("plans.lock", text)));
    sample::project(&files)
}

fn blessed(migrations: &[&str], queries: &str) -> String {
    let proved = sample::run_blessed(&town(migrations, queries, None), "plans", Some("the first baseline"));
    assert_eq!(proved.report.proofs[0].verdict, Verdict::Proven, "{:#?}", proved.report.proofs[0].findings);
    proved.documents.into_iter().find(|document| document.path == "plans.lock").unwrap().content
}

fn found(migrations: &[&str], queries: &str, lock: &str) -> (Verdict, String) {
    let report = sample::report(&town(migrations, queries, Some(lock)), "plans");
    (report.verdict, sample::findings(&report).join("\n"))
}

#[test]
fn without_a_baseline_budgets_are_judged() {
    let report = sample::report(&town(&[], QUERIES, None), "plans");
    assert_eq!(report.verdict, Verdict::Proven, "{:#?}", report.findings);
    insta::assert_snapshot!(report.reason.clone().unwrap_or_default(), @"Executed 2 queries under 16 plans, judged by their budgets only.");
    assert!(sample::findings(&report).join("\n").contains("UP510"), "{:#?}", report.findings);
    let report = sample::report(&town(&["DROP INDEX people_email_idx;"], QUERIES, None), "plans");
    assert_eq!(report.verdict, Verdict::Broken);
    let message = &report.findings[0].message;
    assert!(
        message.contains("people is read from beginning to end (9 000 rows)") || message.contains("buffers"),
        "{message}"
    );
}

#[test]
fn a_lost_index_is_red_and_the_same_index_put_back_green() {
    let lock = blessed(&[], QUERIES);
    assert_eq!(found(&[], QUERIES, &lock).0, Verdict::Proven);
    let lost = sample::report(&town(&["DROP INDEX people_city_idx;"], QUERIES, Some(&lock)), "plans");
    assert_eq!(lost.verdict, Verdict::Broken);
    let codes: Vec<&str> = lost.findings.iter().map(|one| one.code.as_str()).collect();
    assert!(codes.contains(&"UP500") && codes.contains(&"UP501"), "{codes:?}");
    let evidence = lost.evidence.iter().find(|one| one.id.0.starts_with("change-by_city")).unwrap();
    let underpin_model::EvidenceBody::Plans(plans) = &evidence.body else { panic!("{evidence:?}") };
    let notes = plans.notes.join("\n");
    assert!(notes.contains("people: ") && notes.contains("became sequential scan"), "{notes}");
    let scan = plans.plans[1].nodes.iter().find(|node| node.place.as_deref() == Some("people"));
    assert_eq!(scan.map(|node| node.node.as_str()), Some("Seq Scan"), "{:?}", plans.plans[1]);
    let back = ["DROP INDEX people_city_idx;", "CREATE INDEX people_place_idx ON people (city);"];
    let (verdict, codes) = found(&back, QUERIES, &lock);
    assert_eq!(
        (verdict, codes.contains("UP50")),
        (Verdict::Proven, true),
        "another name is a warning: {codes}"
    );
}

#[test]
fn more_rows_stay_green_and_the_values_of_the_baseline_are_used_again() {
    let lock = blessed(&[], QUERIES);
    let report =
        sample::report(&grown(SCHEMA, &SEED.replace("9000", "9900"), (QUERIES, Some(&lock))), "plans");
    let codes = sample::findings(&report).join("\n");
    assert_eq!(report.verdict, Verdict::Proven, "{codes}");
    assert!(!codes.contains("UP510"), "{codes}");
}

#[test]
fn other_rows_on_the_same_data_are_red() {
    let lock = blessed(&[], QUERIES);
    let view = "CREATE OR REPLACE VIEW citizens AS SELECT id + 1 AS id, email, city FROM people WHERE city <> 'nowhere';";
    let (verdict, codes) = found(&[view], QUERIES, &lock);
    assert_eq!(verdict, Verdict::Broken);
    assert!(codes.contains("UP504 query by_email") && !codes.contains("UP504 query by_city"), "{codes}");
}

#[test]
fn what_did_not_change_keeps_its_entry_and_its_reason() {
    let lock = blessed(&[], QUERIES);
    let queries = QUERIES.replace("SELECT count(*)", "SELECT count(DISTINCT email)");
    let proved = sample::run_blessed(&town(&[], &queries, Some(&lock)), "plans", Some("people, not rows"));
    let new = &proved.documents.iter().find(|document| document.path == "plans.lock").unwrap().content;
    assert_eq!(new.matches("the first baseline").count(), 1, "by_email");
    assert_eq!(new.matches("people, not rows").count(), 1, "by_city");
}

#[test]
fn a_file_that_is_no_baseline_is_not_taken_for_one() {
    let report = sample::report(&town(&[], QUERIES, Some("{}")), "plans");
    assert_eq!(report.verdict, Verdict::Inconclusive, "{:?}", report.reason);
}

/// Pets are few: without their index the query and the check of the foreign key touch some ten buffers, not thousands.
const PETS: &str = "
CREATE TABLE pets (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, owner_id bigint NOT NULL REFERENCES people (id), name text NOT NULL);
CREATE INDEX pets_owner_id_idx ON pets (owner_id);
";
const PET_SEED: &str = "
INSERT INTO pets (owner_id, name) SELECT n, 'pet ' || repeat('x', 60) FROM generate_series(1, 900) AS n WHERE NOT EXISTS (SELECT FROM pets);
";

fn zoo(change: &str, queries: &str, lock: Option<&str>) -> sample::Sample {
    let (schema, seed) = (format!("{SCHEMA}{PETS}{change}"), format!("{SEED}{PET_SEED}"));
    grown(&schema, &seed, (queries, lock))
}

#[test]
fn an_index_that_saves_few_buffers_is_missed_and_put_back_under_another_name_it_is_there() {
    let queries = format!(
        "{QUERIES}\n-- name: pets_of\n-- param: owner bigint = 77\nSELECT name FROM pets WHERE owner_id = $1;"
    );
    let proved = sample::run_blessed(&zoo("", &queries, None), "plans", Some("the first baseline"));
    let lock = &proved.documents.iter().find(|document| document.path == "plans.lock").unwrap().content;
    let lost = sample::report(&zoo("DROP INDEX pets_owner_id_idx;", &queries, Some(lock)), "plans");
    let codes = sample::findings(&lost).join("\n");
    assert_eq!(lost.verdict, Verdict::Broken, "{codes}");
    assert!(codes.contains("UP511 query pets_of") && !codes.contains("UP500"), "{codes}");
    assert!(codes.contains("UP511 constraint pets.pets_owner_id_fkey"), "{codes}");
    let renamed = sample::report(
        &zoo("ALTER INDEX pets_owner_id_idx RENAME TO pets_by_owner;", &queries, Some(lock)),
        "plans",
    );
    assert_eq!(renamed.verdict, Verdict::Proven, "{:?}", renamed.findings);
    // An index that nothing misses may go.
    let spare =
        sample::report(&zoo("CREATE INDEX pets_name_idx ON pets (name);", &queries, Some(lock)), "plans");
    assert_eq!(spare.verdict, Verdict::Proven, "{:?}", spare.findings);
}

#[test]
fn work_that_grows_under_the_same_result_is_told_and_can_be_accepted() {
    let queries = |allow: &str| {
        format!("{QUERIES}\n-- name: strangers\n{allow}SELECT count(*) FROM people WHERE note = 'none';")
    };
    let report = sample::full_report(&town(&[], &queries(""), None), "plans");
    assert_eq!(report.verdict, Verdict::Proven, "{:?}", report.reason);
    let grows: Vec<String> =
        sample::findings(&report).into_iter().filter(|one| one.starts_with("UP512")).collect();
    assert!(grows.contains(&"UP512 query strangers".to_owned()), "{grows:?}");
    assert!(!grows.contains(&"UP512 query by_email".to_owned()), "{grows:?}");
    let allow = "-- allow: plan-grows because nobody waits for it\n";
    let report = sample::full_report(&town(&[], &queries(allow), None), "plans");
    let one = report.findings.iter().find(|one| one.message.starts_with("strangers")).unwrap();
    assert_eq!(one.severity, underpin_model::Severity::Note);
    assert!(one.message.ends_with("(accepted because nobody waits for it)"), "{}", one.message);
}
