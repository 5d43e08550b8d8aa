//! `underpin doctor`: what is missing on this machine, what that disables, and the command that repairs it.

use clap::Args;
use underpin_pg::doctor::{Fact, FactStatus};

use crate::fault::Fault;
use crate::output;
use crate::settings::Settings;

/// Check this machine: PostgreSQL, tools, rights, disk
///
/// Exit code 3 when no PostgreSQL is found that Underpin can run.
#[derive(Debug, Args)]
pub struct DoctorArgs {}

/// Carries the command out.
pub fn run(_args: &DoctorArgs, settings: &Settings) -> Result<u8, Fault> {
    super::sweep(settings);
    let search = settings.search(None);
    let facts = underpin_pg::doctor::facts(&search);
    if settings.json() {
        let facts: Vec<serde_json::Value> = facts.iter().map(json).collect();
        output::result(&serde_json::json!({ "facts": facts }).to_string());
    } else {
        output::result(&facts.iter().map(line).collect::<String>());
    }
    let runnable = !underpin_pg::find_installations(&search).is_empty();
    Ok(if runnable { 0 } else { 3 })
}

fn word(status: FactStatus) -> &'static str {
    match status {
        FactStatus::Ok => "ok",
        FactStatus::Warn => "warn",
        FactStatus::Missing => "missing",
    }
}

fn line(fact: &Fact) -> String {
    let mut text = format!("{:<8} {:<26} {}\n", word(fact.status), fact.name, fact.detail);
    if fact.status != FactStatus::Ok {
        if !fact.disables.is_empty() {
            text.push_str(&format!("{:9}disables: {}\n", "", fact.disables));
        }
        if let Some(repair) = &fact.repair {
            text.push_str(&format!("{:9}repair:   {repair}\n", ""));
        }
    }
    text
}

fn json(fact: &Fact) -> serde_json::Value {
    serde_json::json!({
        "name": fact.name,
        "status": word(fact.status),
        "detail": fact.detail,
        "disables": fact.disables,
        "repair": fact.repair,
    })
}
