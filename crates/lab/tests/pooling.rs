//! Statements that break behind transaction pooling, one of each kind planted, and clean ones that must stay silent.

use std::time::Duration;

use underpin_lab::drill::storm::{StormSpec, storm};
use underpin_lab::lab::LabSpec;
use underpin_model::event::Silent;

use crate::sample;
use crate::storming::{NOTES, pgbouncer};

/// Name, file, what must be found. Those with none do the same in a way that a pool bears.
const PLANTED: &[(&str, &str, &[&str])] = &[
    ("set_for_session", "SET statement_timeout = '7s';\nSELECT count(*) FROM notes;\n", &["UP750"]),
    (
        "set_in_transaction",
        "BEGIN;\nSET notes.tenant = '7';\nSELECT count(*) FROM notes;\nCOMMIT;\n",
        &["UP750"],
    ),
    ("set_by_function", "BEGIN;\nSELECT set_config('notes.owner', '7', false);\nCOMMIT;\n", &["UP750"]),
    (
        "set_local",
        "BEGIN;\nSET LOCAL notes.tenant = '8';\nSELECT set_config('notes.owner', '8', true);\nSELECT count(*) FROM notes;\nCOMMIT;\n",
        &[],
    ),
    ("set_time_zone", "SET timezone = 'Europe/Berlin';\nSELECT count(*) FROM notes;\n", &[]),
    ("prepare_for_session", "PREPARE planted AS SELECT count(*) FROM notes;\nEXECUTE planted;\n", &["UP751"]),
    (
        "prepare_in_transaction",
        "BEGIN;\nPREPARE p AS SELECT count(*) FROM notes;\nEXECUTE p;\nDEALLOCATE p;\nCOMMIT;\n",
        &[],
    ),
    (
        "lock_for_session",
        "SELECT pg_advisory_lock(4711);\nUPDATE notes SET note = 'locked' WHERE id = 1;\nSELECT pg_advisory_unlock(4711);\n",
        &["UP752"],
    ),
    (
        "lock_in_transaction",
        "BEGIN;\nSELECT pg_advisory_xact_lock(4711);\nUPDATE notes SET note = 'locked' WHERE id = 1;\nCOMMIT;\n",
        &[],
    ),
    ("listen", "LISTEN planted;\n", &["UP753"]),
    ("notify", "NOTIFY planted;\n", &[]),
    (
        "temporary_for_session",
        "CREATE TEMP TABLE planted AS SELECT id FROM notes;\nSELECT count(*) FROM planted;\n",
        &["UP754"],
    ),
    (
        "temporary_in_transaction",
        "BEGIN;\nCREATE TEMP TABLE planted ON COMMIT DROP AS SELECT id FROM notes;\nSELECT count(*) FROM planted;\nCOMMIT;\n",
        &[],
    ),
    (
        "cursor_held",
        "BEGIN;\nDECLARE planted CURSOR WITH HOLD FOR SELECT id FROM notes;\nCOMMIT;\nFETCH 3 FROM planted;\n",
        &["UP754"],
    ),
    ("refused_anyway", "BEGIN;\nINSERT INTO notes (author) VALUES (1);\nCOMMIT;\n", &[]),
];

#[tokio::test]
async fn each_kind_of_session_state_is_named_and_nothing_else() {
    let Some(program) = pgbouncer() else { return };
    let texts: Vec<(String, String)> = PLANTED
        .iter()
        .map(|(name, text, _)| (format!("transactions/{name}.sql"), format!("-- name: {name}\n{text}")))
        .collect();
    let mut files = NOTES.to_vec();
    files[0].1 = "[database]\nowner_role = \"notes_owner\"\napp_role = \"notes_app\"\n";
    files.push((
        "migrations/002_temp.sql",
        "ALTER TABLE notes ADD COLUMN seen boolean NOT NULL DEFAULT false;",
    ));
    files.extend(texts.iter().map(|(path, text)| (path.as_str(), text.as_str())));
    let sample = sample::project(&files);
    let lab =
        LabSpec { installation: sample::installation(), scale: 1, cache: Some(sample.cache().to_owned()) };
    let spec = StormSpec {
        project: &sample.project,
        lab: &lab,
        pgbouncer: Some(program),
        clients: Vec::new(),
        pool_size: 2,
        window: Duration::from_millis(200),
        login_limit: Duration::from_secs(3),
        descriptors: None,
    };
    let proved = storm(&spec, &Silent).await.unwrap_or_else(|error| panic!("{}", error.chain()));
    let report = &proved.report.proofs[0];
    let found: Vec<String> = report
        .findings
        .iter()
        .map(|one| format!("{} {}", one.object.as_ref().unwrap().name, one.code))
        .collect();
    for (name, _, expected) in PLANTED {
        for code in *expected {
            assert!(found.contains(&format!("{name} {code}")), "{name} {code} is not in {found:?}");
        }
    }
    for finding in &report.findings {
        let name = &finding.object.as_ref().unwrap().name;
        let planted = PLANTED.iter().find(|(known, ..)| known == name);
        let expected = planted.is_some_and(|(_, _, codes)| !codes.is_empty());
        assert!(expected, "{name}: {}", finding.message);
    }
    let rows = sample::table(report, "statements");
    assert!(rows.contains("notes_of_author | query | the same as without a pool"), "{rows}");
    assert!(rows.contains("named statements of the protocol | driver | "), "{rows}");
}
