//! `underpin down`: stops the project's own server.

use clap::Args;
use underpin_lab::daily;

use crate::fault::Fault;
use crate::output;
use crate::settings::Settings;

/// Stop the project's own server; its data stay
#[derive(Debug, Args)]
pub struct DownArgs {
    /// Also remove its data
    #[arg(long)]
    remove_data: bool,
}

/// Carries the command out.
pub async fn run(args: &DownArgs, settings: &Settings) -> Result<u8, Fault> {
    let root = settings.project_folder()?;
    let stopped = daily::stop(&root).await?;
    output::result(if stopped {
        "The server is stopped; its data stay in .underpin/."
    } else {
        "No server was up."
    });
    if args.remove_data {
        daily::remove_data(&root)?;
        output::result("Its data are removed.");
    }
    Ok(0)
}
