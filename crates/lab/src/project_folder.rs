//! Reads a project folder into a [`Project`], or says everything that is wrong with it at once.

mod bare_folder;
mod config_file;
mod phase_folders;
mod scenario_file;
mod scenario_links;
mod scenario_words;

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use underpin_model::config::Config;
use underpin_model::project::{
    Diagnostic, Invariant, Migration, Project, Query, Scenario, SqlFile, TenantSetting,
};
use underpin_model::script::TransactionScript;
use underpin_sql::migration::Role;

pub use bare_folder::{BareScenario, bare_scenario};

/// Why a folder is not a project that can be worked with.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// No folder from here upwards holds `underpin.toml` or `migrations/`.
    #[error("no project here: neither {start} nor a folder above it holds underpin.toml or migrations/")]
    NotFound {
        /// Where the search began.
        start: Utf8PathBuf,
    },
    /// The named folder does not exist or is not a folder.
    #[error("{path} is not a folder")]
    NotAFolder {
        /// The path as given.
        path: Utf8PathBuf,
    },
    /// Files of the project are at fault.
    #[error("{} fault{} in the project's files", diagnostics.len(), if diagnostics.len() == 1 { "" } else { "s" })]
    Files {
        /// Every fault, sorted by file and line.
        diagnostics: Vec<Diagnostic>,
    },
}

/// Returns the project folder at or above `start`: the nearest that holds `underpin.toml`, else
/// the nearest that holds `migrations/`.
pub fn find_project(start: &Utf8Path) -> Result<Utf8PathBuf, ProjectError> {
    if !start.is_dir() {
        return Err(ProjectError::NotAFolder { path: start.to_owned() });
    }
    let holding = |name: &str| start.ancestors().find(|folder| folder.join(name).exists());
    holding("underpin.toml")
        .or_else(|| holding("migrations"))
        .map(Utf8Path::to_owned)
        .ok_or_else(|| ProjectError::NotFound { start: start.to_owned() })
}

/// Reads every file of the project in `root`.
pub fn load_project(root: &Utf8Path) -> Result<Project, ProjectError> {
    if !root.is_dir() {
        return Err(ProjectError::NotAFolder { path: root.to_owned() });
    }
    let mut reader = Reader { root, faults: Vec::new() };
    let mut project = reader.config();
    project.root = root.to_owned();
    let paths = project.config.paths.clone();
    project.migrations = reader.migrations(&paths.migrations);
    let scale = project.config.scale.default_scale;
    project.seeds = reader.seeds(&paths.seed);
    project.scale = reader.scale_file(&paths.scale, scale);
    project.queries = reader.queries(&paths.queries);
    project.transactions = reader.transactions(&paths.transactions);
    project.invariants = reader.invariants(&paths.invariants);
    project.scenarios = reader.scenarios(&paths.scenarios);
    if let (Some(key), Some(setting)) = (&project.config.tenancy.key, &project.config.tenancy.setting) {
        let tenant = TenantSetting { setting: setting.clone(), param: key.clone() };
        for query in
            project.queries.iter_mut().filter(|one| one.params.iter().any(|param| param.name == *key))
        {
            query.enters = Some(tenant.clone());
        }
    }
    // A file with a fault of its own is not in the project; what names it would be blamed as well.
    if reader.faults.is_empty() {
        reader.faults = scenario_links::dangling(&project);
    }
    reader.finish(project)
}

/// Returns `scale.sql` of the project read for the given value of `:scale`.
pub fn load_scale(project: &Project, scale: u32) -> Result<Option<SqlFile>, ProjectError> {
    let mut reader = Reader { root: &project.root, faults: Vec::new() };
    let file = reader.scale_file(&project.config.paths.scale, scale);
    reader.finish(file)
}

struct Reader<'a> {
    root: &'a Utf8Path,
    faults: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn finish<T>(mut self, value: T) -> Result<T, ProjectError> {
        self.faults.sort();
        self.faults.dedup();
        if self.faults.is_empty() { Ok(value) } else { Err(ProjectError::Files { diagnostics: self.faults }) }
    }

    fn keep<T>(&mut self, result: Result<T, Vec<Diagnostic>>) -> Option<T> {
        result.map_err(|faults| self.faults.extend(faults)).ok()
    }

    fn config(&mut self) -> Project {
        let file = Utf8Path::new("underpin.toml");
        let config = match self.text_if_there(file) {
            Some(text) => {
                let parsed = config_file::parse_config(file, &text);
                self.keep(parsed).unwrap_or_default()
            }
            None => Config::default(),
        };
        let mut project = Project { config, ..Project::default() };
        if project.config.project.name.is_empty() {
            project.config.project.name = self.root.file_name().unwrap_or("project").to_owned();
        }
        project
    }

    fn migrations(&mut self, folder: &str) -> Vec<Migration> {
        let files = self.files(folder, "sql");
        let folders = self.phase_folders(folder);
        if files.is_empty() && folders.is_empty() {
            let hint = format!(
                "Put numbered SQL files there, such as {folder}/001_init.sql, or set [paths] migrations."
            );
            self.faults.push(Diagnostic::new(folder, "There are no migrations.").hint(hint));
        }
        let mut migrations: Vec<Migration> = Vec::new();
        for file in files {
            migrations.extend(self.migration(&file));
        }
        for folder in folders {
            migrations.extend(self.phase_folder(&folder));
        }
        migrations.sort_by(|a, b| underpin_sql::migration::compare_versions(&a.version, &b.version));
        for pair in migrations.windows(2) {
            if underpin_sql::migration::compare_versions(&pair[0].version, &pair[1].version).is_eq() {
                let message = format!("Version {} is taken by {} already.", pair[1].version, pair[0].path());
                let fault = Diagnostic::new(pair[1].path(), message);
                self.faults.push(fault.hint("Give the newer file the next free number."));
            }
        }
        migrations
    }

    fn migration(&mut self, file: &Utf8Path) -> Option<Migration> {
        let Some(name) = underpin_sql::migration::read_file_name(file.file_name()?) else {
            let fault =
                Diagnostic::new(file, "The name carries no version, so its place in the order is unknown.");
            self.faults.push(fault.hint("Name it like 007_add_reviews.sql, or move it out of the folder."));
            return None;
        };
        if name.role != Role::Up {
            return None;
        }
        let text = self.text(file)?;
        let checksum = format!("{:032x}", xxhash_rust::xxh3::xxh3_128(text.as_bytes()));
        let parsed = underpin_sql::migration::parse_migration(file, &text, checksum);
        self.keep(parsed)
    }

    fn seeds(&mut self, seed: &str) -> Vec<SqlFile> {
        let folder = seed.trim_end_matches(".sql");
        let mut files = self.files(folder, "sql");
        if self.root.join(seed).is_file() {
            files.insert(0, Utf8PathBuf::from(seed));
        }
        files.iter().filter_map(|file| self.sql_file(file, &BTreeMap::new())).collect()
    }

    fn scale_file(&mut self, file: &str, scale: u32) -> Option<SqlFile> {
        let variables = BTreeMap::from([("scale".to_owned(), scale.to_string())]);
        let file = Utf8Path::new(file);
        self.root.join(file).is_file().then(|| self.sql_file(file, &variables)).flatten()
    }

    fn sql_file(&mut self, file: &Utf8Path, variables: &BTreeMap<String, String>) -> Option<SqlFile> {
        let text = self.text(file)?;
        let parsed = underpin_sql::seed::parse_sql_file(file, &text, variables);
        self.keep(parsed)
    }

    fn queries(&mut self, folder: &str) -> Vec<Query> {
        let mut queries: Vec<Query> = Vec::new();
        for file in self.files(folder, "sql") {
            let Some(text) = self.text(&file) else { continue };
            let (found, faults) = underpin_sql::query::parse_queries(&file, &text);
            self.faults.extend(faults);
            queries.extend(found);
        }
        self.refuse_twins(
            queries.iter().map(|query| (query.name.as_str(), &query.file, query.statement.line)),
        );
        queries
    }

    fn transactions(&mut self, folder: &str) -> Vec<TransactionScript> {
        let mut scripts: Vec<TransactionScript> = Vec::new();
        for file in self.files(folder, "sql") {
            let Some(text) = self.text(&file) else { continue };
            let parsed = underpin_sql::script::parse_script(&file, &text);
            scripts.extend(self.keep(parsed));
        }
        self.refuse_twins(scripts.iter().map(|script| (script.name.as_str(), &script.file, 1)));
        scripts
    }

    fn invariants(&mut self, folder: &str) -> Vec<Invariant> {
        let mut invariants: Vec<Invariant> = Vec::new();
        for file in self.files(folder, "sql") {
            let Some(text) = self.text(&file) else { continue };
            let parsed = underpin_sql::invariant::parse_invariant(&file, &text);
            invariants.extend(self.keep(parsed));
        }
        self.refuse_twins(invariants.iter().map(|one| (one.name.as_str(), &one.file, one.statement.line)));
        invariants
    }

    fn scenarios(&mut self, folder: &str) -> Vec<Scenario> {
        let mut scenarios = Vec::new();
        for file in self.files(folder, "toml") {
            let Some(text) = self.text(&file) else { continue };
            let parsed = scenario_file::parse_scenario(&file, &text);
            scenarios.extend(self.keep(parsed));
        }
        scenarios
    }

    fn refuse_twins<'a>(&mut self, items: impl Iterator<Item = (&'a str, &'a Utf8PathBuf, u32)>) {
        let mut seen: BTreeMap<&str, &Utf8PathBuf> = BTreeMap::new();
        for (name, file, line) in items {
            if let Some(first) = seen.insert(name, file) {
                let fault = Diagnostic::new(file, format!("The name `{name}` is taken by {first} already."));
                self.faults.push(fault.line(line).hint("Names must be unique: findings refer to them."));
            }
        }
    }

    /// Returns the files of a folder with the given extension, sorted; none when the folder is absent.
    fn files(&mut self, folder: &str, extension: &str) -> Vec<Utf8PathBuf> {
        let path = self.root.join(folder);
        if !path.exists() {
            return Vec::new();
        }
        let entries = match path.read_dir_utf8() {
            Ok(entries) => entries,
            Err(error) => {
                self.faults.push(Diagnostic::new(folder, format!("The folder cannot be read: {error}.")));
                return Vec::new();
            }
        };
        let named = |path: &Utf8Path| path.extension() == Some(extension);
        let mut files = Vec::new();
        for entry in entries.filter_map(Result::ok).filter(|entry| named(entry.path())) {
            let file = Utf8Path::new(folder).join(entry.file_name());
            if entry.path().is_file() {
                files.push(file);
            } else {
                let fault = Diagnostic::new(file, "This has the name of a file and is none.");
                self.faults.push(fault.hint("Move the folder or dangling link out of the way."));
            }
        }
        files.sort();
        files
    }

    fn text_if_there(&mut self, file: &Utf8Path) -> Option<String> {
        self.root.join(file).exists().then(|| self.text(file)).flatten()
    }

    fn text(&mut self, file: &Utf8Path) -> Option<String> {
        let bytes = match fs_err::read(self.root.join(file)) {
            Ok(bytes) => bytes,
            Err(error) => {
                let fault = Diagnostic::new(file, format!("The file cannot be read: {}.", error.kind()));
                self.faults.push(fault.hint("Check its owner and permissions."));
                return None;
            }
        };
        String::from_utf8(bytes)
            .map_err(|error| {
                let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let line = valid.iter().filter(|byte| **byte == b'\n').count() as u32 + 1;
                let fault = Diagnostic::new(file, "The file is not UTF-8.").line(line);
                self.faults
                    .push(fault.hint(format!("Convert it: iconv -f LATIN1 -t UTF-8 {file} > converted.sql")));
            })
            .ok()
    }
}
