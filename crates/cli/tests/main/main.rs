//! The built program as a user meets it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helper functions too")]

mod bad_input;
mod checking;
mod phase;
mod racing;
mod reference;

use std::path::Path;
use std::process::Command;

/// How a run ended: exit code, standard output, standard error.
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Runs the program in a folder, with an environment that names no database.
fn underpin(folder: &Path, args: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_underpin"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("UNDERPIN_")) {
        command.env_remove(name);
    }
    for name in ["DATABASE_URL", "PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGSERVICE", "COLUMNS"] {
        command.env_remove(name);
    }
    let output = command.args(args).current_dir(folder).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}
