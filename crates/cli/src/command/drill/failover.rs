//! `underpin drill failover`: a primary fails under load, a standby is promoted, and clients tell what it cost.

use std::time::Duration;

use camino::Utf8PathBuf;
use clap::{Args, ValueEnum};
use underpin_lab::drill::callers::{Caller, CallersSpec};
use underpin_lab::drill::driver::Driver;
use underpin_lab::drill::failover::{Commit, Failover, FailoverSpec, Failure, failover};
use underpin_pg::installation::find_program;

use super::{Stock, stock, write_runbook};
use crate::fault::Fault;
use crate::output;
use crate::settings::Settings;

/// Let a primary fail under load, promote a standby, count the acknowledged commits that are gone
///
/// Three real servers: a primary and two streaming standbys behind a relay that can be slowed and cut, with the project's
/// data in a project's folder. Clients write and keep their own record of every commit that was acknowledged. The primary
/// fails, the standby that has most is promoted, the record is compared with its rows, a second primary is looked for, and
/// the old one rejoins by pg_rewind. Beside them clients with several hosts and through PgBouncer tell when they write
/// again, or that they are stuck. Exit code 1: an acknowledged commit was lost although a standby was waited for, a
/// second or more of them although the link was asynchronous, or two primaries took writes.
#[derive(Debug, Args)]
pub struct FailoverArgs {
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

/// How long a client may take after the promotion: longer than PgBouncer's `server_login_retry`, 15 s.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is said where there is no PgBouncer.
const NO_POOLER: &str = "Clients through PgBouncer are skipped, because PgBouncer is not installed (Debian, Ubuntu: apt-get install pgbouncer).";

/// Carries the command out.
pub async fn run(args: &FailoverArgs, settings: &Settings) -> Result<u8, Fault> {
    if !(0.0..=3600.0).contains(&args.load) {
        return Err(Fault::usage("--load takes 0 to 3600 seconds."));
    }
    let stock = stock(settings).await?;
    let installation = settings.installation(stock.as_ref().map(|stock| &stock.project))?;
    let pgbouncer = find_program(&settings.search(None), "pgbouncer");
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
            driver: Driver::BuiltIn,
            callers: Some(CallersSpec { pgbouncer: pgbouncer.clone(), patience: PATIENCE }),
        };
        for _ in 0..args.rounds {
            let measured = failover(&spec).await?;
            if !settings.json() {
                output::result(&format!("{}{}", line(&measured), called(&measured.callers)));
            }
            all.push(measured);
        }
    }
    if !settings.json() && pgbouncer.is_none() {
        output::result(NO_POOLER);
    }
    if settings.json() {
        output::result(&serde_json::json!({ "drill": "failover", "runs": all }).to_string());
    }
    write_runbook(args.write.as_ref(), settings, || runbook(&all, pgbouncer.is_some()))?;
    Ok(u8::from(all.iter().any(|one| !one.holds)))
}

fn words(one: &Failover) -> (&'static str, &'static str) {
    let commit = if one.commit == Commit::Synchronous { "synchronous" } else { "asynchronous" };
    let failure = match one.failure {
        Failure::Kill => "kill -9",
        Failure::KillServer => "kill -9 of the server alone",
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

/// Returns a line for each kind of client.
fn called(callers: &[Caller]) -> String {
    let told = |caller: &Caller| {
        let again = match caller.again_ms {
            Some(ms) => format!("writes again after {ms} ms"),
            None => format!("stuck: no write within {} s of the promotion", PATIENCE.as_secs()),
        };
        let mut text = format!("\n         {}: {again}, {} calls failed", caller.kind.words(), caller.failed);
        if caller.failed_before > 0 {
            let calls = caller.before + caller.failed_before;
            text.push_str(&format!(", and {} of {calls} before the failure", caller.failed_before));
        }
        if caller.lost > 0 {
            text.push_str(&format!(", {} acknowledged writes lost", caller.lost));
        }
        if caller.again_ms.is_none() && !caller.error.is_empty() {
            text.push_str(&format!(" (last error: {})", caller.error));
        }
        text + "."
    };
    callers.iter().map(told).collect()
}

fn runbook(all: &[Failover], pooled: bool) -> String {
    let mut text = String::from(
        "# Failover runbook\n\nWritten by `underpin drill failover` from real runs: a primary `n1` with standbys `n2` and `n3`, clients that \
         record every acknowledged commit.",
    );
    if let Some(first) = all.first() {
        text.push_str(&format!(" Who promotes: {}.", first.promoted_by));
    }
    text.push('\n');
    for one in all {
        let (commit, failure) = words(one);
        text.push_str(&format!("\n## {commit}, {failure}\n\n{}\n", line(one)));
        text.push_str(&caller_table(&one.callers));
        text.push_str("\n```console\n");
        for step in &one.commands {
            text.push_str(&format!("$ {}\n", step.command));
            if !step.output.is_empty() {
                text.push_str(&format!("{}\n", step.output));
            }
        }
        text.push_str("```\n");
    }
    text.push_str("\n## What was not tested\n\n");
    if !pooled {
        text.push_str(&format!("{NO_POOLER} "));
    }
    text.push_str(
        "A cut between clients and primary, networks between machines, a disk that is slow instead of full. Here the drill itself \
         decides at once and promotes, so the time that a monitor takes to notice comes on top. The full disk is a limit on the size \
         of files (EFBIG instead of ENOSPC). `kill -9` leaves the operating system's cache intact, unlike a power cut. All \
         sockets are of this machine: one whose server is dead refuses at once, where a dead machine lets clients wait.\n",
    );
    text
}

fn caller_table(callers: &[Caller]) -> String {
    if callers.is_empty() {
        return String::new();
    }
    let mut text = String::from(
        "\n| client | writes again after | calls failed until then | acknowledged and lost | last error |\n|---|---|---|---|---|\n",
    );
    for caller in callers {
        let again = caller.again_ms.map_or_else(|| "stuck".to_owned(), |ms| format!("{ms} ms"));
        let before = match caller.failed_before {
            0 => String::new(),
            count => format!(" ({count} of {} before the failure)", count + caller.before),
        };
        text.push_str(&format!(
            "| {} | {again} | {}{before} | {} | {} |\n",
            caller.kind.words(),
            caller.failed,
            caller.lost,
            caller.error.replace('|', "\\|")
        ));
    }
    text
}
