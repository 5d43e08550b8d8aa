//! `underpin drill`: what a topology of real servers does when a part of it fails.

mod bloat;
mod crash;
mod failover;
mod pitr;
mod storm;

use camino::Utf8PathBuf;
use clap::{Args, Subcommand};
use underpin_lab::drill::ground::{self, Ground};
use underpin_lab::lab::LabSpec;
use underpin_model::project::Project;
use underpin_pg::Installation;

use crate::fault::Fault;
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
    Failover(failover::FailoverArgs),
    Pitr(pitr::PitrArgs),
    Crash(crash::CrashArgs),
    Bloat(bloat::BloatArgs),
    Storm(storm::StormArgs),
}

/// Carries the command out.
pub async fn run(args: &DrillArgs, settings: &Settings) -> Result<u8, Fault> {
    match &args.drill {
        Drill::Failover(args) => failover::run(args, settings).await,
        Drill::Pitr(args) => pitr::run(args, settings).await,
        Drill::Crash(args) => crash::run(args, settings).await,
        Drill::Bloat(args) => bloat::run(args, settings).await,
        Drill::Storm(args) => storm::run(args, settings).await,
    }
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
