//! The command line as it is typed; nothing after [`Settings`](crate::settings::Settings) sees these types.

use camino::Utf8PathBuf;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::command;

/// Prove a PostgreSQL data layer before production does
///
/// Underpin starts a real PostgreSQL of its own, builds the project in it, and runs experiments
/// that each end proven, broken, inconclusive or skipped with the reason.
///
/// Exit codes: 0 all proven; 1 findings at or above --fail-on, or a broken proof; 2 wrong usage or
/// project files; 3 environment (no server, no rights); 4 inconclusive; 5 internal error; 130
/// interrupted.
#[derive(Debug, Parser)]
#[command(name = "underpin", version, max_term_width = 100, arg_required_else_help = true)]
pub struct Arguments {
    #[command(flatten)]
    pub global: GlobalArgs,
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command takes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Project folder; found upwards from the current folder when absent
    #[arg(long, global = true, value_name = "DIR", env = "UNDERPIN_PROJECT")]
    pub project: Option<Utf8PathBuf>,
    /// A database of your own to look at instead of a private server
    #[arg(long, global = true, value_name = "URL", env = "UNDERPIN_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// PostgreSQL to run: a major version such as 16, or a folder with its programs
    #[arg(long, global = true, value_name = "VERSION|DIR", env = "UNDERPIN_SERVER")]
    pub server: Option<String>,
    /// Form of the result on standard output
    #[arg(long, global = true, value_enum, default_value_t, env = "UNDERPIN_FORMAT")]
    pub format: Format,
    /// Print no progress
    #[arg(long, short, global = true, env = "UNDERPIN_QUIET")]
    pub quiet: bool,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t, env = "UNDERPIN_COLOR")]
    pub color: Color,
}

/// Form of the result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    #[default]
    Text,
    Json,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    Prove(command::prove::ProveArgs),
    New(command::new::NewArgs),
    Init(command::init::InitArgs),
    Up(command::up::UpArgs),
    Down(command::down::DownArgs),
    Status(command::status::StatusArgs),
    Psql(command::psql::PsqlArgs),
    Migrate(command::migrate::MigrateArgs),
    Seed(command::seed::SeedArgs),
    Race(command::race::RaceArgs),
    Snapshot(command::snapshot::SnapshotArgs),
    Backup(command::backup::BackupArgs),
    Restore(command::restore::RestoreArgs),
    Drill(command::drill::DrillArgs),
    Pool(command::pool::PoolArgs),
    Triage(command::triage::TriageArgs),
    Explain(command::explain::ExplainArgs),
    Doctor(command::doctor::DoctorArgs),
    Selftest(command::selftest::SelftestArgs),
    Completions(command::completions::CompletionsArgs),
    Man(command::man::ManArgs),
}
