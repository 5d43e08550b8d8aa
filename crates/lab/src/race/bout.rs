//! What runs side by side: scripts with their values, a setup, invariants, levels.

use std::collections::BTreeMap;

use camino::Utf8Path;
use underpin_model::project::{Project, Scenario};
use underpin_model::script::TransactionScript;
use underpin_race::Level;
use underpin_race::level::LEVELS;

use crate::project_folder::ProjectError;

/// One scenario, ready to run.
#[derive(Clone, Debug)]
pub struct Bout {
    /// Name for people.
    pub name: String,
    /// Where it comes from: the scenario's file or folder.
    pub file: String,
    /// What it shows, for people.
    pub why: Option<String>,
    /// SQL that prepares the data.
    pub setup: String,
    /// Starts from an empty database.
    pub empty: bool,
    /// The sessions.
    pub corners: Vec<Corner>,
    /// Names and queries that must return no row.
    pub invariants: Vec<(String, String)>,
    /// Levels at which it is examined.
    pub levels: Vec<Level>,
    /// What is expected: level, and whether the invariants hold.
    pub expect: Vec<(Level, bool)>,
}

/// One session of a bout.
#[derive(Clone, Debug)]
pub struct Corner {
    /// Its script.
    pub script: TransactionScript,
    /// Values that the scenario gives to the script's parameters.
    pub values: BTreeMap<String, String>,
    /// The role that it logs in as; the superuser when absent.
    pub role: Option<String>,
}

impl Bout {
    /// Returns what is expected at a level: `true` to hold, `false` to break.
    pub fn expected(&self, level: Level) -> Option<bool> {
        self.expect.iter().find(|(one, _)| *one == level).map(|(_, holds)| *holds)
    }
}

/// Returns the bout of a project's scenario. Links between files were checked when the project was read.
pub fn of_scenario(project: &Project, scenario: &Scenario) -> Bout {
    let corner = |run: &underpin_model::project::ScenarioRun| {
        let script = project.transactions.iter().find(|script| script.name == run.transaction)?;
        Some(Corner {
            script: script.clone(),
            values: run.params.iter().cloned().collect(),
            role: script.role.clone().or_else(|| project.config.database.app_role.clone()),
        })
    };
    let invariant = |(nth, text): (usize, &String)| {
        let named = project.invariants.iter().find(|one| one.name == *text);
        match named {
            Some(one) => (one.name.clone(), one.statement.sql.clone()),
            None => (format!("invariant {}", nth + 1), text.clone()),
        }
    };
    Bout {
        name: scenario.name.clone(),
        file: scenario.file.to_string(),
        why: None,
        setup: scenario.setup.clone(),
        empty: scenario.empty,
        corners: scenario.run.iter().filter_map(corner).collect(),
        invariants: scenario.invariants.iter().enumerate().map(invariant).collect(),
        levels: scenario.levels.iter().filter_map(|level| Level::named(level)).collect(),
        expect: scenario
            .expect
            .iter()
            .filter_map(|(level, word)| Some((Level::named(level)?, word == "holds")))
            .collect(),
    }
}

/// Returns the bout of a bare folder: `setup.sql`, `t1.sql`, `t2.sql`, … and `invariant.sql`, in an empty database.
///
/// A `scenario.toml` may give it a name, levels and expectations.
pub fn from_folder(folder: &Utf8Path) -> Result<Bout, ProjectError> {
    let read = crate::project_folder::bare_scenario(folder)?;
    let corners =
        read.scripts.into_iter().map(|script| Corner { script, values: BTreeMap::new(), role: None });
    let expect = read.expect.iter().filter_map(|(level, word)| Some((Level::named(level)?, word == "holds")));
    Ok(Bout {
        name: read.name,
        file: folder.to_string(),
        why: read.why,
        setup: read.setup,
        empty: true,
        corners: corners.collect(),
        invariants: read.invariant.map(|sql| ("invariant".to_owned(), sql)).into_iter().collect(),
        levels: LEVELS.to_vec(),
        expect: expect.collect(),
    })
}
