//! An anomaly as a specification for isolationtester, which PostgreSQL's own developers use (its sources,
//! `src/test/isolation/README`).

use underpin_race::Level;

use super::bout::Bout;
use super::played::Played;

/// Returns the specification of one schedule; nothing when a text holds a brace, which ends a block there.
pub(super) fn spec(bout: &Bout, level: Level, played: &[Played]) -> Option<String> {
    let mut text = format!("# {} at {level}\n", one_line(&bout.name));
    if !bout.empty {
        text.push_str("# Wants a database with the project's migrations and seed.\n");
    }
    if !bout.setup.trim().is_empty() {
        text.push_str(&format!("\nsetup {}\n", block(&bout.setup)?));
    }
    for (session, corner) in bout.corners.iter().enumerate() {
        text.push_str(&format!("\nsession t{}\n", session + 1));
        if let Some(role) = &corner.role {
            let role = underpin_model::sql_text::quote_identifier(role);
            text.push_str(&format!("setup {}\n", block(&format!("SET SESSION AUTHORIZATION {role}"))?));
        }
        for (place, step) in played.iter().enumerate().filter(|(_, step)| step.session == session) {
            let begin = if step.begins { format!("BEGIN ISOLATION LEVEL {level}; ") } else { String::new() };
            let sql = format!("{begin}{}", step.sql);
            text.push_str(&format!("step {} {}\n", name(played, place), block(&sql)?));
        }
    }
    let mut order: Vec<String> = (0..played.len()).map(|place| name(played, place)).collect();
    if !bout.invariants.is_empty() {
        text.push_str("\n# Each of these must return no row.\nsession afterwards\n");
        for (number, (_, query)) in (1..).zip(&bout.invariants) {
            text.push_str(&format!("step invariant_{number} {}\n", block(query)?));
            order.push(format!("invariant_{number}"));
        }
    }
    text.push_str(&format!("\npermutation {}\n", order.join(" ")));
    Some(text)
}

/// Returns the name of a step: its session and its place among the session's steps.
fn name(played: &[Played], place: usize) -> String {
    let session = played[place].session;
    let before = played[..place].iter().filter(|step| step.session == session).count();
    format!("t{}_{}", session + 1, before + 1)
}

fn block(sql: &str) -> Option<String> {
    let sql = sql.trim().trim_end_matches(';');
    // A comment at the end must not swallow what follows.
    let inside =
        if sql.contains('\n') || sql.contains("--") { format!("\n{sql};\n") } else { format!(" {sql}; ") };
    (!sql.contains(['{', '}'])).then(|| format!("{{{inside}}}"))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
