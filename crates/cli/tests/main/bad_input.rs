//! Typical mistakes: each gets the right exit code and a message that names the place, and nothing panics.

use std::path::Path;

use crate::underpin;

const SCHEMA: &str = "CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);\n";

/// A mistake in a project that is sound but for one file.
struct Mistake {
    what: &'static str,
    file: &'static str,
    content: &'static [u8],
    /// Words of the message, the place among them.
    says: &'static [&'static str],
}

const fn mistake(
    what: &'static str,
    file: &'static str,
    content: &'static [u8],
    says: &'static [&'static str],
) -> Mistake {
    Mistake { what, file, content, says }
}

const IN_FILES: &[Mistake] = &[
    mistake("TOML that does not parse", "underpin.toml", b"x = [", &["underpin.toml:1", "does not parse"]),
    mistake("an unknown section", "underpin.toml", b"[databse]\nx = 1\n", &["underpin.toml:1", "`database`"]),
    mistake("a value of another type", "underpin.toml", b"[database]\nroles = 3\n", &["underpin.toml:2"]),
    mistake(
        "an unknown proof",
        "underpin.toml",
        b"[proofs.restor]\nenabled = false\n",
        &["underpin.toml", "restor"],
    ),
    mistake(
        "an unknown severity",
        "underpin.toml",
        b"[gate]\nfail_on = \"never ever\"\n",
        &["underpin.toml", "fail_on"],
    ),
    mistake(
        "a file that is not UTF-8",
        "seed.sql",
        b"SELECT 1;\nSELECT '\xff';",
        &["seed.sql:2", "UTF-8", "iconv"],
    ),
    mistake(
        "a syntax error",
        "migrations/002_x.sql",
        b"\n\nSELEC 1;\n",
        &["migrations/002_x.sql:3", "SELEC"],
    ),
    mistake(
        "an open quote",
        "migrations/002_x.sql",
        b"SELECT 'a;\n",
        &["migrations/002_x.sql:1", "unterminated"],
    ),
    mistake("a number taken twice", "migrations/001_y.sql", b"SELECT 1;", &["Version 001", "001_schema.sql"]),
    mistake("a NUL", "seed.sql", b"SELECT 1;\n\0", &["seed.sql:2"]),
    mistake(
        "an unknown directive",
        "queries/a.sql",
        b"-- naem: x\nSELECT 1;",
        &["queries/a.sql:1", "`-- name`"],
    ),
    mistake(
        "a parameter of no type",
        "queries/a.sql",
        b"-- name: a\n-- param: x intt int = 1\nSELECT $1;",
        &["queries/a.sql:2"],
    ),
    mistake(
        "a query of two statements",
        "queries/a.sql",
        b"-- name: a\nSELECT 1; SELECT 2;",
        &["queries/a.sql"],
    ),
    mistake(
        "a COMMIT without BEGIN",
        "transactions/t.sql",
        b"-- name: t\nINSERT INTO orders DEFAULT VALUES;\nCOMMIT;",
        &["transactions/t.sql:3", "BEGIN"],
    ),
    mistake(
        "an \\if without its end",
        "transactions/t.sql",
        b"-- name: t\nBEGIN;\n\\if 1\nSELECT 1;\nCOMMIT;",
        &["transactions/t.sql:3"],
    ),
    mistake(
        "a parameter as psql writes it, in a query",
        "queries/a.sql",
        b"-- name: a\n-- param: x int = 1\nSELECT :x;",
        &["queries/a.sql:3", "$1"],
    ),
    mistake("an empty query", "queries/a.sql", b"-- name: a\n", &["queries/a.sql"]),
    mistake("a scenario that does not parse", "scenarios/a.toml", b"run = [", &["scenarios/a.toml:1"]),
    mistake(
        "a scenario of unknown transactions",
        "scenarios/a.toml",
        b"run = [{ transaction = \"nobody\" }]",
        &["scenarios/a.toml", "nobody"],
    ),
    mistake(
        "a scenario's unknown level",
        "scenarios/a.toml",
        b"run = [{ transaction = \"a\" }]\nlevels = [\"dirty\"]",
        &["scenarios/a.toml", "dirty", "serializable"],
    ),
    mistake("a migration that is a folder", "migrations/003_x.sql/keep", b"", &["migrations/003_x.sql"]),
];

fn write(folder: &Path, file: &str, content: &[u8]) {
    let path = folder.join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "migrations/001_schema.sql", SCHEMA.as_bytes());
    folder
}

/// Returns what is wrong with the answer to a mistake: exit code, message, or the stream that it is written to.
fn wrong(folder: &Path, args: &[&str], code: i32, says: &[&str], what: &str) -> Option<String> {
    let ran = underpin(folder, args);
    let silent = says.iter().find(|words| !ran.err.contains(**words));
    let fault = if ran.code != Some(code) {
        format!("exit code {:?} instead of {code}", ran.code)
    } else if let Some(words) = silent {
        format!("no `{words}`")
    } else if ran.err.contains("panicked") || !ran.out.is_empty() {
        format!("a panic, or an error on standard output: {}", ran.out)
    } else {
        return None;
    };
    Some(format!("{what}: {fault} in\n{}", ran.err))
}

#[track_caller]
fn refuses(folder: &Path, args: &[&str], code: i32, says: &[&str], what: &str) {
    assert_eq!(wrong(folder, args, code, says, what), None);
}

#[test]
fn mistakes_in_files_are_named_with_their_place() {
    let answers = IN_FILES.iter().filter_map(|one| {
        let folder = project();
        write(folder.path(), one.file, one.content);
        wrong(folder.path(), &["prove"], 2, one.says, one.what)
    });
    let wrong: Vec<String> = answers.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn all_mistakes_are_told_at_once() {
    let folder = project();
    write(folder.path(), "seed.sql", b"SELEC 1;");
    write(folder.path(), "queries/a.sql", b"-- naem: x\nSELECT 1;");
    refuses(folder.path(), &["prove"], 2, &["seed.sql:1", "queries/a.sql:1"], "two files");
}

#[test]
fn mistakes_on_the_command_line_say_what_is_right() {
    let folder = project();
    let cases: &[(&[&str], i32, &[&str])] = &[
        (&["prove", "restor"], 2, &["restor", "restore"]),
        (&["prov"], 2, &["prove"]),
        (&["prove", "--project", "nowhere"], 2, &["nowhere"]),
        (&["prove", "--report", "pdf=x"], 2, &["pdf", "html"]),
        (&["prove", "--report", "json=none/x.json"], 2, &["none", "mkdir"]),
        (&["prove", "--fail-on", "sometimes"], 2, &["sometimes", "warning"]),
        (&["prove", "--scale", "much"], 2, &["much"]),
        (&["prove", "--database-url", "nonsense"], 2, &["postgres"]),
        (&["prove", "--database-url", "postgres://127.0.0.1:1/x"], 3, &["127.0.0.1:1"]),
        (&["migrate", "up", "--database-url", "postgres:///x?host=/nowhere"], 3, &["/nowhere"]),
        (&["migrate", "status"], 3, &["underpin up"]),
        (&["psql"], 3, &["underpin up"]),
        (&["explain", "fk-no-indx"], 2, &["fk-no-index"]),
        (&["new"], 2, &["DIR"]),
        (&["new", "migrations"], 2, &["not empty"]),
        (&["new", "fresh", "--from", "nothing"], 2, &["nothing", "codelearn"]),
        (&["completions", "klingon"], 2, &["klingon"]),
        (&["drill", "failover", "--failure", "kill-server"], 2, &["--driver built-in"]),
        (&["race"], 2, &["SCENARIO"]),
        (&["race", "migrations"], 2, &["t1.sql", "docs/scenarios.md"]),
        (&["race", "nothing"], 2, &["nothing", "scenarios/"]),
        (&["race", "migrations", "--level", "dirty"], 2, &["dirty", "serializable"]),
        (&["race", "migrations", "--level", "serializable", "--replay", "12a"], 2, &["12a", "digit"]),
        (&["race", "migrations", "--replay", "12"], 2, &["--level"]),
        (&["race", "migrations", "--database-url", "postgres://127.0.0.1:1/x"], 2, &["private server"]),
    ];
    let answers = cases
        .iter()
        .filter_map(|(args, code, says)| wrong(folder.path(), args, *code, says, &args.join(" ")));
    let wrong: Vec<String> = answers.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn outside_a_project_the_next_step_is_named() {
    let folder = tempfile::tempdir().unwrap();
    refuses(folder.path(), &["prove"], 2, &["underpin init"], "an empty folder");
    write(folder.path(), "migrations/README.md", b"nothing yet");
    refuses(folder.path(), &["prove"], 2, &["no migrations"], "a folder without migrations");
}

#[test]
fn init_changes_nothing_that_is_there() {
    let folder = project();
    write(folder.path(), "underpin.toml", b"# mine\n");
    refuses(folder.path(), &["init"], 2, &["underpin.toml"], "init twice");
    assert_eq!(std::fs::read(folder.path().join("underpin.toml")).unwrap(), b"# mine\n");
}
