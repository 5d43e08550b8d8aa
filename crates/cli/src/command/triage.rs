//! `underpin triage`: what is wrong with a live database right now.

use std::time::Duration;

use clap::Args;
use underpin_lab::triage::look;
use underpin_model::{Severity, Triage, TriageFinding};
use underpin_pg::Address;

use crate::fault::Fault;
use crate::output;
use crate::settings::Settings;

/// Name what is wrong with a live database
///
/// Two looks, a second apart, at the catalog and the statistics of the server; no row of a table is read, no lock is
/// waited for, nothing is written. Seven kinds of trouble are told apart: schema, index, statistics, bloat, pooling,
/// migration, sharding. Each finding has the first query to look at and the first statement that mends it, the root
/// cause first; a healthy database gets none. Rights of pg_monitor are enough for most; what could not be seen is said.
///
/// Exit codes: 0 no finding at or above --fail-on; 1 some; 4 nothing found, and something could not be seen.
#[derive(Debug, Args)]
pub struct TriageArgs {
    /// Severity from which on the exit code is 1
    #[arg(long, value_name = "SEVERITY", default_value = "error", value_parser = ["error", "warning", "never"])]
    fail_on: String,
    /// Look again every so many seconds until interrupted
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "5")]
    watch: Option<u64>,
}

/// Carries the command out.
pub async fn run(args: &TriageArgs, settings: &Settings) -> Result<u8, Fault> {
    let address = address(settings)?;
    let Some(seconds) = args.watch else {
        let triage = look(&address).await?;
        told(&triage, settings)?;
        return Ok(exit_code(&triage, &args.fail_on));
    };
    loop {
        let triage = look(&address).await?;
        if !settings.json() {
            // Home and clear: the view stays in one place.
            output::result("\u{1b}[H\u{1b}[2J");
        }
        told(&triage, settings)?;
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }
}

/// Returns the database that is named, else the project's own.
pub(super) fn address(settings: &Settings) -> Result<Address, Fault> {
    if let Some(address) = settings.named_database()? {
        return Ok(address);
    }
    let running = settings.project_folder().ok().and_then(|folder| underpin_lab::daily::running(&folder));
    running.map(|started| started.address).ok_or_else(|| {
        Fault::usage("No database is named.")
            .hint("Give --database-url postgres://user@host/database, or run `underpin up` in a project.")
    })
}

fn told(triage: &Triage, settings: &Settings) -> Result<(), Fault> {
    if settings.json() {
        let text = serde_json::to_string_pretty(triage)
            .map_err(|error| Fault::internal("writing the result as JSON").because(error))?;
        output::result(&text);
        return Ok(());
    }
    output::result(&underpin_report::triage::text(triage));
    Ok(())
}

fn exit_code(triage: &Triage, fail_on: &str) -> u8 {
    let least = match fail_on {
        "error" => Some(Severity::Error),
        "warning" => Some(Severity::Warning),
        _ => None,
    };
    let fails = |finding: &TriageFinding| least.is_some_and(|least| finding.severity >= least);
    if triage.findings.iter().any(fails) {
        1
    } else if triage.findings.is_empty() && !triage.unseen.is_empty() {
        4
    } else {
        0
    }
}
