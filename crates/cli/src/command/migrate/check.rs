//! `underpin migrate check`: judges migrations by running them beside the code that runs meanwhile.

use camino::Utf8PathBuf;
use clap::Args;
use underpin_lab::check::{Selection, table_for_pull_request};
use underpin_lab::checking::{self, CheckWish};
use underpin_lab::lab::LabSpec;
use underpin_lab::{prove, snapshot};
use underpin_model::project::Project;

use super::read_plan;
use crate::command::prove::{
    FailOn, ReportArgs, fail_on, folder_is_there, print, report_targets, write_reports,
};
use crate::fault::Fault;
use crate::output;
use crate::progress::Progress;
use crate::settings::Settings;
use crate::whole_file;

/// Judge pending migrations by running them in a private server
///
/// Each file runs at the project's scale and at four times that, statement by statement, beside the
/// project's queries and transactions. What makes it unsafe is measured: who waits while the work
/// grows with the rows, which code breaks, which values are gone. Without a database, --from or
/// --since every file is judged.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Judge this version and every later one
    #[arg(long, value_name = "VERSION", conflicts_with = "since")]
    from: Option<String>,
    /// Judge what this git commit does not have; its queries and transactions are the code that runs meanwhile
    #[arg(long, value_name = "GITREF", env = "UNDERPIN_SINCE")]
    since: Option<String>,
    /// Value of :scale for scale.sql; [scale] default when absent
    #[arg(long, value_name = "N", env = "UNDERPIN_SCALE")]
    scale: Option<u32>,
    /// Least severity that fails the run; [gate] fail_on when absent, else error
    #[arg(long, value_enum, env = "UNDERPIN_FAIL_ON")]
    fail_on: Option<FailOn>,
    #[command(flatten)]
    reports: ReportArgs,
    /// Also write a Markdown table of all statements, for the pull request
    #[arg(long, value_name = "FILE")]
    table: Option<Utf8PathBuf>,
    /// Sizes and statistics of production, from underpin snapshot; snapshot.json in the project when absent
    #[arg(long, value_name = "FILE")]
    snapshot: Option<Utf8PathBuf>,
    /// Build the template anew instead of taking it from .underpin/cache
    #[arg(long)]
    no_cache: bool,
}

/// Carries the command out.
pub async fn run(args: &CheckArgs, settings: &Settings) -> Result<u8, Fault> {
    let targets = report_targets(&args.reports.reports)?;
    if let Some(file) = &args.table {
        folder_is_there(file, &format!("--table {file}"))?;
    }
    let project = settings.project()?;
    let older = match &args.since {
        Some(reference) => Some(checking::at_commit(&project.root, reference).await?),
        None => None,
    };
    let selection = match (&args.from, &older) {
        (Some(version), _) => from(&project, version)?,
        (None, Some(older)) => checking::added_since(&project, older.project.as_ref()),
        (None, None) => pending(&project, settings).await?,
    };
    if selection.versions.is_empty() {
        output::remark("No migration is pending.");
    }
    super::super::sweep(settings);
    let wish = CheckWish {
        project: &project,
        running: older.as_ref().and_then(|older| older.project.as_ref()).unwrap_or(&project),
        selection,
        production: match &args.snapshot {
            Some(file) => Some(snapshot::read(file)?),
            None => snapshot::of_project(&project.root)?,
        },
        lab: LabSpec {
            installation: settings.installation(Some(&project))?,
            scale: args.scale.unwrap_or(project.config.scale.default_scale),
            cache: (!args.no_cache).then(|| project.root.join(".underpin/cache")),
        },
    };
    let progress = Progress::new(settings);
    let (proved, checked) = checking::check_alone(&wish, &progress).await?;
    drop(progress);
    if let Some(file) = &args.table {
        whole_file::write(file, &table_for_pull_request(&checked.deployments))?;
        output::remark(&format!("Wrote {file}."));
    }
    write_reports(&targets, &proved.report)?;
    print(&proved.report, &targets, settings);
    Ok(prove::exit_code(&proved.report, fail_on(args.fail_on, &project)))
}

fn from(project: &Project, version: &str) -> Result<Selection, Fault> {
    let selection = Selection::from(project, Some(version));
    if !selection.versions.is_empty() {
        return Ok(selection);
    }
    let newest = project.migrations.last().map(|one| one.version.as_str()).unwrap_or_default();
    Err(Fault::usage(format!("There is no version {version} or later."))
        .hint(format!("The newest is {newest}; `underpin migrate status` lists all.")))
}

async fn pending(project: &Project, settings: &Settings) -> Result<Selection, Fault> {
    if settings.named_database()?.is_none() {
        return Ok(Selection::from(project, None));
    }
    let plan = read_plan(project, settings).await?;
    let versions = plan.pending.iter().map(|one| project.migrations[one.index].version.clone());
    Ok(Selection { versions: versions.collect() })
}
