//! `underpin migrate check` and `underpin snapshot` as a user meets them: in a repository, with a pull request to judge.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use underpin_pg::{Address, Session};

use crate::{Ran, underpin};

const USERS: &str = "CREATE TABLE users (
    id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL,
    phone text,
    fax   text
);
";

const SEED: &str = "INSERT INTO users (email, phone, fax)
SELECT 'u' || n || '@example.org', '555-' || n, '556-' || n FROM generate_series(1, 20) AS n;
";

const QUERY: &str = "-- name: phone_of
-- param: email text = 'u7@example.org'
SELECT id, phone FROM users WHERE email = $1;
";

/// A project with one migration, committed.
struct Repository {
    folder: tempfile::TempDir,
}

impl Repository {
    fn new() -> Repository {
        let repository = Repository { folder: tempfile::tempdir().unwrap() };
        repository.write("migrations/001_users.sql", USERS);
        repository.write("seed.sql", SEED);
        repository.write("queries/users.sql", QUERY);
        repository.git(&["init", "--quiet", "."]);
        repository.git(&["add", "--all"]);
        let author =
            ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"];
        repository.git(&[&author[..], &["commit", "--quiet", "--message", "users"]].concat());
        repository
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.path().join(file);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }

    fn git(&self, args: &[&str]) {
        assert!(
            Command::new("git").args(args).current_dir(self.path()).status().unwrap().success(),
            "{args:?}"
        );
    }

    fn check(&self, args: &[&str]) -> Ran {
        underpin(self.path(), &[&["migrate", "check", "--no-cache"], args].concat())
    }

    /// Returns the proof `migrations` of the report, and the exit code.
    fn report(&self, args: &[&str]) -> (Option<i32>, Value) {
        let ran = self.check(&[args, &["--format", "json"]].concat());
        let report: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}", ran.err));
        (ran.code, report["proofs"][0].clone())
    }
}

/// Returns severity, rule, file, line and message of every finding.
fn findings(proof: &Value) -> Vec<String> {
    let tell = |one: &Value| {
        let [severity, rule, message] = ["severity", "rule", "message"].map(|key| one[key].as_str().unwrap());
        format!("{severity} {rule} {}:{} {message}", one["at"]["file"].as_str().unwrap(), one["at"]["line"])
    };
    proof["findings"].as_array().unwrap().iter().map(tell).collect()
}

#[test]
fn an_unsafe_file_is_named_with_its_line_and_a_way_that_was_tried() {
    let repository = Repository::new();
    repository.write("migrations/002_index.sql", "\nCREATE INDEX users_email_idx ON users (email);\n");
    let (code, proof) = repository.report(&["--since", "HEAD", "--table", "table.md"]);
    assert_eq!(code, Some(1), "{proof}");
    insta::assert_snapshot!(findings(&proof).join("\n"), @r#"
        error index-build-blocks migrations/002_index.sql:2 The index users_email_idx is built while writes to users wait: 2 000 rows are touched, 8 000 at four times the size.
    "#);
    insta::assert_snapshot!(proof["findings"][0]["hint"].as_str().unwrap(), @r#"
        Safe as one file, which ran here at both sizes without a finding:
        -- no-transaction
        CREATE INDEX CONCURRENTLY users_email_idx ON users USING btree (email);
    "#);

    let evidence = proof["evidence"].as_array().unwrap();
    let statement = evidence.iter().find(|one| one["kind"] == "statement").unwrap();
    let numbers = ["rows_read", "rows_written", "wal_bytes", "duration_ms"];
    assert!(numbers.iter().all(|key| statement[key].is_number()), "{statement}");
    let waits = statement["waits_ms"].as_array().unwrap();
    assert!(waits.len() == 2 && waits.iter().all(Value::is_number), "{statement}");
    let told = ["file", "line", "sql", "rewrites", "index_builds", "blocks_reads", "blocks_writes", "grows"];
    let told: Vec<String> = told.iter().map(|key| format!("{key}: {}", statement[key])).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
        file: "migrations/002_index.sql"
        line: 2
        sql: "CREATE INDEX users_email_idx ON users (email)"
        rewrites: []
        index_builds: ["users_email_idx on users"]
        blocks_reads: false
        blocks_writes: true
        grows: true
    "#);
    let lock = serde_json::json!({ "relation": "users", "mode": "ShareLock" });
    assert!(statement["locks"].as_array().unwrap().contains(&lock), "{statement}");

    let table = fs_err::read_to_string(repository.path().join("table.md")).unwrap();
    let row = "| migrations/002_index.sql:2 `CREATE INDEX users_email_idx ON users (email)` | ShareLock on users | writes to users |";
    assert!(table.contains(row), "{table}");
}

#[test]
fn safe_and_accepted_files_pass() {
    let repository = Repository::new();
    repository.write(
        "migrations/002_index.sql",
        "-- no-transaction\nCREATE INDEX CONCURRENTLY users_email_idx ON users (email);\n",
    );
    repository.write(
        "migrations/003_fax.sql",
        "-- allow: data-loss because nobody has a fax until 2999-12-31\nALTER TABLE users DROP COLUMN fax;\n",
    );
    repository.write(
        "migrations/004_note.sql",
        "-- allow: table-rewrite because it was small once\nALTER TABLE users ADD COLUMN note text;\n",
    );
    let (code, proof) = repository.report(&["--since", "HEAD"]);
    assert_eq!(code, Some(0), "{proof}");
    insta::assert_snapshot!(findings(&proof).join("\n"), @r#"
        note data-loss migrations/003_fax.sql:2 2 000 values of users.fax are gone: the column was dropped, and no other column holds them. Accepted: nobody has a fax.
        note allow-outdated migrations/004_note.sql:1 table-rewrite is accepted here, but nothing is reported.
    "#);
}

#[test]
fn the_code_of_the_commit_is_what_runs_meanwhile() {
    let repository = Repository::new();
    repository.write("migrations/002_mobile.sql", "ALTER TABLE users RENAME COLUMN phone TO mobile;\n");
    repository.write("queries/users.sql", &QUERY.replace("phone", "mobile"));
    let (code, proof) = repository.report(&["--since", "HEAD"]);
    assert_eq!(code, Some(1), "{proof}");
    insta::assert_snapshot!(findings(&proof).join("\n"), @r#"
        error breaks-running-code migrations/002_mobile.sql:1 `phone_of` (queries/users.sql:3) fails after the file: column "phone" does not exist.
    "#);
    // The new query runs nowhere yet.
    let (code, proof) = repository.report(&["--from", "002"]);
    assert_eq!((code, findings(&proof)), (Some(0), Vec::new()));
}

#[test]
fn a_folder_meets_the_old_code_at_expand_and_the_new_one_at_contract() {
    let repository = Repository::new();
    let change = ["--change", "rename-column", "--table", "users", "--column", "phone", "--to", "mobile"];
    let written = underpin(repository.path(), &[&["migrate", "new", "rename_phone"], &change[..]].concat());
    assert_eq!(written.code, Some(0), "{}", written.err);
    repository.write("seed.sql", &SEED.replace("phone", "mobile"));
    // The application is not changed yet, and would fail at contract.
    let (code, proof) = repository.report(&["--since", "HEAD"]);
    assert_eq!(code, Some(1), "{proof}");
    insta::assert_snapshot!(findings(&proof).join("\n"), @r#"
        error breaks-running-code migrations/002_rename_phone/contract.sql:5 `phone_of` (queries/users.sql:3) fails after the file: column "phone" does not exist.
    "#);
    insta::assert_snapshot!(proof["findings"][0]["hint"].as_str().unwrap(), @"The new version still needs what contract takes away: change it to the new form.");
    repository.write("queries/users.sql", &QUERY.replace("phone", "mobile"));
    let (code, proof) = repository.report(&["--since", "HEAD"]);
    assert_eq!((code, findings(&proof)), (Some(0), Vec::new()), "{proof}");
}

#[test]
fn wrong_wishes_are_refused_before_anything_runs() {
    let repository = Repository::new();
    let mut said = Vec::new();
    for args in [
        &["--from", "099"][..],
        &["--since", "nope"],
        &["--since", "HEAD", "--from", "001"],
        &["--table", "none/table.md"],
        &["--snapshot", "none.json"],
        &["--snapshot", "seed.sql"],
    ] {
        let ran = repository.check(args);
        let first = ran.err.lines().next().unwrap_or_default();
        let hint = ran.err.lines().find(|line| line.starts_with("hint:")).unwrap_or_default();
        let line = format!("{} {}: {first} {hint}", ran.code.unwrap(), args.join(" "));
        said.push(line.trim_end().to_owned());
    }
    insta::assert_snapshot!(said.join("\n"), @r#"
        2 --from 099: error: There is no version 099 or later. hint: The newest is 001; `underpin migrate status` lists all.
        2 --since nope: error: The files of a commit could not be read. hint: Name a commit, branch or tag that is here; a shallow clone may need `git fetch` first.
        2 --since HEAD --from 001: error: the argument '--since <GITREF>' cannot be used with '--from <VERSION>'
        2 --table none/table.md: error: The folder none of --table none/table.md does not exist. hint: mkdir -p none
        2 --snapshot none.json: error: none.json is no snapshot of production. hint: Write it anew: underpin snapshot --database-url postgres://reader@host/database
        2 --snapshot seed.sql: error: seed.sql is no snapshot of production. hint: Write it anew: underpin snapshot --database-url postgres://reader@host/database
    "#);
}

#[test]
fn without_a_repository_no_commit_is_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    fs_err::create_dir(folder.path().join("migrations")).unwrap();
    fs_err::write(folder.path().join("migrations/001_users.sql"), USERS).unwrap();
    let ran = underpin(folder.path(), &["migrate", "check", "--since", "main"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("not a git repository"), "{}", ran.err);
}

#[tokio::test]
async fn a_snapshot_holds_no_rows_and_tells_of_productions_nulls() {
    let repository = Repository::new();
    let up = underpin(repository.path(), &["up", "--format", "json"]);
    assert_eq!(up.code, Some(0), "{}", up.err);
    let url = serde_json::from_str::<Value>(&up.out).unwrap()["url"].as_str().unwrap().to_owned();
    let session = Session::connect(&Address::parse(&url).unwrap()).await.unwrap();
    session
        .execute("INSERT INTO users (email) SELECT 'secret-' || n FROM generate_series(1, 980) AS n")
        .await
        .unwrap();
    session.close().await;
    // A session of its own: the inserts of the other one are counted when it ends.
    let session = Session::connect(&Address::parse(&url).unwrap()).await.unwrap();
    session.execute("ANALYZE").await.unwrap();
    session.close().await;

    let taken = underpin(repository.path(), &["snapshot", "--database-url", &url]);
    assert_eq!(taken.code, Some(0), "{}", taken.err);
    assert_eq!(underpin(repository.path(), &["down"]).code, Some(0));
    let text = fs_err::read_to_string(repository.path().join("snapshot.json")).unwrap();
    assert!(!text.contains("secret-") && !text.contains("example.org") && !text.contains("555-"), "{text}");
    let snapshot: Value = serde_json::from_str(&text).unwrap();
    let tables = snapshot["tables"].as_array().unwrap();
    let users = tables.iter().find(|table| table["name"] == "users").unwrap();
    assert_eq!(users["rows"], 1000);
    let phone = users["columns"].as_array().unwrap().iter().find(|one| one["name"] == "phone").unwrap();
    assert_eq!(phone["null_fraction"], 0.98);

    repository.write(
        "migrations/002_phone.sql",
        "ALTER TABLE users ADD CONSTRAINT users_phone_set CHECK (phone IS NOT NULL) NOT VALID;\n",
    );
    repository.write("migrations/003_phone.sql", "ALTER TABLE users VALIDATE CONSTRAINT users_phone_set;\n");
    repository.write("migrations/004_phone.sql", "ALTER TABLE users ALTER COLUMN phone SET NOT NULL;\n");
    let (code, proof) = repository.report(&["--since", "HEAD"]);
    assert_eq!(code, Some(1), "{proof}");
    let found = findings(&proof).join("\n");
    let at = snapshot["taken_at"].as_str().unwrap();
    insta::assert_snapshot!(found.replace(at, "TIME"), @r#"
        error fails-on-data migrations/004_phone.sql:1 In production the statement fails: about 980 rows of users.phone are NULL (snapshot of TIME).
    "#);
}

#[test]
fn a_table_is_judged_at_the_size_that_it_has_in_production() {
    let repository = Repository::new();
    repository.write("migrations/002_index.sql", "\nCREATE INDEX users_email_idx ON users (email);\n");
    let found = |rows: u64| {
        repository.write("underpin.toml", &format!("[scale]\nrows = {{ users = {rows} }}\n"));
        findings(&repository.report(&["--since", "HEAD"]).1).join("\n")
    };
    assert_eq!(found(25), "", "a table that stays small keeps nobody waiting");
    insta::assert_snapshot!(found(5_000_000), @r#"
        error index-build-blocks migrations/002_index.sql:2 The index users_email_idx is built while writes to users wait: 20 000 rows are touched, 80 000 at four times the size.
    "#);
}
