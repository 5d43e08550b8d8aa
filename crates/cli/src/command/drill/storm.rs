//! `underpin drill storm`: thousands of clients at once, directly and through PgBouncer.

use std::time::Duration;

use camino::Utf8PathBuf;
use clap::Args;
use underpin_lab::drill::storm::{StormSpec, storm};
use underpin_lab::lab::LabSpec;
use underpin_lab::prove;
use underpin_model::Report;
use underpin_pg::installation::find_program;

use crate::command::prove::{ReportArgs, fail_on, folder_is_there, print, report_targets, write_reports};
use crate::fault::Fault;
use crate::output;
use crate::progress::Progress;
use crate::settings::Settings;

/// Let up to ten thousand clients come at once, directly and through PgBouncer, and count who fails
///
/// A private server with production's durability holds the project. Clients log in all at once as the application role and
/// run its named queries and transactions, as often as their `-- rate:` lines say; each client counts by itself. Shown per
/// number of clients: who failed and with which message, time to the login and to the first row, calls per second, memory,
/// SHOW POOLS. Exit code 1: behind PgBouncer a client failed, the pool had more server connections than it may, a login took
/// over 5 s, or the most clients got less than 0.35 times as much done as a hundred. Exit code 4: a part could not be run.
#[derive(Debug, Args)]
pub struct StormArgs {
    /// Numbers of clients
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "10,100,1000,10000",
          value_parser = clap::value_parser!(u32).range(1..=50_000))]
    clients: Vec<u32>,
    /// Server connections of the pool
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
    pool_size: u32,
    /// Seconds that are counted at each number of clients
    #[arg(long, value_name = "SECONDS", default_value_t = 3.0)]
    seconds: f64,
    /// Longest wait for a login in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 15.0)]
    login_limit: f64,
    /// Open files that PgBouncer may have; as many as we when absent
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(20..))]
    pooler_files: Option<u64>,
    /// Value of :scale for scale.sql; [scale] default when absent
    #[arg(long, value_name = "N")]
    scale: Option<u32>,
    /// Write the runbook: what was measured, every command, what was not tested
    #[arg(long, value_name = "FILE")]
    write: Option<Utf8PathBuf>,
    #[command(flatten)]
    reports: ReportArgs,
}

/// Carries the command out.
pub async fn run(args: &StormArgs, settings: &Settings) -> Result<u8, Fault> {
    for (flag, seconds) in [("--seconds", args.seconds), ("--login-limit", args.login_limit)] {
        if !(0.2..=600.0).contains(&seconds) {
            return Err(Fault::usage(format!("{flag} takes 0.2 to 600 seconds.")));
        }
    }
    let targets = report_targets(&args.reports.reports)?;
    let file = args.write.as_ref().map(|file| settings.folder().join(file));
    if let Some(file) = &file {
        folder_is_there(file, "--write")?;
    }
    let project = settings.project()?;
    let lab = LabSpec {
        installation: settings.installation(Some(&project))?,
        scale: args.scale.unwrap_or(project.config.scale.default_scale),
        cache: Some(project.root.join(".underpin/cache")),
    };
    let mut clients = args.clients.clone();
    clients.sort_unstable();
    clients.dedup();
    let spec = StormSpec {
        project: &project,
        lab: &lab,
        pgbouncer: find_program(&settings.search(None), "pgbouncer"),
        clients,
        pool_size: args.pool_size,
        window: Duration::from_secs_f64(args.seconds),
        login_limit: Duration::from_secs_f64(args.login_limit),
        descriptors: args.pooler_files,
    };
    crate::command::sweep(settings);
    let progress = Progress::new(settings);
    let proved = storm(&spec, &progress).await?;
    drop(progress);
    if let Some(file) = &file {
        crate::whole_file::write(file, &runbook(&proved.report))?;
        output::remark(&format!("Wrote {file}."));
    }
    write_reports(&targets, &proved.report)?;
    print(&proved.report, &targets, settings);
    Ok(prove::exit_code(&proved.report, fail_on(None, &project)))
}

fn runbook(report: &Report) -> String {
    let Some(drill) = report.proofs.first() else { return String::new() };
    let mut intro = format!(
        "Written by `underpin drill storm` from a real run on PostgreSQL {}.\n\n**{}.** {}\n",
        report.server.version,
        drill.verdict,
        drill.reason.as_deref().unwrap_or_default()
    );
    for finding in &drill.findings {
        intro.push_str(&format!("\n- `{}` {}: {}", finding.code, finding.severity.word(), finding.message));
    }
    underpin_report::markdown::evidence_document_with_durations("Storm runbook", &intro, &drill.evidence)
}
