//! What code may touch: pure crates nothing, `pg` sockets and processes, the binary alone the environment.

use crate::house::{self, Kind};
use crate::problem::Outcome;
use crate::repository::Repository;
use crate::source::Source;
use crate::tokens::{Mention, begins_with};

/// Files, sockets, processes, the environment and clocks.
const OUTSIDE: &[&str] = &[
    "std::fs",
    "std::net",
    "std::os",
    "std::process",
    "std::env",
    "std::time::Instant",
    "std::time::SystemTime",
    "std::io::stdin",
    "std::io::stdout",
    "std::io::stderr",
    "std::thread",
    "fs_err",
    "tempfile",
    "tokio",
];

/// Reading a clock through a shorter path.
const CLOCKS: &[&str] = &["Instant::now", "SystemTime::now", "Timestamp::now", "Zoned::now"];

/// Macros that write to a terminal.
const PRINTING: &[&str] = &["print", "println", "eprint", "eprintln", "dbg"];

/// Sockets and processes.
const EDGES: &[&str] = &[
    "std::net",
    "std::os::unix::net",
    "std::os::unix::process",
    "std::process",
    "tokio::net",
    "tokio::process",
];

/// The driver; its types stay inside `pg` too.
const DRIVERS: &[&str] = &["tokio_postgres", "postgres_types", "postgres_protocol"];

/// What concerns only this process: anybody may ask for its id.
const OWN_PROCESS: &[&str] = &["std::process::id"];

/// How the binary ends.
const EXITS: &[&str] = &["std::process::exit", "std::process::ExitCode"];

/// Reading what the user's shell says, or changing it.
const ENVIRONMENT: &[&str] = &[
    "env::var",
    "env::var_os",
    "env::vars",
    "env::vars_os",
    "env::args",
    "env::args_os",
    "env::home_dir",
    "env::set_var",
    "env::remove_var",
];

/// Looks at every path that shipped code mentions.
pub fn check(repository: &Repository) -> Outcome {
    let mut outcome = Outcome::default();
    for source in repository.sources.iter().filter(|source| !source.path.ends_with("/build.rs")) {
        let kind = house::room_in(&source.member).map_or(Kind::Pure, |room| room.kind);
        if kind == Kind::Development {
            continue;
        }
        for mention in source.mentions.iter().filter(|mention| !source.is_test(mention.line)) {
            if let Some(message) = judge(mention, kind) {
                outcome.problem(&source.path, mention.line, message);
            }
        }
        if kind == Kind::Pure {
            printing(source, &mut outcome);
        }
    }
    outcome
}

/// Returns what is wrong with a mention in a crate of the given kind.
fn judge(mention: &Mention, kind: Kind) -> Option<String> {
    let path = &mention.path;
    let below = |list: &[&str]| list.iter().any(|banned| mention.is_below(banned));
    let ends = |list: &[&str]| list.iter().any(|banned| mention.ends_in(banned));
    if kind == Kind::Pure && (below(OUTSIDE) || ends(CLOCKS)) {
        return Some(format!("`{path}` in a pure crate: take the value as an argument"));
    }
    let allowed = below(OWN_PROCESS) || (kind == Kind::Binary && below(EXITS));
    if !matches!(kind, Kind::Edge | Kind::Standalone) && below(EDGES) && !allowed {
        return Some(format!("`{path}`: only crates/pg opens sockets and starts processes"));
    }
    if !matches!(kind, Kind::Edge | Kind::Standalone) && below(DRIVERS) {
        return Some(format!("`{path}`: only crates/pg speaks to the driver"));
    }
    if kind != Kind::Binary && ends(ENVIRONMENT) {
        return Some(format!(
            "`{path}`: only the binary reads the environment; take the value as an argument"
        ));
    }
    None
}

fn printing(source: &Source, outcome: &mut Outcome) {
    for (index, token) in source.tokens.iter().enumerate() {
        let printed = PRINTING.iter().find(|name| begins_with(&source.tokens[index..], &[name, "!"]));
        if let Some(name) = printed
            && !source.is_test(token.line)
        {
            outcome.problem(&source.path, token.line, format!("`{name}!` in a pure crate: return the text"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<String> {
        check(&Repository::of(&[(path, text)])).lines()
    }

    #[test]
    fn a_pure_crate_touches_nothing() {
        let text = "use std::{fs, collections::BTreeMap};\nfn f() {\n    println!(\"{:?}\", std::env::temp_dir());\n    std::time::Instant::now();\n}\n";
        assert_eq!(
            lines("crates/plan/src/lib.rs", text),
            [
                "crates/plan/src/lib.rs:1: `std::fs` in a pure crate: take the value as an argument",
                "crates/plan/src/lib.rs:3: `std::env::temp_dir` in a pure crate: take the value as an argument",
                "crates/plan/src/lib.rs:4: `std::time::Instant::now` in a pure crate: take the value as an argument",
                "crates/plan/src/lib.rs:3: `println!` in a pure crate: return the text",
            ]
        );
        assert!(
            lines("crates/plan/src/lib.rs", "use std::time::Duration;\n#[cfg(test)] use std::fs;").is_empty()
        );
    }

    #[test]
    fn only_pg_opens_sockets_and_starts_processes() {
        let text =
            "use tokio::net::UnixStream;\nuse std::process::{Command, ExitCode};\nuse tokio_postgres::Row;";
        assert_eq!(lines("crates/pg/src/lib.rs", text), Vec::<String>::new());
        assert_eq!(
            lines("crates/cli/src/main.rs", text),
            [
                "crates/cli/src/main.rs:1: `tokio::net::UnixStream`: only crates/pg opens sockets and starts processes",
                "crates/cli/src/main.rs:2: `std::process::Command`: only crates/pg opens sockets and starts processes",
                "crates/cli/src/main.rs:3: `tokio_postgres::Row`: only crates/pg speaks to the driver",
            ]
        );
        assert_eq!(lines("crates/lab/src/lib.rs", text).len(), 4);
        assert!(lines("crates/lab/src/lib.rs", "fn f() { std::process::id(); }").is_empty());
    }

    #[test]
    fn only_the_binary_reads_the_environment() {
        let text = "use std::env;\nfn f() { env::var(\"PATH\"); }";
        let message = "`env::var`: only the binary reads the environment; take the value as an argument";
        assert_eq!(lines("crates/pg/src/lib.rs", text), [format!("crates/pg/src/lib.rs:2: {message}")]);
        assert!(lines("crates/cli/src/main.rs", text).is_empty());
        assert!(lines("crates/pg/src/lib.rs", "const V: &str = env!(\"CARGO_PKG_VERSION\");").is_empty());
    }
}
