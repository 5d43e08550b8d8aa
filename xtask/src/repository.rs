//! The repository as values: texts, parsed Rust files, manifests. Reading happens here and nowhere else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use fs_err as fs;
use thiserror::Error;

use crate::source::{Source, SyntaxFault};

/// Everything that the checks look at.
#[derive(Default)]
pub struct Repository {
    /// Path, relative to the repository, and text of every file of a kind in [`TEXT_KINDS`].
    pub texts: BTreeMap<String, String>,
    /// Every file and folder, relative to the repository.
    pub paths: BTreeSet<String>,
    /// The Rust files that parse.
    pub sources: Vec<Source>,
    /// The Rust files that do not.
    pub unparsed: Vec<(String, SyntaxFault)>,
    /// `Cargo.toml` of each crate.
    pub manifests: Vec<Manifest>,
}

/// The `Cargo.toml` of a crate.
pub struct Manifest {
    /// File relative to the repository.
    pub path: String,
    /// Folder of the crate.
    pub member: String,
    /// The text, for line numbers.
    pub text: String,
    /// The parsed text; empty when it is not TOML, which Cargo reports better than we could.
    pub table: toml::Table,
}

/// Endings of the files whose text is read.
const TEXT_KINDS: &[&str] =
    &[".rs", ".md", ".sql", ".toml", ".sh", ".yaml", ".yml", "Cargo.lock", "Makefile", ".ci/run"];

/// The repository could not be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// A folder could not be listed.
    #[error("cannot list a folder of the repository: {0}")]
    List(std::io::Error),
    /// A file could not be read.
    #[error("cannot read a file of the repository: {0}")]
    Read(std::io::Error),
}

impl Repository {
    /// Reads the repository in `root`. Folders of build output (`CACHEDIR.TAG`), `.git` and `.underpin` are left out.
    ///
    /// # Errors
    /// A folder cannot be listed or a file cannot be read.
    pub fn read(root: &Path) -> Result<Repository, ReadError> {
        let mut texts = BTreeMap::new();
        let mut paths = BTreeSet::new();
        let mut folders = vec![(root.to_owned(), String::new())];
        while let Some((folder, prefix)) = folders.pop() {
            for (path, name, is_folder) in entries(&folder)? {
                let relative = format!("{prefix}{name}");
                if is_folder && is_generated(&path, &name) {
                    continue;
                }
                if is_folder {
                    folders.push((path, format!("{relative}/")));
                } else if TEXT_KINDS.iter().any(|kind| relative.ends_with(kind)) {
                    let bytes = fs::read(&path).map_err(ReadError::Read)?;
                    texts.insert(relative.clone(), String::from_utf8_lossy(&bytes).into_owned());
                }
                paths.insert(relative);
            }
        }
        Ok(Repository::from_texts(texts, paths))
    }

    /// Returns a repository that consists of the given texts; `paths` may name further files.
    pub fn from_texts(texts: BTreeMap<String, String>, mut paths: BTreeSet<String>) -> Repository {
        for path in texts.keys() {
            paths.insert(path.clone());
            paths.extend(path.match_indices('/').map(|(end, _)| path[..end].to_owned()));
        }
        let mut repository = Repository { paths, ..Repository::default() };
        for (path, text) in &texts {
            let Some(member) = member_of(path) else { continue };
            if path.ends_with(".rs") {
                match Source::parse(path, &member, text) {
                    Ok(source) => repository.sources.push(source),
                    Err(fault) => repository.unparsed.push((path.clone(), fault)),
                }
            } else if *path == format!("{member}/Cargo.toml") {
                let table = text.parse().unwrap_or_default();
                repository.manifests.push(Manifest { path: path.clone(), member, text: text.clone(), table });
            }
        }
        repository.texts = texts;
        repository.mark_test_modules();
        repository
    }

    /// Marks the files that are reached through `#[cfg(test)] mod name;`, and what they declare in turn.
    fn mark_test_modules(&mut self) {
        loop {
            let tests: BTreeSet<String> = self
                .sources
                .iter()
                .flat_map(|source| source.modules.iter().map(move |module| (source, module)))
                .filter(|(source, module)| source.is_test_file || module.is_test)
                .flat_map(|(_, module)| module.files.clone())
                .collect();
            let mut unmarked = self
                .sources
                .iter_mut()
                .filter(|source| !source.is_test_file && tests.contains(&source.path))
                .peekable();
            if unmarked.peek().is_none() {
                return;
            }
            unmarked.for_each(|source| source.is_test_file = true);
        }
    }
}

/// Returns path, name and whether it is a folder of each entry; a link is a file.
fn entries(folder: &Path) -> Result<Vec<(PathBuf, String, bool)>, ReadError> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(ReadError::List)? {
        let entry = entry.map_err(ReadError::List)?;
        let is_folder = entry.file_type().map_err(ReadError::List)?.is_dir();
        entries.push((entry.path(), entry.file_name().to_string_lossy().into_owned(), is_folder));
    }
    Ok(entries)
}

fn is_generated(folder: &Path, name: &str) -> bool {
    [".git", ".underpin"].contains(&name) || folder.join("CACHEDIR.TAG").exists()
}

/// Returns the folder of the crate that a file belongs to.
fn member_of(path: &str) -> Option<String> {
    match path.split('/').collect::<Vec<_>>()[..] {
        ["crates", name, _, ..] => Some(format!("crates/{name}")),
        ["xtask", _, ..] => Some("xtask".to_owned()),
        _ => None,
    }
}

impl Manifest {
    /// Returns the first line, from 1, that begins with `key`; 1 when there is none.
    pub fn line_of(&self, key: &str) -> usize {
        let is_key = |line: &str| {
            line.strip_prefix(key)
                .is_some_and(|rest| rest.starts_with([' ', '=', '.', ']']) || rest.is_empty())
        };
        self.text.lines().position(is_key).map_or(1, |index| index + 1)
    }

    /// Returns the packages of `[dependencies]`, `[build-dependencies]` and `[target.*.dependencies]`.
    pub fn dependencies(&self) -> Vec<String> {
        let targets = self.table.get("target").and_then(toml::Value::as_table).into_iter().flatten();
        std::iter::once(&self.table)
            .chain(targets.filter_map(|(_, target)| target.as_table()))
            .flat_map(|table| [table.get("dependencies"), table.get("build-dependencies")])
            .flatten()
            .filter_map(toml::Value::as_table)
            .flatten()
            .map(|(name, value)| package_name(name, value))
            .collect()
    }
}

/// Returns the package that a dependency means: its name, unless `package = "…"` says otherwise.
fn package_name(name: &str, value: &toml::Value) -> String {
    value.get("package").and_then(toml::Value::as_str).unwrap_or(name).to_owned()
}

#[cfg(test)]
impl Repository {
    /// Returns a repository made of the given files.
    pub fn of(files: &[(&str, &str)]) -> Repository {
        let texts = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        Repository::from_texts(texts, BTreeSet::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_below_a_test_module_are_tests() {
        let repository = Repository::of(&[
            ("crates/pg/src/lib.rs", "#[cfg(test)] mod tests; mod server;"),
            ("crates/pg/src/tests.rs", "mod deep;"),
            ("crates/pg/src/tests/deep.rs", "fn f() {}"),
            ("crates/pg/src/server.rs", "fn f() {}"),
        ]);
        let tests: Vec<&str> = repository
            .sources
            .iter()
            .filter(|source| source.is_test_file)
            .map(|source| source.path.as_str())
            .collect();
        assert_eq!(tests, ["crates/pg/src/tests.rs", "crates/pg/src/tests/deep.rs"]);
    }

    #[test]
    fn dependencies_of_every_table_but_dev_count() {
        let text = "[dependencies]\na = \"1\"\nb = { package = \"c\", version = \"1\" }\n[target.'cfg(unix)'.dependencies]\nd = \"1\"\n[dev-dependencies]\ne = \"1\"\n";
        let repository = Repository::of(&[("crates/pg/Cargo.toml", text)]);
        assert_eq!(repository.manifests[0].dependencies(), ["a", "c", "d"]);
        assert_eq!(repository.manifests[0].line_of("b"), 3);
    }

    #[test]
    fn build_output_is_not_read() {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in
            [("out/CACHEDIR.TAG", ""), ("out/a.md", "x"), ("docs/a.md", "x"), ("docs/b.png", "x")]
        {
            let file = root.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let repository = Repository::read(root.path()).unwrap();
        assert_eq!(repository.texts.keys().collect::<Vec<_>>(), ["docs/a.md"]);
        assert!(repository.paths.contains("docs/b.png"));
    }
}
