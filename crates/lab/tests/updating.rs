//! `drill bloat` on a project's own updates: the index that prevents HOT is named, a full table gets room, others stay.

use underpin_lab::drill::updates::{UpdatesSpec, updates};
use underpin_lab::lab::LabSpec;
use underpin_model::event::Silent;
use underpin_model::{ProofReport, Verdict};

use crate::sample::{self, Sample};

/// Three tables: one whose updated column is indexed, one of full pages, and one with room on its only page.
const UPDATED: &[(&str, &str)] = &[
    (
        "migrations/001_init.sql",
        "CREATE TABLE sessions (id int PRIMARY KEY, account int NOT NULL, seen_at timestamptz NOT NULL, hits int NOT NULL);
         CREATE INDEX sessions_seen_at ON sessions (seen_at);
         CREATE INDEX sessions_account ON sessions (account);
         CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL, note text NOT NULL);
         CREATE TABLE counters (id int PRIMARY KEY, value int NOT NULL);",
    ),
    (
        "seed.sql",
        "INSERT INTO sessions SELECT n, n, '2020-01-01', 0 FROM generate_series(1, 200) n ON CONFLICT DO NOTHING;
         INSERT INTO accounts SELECT n, 0, repeat('x', 150) FROM generate_series(1, 12000) n ON CONFLICT DO NOTHING;
         INSERT INTO counters SELECT n, 0 FROM generate_series(1, 20) n ON CONFLICT DO NOTHING;",
    ),
    (
        "transactions/work.sql",
        "-- param: session int = 1 + (random() * 199)::int\n-- param: account int = 1 + (random() * 11999)::int\n\
         -- param: counter int = 1 + (random() * 19)::int\n\
         BEGIN;\nUPDATE sessions SET seen_at = clock_timestamp(), hits = hits + 1 WHERE id = :session;\n\
         UPDATE accounts SET balance = balance + 1 WHERE id = :account;\n\
         UPDATE counters SET value = value + 1 WHERE id = :counter;\nCOMMIT;\n",
    ),
];

async fn drill(sample: &Sample, calls: u32) -> ProofReport {
    let lab =
        LabSpec { installation: sample::installation(), scale: 1, cache: Some(sample.cache().to_owned()) };
    let spec = UpdatesSpec { project: &sample.project, lab: &lab, calls, tables: 5 };
    let proved = updates(&spec, &Silent).await.unwrap_or_else(|error| panic!("{}", error.chain()));
    proved.report.proofs.into_iter().next().unwrap()
}

#[tokio::test]
async fn the_index_that_prevents_hot_is_named_and_a_full_table_gets_room() {
    let report = drill(&sample::project(UPDATED), 300).await;
    assert_eq!(report.verdict, Verdict::Proven, "{:?}", report.reason);
    assert_eq!(sample::findings(&report), ["UP760 table accounts", "UP761 table sessions"]);
    let told = |code: &str| report.findings.iter().find(|one| one.code == code).unwrap();
    let (room, index) = (told("UP760"), told("UP761"));
    assert_eq!(
        room.hint.as_deref(),
        Some("ALTER TABLE \"public\".\"accounts\" SET (fillfactor = 90);"),
        "{}",
        room.message
    );
    assert!(
        index.message.starts_with("sessions_seen_at prevents HOT on sessions: at best 0 %"),
        "{}",
        index.message
    );
    assert!(index.message.contains("seen_at (300)"), "{}", index.message);
    // What is advised was carried out: at 90 more updates are HOT and less log is written than at 100.
    let rows = sample::table(&report, "fillfactors");
    let cell = |fillfactor: &str, at: usize| -> f64 {
        let row = rows.lines().find(|row| row.starts_with(&format!("accounts | {fillfactor}"))).unwrap();
        row.split(" | ").nth(at).unwrap().trim_end_matches(" %").parse().unwrap()
    };
    assert!(cell("90", 3) > cell("100", 3) + 10.0 && cell("90", 5) < cell("100", 5), "{rows}");
    // The control: nothing is advised for a table with room.
    let updated = sample::table(&report, "updated");
    let counters = updated.lines().find(|row| row.starts_with("counters")).unwrap();
    assert!(counters.contains("no change: ") && counters.contains(" HOT already"), "{updated}");
}

#[tokio::test]
async fn a_fillfactor_that_wins_nothing_is_told_and_few_updates_tell_nothing() {
    let mut files = UPDATED.to_vec();
    files.push((
        "migrations/002_room.sql",
        "ALTER TABLE counters SET (fillfactor = 50); DROP INDEX sessions_seen_at;",
    ));
    files[2].1 = "-- param: counter int = 1 + (random() * 19)::int\n\
                  BEGIN;\nUPDATE counters SET value = value + 1 WHERE id = :counter;\nCOMMIT;\n";
    let sample = sample::project(&files);
    assert_eq!(sample::findings(&drill(&sample, 120).await), ["UP762 table counters"]);
    let few = drill(&sample, 50).await;
    assert_eq!((few.findings.len(), few.verdict), (0, Verdict::Proven));
    assert!(sample::table(&few, "updated").contains("not examined: fewer updates"));
}

#[tokio::test]
async fn a_project_without_transactions_is_skipped() {
    let report = drill(&sample::project(&UPDATED[..2]), 100).await;
    assert_eq!(report.verdict, Verdict::Skipped);
}
