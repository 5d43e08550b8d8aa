//! `prove migrations` on a folder of phases: a sound one is proven under load, and each way to get it wrong is found.

use underpin_model::{ProofReport, Verdict};

use crate::sample;

const BASE: &[(&str, &str)] = &[
    (
        "underpin.toml",
        "[project]\nname = \"phases\"\n\n[proofs.migrations]\nrate = 150\nsessions = 3\nbudget_ms = 300\n",
    ),
    (
        "migrations/001_users.sql",
        "CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT users_pkey PRIMARY KEY, phone text NOT NULL);",
    ),
    (
        "seed.sql",
        "INSERT INTO users (id, mobile) OVERRIDING SYSTEM VALUE SELECT n, '+49 ' || n FROM generate_series(1, 3000) AS n\n\
         ON CONFLICT DO NOTHING;\nSELECT setval('users_id_seq', 3000);",
    ),
    (
        EXPAND,
        "ALTER TABLE users ADD COLUMN mobile text;\n\
         CREATE FUNCTION both_phones() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n    \
         IF TG_OP = 'INSERT' AND NEW.mobile IS NOT NULL OR TG_OP = 'UPDATE' AND NEW.mobile IS DISTINCT FROM OLD.mobile THEN\n        \
         NEW.phone := NEW.mobile;\n    ELSE\n        NEW.mobile := NEW.phone;\n    END IF;\n    RETURN NEW;\nEND $$;\n\
         CREATE TRIGGER both_phones BEFORE INSERT OR UPDATE ON users FOR EACH ROW EXECUTE FUNCTION both_phones();",
    ),
    (
        BACKFILL,
        "-- batch: users by id, 5000\nUPDATE users SET mobile = phone\nWHERE id > :low AND id <= :high AND mobile IS NULL;",
    ),
    (VERIFY, "SELECT id FROM users WHERE mobile IS DISTINCT FROM phone;"),
    (
        CONTRACT,
        "DROP TRIGGER both_phones ON users;\nDROP FUNCTION both_phones();\nALTER TABLE users DROP COLUMN phone;",
    ),
    (
        REVERT,
        "DROP TRIGGER both_phones ON users;\nDROP FUNCTION both_phones();\nALTER TABLE users DROP COLUMN mobile;",
    ),
    (
        "migrations/002_mobile/old.sql",
        "\\set id random(1, 3000)\nBEGIN;\nUPDATE users SET phone = md5(random()::text) WHERE id = :id;\n\
         INSERT INTO users (phone) VALUES (md5(random()::text));\nCOMMIT;\n",
    ),
    (
        "migrations/002_mobile/new.sql",
        "\\set id random(1, 3000)\nBEGIN;\nUPDATE users SET mobile = md5(random()::text) WHERE id = :id;\n\
         INSERT INTO users (mobile) VALUES (md5(random()::text));\nCOMMIT;\n",
    ),
];

const EXPAND: &str = "migrations/002_mobile/expand.sql";
const BACKFILL: &str = "migrations/002_mobile/backfill.sql";
const VERIFY: &str = "migrations/002_mobile/verify.sql";
const CONTRACT: &str = "migrations/002_mobile/contract.sql";
const REVERT: &str = "migrations/002_mobile/revert.sql";

/// Proves the folder with one file replaced.
fn proven_with(changed: &[(&str, &str)]) -> ProofReport {
    let replaced = |(path, text): &(&'static str, &'static str)| {
        let text = changed.iter().find(|(file, _)| file == path).map_or(*text, |(_, text)| text);
        (*path, text.to_owned())
    };
    let files: Vec<(&str, String)> = BASE.iter().map(replaced).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    sample::report(&sample::project(&files), "migrations")
}

/// Returns every finding of the folder that is an error, as rule and file.
fn errors(report: &ProofReport) -> Vec<String> {
    let errors = report.findings.iter().filter(|one| one.severity == underpin_model::Severity::Error);
    let mut lines: Vec<String> = errors
        .map(|one| format!("{} {}", one.rule, one.at.as_ref().map_or("", |at| at.file.as_str())))
        .collect();
    lines.sort();
    lines.dedup();
    lines
}

#[test]
fn a_sound_folder_is_proven_under_load() {
    let report = proven_with(&[]);
    assert_eq!(errors(&report), Vec::<String>::new(), "{:#?}", report.findings);
    assert_eq!(report.verdict, Verdict::Proven, "{:?}", report.reason);
    let measure =
        |name: &str| report.measures.iter().find(|one| one.name == name).map(|one| one.value).unwrap();
    assert_eq!((measure("folders"), measure("failed under load")), (1.0, 0.0));
    assert!(measure("statements under load") > 500.0, "{}", measure("statements under load"));
}

#[test]
fn writes_that_do_not_reach_the_other_form_are_lost() {
    let missing = proven_with(&[
        (
            EXPAND,
            "ALTER TABLE users ADD COLUMN mobile text;\nALTER TABLE users ALTER COLUMN phone SET DEFAULT '';",
        ),
        (CONTRACT, "ALTER TABLE users DROP COLUMN phone;"),
        (REVERT, "ALTER TABLE users ALTER COLUMN phone DROP DEFAULT;\nALTER TABLE users DROP COLUMN mobile;"),
    ]);
    assert!(errors(&missing).contains(&format!("lost-write {VERIFY}")), "{:?}", errors(&missing));

    let one_way = BASE.iter().find(|(path, _)| *path == EXPAND).unwrap().1;
    let one_way = one_way.replace("NEW.phone := NEW.mobile;", "NEW.phone := coalesce(NEW.phone, '');");
    let one_way = proven_with(&[(EXPAND, &one_way)]);
    assert!(errors(&one_way).contains(&format!("lost-write {VERIFY}")), "{:?}", errors(&one_way));

    let gap = "-- batch: users by id, 5000\nUPDATE users SET mobile = phone\n\
               WHERE id > :low AND id <= :high AND mobile IS NULL AND id <> 1234;";
    let gap = proven_with(&[(BACKFILL, gap)]);
    assert!(errors(&gap).contains(&format!("lost-write {VERIFY}")), "{:?}", errors(&gap));
}

#[test]
fn a_contract_that_works_long_under_its_lock_blocks_the_application() {
    let long = "DROP TRIGGER both_phones ON users;\nDROP FUNCTION both_phones();\n\
                ALTER TABLE users DROP COLUMN phone;\nSELECT pg_sleep(0.7);";
    let report = proven_with(&[(CONTRACT, long)]);
    assert!(errors(&report).contains(&format!("lock-held-through-work {CONTRACT}")), "{:?}", errors(&report));
}

#[test]
fn old_code_that_breaks_at_expand_and_a_revert_that_forgets_are_found() {
    let early = BASE.iter().find(|(path, _)| *path == EXPAND).unwrap().1;
    let early =
        format!("{early}\nALTER TABLE users ADD CONSTRAINT short CHECK (length(phone) < 20) NOT VALID;");
    let report = proven_with(&[(EXPAND, &early)]);
    let found = errors(&report);
    assert!(found.contains(&"breaks-running-code migrations/002_mobile/old.sql".to_owned()), "{found:?}");
    assert!(found.contains(&format!("revert-differs {REVERT}")), "{found:?}");
}
