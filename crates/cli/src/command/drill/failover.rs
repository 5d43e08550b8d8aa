//! `underpin drill failover`: a primary fails under load, a standby is promoted, and clients tell what it cost.

use std::time::Duration;

use camino::Utf8PathBuf;
use clap::{Args, ValueEnum};
use underpin_lab::drill::callers::{Caller, CallersSpec};
use underpin_lab::drill::driver::Driver;
use underpin_lab::drill::failover::{Commit, Failover, FailoverSpec, Failure, failover};
use underpin_lab::drill::patroni::Patroni;
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
/// second or more of them although the link was asynchronous, or two primaries took writes. Exit code 4: Patroni was asked for
/// and is not installed.
#[derive(Debug, Args)]
pub struct FailoverArgs {
    /// Who promotes
    #[arg(long, value_enum, default_value_t = DriverArg::BuiltIn)]
    driver: DriverArg,
    /// How long Patroni tries to start a crashed primary again (primary_start_timeout); 0 lets another one take over at once
    #[arg(long, value_name = "SECONDS", default_value_t = Patroni::START_TIMEOUT)]
    start_timeout: u32,
    /// Whether a commit waits for a standby; both when absent
    #[arg(long, value_enum)]
    commit: Option<CommitArg>,
    /// What happens to the primary; all that the driver can be tried out with when absent
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
enum DriverArg {
    /// The drill itself, at once
    BuiltIn,
    /// Patroni with an etcd of its own; skipped where they are not installed
    Patroni,
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
    /// `kill -9` of all its processes, and of its Patroni
    Kill,
    /// `kill -9` of all its processes while its Patroni lives (only --driver patroni)
    KillServer,
    /// It stands still, and goes on after the promotion
    Freeze,
    /// Every further write to its disk fails (only built-in)
    DiskFull,
    /// The link to the standbys is slow, and it is killed 1.5 s later (only built-in)
    Slow,
    /// The link to the standbys is cut, and it is killed 1.5 s later; with Patroni it lives on, cut off from etcd too
    Cut,
}

const FAILURES: [(FailureArg, Failure); 6] = [
    (FailureArg::Kill, Failure::Kill),
    (FailureArg::KillServer, Failure::KillServer),
    (FailureArg::Freeze, Failure::Freeze),
    (FailureArg::DiskFull, Failure::DiskFull),
    (FailureArg::Slow, Failure::Slow),
    (FailureArg::Cut, Failure::Cut),
];

/// How long a client may take after the promotion: longer than PgBouncer's `server_login_retry`, 15 s.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is said where there is no PgBouncer.
const NO_POOLER: &str = "Clients through PgBouncer are skipped, because PgBouncer is not installed (Debian, Ubuntu: apt-get install pgbouncer).";

/// The drill was not run.
const INCONCLUSIVE: u8 = 4;

/// Carries the command out.
pub async fn run(args: &FailoverArgs, settings: &Settings) -> Result<u8, Fault> {
    if !(0.0..=3600.0).contains(&args.load) {
        return Err(Fault::usage("--load takes 0 to 3600 seconds."));
    }
    let driver = match args.driver {
        DriverArg::BuiltIn => Driver::BuiltIn,
        DriverArg::Patroni => match Patroni::find(&settings.search(None), args.start_timeout) {
            Ok(programs) => Driver::Patroni(programs),
            Err(missing) => {
                let json =
                    || serde_json::json!({ "drill": "failover", "runs": [], "reason": missing }).to_string();
                output::result(&if settings.json() { json() } else { missing.clone() });
                return Ok(INCONCLUSIVE);
            }
        },
    };
    let failures = failures(args, &driver)?;
    let stock = stock(settings).await?;
    let installation = settings.installation(stock.as_ref().map(|stock| &stock.project))?;
    let pgbouncer = find_program(&settings.search(None), "pgbouncer");
    let mut all = Vec::new();
    for (commit, failure) in
        commits(args).flat_map(|commit| failures.iter().map(move |failure| (commit, failure)))
    {
        let spec = FailoverSpec {
            ground: Stock::ground(stock.as_ref(), &installation),
            commit,
            failure: *failure,
            load: Duration::from_secs_f64(args.load),
            clients: args.clients,
            driver: driver.clone(),
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
    if settings.json() {
        output::result(&serde_json::json!({ "drill": "failover", "runs": all }).to_string());
    } else if pgbouncer.is_none() {
        output::result(NO_POOLER);
    }
    write_runbook(args.write.as_ref(), settings, || runbook(&all, pgbouncer.is_none().then_some(NO_POOLER)))?;
    Ok(u8::from(all.iter().any(|one| !one.holds)))
}

fn commits(args: &FailoverArgs) -> impl Iterator<Item = Commit> {
    let both =
        [(CommitArg::Synchronous, Commit::Synchronous), (CommitArg::Asynchronous, Commit::Asynchronous)];
    let wanted = args.commit;
    both.into_iter().filter(move |both| wanted.is_none_or(|wanted| wanted == both.0)).map(|both| both.1)
}

/// Returns the failures that are wanted; refuses one that the driver cannot be tried out with.
fn failures(args: &FailoverArgs, driver: &Driver) -> Result<Vec<Failure>, Fault> {
    let wanted = FAILURES.into_iter().filter(|one| args.failure.is_none_or(|wanted| wanted == one.0));
    let taken: Vec<Failure> = wanted.map(|one| one.1).filter(|failure| driver.takes(*failure)).collect();
    if taken.is_empty() {
        return Err(Fault::usage(format!("This --failure is not made with --driver {}.", driver.name())));
    }
    Ok(taken)
}

fn line(one: &Failover) -> String {
    let (commit, failure) = one.words();
    let mut text = format!(
        "{:<8} {commit}, {failure}: {} commits acknowledged, {} of them lost ({} predicted from the lag; RPO {} ms); next write after {} \
         ms (RTO), on {}. The old primary rejoined with {} rows.",
        if one.holds { "proven" } else { "broken" },
        one.acknowledged,
        one.lost,
        one.predicted,
        one.rpo_ms,
        one.rto_ms,
        one.new_primary,
        one.rejoined_rows
    );
    match one.two_primaries {
        Some(true) => text.push_str(
            " Two primaries: the old one acknowledged a write after the promotion, and it is gone.",
        ),
        Some(false) => text.push_str(" The old primary, alive, acknowledged nothing after the promotion."),
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

fn runbook(all: &[Failover], skipped: Option<&str>) -> String {
    let mut text = String::from(
        "# Failover runbook\n\nWritten by `underpin drill failover` from real runs: a primary `n1` with standbys `n2` and `n3`, clients that \
         record every acknowledged commit.",
    );
    if let Some(first) = all.first() {
        text.push_str(&format!(" Who promotes: {}.", first.promoted_by));
    }
    text.push('\n');
    for one in all {
        let (commit, failure) = one.words();
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
    if let Some(skipped) = skipped {
        text.push_str(&format!("{skipped} "));
    }
    text.push_str(
        "A cut between clients and primary, networks between machines, a disk that is slow instead of full. `kill -9` leaves the operating system's cache intact, unlike a power cut. All \
         sockets are of this machine: one whose server is dead refuses at once, where a dead machine lets clients wait. ",
    );
    text.push_str(match all.first().map(|one| one.driver) {
        Some("patroni") => {
            "One etcd is no quorum: losing one of three was not tried, nor a watchdog device, nor failsafe_mode. Patroni started \
             again after a kill is what systemd does (`Restart=`); here the drill did it.\n"
        }
        _ => {
            "Here the drill itself decides at once and promotes, so the time that a monitor takes to notice comes on top \
             (`--driver patroni` shows one). The full disk is a limit on the size of files (EFBIG instead of ENOSPC).\n"
        }
    });
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
