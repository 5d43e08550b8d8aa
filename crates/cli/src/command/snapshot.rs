//! `underpin snapshot`: sizes and statistics of production, for checks that count with them.

use camino::Utf8PathBuf;
use clap::Args;
use underpin_lab::snapshot;

use crate::fault::Fault;
use crate::output;
use crate::settings::Settings;
use crate::whole_file;

/// Write sizes and statistics of a running database to a file, never its data
///
/// Reads catalogs only, in read-only transactions that wait for nobody: rows and pages of each table,
/// the planner's statistics of each column without their values, and the statements that take most
/// time, without constants. `underpin migrate check` counts with the file where it lies in the project.
#[derive(Debug, Args)]
pub struct SnapshotArgs {
    /// The file; snapshot.json in the project folder when absent, - for standard output
    #[arg(long, value_name = "FILE")]
    out: Option<Utf8PathBuf>,
}

/// Carries the command out.
pub async fn run(args: &SnapshotArgs, settings: &Settings) -> Result<u8, Fault> {
    let Some(address) = settings.named_database()? else {
        return Err(Fault::usage("No database is named.")
            .hint("underpin snapshot --database-url postgres://reader@host/database"));
    };
    let taken = snapshot::take(&address).await?;
    let text =
        serde_json::to_string_pretty(&taken).map_err(|error| Fault::internal(error.to_string()))? + "\n";
    let file = match &args.out {
        Some(file) if file == "-" => {
            output::result(text.trim_end());
            return Ok(0);
        }
        Some(file) => file.clone(),
        None => settings.project_folder()?.join(snapshot::FILE),
    };
    whole_file::write(&file, &text)?;
    output::remark(&format!(
        "Wrote {file}: {} tables, {} statements.",
        taken.tables.len(),
        taken.statements.len()
    ));
    if settings.json() {
        output::result(text.trim_end());
    }
    Ok(0)
}
