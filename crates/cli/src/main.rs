//! `underpin`: proves a PostgreSQL data layer before production does.
//!
//! This binary reads arguments and the environment, calls the library, and prints. It holds no
//! experiment and no rule.

mod args;
mod command;
mod fault;
mod output;
mod progress;
mod settings;
mod whole_file;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Arguments;
use crate::fault::Fault;
use crate::settings::Settings;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let settings = Settings::new(&arguments.global, settings::Environment::of_process());
    match run(&arguments, settings) {
        Ok(code) => ExitCode::from(code),
        Err(fault) => {
            output::error(&fault);
            ExitCode::from(fault.exit_code())
        }
    }
}

fn run(arguments: &Arguments, settings: Settings) -> Result<u8, Fault> {
    // Servers do the work; on one thread their answers reach us without waking another.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Fault::internal("starting the asynchronous runtime").because(error))?;
    runtime.block_on(async {
        tokio::select! {
            outcome = command::run(&arguments.command, &settings) => outcome,
            // Dropping the command's future drops its servers, which ends their processes and folders.
            () = interrupted() => Err(Fault::interrupted()),
        }
    })
}

/// Returns when the user or the system asks the process to end.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()), signal(SignalKind::hangup()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
}
