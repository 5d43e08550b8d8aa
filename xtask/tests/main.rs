//! Tidy on this repository, and its exit codes.

use std::io;
use std::path::Path;
use std::process::{Command, Output};

use fs_err as fs;

fn xtask(arguments: &[&str]) -> io::Result<Output> {
    Command::new(env!("CARGO_BIN_EXE_xtask")).args(arguments).output()
}

#[test]
fn the_repository_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let outcome = xtask::tidy::tidy(&root).unwrap();
    assert!(outcome.problems.is_empty(), "\n{outcome}");
}

#[test]
fn a_breach_exits_1_and_names_its_place() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("crates/pg/src");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("lib.rs"), "//! A.\n\nfn f() {\n    a.unwrap();\n}\n").unwrap();
    let output = xtask(&["tidy", "--root", root.path().to_str().unwrap(), "crates/pg"]).unwrap();
    assert_eq!(output.status.code(), Some(1));
    let page = String::from_utf8(output.stdout).unwrap();
    assert!(page.starts_with("crates/pg/src/lib.rs:4: `unwrap` panics"), "{page}");
    assert!(page.ends_with("\n1 breach.\n"), "{page}");
}

#[test]
fn wrong_usage_exits_2_and_an_unreadable_repository_3() {
    assert_eq!(xtask(&["tydi"]).unwrap().status.code(), Some(2));
    assert_eq!(xtask(&["tidy", "--fast"]).unwrap().status.code(), Some(2));
    assert_eq!(xtask(&["tidy", "--root", "/nowhere"]).unwrap().status.code(), Some(3));
}
