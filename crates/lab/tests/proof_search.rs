//! `search`: what each way to search finds and misses, and which searches and pages outgrow their tables.

use underpin_model::{ProofReport, Verdict};

use crate::sample;

const SCHEMA: &str = "
CREATE TABLE articles (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, slug text NOT NULL UNIQUE CHECK (slug ~ '^a-[0-9]+$'), title text NOT NULL,
    body text NOT NULL, words tsvector GENERATED ALWAYS AS (to_tsvector('pg_catalog.english', title || ' ' || body)) STORED
);
CREATE INDEX articles_words_idx ON articles USING gin (words);
";

const SEED: &str = "
INSERT INTO articles (slug, title, body)
SELECT 'a-' || n, CASE WHEN n = 7 THEN 'A lighthouse' ELSE 'About gardens' END,
    CASE WHEN n % 3 = 0 THEN 'gardening in the classroom' ELSE 'the garden behind the house' END
FROM generate_series(1, 200) AS n WHERE NOT EXISTS (SELECT FROM articles);
";

const BY_WORDS: &str = "
-- name: found
-- param: words text = 'garden'
SELECT id, title FROM articles WHERE words @@ websearch_to_tsquery('english', $1) ORDER BY ts_rank(words, websearch_to_tsquery('english', $1)) DESC, id LIMIT 10;
";

fn report(more: &str, queries: &str) -> ProofReport {
    let migration = format!("{SCHEMA}\n{more}");
    let project = sample::project(&[
        ("migrations/001_init.sql", &migration),
        ("seed.sql", SEED),
        ("queries/articles.sql", queries),
    ]);
    sample::report(&project, "search")
}

/// Returns what a way finds and misses of a term.
fn way(report: &ProofReport, term: &str, way: &str) -> (String, String) {
    let table = sample::table(report, "ways-articles-title-body");
    let line = table.lines().find(|line| line.contains(term) && line.contains(way));
    let cells: Vec<&str> = line.unwrap_or_else(|| panic!("{term} {way} in\n{table}")).split(" | ").collect();
    (cells[2].to_owned(), cells[3].to_owned())
}

#[test]
fn each_way_finds_what_it_is_made_for() {
    let report = report("", BY_WORDS);
    assert_eq!(
        (report.verdict, sample::findings(&report)),
        (Verdict::Proven, Vec::new()),
        "{:?}",
        report.reason
    );
    // Forms of a word: full text knows that gardens, gardening and garden are one.
    let (words, _) = way(&report, "(form)", "full text |");
    let (scan, missed) = way(&report, "(form)", "no index");
    assert_eq!((words.as_str(), scan != "200", missed != "0"), ("200", true, true), "{scan} {missed}");
    // Parts of a word: only patterns find them.
    assert_eq!(way(&report, "(part)", "full text |").0, "0");
    assert_ne!(way(&report, "(part)", "no index").0, "0");
    assert_eq!(way(&report, "zqxjk", "no index"), ("0".to_owned(), "0".to_owned()));
    assert_eq!(way(&report, "lighthouse (rare)", "full text |").0, "1");
    let pages = sample::table(&report, "paging");
    let deep: Vec<f64> = pages
        .lines()
        .last()
        .map(|line| line.split(" | ").map(|cell| cell.replace(' ', "").parse().unwrap()).collect())
        .unwrap_or_default();
    assert!(deep[1] > 10.0 * deep[2], "{pages}");
}

#[test]
fn a_search_without_its_index_is_broken() {
    let lost = report("DROP INDEX articles_words_idx;", BY_WORDS);
    assert_eq!(
        (lost.verdict, sample::findings(&lost)),
        (Verdict::Broken, vec!["UP550 query found".to_owned()])
    );
    let message = &lost.findings[0].message;
    assert!(message.contains("articles.words with @@") && message.contains("at 200 rows"), "{message}");
    assert!(lost.findings[0].hint.as_ref().is_some_and(|hint| hint.contains("USING gin (\"words\")")));
}

#[test]
fn an_index_that_does_not_help_is_told_from_none() {
    let pattern = "
-- name: by_pattern
-- param: part text = 'light'
SELECT id FROM articles WHERE title ILIKE '%' || $1 || '%';
-- name: by_other_words
-- param: words text = 'garden'
SELECT id FROM articles WHERE to_tsvector('simple', title) @@ plainto_tsquery('simple', $1);
";
    let found = report(
        "CREATE INDEX articles_title_idx ON articles USING gin (to_tsvector('pg_catalog.english', title));",
        pattern,
    );
    let mut told = sample::findings(&found);
    told.sort();
    assert_eq!(told, ["UP550 query by_pattern", "UP551 query by_other_words"], "{:#?}", found.findings);
}

#[test]
fn pages_by_offset_are_found_in_arithmetic_too() {
    let pages = "
-- name: page
-- param: page integer = 2
SELECT id, title FROM articles ORDER BY id LIMIT 20 OFFSET ($1 - 1) * 20;
-- name: next_page
-- param: after bigint = 40
SELECT id, title FROM articles WHERE id > $1 ORDER BY id LIMIT 20;
";
    let found = report("", pages);
    assert_eq!(sample::findings(&found), ["UP552 query page"], "{:#?}", found.reason);
}

#[test]
fn a_project_that_searches_and_pages_nothing_is_skipped() {
    let project = sample::project(&[
        ("migrations/001_init.sql", "CREATE TABLE t (id bigint PRIMARY KEY, note text);"),
        ("queries/t.sql", "-- name: one\n-- param: id bigint = 1\nSELECT id FROM t WHERE id = $1;\n"),
    ]);
    assert_eq!(sample::report(&project, "search").verdict, Verdict::Skipped);
}
