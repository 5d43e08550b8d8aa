//! `underpin man`: the manual page.

use clap::{Args, CommandFactory};

use crate::args::Arguments;
use crate::fault::Fault;
use crate::output;

/// Print the manual page in roff
#[derive(Debug, Args)]
pub struct ManArgs {}

/// Carries the command out.
pub fn run(_args: &ManArgs) -> Result<u8, Fault> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Arguments::command())
        .render(&mut page)
        .map_err(|error| Fault::internal("Rendering the manual page failed.").because(error))?;
    output::result(&String::from_utf8_lossy(&page));
    Ok(0)
}
