//! `underpin pool`: how many server connections, and PgBouncer's configuration for it.

use std::time::Duration;

use camino::Utf8PathBuf;
use clap::Args;
use underpin_lab::lab::LabSpec;
use underpin_lab::pool::{Pool, PoolSpec, pool};
use underpin_pg::installation::find_program;

use crate::fault::Fault;
use crate::output;
use crate::progress::Progress;
use crate::settings::Settings;
use crate::whole_file;

/// Size a connection pool from measurements, write PgBouncer's configuration, and prove the size
///
/// On a private server with production's durability the project's queries and transactions run on 1, 2, 4, … connections.
/// From the service time, the wanted rate (Little's law), the curve's knee and every limit on the way follows a size. A sweep
/// through PgBouncer then shows whether any other size would be better. Last, logins cost PgBouncer processor time: with a
/// stored verifier, and with the password in its file. Exit code 1: the size gets less than nine tenths of the best one
/// done.
#[derive(Debug, Args)]
pub struct PoolArgs {
    /// Clients that come at once in production
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    clients: u32,
    /// Calls per second in production; the sum of all `-- rate:` lines when absent
    #[arg(long, value_name = "PER_SECOND")]
    rate: Option<f64>,
    /// Pause of a client between two calls in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 1_000)]
    think: u64,
    /// Sizes to measure
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "1,2,3,4,6,8,12,16,24,32",
          value_parser = clap::value_parser!(u32).range(1..=90))]
    sizes: Vec<u32>,
    /// Seconds per measurement
    #[arg(long, value_name = "SECONDS", default_value_t = 0.8)]
    seconds: f64,
    /// Rounds over all sizes; the median counts
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=25))]
    rounds: u32,
    /// The size to prove and to write, such as the one in use; the advised one when absent
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=90))]
    size: Option<u32>,
    /// Value of :scale for scale.sql; [scale] default when absent
    #[arg(long, value_name = "N")]
    scale: Option<u32>,
    /// Write pgbouncer.ini and userlist.txt into this folder
    #[arg(long, value_name = "FOLDER")]
    write: Option<Utf8PathBuf>,
}

/// Carries the command out.
pub async fn run(args: &PoolArgs, settings: &Settings) -> Result<u8, Fault> {
    if !(0.1..=600.0).contains(&args.seconds) {
        return Err(Fault::usage("--seconds takes 0.1 to 600 seconds."));
    }
    if args.rate.is_some_and(|rate| !(rate > 0.0 && rate.is_finite())) {
        return Err(Fault::usage("--rate takes a positive number of calls per second."));
    }
    let project = settings.project()?;
    let Some(pgbouncer) = find_program(&settings.search(None), "pgbouncer") else {
        return Err(Fault::environment("PgBouncer is not installed, and without it no size can be proven.")
            .hint("apt-get install pgbouncer"));
    };
    let lab = LabSpec {
        installation: settings.installation(Some(&project))?,
        scale: args.scale.unwrap_or(project.config.scale.default_scale),
        cache: Some(project.root.join(".underpin/cache")),
    };
    let mut sizes = args.sizes.clone();
    sizes.sort_unstable();
    sizes.dedup();
    let spec = PoolSpec {
        project: &project,
        lab: &lab,
        pgbouncer,
        clients: args.clients,
        rate: args.rate,
        think: Duration::from_millis(args.think),
        sizes,
        window: Duration::from_secs_f64(args.seconds),
        rounds: args.rounds,
        size: args.size,
    };
    super::sweep(settings);
    let progress = Progress::new(settings);
    let found = pool(&spec, &progress).await?;
    drop(progress);
    if let Some(folder) = &args.write {
        let folder = settings.folder().join(folder);
        let failed = |error| Fault::environment(format!("{folder} could not be made.")).because(error);
        fs_err::create_dir_all(&folder).map_err(failed)?;
        whole_file::write(&folder.join("pgbouncer.ini"), &found.files.ini)?;
        whole_file::write(&folder.join("userlist.txt"), &found.files.users)?;
        output::remark(&format!("Wrote {folder}/pgbouncer.ini and {folder}/userlist.txt."));
    }
    if settings.json() {
        output::result(&serde_json::json!({ "pool": found }).to_string());
    } else {
        output::result(&told(&found));
    }
    Ok(u8::from(!found.holds))
}

fn told(found: &Pool) -> String {
    let advice = &found.advice;
    let mut text =
        String::from("connections   directly calls/s   p99 ms   through PgBouncer calls/s   p99 ms\n");
    for point in &found.sweep {
        let direct = found.curve.iter().find(|direct| direct.size == point.size).copied().unwrap_or_default();
        text.push_str(&format!(
            "{:11}   {:16.0}   {:6.1}   {:25.0}   {:6.1}\n",
            point.size, direct.throughput, direct.p99_ms, point.throughput, point.p99_ms
        ));
    }
    text.push_str(&format!(
        "\n{:<8} default_pool_size = {}: {:.2} times the throughput of the best size, {} ({:.0} calls/s).\n\n\
         service time      {:.2} ms per call\n\
         wanted            {:.0} calls/s: {:.1} connections busy on average, {:.0} clients present; {:.2} of what is possible here\n\
         knee              {} connections on {} processors, shared by clients, pooler and server\n\
         limits            max_connections {} less {} reserved; {} open files needed, {} allowed here\n",
        if found.holds { "proven" } else { "broken" },
        advice.size,
        found.part_of_best,
        found.best.size,
        found.best.throughput,
        advice.service_ms,
        advice.rate,
        advice.busy,
        advice.present,
        advice.load,
        advice.knee,
        advice.limits.processors,
        advice.limits.max_connections,
        advice.limits.reserved,
        advice.descriptors,
        advice.limits.descriptors
    ));
    let memory = advice.limits.connection_bytes.map_or_else(
        || "not measurable here".to_owned(),
        |bytes| format!("{:.1} MB per server connection", bytes as f64 / 1e6),
    );
    text.push_str(&format!("memory            {memory}\n"));
    let logins = found.logins.map_or_else(
        || "not measurable here".to_owned(),
        |logins| {
            format!(
                "{:.0} µs of PgBouncer's processor with a stored verifier, {:.0} µs with the password in its file: {:.1} times",
                logins.verifier_us,
                logins.password_us,
                logins.ratio()
            )
        },
    );
    text.push_str(&format!("login             {logins}\n"));
    for finding in &found.findings {
        text.push_str(&format!("\nerror[{}] {}: {}\n", finding.code, finding.rule, finding.message));
        text.push_str(&finding.hint.as_ref().map_or_else(String::new, |hint| format!("    hint: {hint}\n")));
    }
    for warning in &advice.warnings {
        text.push_str(&format!("\nwarning: {warning}\n"));
    }
    text
}
