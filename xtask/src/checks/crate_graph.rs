//! The crate graph is the architecture: which crate may use which, and which may reach the outside world.

use std::collections::{BTreeMap, BTreeSet};

use crate::house::{self, Kind, Room};
use crate::problem::Outcome;
use crate::repository::{Manifest, Repository};

/// Packages with one entrance to the house.
const ONE_USER: &[(&str, &str)] =
    &[("pg_query", "crates/sql"), ("tokio-postgres", "crates/pg"), ("postgres", "crates/pg")];

/// Packages that act; a pure crate does not depend on them directly.
const ACTING: &[&str] =
    &["async-std", "fs-err", "libc", "mio", "nix", "rustix", "smol", "socket2", "tempfile", "tokio", "which"];

/// Packages that a pure crate does not even reach. Build tools of a dependency may use files, so those are not here.
const RUNTIMES: &[&str] = &["async-std", "mio", "smol", "socket2", "tokio"];

/// Reads the `Cargo.toml` of every crate; `[dev-dependencies]` are free.
pub fn check(repository: &Repository) -> Outcome {
    let mut outcome = Outcome::default();
    let locked = locked_dependencies(repository);
    for manifest in &repository.manifests {
        let Some(room) = house::room_in(&manifest.member) else {
            let message =
                "a crate that the house does not know: add it to `xtask/src/house.rs` and ARCHITECTURE.md";
            outcome.problem(&manifest.path, 1, message);
            continue;
        };
        identity(manifest, room, &mut outcome);
        for dependency in manifest.dependencies() {
            direct(manifest, room, &dependency, &mut outcome);
            if room.kind == Kind::Pure {
                reached(manifest, &dependency, &locked, &mut outcome);
            }
        }
    }
    outcome.figure("crates", repository.manifests.len().to_string(), "as ARCHITECTURE.md draws them");
    outcome
}

fn identity(manifest: &Manifest, room: &Room, outcome: &mut Outcome) {
    let text = |table: &str, key: &str| manifest.table.get(table).and_then(|table| table.get(key)).cloned();
    if text("package", "name").as_ref().and_then(toml::Value::as_str) != Some(room.package) {
        outcome.problem(
            &manifest.path,
            manifest.line_of("name"),
            format!("the package is called `{}`", room.package),
        );
    }
    if text("lints", "workspace").and_then(|value| value.as_bool()) != Some(true) {
        outcome.problem(
            &manifest.path,
            1,
            "the lints of the workspace are not in force: `[lints] workspace = true`",
        );
    }
}

/// Judges one line of `[dependencies]`.
fn direct(manifest: &Manifest, room: &Room, dependency: &str, outcome: &mut Outcome) {
    let mut breach = |message: String| outcome.problem(&manifest.path, manifest.line_of(dependency), message);
    if let Some(used) = house::room_named(dependency)
        && !room.may_use.contains(&used.folder)
    {
        let allowed = match room.may_use {
            [] => "none of ours".to_owned(),
            folders => folders.join(", "),
        };
        breach(format!("`{}` may not use `{dependency}`; it may use {allowed}", room.package));
    }
    for (package, user) in ONE_USER {
        if *package == dependency && *user != room.folder {
            breach(format!("only {user} depends on `{package}`"));
        }
    }
    if room.kind == Kind::Pure && (ACTING.contains(&dependency) || dependency.starts_with("tokio-")) {
        breach(format!("`{}` is pure: it may not depend on `{dependency}`", room.package));
    }
}

/// Follows a dependency of a pure crate through `Cargo.lock`. Our own crates are judged by themselves.
fn reached(manifest: &Manifest, dependency: &str, locked: &Locked, outcome: &mut Outcome) {
    let mut seen = BTreeSet::new();
    let mut open = vec![dependency.to_owned()];
    while let Some(package) = open.pop() {
        if house::room_named(&package).is_some() || !seen.insert(package.clone()) {
            continue;
        }
        if package != dependency && RUNTIMES.contains(&package.as_str()) {
            let message = format!("a pure crate reaches `{package}` through `{dependency}`");
            outcome.problem(&manifest.path, manifest.line_of(dependency), message);
        }
        open.extend(locked.get(&package).into_iter().flatten().cloned());
    }
}

/// What each locked package depends on, all its versions together.
type Locked = BTreeMap<String, BTreeSet<String>>;

fn locked_dependencies(repository: &Repository) -> Locked {
    let lock: toml::Table =
        repository.texts.get("Cargo.lock").and_then(|text| text.parse().ok()).unwrap_or_default();
    let mut locked = Locked::new();
    for package in lock.get("package").and_then(toml::Value::as_array).into_iter().flatten() {
        let Some(name) = package.get("name").and_then(toml::Value::as_str) else { continue };
        let dependencies = package.get("dependencies").and_then(toml::Value::as_array).into_iter().flatten();
        let names = dependencies.filter_map(toml::Value::as_str).filter_map(|entry| entry.split(' ').next());
        locked.entry(name.to_owned()).or_default().extend(names.map(str::to_owned));
    }
    locked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(folder: &str, package: &str, dependencies: &str) -> Vec<String> {
        let manifest = format!(
            "[package]\nname = \"{package}\"\n[lints]\nworkspace = true\n[dependencies]\n{dependencies}"
        );
        let lock = "[[package]]\nname = \"http\"\ndependencies = [\"wire 1.0.0\"]\n[[package]]\nname = \"wire\"\ndependencies = [\"tokio\"]\n[[package]]\nname = \"tokio\"\n";
        check(&Repository::of(&[(&format!("{folder}/Cargo.toml"), &manifest), ("Cargo.lock", lock)])).lines()
    }

    #[test]
    fn a_crate_uses_only_what_lies_below_it() {
        let found = lines(
            "crates/sql",
            "underpin-sql",
            "underpin-model.workspace = true\nunderpin-pg.workspace = true\n",
        );
        assert_eq!(
            found,
            ["crates/sql/Cargo.toml:7: `underpin-sql` may not use `underpin-pg`; it may use crates/model"]
        );
        let found = lines("crates/runtime", "underpin-runtime", "underpin-model = \"1\"\n");
        assert_eq!(
            found,
            [
                "crates/runtime/Cargo.toml:6: `underpin-runtime` may not use `underpin-model`; it may use none of ours"
            ]
        );
    }

    #[test]
    fn the_grammar_and_the_driver_have_one_user_each() {
        let found = lines(
            "crates/lab",
            "underpin-lab",
            "pg_query = \"18\"\ntokio-postgres = \"0.7\"\ntokio = \"1\"\n",
        );
        assert_eq!(
            found,
            [
                "crates/lab/Cargo.toml:6: only crates/sql depends on `pg_query`",
                "crates/lab/Cargo.toml:7: only crates/pg depends on `tokio-postgres`",
            ]
        );
        assert!(lines("crates/pg", "underpin-pg", "tokio-postgres = \"0.7\"\n").is_empty());
    }

    #[test]
    fn a_pure_crate_reaches_no_runtime_however_far() {
        let found = lines("crates/rules", "underpin-rules", "fs-err = \"3\"\nhttp = \"1\"\n");
        assert_eq!(
            found,
            [
                "crates/rules/Cargo.toml:6: `underpin-rules` is pure: it may not depend on `fs-err`",
                "crates/rules/Cargo.toml:7: a pure crate reaches `tokio` through `http`",
            ]
        );
        assert!(lines("crates/rules", "underpin-rules", "[dev-dependencies]\ntempfile = \"3\"\n").is_empty());
    }

    #[test]
    fn strangers_wrong_names_and_missing_lints_are_breaches() {
        assert!(lines("crates/tools", "tools", "")[0].contains("a crate that the house does not know"));
        let repository = Repository::of(&[("crates/pg/Cargo.toml", "[package]\nname = \"pg\"\n")]);
        assert_eq!(
            check(&repository).lines(),
            [
                "crates/pg/Cargo.toml:2: the package is called `underpin-pg`",
                "crates/pg/Cargo.toml:1: the lints of the workspace are not in force: `[lints] workspace = true`",
            ]
        );
    }
}
