//! `underpin drill pitr`: a mistake commits under load; every way back is taken and compared with the clients' record.

use std::time::Duration;

use camino::Utf8PathBuf;
use clap::Args;
use underpin_lab::drill::pitr::runbook::{Figures, render};
use underpin_lab::drill::pitr::{Pitr, PitrSpec, Scope, pitr};

use super::{Stock, stock, write_runbook};
use crate::fault::Fault;
use crate::output;
use crate::settings::Settings;

/// Let a mistake commit under load, and go back to before it in every way that there is
///
/// A real server that archives its log, with the project's data in a project's folder and empty elsewhere. Clients keep
/// their own record of every commit; what comes back must be the same to the commit. What cannot be reached must be
/// refused. Exit code 1: something came back that was not so, or was not refused.
#[derive(Debug, Args)]
pub struct PitrArgs {
    /// Seconds under load between the marked moment and the mistake
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0)]
    interval: f64,
    /// How often; each time on a new server
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// Clients that write
    #[arg(long, value_name = "N", default_value_t = 4)]
    clients: usize,
    /// Write the runbook, every command with what it printed
    #[arg(long, value_name = "FILE")]
    write: Option<Utf8PathBuf>,
}

/// Carries the command out.
pub async fn run(args: &PitrArgs, settings: &Settings) -> Result<u8, Fault> {
    if !(0.0..=3600.0).contains(&args.interval) {
        return Err(Fault::usage("--interval takes 0 to 3600 seconds."));
    }
    let stock = stock(settings).await?;
    let installation = settings.installation(stock.as_ref().map(|stock| &stock.project))?;
    let spec = PitrSpec {
        ground: Stock::ground(stock.as_ref(), &installation),
        clients: args.clients,
        interval: Duration::from_secs_f64(args.interval),
        scope: Scope::Full,
    };
    let mut all = Vec::new();
    for _ in 0..args.rounds {
        let measured = pitr(&spec).await?;
        if !settings.json() {
            tell(&measured);
        }
        all.push(measured);
    }
    if settings.json() {
        output::result(&serde_json::json!({ "drill": "pitr", "runs": all }).to_string());
    } else if all.len() > 1 {
        let exact = all.iter().filter(|one| one.holds).count();
        output::result(&format!("{exact} of {} rounds exact to the commit.", all.len()));
    }
    write_runbook(args.write.as_ref(), settings, || {
        all.last().map(|one| render(one, Figures::Shown)).unwrap_or_default()
    })?;
    Ok(u8::from(all.iter().any(|one| !one.holds)))
}

fn tell(measured: &Pitr) {
    for one in &measured.recoveries {
        let verdict = if one.differs.is_none() { "proven" } else { "broken" };
        let speed = one.replay_bytes as f64 / 1e3 / (one.replay_ms.max(1) as f64);
        output::result(&format!(
            "{verdict:<8} {}: {} of {} commits, from the {} backup, in {} ms (RTO); replay {:.1} MB at {speed:.0} MB/s.{}",
            one.target,
            one.found_told(),
            one.expected,
            one.backup,
            one.rto_ms,
            one.replay_bytes as f64 / 1e6,
            one.differs.as_ref().map_or_else(String::new, |differs| format!(" {differs}."))
        ));
    }
    for one in &measured.refusals {
        let verdict = if one.right { "refused" } else { "broken" };
        let said = one.said.as_deref().unwrap_or("not refused");
        output::result(&format!("{verdict:<8} {}: {said}.", one.wish));
    }
    if let Some(loss) = &measured.machine_lost {
        output::result(&format!(
            "{:<8} the machine lost with its disk: {} of {} commits gone, RPO {} ms with archive_timeout {} s, the rest whole.",
            if loss.whole { "proven" } else { "broken" },
            loss.commits,
            measured.acknowledged,
            loss.rpo_ms,
            loss.archive_timeout_s
        ));
    }
}
