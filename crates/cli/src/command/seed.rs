//! `underpin seed`: loads seed.sql, and scale.sql when asked.

use clap::Args;
use underpin_lab::loading::load_files;
use underpin_lab::project_folder::load_scale;

use crate::fault::Fault;
use crate::output;
use crate::progress::Progress;
use crate::settings::Settings;

/// Load the seed, and production-shaped volume with --scale
///
/// Works on --database-url, DATABASE_URL, PG*, or the project's own server (`underpin up`). Each
/// file runs in one transaction: it is loaded whole or not at all.
#[derive(Debug, Args)]
pub struct SeedArgs {
    /// Also run scale.sql with this value of :scale
    #[arg(long, value_name = "N", env = "UNDERPIN_SCALE")]
    scale: Option<u32>,
}

/// Carries the command out.
pub async fn run(args: &SeedArgs, settings: &Settings) -> Result<u8, Fault> {
    let project = settings.project()?;
    let target = super::target(settings, &project)?;
    let mut files = project.seeds.clone();
    if let Some(scale) = args.scale {
        let file = load_scale(&project, scale)?;
        let missing = || {
            Fault::usage("The project has no scale.sql.")
                .hint("Write one that takes :scale, or leave out --scale.")
        };
        files.push(file.ok_or_else(missing)?);
    }
    if files.is_empty() {
        return Err(Fault::usage("The project has no seed.sql.")
            .hint("Write one with INSERT … ON CONFLICT DO NOTHING."));
    }
    output::remark(&format!("Loading into {}.", target.display()));
    let progress = Progress::new(settings);
    let loaded = load_files(&target, &files, &progress).await?;
    drop(progress);
    let text =
        format!("Loaded {} rows in {:.1} s ({:.0} rows/s).", loaded.rows, loaded.seconds, loaded.rate());
    let json = serde_json::json!({ "rows": loaded.rows, "seconds": loaded.seconds, "rows_per_second": loaded.rate() });
    output::result(&if settings.json() { json.to_string() } else { text });
    Ok(0)
}
