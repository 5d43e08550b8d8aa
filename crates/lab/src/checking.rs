//! Checks migrations by themselves: which files, against which running code, with what data.

use camino::Utf8Path;
use futures_util::future::LocalBoxFuture;
use underpin_model::EventSink;
use underpin_model::production::ProductionSnapshot;
use underpin_model::project::Project;

use crate::check::{self, Bench, Checked, RunningCode, Selection};
use crate::error::LabError;
use crate::lab::{Lab, LabSpec};
use crate::migrator::MigrateError;
use crate::project_folder::{ProjectError, load_project};
use crate::proofs;
use crate::prove::{Proved, Run, finish};

/// What to check.
#[derive(Debug)]
pub struct CheckWish<'p> {
    /// The project.
    pub project: &'p Project,
    /// Its files to judge.
    pub selection: Selection,
    /// The project whose code runs during the deployment: that of an older commit, or the same.
    pub running: &'p Project,
    /// What production looks like, where that is known.
    pub production: Option<ProductionSnapshot>,
    /// The lab.
    pub lab: LabSpec,
}

/// The project as it was at a commit, read from a folder that lives as long as this value.
#[derive(Debug)]
pub struct AtCommit {
    _folder: tempfile::TempDir,
    /// The project; nothing when there was none at that commit.
    pub project: Option<Project>,
}

/// Reads the project in `root` as it was at the commit `reference`.
pub async fn at_commit(root: &Utf8Path, reference: &str) -> Result<AtCommit, LabError> {
    let making = |error| LabError::file("making a folder for the files of a commit", error);
    let folder = tempfile::tempdir().map_err(making)?;
    let path = camino::Utf8PathBuf::from(folder.path().to_string_lossy().into_owned());
    underpin_pg::git::files_at(root, reference, &path).await?;
    let project = match load_project(&path) {
        Ok(project) => Some(project),
        // No migrations then: everything is new since.
        Err(ProjectError::Files { diagnostics }) if diagnostics.iter().all(|one| one.line.is_none()) => None,
        Err(error) => return Err(error.into()),
    };
    Ok(AtCommit { _folder: folder, project })
}

/// Returns the files of `project` that `older` does not have.
pub fn added_since(project: &Project, older: Option<&Project>) -> Selection {
    let known =
        |version: &str| older.is_some_and(|older| older.migrations.iter().any(|one| one.version == version));
    let added = project.migrations.iter().filter(|one| !known(&one.version));
    Selection { versions: added.map(|one| one.version.clone()).collect() }
}

/// Judges migrations and returns a report with the proof `migrations` only.
///
/// A template that the files to judge keep from being built is made without them, as far as seed and scale file allow.
pub fn check_alone<'a>(
    wish: &'a CheckWish<'a>,
    events: &'a dyn EventSink,
) -> LocalBoxFuture<'a, Result<(Proved, Checked), LabError>> {
    Box::pin(async move {
        let proof = &proofs::migrations::PROOF;
        let run = Run::start(wish.project, [proof.name], events);
        let start = std::time::Instant::now();
        let (lab, base) = open(wish, events).await?;
        let server = lab.server_info().await?;
        let bench =
            Bench { lab: &lab, spec: &wish.lab, base: &base, production: wish.production.as_ref(), events };
        let running = RunningCode::of(wish.running);
        let checked = check::check(wish.project, &running, &wish.selection, &bench).await?;
        lab.close().await?;
        let allow = wish.project.config.proofs.get(proof.name).map(|settings| settings.allow.as_slice());
        let (mut report, documents) =
            finish(proof.name, proofs::migrations::outcome(checked.clone()), allow.unwrap_or_default());
        report.duration_ms = crate::lab::elapsed_ms(start);
        Ok((Proved { report: run.finish(server, vec![report]), documents }, checked))
    })
}

/// Opens a lab on the project; where its own files keep that from happening, on the part of it that works.
async fn open(wish: &CheckWish<'_>, events: &dyn EventSink) -> Result<(Lab, Project), LabError> {
    let mut base = wish.project.clone();
    match Lab::open(&base, &wish.lab, events).await {
        Ok(lab) => return Ok((lab, base)),
        Err(LabError::Migrate(MigrateError::Statement { .. }) | LabError::Load { .. }) => {}
        Err(other) => return Err(other),
    }
    let first = base.migrations.iter().position(|one| wish.selection.versions.contains(&one.version));
    base.migrations.truncate(first.unwrap_or(base.migrations.len()));
    match Lab::open(&base, &wish.lab, events).await {
        Err(LabError::Load { .. }) => {}
        opened => return Ok((opened?, base)),
    }
    // The seed fits the schema that the files at fault would have made.
    base.seeds.clear();
    base.scale = None;
    Ok((Lab::open(&base, &wish.lab, events).await?, base))
}
