//! `underpin drill crash`: kills the whole server at random moments under load, again and again.

use std::time::Duration;

use camino::Utf8PathBuf;
use clap::Args;
use underpin_lab::drill::crash::{Crash, CrashSpec, crash};

use super::{Stock, stock, write_runbook};
use crate::fault::Fault;
use crate::output;
use crate::settings::Settings;

/// Kill the server at random moments under load, and look for every commit that was acknowledged
///
/// A real server with production's durability; in a project's folder with its data, and its transactions run beside. After
/// each `kill -9` every acknowledged commit must be there, every other one whole or absent, and each invariant must hold.
/// Exit code 1: one was lost, torn, or an invariant did not hold. Exit code 4: the settings lose commits in a power cut,
/// which a killed process does not show.
#[derive(Debug, Args)]
pub struct CrashArgs {
    /// How often the server is killed
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rounds: u32,
    /// Clients that write; as many more run the project's transactions
    #[arg(long, value_name = "N", default_value_t = 4)]
    clients: usize,
    /// Longest load before a kill, in seconds; the moment is drawn
    #[arg(long, value_name = "SECONDS", default_value_t = 0.5)]
    longest: f64,
    /// Setting of the server, such as synchronous_commit=off; repeatable
    #[arg(long = "set", value_name = "NAME=VALUE")]
    settings: Vec<String>,
    /// Write the runbook, every kill with what it left
    #[arg(long, value_name = "FILE")]
    write: Option<Utf8PathBuf>,
}

/// Carries the command out.
pub async fn run(args: &CrashArgs, settings: &Settings) -> Result<u8, Fault> {
    if !(0.0..=3600.0).contains(&args.longest) {
        return Err(Fault::usage("--longest takes 0 to 3600 seconds."));
    }
    let pair = |text: &String| {
        let pair = text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        pair.ok_or_else(|| Fault::usage(format!("--set {text}: NAME=VALUE is meant.")))
    };
    let own = args.settings.iter().map(pair).collect::<Result<_, _>>()?;
    let stock = stock(settings).await?;
    let installation = settings.installation(stock.as_ref().map(|stock| &stock.project))?;
    let measured = crash(&CrashSpec {
        ground: Stock::ground(stock.as_ref(), &installation),
        rounds: args.rounds,
        clients: args.clients,
        longest: Duration::from_secs_f64(args.longest),
        settings: own,
    })
    .await?;
    if settings.json() {
        output::result(&serde_json::json!({ "drill": "crash", "run": measured }).to_string());
    } else {
        output::result(&told(&measured));
    }
    write_runbook(args.write.as_ref(), settings, || runbook(&measured))?;
    Ok(match (measured.holds, measured.blind.is_empty()) {
        (false, _) => 1,
        (true, false) => 4,
        (true, true) => 0,
    })
}

fn verdict(measured: &Crash) -> &'static str {
    match (measured.holds, measured.blind.is_empty()) {
        (false, _) => "broken",
        (true, false) => "inconclusive",
        (true, true) => "proven",
    }
}

fn told(measured: &Crash) -> String {
    let mut recoveries = measured.recoveries_ms.clone();
    recoveries.sort_unstable();
    let at = |part: usize| recoveries.get(recoveries.len() * part / 100).copied().unwrap_or_default();
    let mut text = format!(
        "{} {} kills, {} with transactions under way: {} commits acknowledged, {} lost, {} torn, {} that nobody wrote; recovery in {} ms \
         (median), {} ms (longest).",
        verdict(measured),
        measured.kills,
        measured.under_way,
        measured.acknowledged,
        measured.lost,
        measured.torn,
        measured.invented,
        at(50),
        recoveries.last().copied().unwrap_or_default()
    );
    if measured.invariants > 0 {
        text.push_str(&format!(
            "\n  {} transactions of the project beside it; of {} invariants {} violations{}",
            measured.project_commits,
            measured.invariants,
            measured.violated.len(),
            if measured.violated.is_empty() {
                ".".to_owned()
            } else {
                format!(": {}.", measured.violated.join("; "))
            }
        ));
    }
    if !measured.blind.is_empty() {
        text.push_str(&format!(
            "\n  With {} a power cut loses commits. A killed process leaves the system's cache behind, so this drill cannot show it.",
            measured.blind.join(" and ")
        ));
    }
    text
}

fn runbook(measured: &Crash) -> String {
    let mut text = format!(
        "# Crash runbook\n\nWritten by `underpin drill crash` from a real run: every process of the server is killed at a random moment\n\
         under load, the server is started again, and what is there is compared with the clients' own record.\n\n{}\n\n```console\n",
        told(measured)
    );
    for step in &measured.commands {
        text.push_str(&format!("$ {}\n{}\n", step.command, step.output));
    }
    text.push_str(
        "```\n\n## What was not tested\n\nA power cut: `kill -9` leaves the operating system's cache intact. Disks that lie about having \
         written, damaged pages, a full disk.\n",
    );
    text
}
