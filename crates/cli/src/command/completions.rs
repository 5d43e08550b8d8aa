//! `underpin completions`: scripts for the shell.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::args::Arguments;
use crate::fault::Fault;
use crate::output;

/// Print a completion script for the shell
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Carries the command out.
pub fn run(args: &CompletionsArgs) -> Result<u8, Fault> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "underpin", &mut script);
    output::result(&String::from_utf8_lossy(&script));
    Ok(0)
}
