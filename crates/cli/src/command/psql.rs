//! `underpin psql`: connects to the project's database.

use clap::Args;

use crate::fault::Fault;
use crate::settings::Settings;

/// Open psql on the project's own server, or on the database that the flags name
#[derive(Debug, Args)]
pub struct PsqlArgs {
    /// Arguments for psql
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Carries the command out; the exit code is psql's.
pub async fn run(args: &PsqlArgs, settings: &Settings) -> Result<u8, Fault> {
    let project = settings.project()?;
    let target = super::target(settings, &project)?;
    let installation = settings.installation(Some(&project))?;
    let call = underpin_pg::ToolCall::new("psql").args(args.arguments.iter().cloned()).on(&target);
    let code = underpin_pg::run_at_terminal(&installation, &call).await;
    let code = code.map_err(|error| Fault::from(underpin_lab::LabError::from(error)))?;
    Ok(u8::try_from(code).unwrap_or(1))
}
