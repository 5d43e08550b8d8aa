//! `cargo xtask`: the command line of the development tasks.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use xtask::tidy;

const USAGE: &str = "\
Usage: cargo xtask tidy [--root DIR] [PATH]...

Checks the rules of the house (CONTRIBUTING.md) and prints every breach as `file:line: message`.
With PATHs (relative to the root, such as crates/pg) only breaches below them count.
Exit codes: 0 tidy, 1 breaches, 2 wrong usage, 3 the repository cannot be read.";

struct Arguments {
    root: PathBuf,
    below: Vec<String>,
}

fn main() -> ExitCode {
    let Some(arguments) = parse(std::env::args().skip(1).collect()) else {
        say(&mut std::io::stderr(), USAGE);
        return ExitCode::from(2);
    };
    match tidy::tidy(&arguments.root) {
        Ok(report) => {
            let report = report.below(&arguments.below);
            say(&mut std::io::stdout(), &report.to_string());
            ExitCode::from(u8::from(!report.problems.is_empty()))
        }
        Err(error) => {
            say(&mut std::io::stderr(), &format!("error: {error}"));
            ExitCode::from(3)
        }
    }
}

/// Returns nothing when the arguments are not understood.
fn parse(arguments: Vec<String>) -> Option<Arguments> {
    let mut rest = arguments.into_iter();
    if rest.next()? != "tidy" {
        return None;
    }
    let mut parsed = Arguments { root: repository_root(), below: Vec::new() };
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--root" => parsed.root = PathBuf::from(rest.next()?),
            option if option.starts_with('-') => return None,
            _ => parsed.below.push(argument),
        }
    }
    Some(parsed)
}

/// Returns the folder that holds `xtask/`, as it was when this program was compiled.
fn repository_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Writes a line; a closed pipe is the reader's choice, not our error.
fn say(stream: &mut dyn Write, text: &str) {
    let _ = writeln!(stream, "{text}");
}
