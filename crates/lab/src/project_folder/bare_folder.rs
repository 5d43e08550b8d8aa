//! A scenario as a bare folder: `setup.sql`, `t1.sql`, `t2.sql`, …, `invariant.sql`, and a `scenario.toml` if one likes.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use serde::Deserialize;
use underpin_model::project::Diagnostic;
use underpin_model::script::TransactionScript;

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

/// Most scripts of one folder.
const MOST_SCRIPTS: usize = 9;

/// Reads the folder, or says everything that is wrong with it.
pub fn bare_scenario(folder: &Utf8Path) -> Result<BareScenario, ProjectError> {
    if !folder.is_dir() {
        return Err(ProjectError::NotAFolder { path: folder.to_owned() });
    }
    let mut reader = Reader { root: folder, faults: Vec::new() };
    let settings = reader.settings();
    let setup = reader.text_if_there("setup.sql".into()).unwrap_or_default();
    let mut scripts = Vec::new();
    for file in (1..=MOST_SCRIPTS).map(|nth| Utf8PathBuf::from(format!("t{nth}.sql"))) {
        let Some(text) = reader.text_if_there(&file) else { break };
        let parsed = underpin_sql::script::parse_script(&file, &text);
        scripts.extend(reader.keep(parsed));
    }
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
    fn settings(&mut self) -> File {
        let file = Utf8Path::new("scenario.toml");
        let Some(text) = self.text_if_there(file) else { return File::default() };
        toml::from_str(&text).unwrap_or_else(|error| {
            let fault = Diagnostic::new(file, format!("The scenario does not parse: {}.", error.message()));
            let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() as u32 + 1);
            self.faults.push(fault.line(line));
            File::default()
        })
    }
}
