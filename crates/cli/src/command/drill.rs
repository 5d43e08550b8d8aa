//! `underpin drill`: what a topology of real servers does when a part of it fails.

mod bloat;
mod crash;
mod pitr;
mod storm;

use std::time::Duration;

use camino::Utf8PathBuf;
use clap::{Args, Subcommand, ValueEnum};
use underpin_lab::drill::failover::{Commit, Failover, FailoverSpec, Failure, failover};
use underpin_lab::drill::ground::{self, Ground};
use underpin_lab::lab::LabSpec;
use underpin_model::project::Project;
use underpin_pg::Installation;

use crate::fault::Fault;
use crate::output;
use crate::progress::Progress;
use crate::settings::Settings;

/// Fail on purpose, on servers of our own, and measure what it costs
#[derive(Debug, Args)]
pub struct DrillArgs {
    #[command(subcommand)]
    drill: Drill,
}

#[derive(Debug, Subcommand)]
enum Drill {
    Failover(FailoverArgs),
    Pitr(pitr::PitrArgs),
    Crash(crash::CrashArgs),
    Bloat(bloat::BloatArgs),
    Storm(storm::StormArgs),
}

/// Let a primary fail under load, promote a standby, count the acknowledged commits that are gone
///
/// Three real servers: a primary and two streaming standbys behind a relay that can be slowed and cut, with the project's
/// data in a project's folder. Clients write and keep their own record of every commit that was acknowledged. The primary
/// fails, the standby that has most is promoted, the record is compared with its rows, a second primary is looked for, and
/// the old one rejoins by pg_rewind. Exit code 1: an acknowledged commit was lost although a standby was waited for, a
/// second or more of them although the link was asynchronous, or two primaries took writes.
#[derive(Debug, Args)]
struct FailoverArgs {
    /// Whether a commit waits for a standby; both when absent
    #[arg(long, value_enum)]
    commit: Option<CommitArg>,
    /// What happens to the primary; all when absent
    #[arg(long, value_enum)]
    failure: Option<FailureArg>,
    /// How often each
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// Seconds under load before the failure
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0)]
    load: f64,
    /// Clients that write
    #[arg(long, value_name = "N", default_value_t = 4)]
    clients: usize,
    /// Write the runbook, every command with what it printed
    #[arg(long, value_name = "FILE")]
    write: Option<Utf8PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CommitArg {
    /// A commit waits for one of two standbys
    Synchronous,
    /// No standby is waited for
    Asynchronous,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailureArg {
    /// `kill -9` of all its processes
    Kill,
    /// It stands still, and goes on after the promotion
    Freeze,
    /// Every further write to its disk fails
    DiskFull,
    /// The link to the standbys is slow, and it is killed 1.5 s later
    Slow,
    /// The link to the standbys is cut, and it is killed 1.5 s later
    Cut,
}

const FAILURES: [(FailureArg, Failure); 5] = [
    (FailureArg::Kill, Failure::Kill),
    (FailureArg::Freeze, Failure::Freeze),
    (FailureArg::DiskFull, Failure::DiskFull),
    (FailureArg::Slow, Failure::Slow),
    (FailureArg::Cut, Failure::Cut),
];

/// Carries the command out.
pub async fn run(args: &DrillArgs, settings: &Settings) -> Result<u8, Fault> {
    match &args.drill {
        Drill::Failover(args) => fail_over(args, settings).await,
        Drill::Pitr(args) => pitr::run(args, settings).await,
        Drill::Crash(args) => crash::run(args, settings).await,
        Drill::Bloat(args) => bloat::run(args, settings).await,
        Drill::Storm(args) => storm::run(args, settings).await,
    }
}

async fn fail_over(args: &FailoverArgs, settings: &Settings) -> Result<u8, Fault> {
    if !(0.0..=3600.0).contains(&args.load) {
        return Err(Fault::usage("--load takes 0 to 3600 seconds."));
    }
    let stock = stock(settings).await?;
    let installation = settings.installation(stock.as_ref().map(|stock| &stock.project))?;
    let mut all = Vec::new();
    let commits =
        [(CommitArg::Synchronous, Commit::Synchronous), (CommitArg::Asynchronous, Commit::Asynchronous)];
    for (commit, failure) in
        commits.iter().flat_map(|commit| FAILURES.iter().map(move |failure| (commit, failure)))
    {
        if args.commit.is_some_and(|wanted| wanted != commit.0)
            || args.failure.is_some_and(|wanted| wanted != failure.0)
        {
            continue;
        }
        let spec = FailoverSpec {
            ground: Stock::ground(stock.as_ref(), &installation),
            commit: commit.1,
            failure: failure.1,
            load: Duration::from_secs_f64(args.load),
            clients: args.clients,
        };
        for _ in 0..args.rounds {
            let measured = failover(&spec).await?;
            if !settings.json() {
                output::result(&line(&measured));
            }
            all.push(measured);
        }
    }
    if settings.json() {
        output::result(&serde_json::json!({ "drill": "failover", "runs": all }).to_string());
    }
    write_runbook(args.write.as_ref(), settings, || runbook(&all))?;
    Ok(u8::from(all.iter().any(|one| !one.holds)))
}

/// Writes the runbook, if one is wished.
fn write_runbook(
    file: Option<&Utf8PathBuf>,
    settings: &Settings,
    text: impl FnOnce() -> String,
) -> Result<(), Fault> {
    let Some(file) = file.map(|file| settings.folder().join(file)) else { return Ok(()) };
    fs_err::write(&file, text())
        .map_err(|error| Fault::environment(format!("{file} could not be written.")).because(error))
}

/// The project whose data the drill's servers have.
struct Stock {
    project: Project,
    data: Utf8PathBuf,
}

/// Builds the project's template; nothing where the folder is no project and none was named.
async fn stock(settings: &Settings) -> Result<Option<Stock>, Fault> {
    if !settings.names_project() && settings.project_folder().is_err() {
        return Ok(None);
    }
    let project = settings.project()?;
    let lab = LabSpec {
        installation: settings.installation(Some(&project))?,
        scale: project.config.scale.default_scale,
        cache: Some(project.root.join(".underpin/cache")),
    };
    let progress = Progress::new(settings);
    let data = ground::stock(&project, &lab, &progress).await?;
    Ok(Some(Stock { project, data }))
}

impl Stock {
    fn ground<'a>(of: Option<&'a Stock>, installation: &'a Installation) -> Ground<'a> {
        Ground { installation, stock: of.map(|stock| (&stock.project, stock.data.as_path())) }
    }
}

fn words(one: &Failover) -> (&'static str, &'static str) {
    let commit = if one.commit == Commit::Synchronous { "synchronous" } else { "asynchronous" };
    let failure = match one.failure {
        Failure::Kill => "kill -9",
        Failure::Freeze => "frozen",
        Failure::DiskFull => "disk full",
        Failure::Slow => "link slow, then kill -9",
        Failure::Cut => "link cut, then kill -9",
    };
    (commit, failure)
}

fn line(one: &Failover) -> String {
    let (commit, failure) = words(one);
    let mut text = format!(
        "{:<8} {commit}, {failure}: {} commits acknowledged, {} of them lost ({} predicted from the lag; RPO {} ms); next write after {} \
         ms (RTO). The old primary rejoined with {} rows.",
        if one.holds { "proven" } else { "broken" },
        one.acknowledged,
        one.lost,
        one.predicted,
        one.rpo_ms,
        one.rto_ms,
        one.rejoined_rows
    );
    match one.two_primaries {
        Some(true) => text.push_str(
            " Two primaries: the old one acknowledged a write after the promotion, and it is gone.",
        ),
        Some(false) => text.push_str(" The old primary, awake again, acknowledged nothing."),
        None => {}
    }
    text.push_str(&match one.client_found_new {
        Some(true) => {
            format!(" A client with target_session_attrs found the new primary in {} ms.", one.client_ms)
        }
        Some(false) => format!(
            " A client with target_session_attrs still found the old primary, in {} ms.",
            one.client_ms
        ),
        None => format!(" A client with target_session_attrs found no primary in {} ms.", one.client_ms),
    });
    if !one.tables_differ.is_empty() {
        text.push_str(&format!(" Tables that are not what they were: {}.", one.tables_differ.join(", ")));
    }
    text
}

fn runbook(all: &[Failover]) -> String {
    let mut text = String::from(
        "# Failover runbook\n\nWritten by `underpin drill failover` from real runs: a primary `n1` with standbys `n2` and `n3`, clients that \
         record every acknowledged commit.\n",
    );
    for one in all {
        let (commit, failure) = words(one);
        text.push_str(&format!("\n## {commit}, {failure}\n\n{}\n\n```console\n", line(one)));
        for step in &one.commands {
            text.push_str(&format!("$ {}\n", step.command));
            if !step.output.is_empty() {
                text.push_str(&format!("{}\n", step.output));
            }
        }
        text.push_str("```\n");
    }
    text.push_str(
        "\n## What was not tested\n\nA cut between clients and primary, networks between machines, a disk that is slow instead of full, \
         connection poolers, automatic promotion by Patroni: here the drill itself decides at once and promotes, so the time that a \
         monitor takes to notice comes on top. The full disk is a limit on the size of files (EFBIG instead of ENOSPC). `kill -9` \
         leaves the operating system's cache intact, unlike a power cut.\n",
    );
    text
}
