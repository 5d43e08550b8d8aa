//! One command per module.

pub mod backup;
pub mod completions;
pub mod doctor;
pub mod down;
pub mod drill;
pub mod engine;
pub mod explain;
pub mod init;
pub mod man;
pub mod migrate;
pub mod new;
pub mod pool;
pub mod prove;
pub mod psql;
pub mod race;
pub mod restore;
pub mod seed;
pub mod selftest;
pub mod snapshot;
pub mod status;
pub mod triage;
pub mod up;

use crate::args::Command;
use crate::fault::Fault;
use crate::settings::Settings;

/// Carries out a command; returns the exit code.
pub async fn run(command: &Command, settings: &Settings) -> Result<u8, Fault> {
    match command {
        Command::Prove(args) => prove::run(args, settings).await,
        Command::New(args) => new::run(args, settings),
        Command::Init(args) => init::run(args, settings),
        Command::Up(args) => up::run(args, settings).await,
        Command::Down(args) => down::run(args, settings).await,
        Command::Status(args) => status::run(args, settings).await,
        Command::Psql(args) => psql::run(args, settings).await,
        Command::Migrate(args) => migrate::run(args, settings).await,
        Command::Seed(args) => seed::run(args, settings).await,
        Command::Race(args) => race::run(args, settings).await,
        Command::Snapshot(args) => snapshot::run(args, settings).await,
        Command::Backup(args) => backup::run(args, settings).await,
        Command::Restore(args) => restore::run(args, settings).await,
        Command::Drill(args) => drill::run(args, settings).await,
        Command::Pool(args) => pool::run(args, settings).await,
        Command::Triage(args) => triage::run(args, settings).await,
        Command::Explain(args) => explain::run(args, settings),
        Command::Doctor(args) => doctor::run(args, settings),
        Command::Selftest(args) => selftest::run(args, settings).await,
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => man::run(args),
    }
}

/// Returns the database that a command for daily work acts on: the one that is named, else the
/// project's own server when it is up.
pub fn target(
    settings: &Settings,
    project: &underpin_model::project::Project,
) -> Result<underpin_pg::Address, Fault> {
    if let Some(address) = settings.named_database()? {
        return Ok(address);
    }
    match underpin_lab::daily::running(&project.root) {
        Some(started) => Ok(started.owner_address(project)),
        None => Err(Fault::environment("No database is named, and the project's own server is down.")
            .hint("Run `underpin up`, or give --database-url postgres://user@host/database.")),
    }
}

/// Removes what a killed run of ours left behind, and says so.
pub fn sweep(settings: &Settings) {
    for folder in underpin_lab::daily::sweep() {
        if settings.progress() {
            crate::output::remark(&format!("Removed the server folder of a run that was killed: {folder}."));
        }
    }
}
