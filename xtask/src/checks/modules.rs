//! Every Rust file parses, opens with a module comment, and is reached by a `mod`; one test binary per crate.

use std::collections::BTreeSet;

use crate::problem::Outcome;
use crate::repository::{Manifest, Repository};
use crate::source::is_target_root;

/// Looks at every Rust file of every crate.
pub fn check(repository: &Repository) -> Outcome {
    let mut outcome = Outcome::default();
    for (path, fault) in &repository.unparsed {
        outcome.problem(path, fault.line, format!("this is not Rust: {}", fault.message));
    }
    opening_comments(repository, &mut outcome);
    test_binaries(repository, &mut outcome);
    unreached_files(repository, &mut outcome);
    outcome
}

fn opening_comments(repository: &Repository, outcome: &mut Outcome) {
    for source in &repository.sources {
        if !source.text.starts_with("//!") {
            let message = "the file does not open with a `//!` comment that says which question it answers";
            outcome.problem(&source.path, 1, message);
        }
    }
}

/// A test file beside `tests/main.rs` becomes a second binary, which is linked for minutes and shares nothing.
fn test_binaries(repository: &Repository, outcome: &mut Outcome) {
    for source in &repository.sources {
        let Some(name) = inside(&source.path, &source.member).strip_prefix("tests/") else { continue };
        let discovers =
            manifest_of(repository, &source.member).is_none_or(|manifest| named_tests(manifest).is_none());
        if discovers && !name.contains('/') && name != "main.rs" {
            let message = "compiled as a test binary of its own: \
                           `autotests = false` and `[[test]] name = \"main\"` in Cargo.toml, `mod` in tests/main.rs";
            outcome.problem(&source.path, 1, message);
        }
    }
}

fn unreached_files(repository: &Repository, outcome: &mut Outcome) {
    let declared: BTreeSet<&str> = repository
        .sources
        .iter()
        .flat_map(|source| &source.modules)
        .flat_map(|module| module.files.iter().map(String::as_str))
        .collect();
    for source in &repository.sources {
        let inside = inside(&source.path, &source.member);
        let named = manifest_of(repository, &source.member).and_then(named_tests);
        let is_root = match named {
            Some(tests) if inside.starts_with("tests/") => tests.iter().any(|test| test == inside),
            _ => is_target_root(inside),
        };
        if !is_root && !declared.contains(source.path.as_str()) {
            outcome.problem(&source.path, 1, "no `mod` reaches this file, so nothing compiles it");
        }
    }
}

fn inside<'a>(path: &'a str, member: &str) -> &'a str {
    path.strip_prefix(member).unwrap_or(path).trim_start_matches('/')
}

fn manifest_of<'a>(repository: &'a Repository, member: &str) -> Option<&'a Manifest> {
    repository.manifests.iter().find(|manifest| manifest.member == member)
}

/// Returns the files of the `[[test]]` sections when Cargo is told not to discover tests by itself.
fn named_tests(manifest: &Manifest) -> Option<Vec<String>> {
    let discovers =
        manifest.table.get("package")?.get("autotests").and_then(toml::Value::as_bool).unwrap_or(true);
    if discovers {
        return None;
    }
    let text =
        |table: &toml::Value, key: &str| table.get(key).and_then(toml::Value::as_str).map(str::to_owned);
    let file = |test: &toml::Value| {
        text(test, "path").or_else(|| text(test, "name").map(|name| format!("tests/{name}.rs")))
    };
    let tests = manifest.table.get("test").and_then(toml::Value::as_array);
    Some(tests.into_iter().flatten().filter_map(file).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_its_opening_comment_is_a_breach() {
        let lines = check(&Repository::of(&[("crates/pg/src/lib.rs", "use a::b;\n")])).lines();
        assert_eq!(lines.len(), 1);
        assert!(lines[0].starts_with("crates/pg/src/lib.rs:1: the file does not open with"));
    }

    #[test]
    fn a_file_that_nothing_declares_is_a_breach() {
        let repository = Repository::of(&[
            ("crates/pg/src/lib.rs", "//! A.\nmod used;"),
            ("crates/pg/src/used.rs", "//! A."),
            ("crates/pg/src/lost.rs", "//! A."),
            ("crates/pg/tests/main.rs", "//! A.\nmod one;"),
            ("crates/pg/tests/one/mod.rs", "//! A."),
            ("crates/pg/tests/two/mod.rs", "//! A."),
        ]);
        let message = "no `mod` reaches this file, so nothing compiles it";
        let expected =
            ["src/lost.rs", "tests/two/mod.rs"].map(|file| format!("crates/pg/{file}:1: {message}"));
        assert_eq!(check(&repository).lines(), expected);
    }

    #[test]
    fn a_second_test_binary_is_a_breach_unless_tests_are_named() {
        let files =
            [("crates/pg/tests/main.rs", "//! A.\nmod other;"), ("crates/pg/tests/other.rs", "//! A.")];
        assert_eq!(check(&Repository::of(&files)).problems.len(), 1);
        let manifest = "[package]\nautotests = false\n[[test]]\nname = \"main\"\n";
        let named = [files[0], files[1], ("crates/pg/Cargo.toml", manifest)];
        assert!(check(&Repository::of(&named)).problems.is_empty());
        let unlisted = [("crates/pg/tests/other.rs", "//! A."), ("crates/pg/Cargo.toml", manifest)];
        assert_eq!(check(&Repository::of(&unlisted)).problems.len(), 1);
    }

    #[test]
    fn a_file_that_does_not_parse_is_a_breach_with_its_line() {
        let lines = check(&Repository::of(&[("crates/pg/src/lib.rs", "//! A.\nfn (")])).lines();
        assert!(lines[0].starts_with("crates/pg/src/lib.rs:2: this is not Rust"), "{lines:?}");
    }
}
