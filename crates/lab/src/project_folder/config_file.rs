//! `underpin.toml`: from text to a typed configuration, with every unknown key named.

use camino::Utf8Path;
use underpin_model::config::Config;
use underpin_model::project::Diagnostic;

use crate::proofs;

/// Every key that `underpin.toml` knows, for "did you mean".
const KNOWN_KEYS: &[&str] = &[
    "project",
    "name",
    "database",
    "extensions",
    "min_version",
    "owner_role",
    "app_role",
    "roles",
    "paths",
    "migrations",
    "seed",
    "scale",
    "queries",
    "transactions",
    "scenarios",
    "invariants",
    "evidence",
    "tenancy",
    "model",
    "key",
    "setting",
    "soft_delete",
    "column",
    "except",
    "default",
    "rows",
    "proofs",
    "enabled",
    "allow",
    "secret",
    "max_seconds",
    "load_seconds",
    "sessions",
    "rate",
    "budget_ms",
    "settings",
    "buffers_ratio",
    "buffers_more",
    "seq_scan_rows",
    "seq_scan_kept",
    "estimate",
    "estimate_ratio",
    "estimate_buffers",
    "temp",
    "lost_ratio",
    "lost_more",
    "growth",
    "max_indexes",
    "max_bytes",
    "max_candidates",
    "gate",
    "fail_on",
];

/// Returns the configuration that `text` holds, or every fault in it.
///
/// An unknown key is a fault: a misspelt threshold that is silently ignored would make a proof
/// weaker than its author believes.
pub(super) fn parse_config(file: &Utf8Path, text: &str) -> Result<Config, Vec<Diagnostic>> {
    let mut unknown = Vec::new();
    let document = toml::Deserializer::parse(text).map_err(|error| vec![syntax(file, text, &error)])?;
    let config: Config = serde_ignored::deserialize(document, |path| unknown.push(path.to_string()))
        .map_err(|error| vec![syntax(file, text, &error)])?;
    let mut faults: Vec<Diagnostic> = unknown.iter().map(|path| unknown_key(file, text, path)).collect();
    faults.extend(wrong_values(file, text, &config));
    faults.extend(config.proofs.keys().filter_map(|name| unknown_proof(file, text, name)));
    if faults.is_empty() { Ok(config) } else { Err(faults) }
}

fn syntax(file: &Utf8Path, text: &str, error: &toml::de::Error) -> Diagnostic {
    let line = error.span().map(|span| line_of(text, span.start));
    let diagnostic = Diagnostic::new(file, format!("The configuration does not parse: {}.", error.message()))
        .hint("Run `underpin init` in an empty folder to see a commented example.");
    match line {
        Some(line) => diagnostic.line(line),
        None => diagnostic,
    }
}

fn unknown_key(file: &Utf8Path, text: &str, path: &str) -> Diagnostic {
    let key = path.rsplit('.').next().unwrap_or(path);
    let diagnostic = Diagnostic::new(file, format!("Unknown key `{path}`."));
    let diagnostic = match nearest(key) {
        Some(known) => diagnostic.hint(format!("Did you mean `{known}`?")),
        None => diagnostic.hint("Remove it, or see docs/configuration.md for the keys there are."),
    };
    match key_line(text, key) {
        Some(line) => diagnostic.line(line),
        None => diagnostic,
    }
}

/// Returns a fault when no proof has the name: its settings would be read by nobody.
fn unknown_proof(file: &Utf8Path, text: &str, name: &str) -> Option<Diagnostic> {
    let names: Vec<&str> = proofs::ALL.iter().map(|proof| proof.name).collect();
    if names.contains(&name) {
        return None;
    }
    let fault = Diagnostic::new(file, format!("[proofs.{name}]: there is no proof called {name}."))
        .hint(format!("The proofs are: {}.", names.join(", ")));
    Some(key_line(text, name).map_or(fault.clone(), |line| fault.line(line)))
}

fn nearest(key: &str) -> Option<&'static str> {
    let scored = KNOWN_KEYS.iter().map(|known| (strsim::damerau_levenshtein(key, known), *known));
    scored.filter(|(distance, known)| *distance <= known.len().div_ceil(3)).min().map(|(_, known)| known)
}

fn wrong_values(file: &Utf8Path, text: &str, config: &Config) -> Vec<Diagnostic> {
    let mut faults = Vec::new();
    let mut choice = |key: &str, value: Option<&str>, allowed: &[&str]| {
        if let Some(value) = value.filter(|value| !allowed.contains(value)) {
            let message = format!("`{key}` is \"{value}\"; it must be one of: {}.", allowed.join(", "));
            let fault = Diagnostic::new(file, message);
            faults.push(key_line(text, key).map_or(fault.clone(), |line| fault.line(line)));
        }
    };
    choice("model", config.tenancy.model.as_deref(), &["shared", "schema", "database"]);
    choice("fail_on", config.gate.fail_on.as_deref(), &["note", "warning", "error", "never"]);
    faults
}

fn key_line(text: &str, key: &str) -> Option<u32> {
    let names = |line: &str| {
        let line = line.trim_start();
        let named = line.trim_start_matches('[').starts_with(key) || line.contains(&format!(".{key}]"));
        named && !line.starts_with('#')
    };
    text.lines().position(names).map(|index| index as u32 + 1)
}

fn line_of(text: &str, offset: usize) -> u32 {
    text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() as u32 + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        let faults = parse_config(Utf8Path::new("underpin.toml"), text).unwrap_err();
        faults.iter().map(|fault| format!("{fault} {}", fault.hint.as_deref().unwrap_or(""))).collect()
    }

    #[test]
    fn defaults_fill_an_empty_file() {
        let config = parse_config(Utf8Path::new("underpin.toml"), "").unwrap();
        assert_eq!(config.paths.migrations, "migrations");
        assert_eq!(config.scale.default_scale, 1);
    }

    #[test]
    fn a_misspelt_key_is_named_with_its_line_and_the_nearest_known_one() {
        let found = faults("[database]\napp_rol = \"webapp\"\n");
        assert_eq!(found, ["underpin.toml:2: Unknown key `database.app_rol`. Did you mean `app_role`?"]);
    }

    #[test]
    fn a_wrong_type_is_named_with_its_line() {
        let found = faults("[scale]\ndefault = \"many\"\n");
        assert!(found[0].starts_with("underpin.toml:2: The configuration does not parse"), "{found:?}");
    }

    #[test]
    fn a_word_that_is_no_choice_lists_the_choices() {
        let found = faults("[gate]\nfail_on = \"errors\"\n");
        assert!(found[0].contains("must be one of: note, warning, error, never"), "{found:?}");
    }
}
