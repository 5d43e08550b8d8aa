//! What both forms of a scenario have in common: levels, expected verdicts, and how faults in TOML are told.

use camino::Utf8Path;
use underpin_model::project::Diagnostic;
use underpin_race::Level;
use underpin_race::level::LEVELS;
use underpin_race::schedule::MOST_SESSIONS;

/// The two words of `expect`.
const WORDS: [&str; 2] = ["holds", "breaks"];

/// Returns the fault of a text that is no TOML, or not of this shape.
pub(super) fn syntax(file: &Utf8Path, text: &str, error: &toml::de::Error) -> Diagnostic {
    let fault = Diagnostic::new(file, format!("The scenario does not parse: {}.", error.message()))
        .hint("See docs/scenarios.md for the keys there are.");
    match error.span() {
        Some(span) => fault.line(text[..span.start.min(text.len())].matches('\n').count() as u32 + 1),
        None => fault,
    }
}

/// Returns a fault for each name that is no isolation level.
pub(super) fn unknown_levels<'a>(
    file: &Utf8Path,
    names: impl Iterator<Item = &'a String>,
) -> Vec<Diagnostic> {
    let hint = format!("Levels: {}.", LEVELS.map(Level::name).join(", "));
    names
        .filter(|name| Level::named(name).is_none())
        .map(|name| Diagnostic::new(file, format!("Unknown isolation level \"{name}\".")).hint(&hint))
        .collect()
}

/// Returns a fault for each expectation that is neither `holds` nor `breaks`.
pub(super) fn unknown_words<'a>(file: &Utf8Path, words: impl Iterator<Item = &'a String>) -> Vec<Diagnostic> {
    words
        .filter(|word| !WORDS.contains(&word.as_str()))
        .map(|word| Diagnostic::new(file, format!("`expect` is holds or breaks, not \"{word}\".")))
        .collect()
}

/// Returns the fault of a scenario with more sessions than a written schedule can name.
pub(super) fn too_many_sessions(file: &Utf8Path, sessions: usize) -> Option<Diagnostic> {
    let message = format!("{sessions} sessions are too many: a scenario has at most {MOST_SESSIONS}.");
    let hint = "Two or three show nearly every anomaly; the number of orders grows with the factorial.";
    (sessions > MOST_SESSIONS).then(|| Diagnostic::new(file, message).hint(hint))
}
