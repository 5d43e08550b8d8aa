//! `underpin up`: the project's own server, for daily work.

use clap::Args;
use underpin_lab::daily;

use crate::fault::Fault;
use crate::output;
use crate::progress::Progress;
use crate::settings::Settings;

/// Start the project's own server, migrated and seeded; its data stay in .underpin/
///
/// The server listens on a Unix socket only and goes on after this command; `underpin down` stops
/// it, `underpin psql` connects.
#[derive(Debug, Args)]
pub struct UpArgs {
    /// Also listen on this TCP port of 127.0.0.1
    #[arg(long, value_name = "PORT", env = "UNDERPIN_PORT")]
    port: Option<u16>,
    /// Start the server only; neither migrate nor seed
    #[arg(long)]
    bare: bool,
}

/// Carries the command out.
pub async fn run(args: &UpArgs, settings: &Settings) -> Result<u8, Fault> {
    let project = settings.project()?;
    super::sweep(settings);
    let installation = settings.installation(Some(&project))?;
    let progress = Progress::new(settings);
    let started = daily::start(&project, &installation, args.port, &progress).await?;
    if !args.bare {
        daily::prepare(&project, &started.address, &progress).await?;
    }
    drop(progress);
    let (verb, url) = (if started.already { "was up already" } else { "is up" }, started.url());
    if settings.json() {
        output::result(&serde_json::json!({ "url": url, "already": started.already }).to_string());
        return Ok(0);
    }
    output::result(&format!("The server of {} {verb}.\n  {url}", project.config.project.name));
    output::remark("\nhint: `underpin psql` connects, `underpin down` stops it.");
    Ok(0)
}
