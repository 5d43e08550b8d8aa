//! The template: the project migrated, seeded, scaled, vacuumed and analysed; cached by content.

use std::time::Instant;

use camino::{Utf8Path, Utf8PathBuf};
use underpin_model::project::Project;
use underpin_model::{Event, EventSink};
use underpin_pg::Address;
use underpin_pg::Session;
use underpin_pg::{Profile, Server, ServerSpec};
use xxhash_rust::xxh3::Xxh3;

use crate::error::LabError;
use crate::lab::{LabSpec, elapsed_ms};
use crate::migrator::{ApplyOptions, migrate_up};
use crate::{bootstrap, loading, project_folder};

/// Name of the template database.
pub const DATABASE: &str = "underpin_template";

/// Raised whenever the way a template is built changes, so that old ones are not used.
const FORMAT: &str = "2";

/// Returns the data folder of a stopped server that holds the project's template.
pub(crate) async fn template_data(
    project: &Project,
    spec: &LabSpec,
    cache: &Utf8Path,
    events: &dyn EventSink,
) -> Result<Utf8PathBuf, LabError> {
    let start = Instant::now();
    let folder = cache.join(content_hash(project, spec));
    let data = folder.join("data");
    let cached = data.exists();
    if !cached {
        build(project, spec, &folder, events).await?;
        forget_others(cache, &folder);
    }
    events.emit(Event::TemplateReady { cached, duration_ms: elapsed_ms(start) });
    Ok(data)
}

/// Returns what the template depends on, as one word.
fn content_hash(project: &Project, spec: &LabSpec) -> String {
    let mut hash = Xxh3::new();
    let mut feed = |text: &str| {
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    };
    feed(FORMAT);
    feed(&spec.installation.version.text);
    feed(&spec.scale.to_string());
    feed(&format!("{:?}", project.config.database));
    for migration in &project.migrations {
        feed(&migration.version);
        feed(&migration.checksum);
    }
    for file in project.seeds.iter().chain(&project.scale) {
        feed(&file.text);
    }
    format!("{:032x}", hash.digest128())
}

async fn build(
    project: &Project,
    spec: &LabSpec,
    folder: &Utf8Path,
    events: &dyn EventSink,
) -> Result<(), LabError> {
    // Old log segments are removed instead of kept for later: every server of a run copies what lies here. Nobody knows
    // how large it grows, and it ends on a disk.
    let mut wish =
        ServerSpec::new(spec.installation.clone(), Profile::Fast, "template").setting("wal_recycle", "off");
    wish.temp = Some(underpin_pg::folder::DEFAULT_TEMP.into());
    let mut server = Server::start(wish).await?;
    build_database(project, spec.scale, &server.address(), events).await?;
    server.stop_keeping_data().await?;
    keep(server, folder)
}

/// Builds the template database on the server at `superuser`.
async fn build_database(
    project: &Project,
    scale: u32,
    superuser: &Address,
    events: &dyn EventSink,
) -> Result<(), LabError> {
    bootstrap::create_database(superuser, DATABASE, &project.config.database).await?;
    let owner = owner_address(project, &superuser.database(DATABASE));
    migrate_up(&owner, &project.migrations, &ApplyOptions::default(), events).await?;
    loading::load_files(&owner, &project.seeds, events).await?;
    let scaled = project.scale.is_some().then(|| project_folder::load_scale(project, scale)).transpose()?;
    if let Some(file) = scaled.flatten() {
        let loaded = loading::load_files(&owner, &[file], events).await?;
        let text = format!("Scaled to {} rows at {:.0} rows/s.", loaded.rows, loaded.rate());
        events.emit(Event::Remark { text });
    }
    let session = Session::connect(&superuser.database(DATABASE)).await?;
    session.execute("VACUUM (FREEZE, ANALYZE)").await.map_err(LabError::preparing)?;
    session.execute("CHECKPOINT").await.map_err(LabError::preparing)?;
    session.close().await;
    Ok(())
}

/// Returns the address under which the project's migrations and loads run.
pub fn owner_address(project: &Project, superuser: &Address) -> Address {
    match &project.config.database.owner_role {
        Some(role) => superuser.user(role),
        None => superuser.clone(),
    }
}

/// Puts the finished data folder into the cache in one rename, so that a killed run leaves no half template.
fn keep(server: Server, folder: &Utf8Path) -> Result<(), LabError> {
    let doing = |error| LabError::file("keeping the template in the cache", error);
    fs_err::create_dir_all(folder).map_err(doing)?;
    let part = folder.join(format!("part-{}", std::process::id()));
    if let Err(error) = server.move_data_to(&part) {
        // A full disk, most often: half a template must not keep it full.
        let _ = fs_err::remove_dir_all(&part);
        return Err(error.into());
    }
    match fs_err::rename(&part, folder.join("data")) {
        Ok(()) => Ok(()),
        // Another run was quicker with the same content.
        Err(_) if folder.join("data").exists() => fs_err::remove_dir_all(&part).map_err(doing),
        Err(error) => Err(doing(error)),
    }
}

/// Removes templates of older content: one project needs one template, and disks fill up silently.
fn forget_others(cache: &Utf8Path, folder: &Utf8Path) {
    let Ok(entries) = cache.read_dir_utf8() else { return };
    let mut others: Vec<_> = entries.filter_map(Result::ok).filter(|entry| entry.path() != folder).collect();
    others.sort_by_key(|entry| std::cmp::Reverse(entry.metadata().and_then(|meta| meta.modified()).ok()));
    // Six are kept: a run needs three sizes, and switching between two branches is common.
    for entry in others.iter().skip(6) {
        let _ = fs_err::remove_dir_all(entry.path());
    }
}
