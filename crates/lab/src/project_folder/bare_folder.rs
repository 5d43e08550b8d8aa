//! A scenario as a bare folder: `setup.sql`, `t1.sql`, `t2.sql`, …, `invariant.sql`, and a `scenario.toml` if one likes.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Deserialize;
use underpin_model::project::Diagnostic;
use underpin_model::script::TransactionScript;

use super::scenario_words::{syntax, too_many_sessions, unknown_levels, unknown_words};
use super::{ProjectError, Reader};

/// What a folder says.
#[derive(Clone, Debug)]
pub struct BareScenario {
    /// `name`, or the folder's name.
    pub name: String,
    /// `setup.sql`.
    pub setup: String,
    /// `t1.sql`, `t2.sql`, … in order.
    pub scripts: Vec<TransactionScript>,
    /// `invariant.sql`.
    pub invariant: Option<String>,
    /// `class`: the anomaly that it shows.
    pub class: Option<String>,
    /// `why`: an explanation for people.
    pub why: Option<String>,
    /// `expect`: level, and `holds` or `breaks`.
    pub expect: Vec<(String, String)>,
    /// `deadlock`: levels at which some schedule ends in a deadlock.
    pub deadlock: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    name: Option<String>,
    class: Option<String>,
    why: Option<String>,
    expect: BTreeMap<String, String>,
    deadlock: Vec<String>,
}

/// Reads the folder, or says everything that is wrong with it.
pub fn bare_scenario(folder: &Utf8Path) -> Result<BareScenario, ProjectError> {
    if !folder.is_dir() {
        return Err(ProjectError::NotAFolder { path: folder.to_owned() });
    }
    let mut reader = Reader { root: folder, faults: Vec::new() };
    let settings = reader.settings();
    let setup = reader.text_if_there("setup.sql".into()).unwrap_or_default();
    let scripts = reader.numbered_scripts();
    if scripts.is_empty() && reader.faults.is_empty() {
        let fault = Diagnostic::new("t1.sql", "The folder holds no t1.sql, so it is no scenario.");
        reader.faults.push(fault.hint("See docs/scenarios.md for the files of a scenario."));
    }
    let invariant = reader.text_if_there("invariant.sql".into()).and_then(|text| {
        let parsed = underpin_sql::invariant::parse_invariant("invariant.sql".into(), &text);
        reader.keep(parsed).map(|invariant| invariant.statement.sql)
    });
    let name = settings.name.or_else(|| folder.file_name().map(str::to_owned)).unwrap_or_default();
    reader.finish(BareScenario {
        name,
        setup,
        scripts,
        invariant,
        class: settings.class,
        why: settings.why,
        expect: settings.expect.into_iter().collect(),
        deadlock: settings.deadlock,
    })
}

impl Reader<'_> {
    /// Reads `t1.sql`, `t2.sql`, …; a gap or a number too high is a fault, as the script would be left out silently.
    fn numbered_scripts(&mut self) -> Vec<TransactionScript> {
        let number = |file: &Utf8PathBuf| -> Option<usize> {
            file.file_stem()?.strip_prefix('t').filter(|digits| !digits.starts_with('0'))?.parse().ok()
        };
        let mut numbered: Vec<(usize, Utf8PathBuf)> =
            self.files("", "sql").into_iter().filter_map(|file| Some((number(&file)?, file))).collect();
        numbered.sort();
        let last = numbered.last();
        self.faults.extend(last.and_then(|(_, file)| too_many_sessions(file, numbered.len())));
        let mut scripts = Vec::new();
        for (place, (number, file)) in numbered.iter().enumerate() {
            if *number != place + 1 {
                let message = format!("There is no t{}.sql, so this script has no place.", place + 1);
                let fault = Diagnostic::new(file, message);
                self.faults.push(fault.hint("Number the scripts without a gap: t1.sql, t2.sql, …"));
                break;
            }
            let Some(text) = self.text(file) else { continue };
            let parsed = underpin_sql::script::parse_script(file, &text);
            scripts.extend(self.keep(parsed));
        }
        scripts
    }

    fn settings(&mut self) -> File {
        let file = Utf8Path::new("scenario.toml");
        let Some(text) = self.text_if_there(file) else { return File::default() };
        let settings: File = toml::from_str(&text).unwrap_or_else(|error| {
            self.faults.push(syntax(file, &text, &error));
            File::default()
        });
        self.faults.extend(unknown_levels(file, settings.expect.keys().chain(&settings.deadlock)));
        self.faults.extend(unknown_words(file, settings.expect.values()));
        settings
    }
}
