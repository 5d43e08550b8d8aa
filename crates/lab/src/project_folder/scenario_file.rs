//! `scenarios/*.toml`: which transactions run side by side.

use std::collections::BTreeMap;

use camino::Utf8Path;
use serde::Deserialize;
use underpin_model::project::{Diagnostic, Scenario, ScenarioRun};
use underpin_race::Level;

use super::scenario_words::{syntax, too_many_sessions, unknown_levels, unknown_words};

#[derive(Deserialize)]
struct File {
    name: Option<String>,
    #[serde(default)]
    setup: String,
    #[serde(default)]
    empty: bool,
    run: Vec<Run>,
    #[serde(default)]
    invariant: Vec<String>,
    #[serde(default = "read_committed")]
    levels: Vec<String>,
    #[serde(default)]
    expect: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Run {
    transaction: String,
    #[serde(default)]
    params: BTreeMap<String, toml::Value>,
}

fn read_committed() -> Vec<String> {
    vec![Level::ReadCommitted.name().to_owned()]
}

/// Returns the scenario that `text` holds, or every fault in it.
pub(super) fn parse_scenario(file: &Utf8Path, text: &str) -> Result<Scenario, Vec<Diagnostic>> {
    let mut unknown = Vec::new();
    let document = toml::Deserializer::parse(text).map_err(|error| vec![syntax(file, text, &error)])?;
    let parsed: File = serde_ignored::deserialize(document, |path| unknown.push(path.to_string()))
        .map_err(|error| vec![syntax(file, text, &error)])?;
    let mut faults: Vec<Diagnostic> = unknown
        .iter()
        .map(|key| Diagnostic::new(file, format!("Unknown key `{key}`.")).hint("See docs/scenarios.md."))
        .collect();
    faults.extend(wrong_words(file, &parsed));
    if faults.is_empty() { Ok(scenario(file, parsed)) } else { Err(faults) }
}

fn wrong_words(file: &Utf8Path, parsed: &File) -> Vec<Diagnostic> {
    let mut faults = unknown_levels(file, parsed.levels.iter().chain(parsed.expect.keys()));
    faults.extend(unknown_words(file, parsed.expect.values()));
    faults.extend(too_many_sessions(file, parsed.run.len()));
    if parsed.run.is_empty() {
        faults.push(Diagnostic::new(file, "`run` names no transaction.").hint("Name at least two."));
    }
    faults
}

fn scenario(file: &Utf8Path, parsed: File) -> Scenario {
    let stem = file.file_stem().unwrap_or("scenario").to_owned();
    let value = |value: toml::Value| match value {
        toml::Value::String(text) => text,
        other => other.to_string(),
    };
    let run = |run: Run| ScenarioRun {
        transaction: run.transaction,
        params: run.params.into_iter().map(|(name, given)| (name, value(given))).collect(),
    };
    Scenario {
        name: parsed.name.unwrap_or(stem),
        file: file.to_owned(),
        setup: parsed.setup,
        empty: parsed.empty,
        run: parsed.run.into_iter().map(run).collect(),
        invariants: parsed.invariant,
        levels: parsed.levels,
        expect: parsed.expect.into_iter().collect(),
    }
}
