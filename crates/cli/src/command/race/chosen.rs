//! Which scenarios the arguments of `underpin race` name.

use camino::{Utf8Path, Utf8PathBuf};
use underpin_lab::project_folder::{find_project, load_project};
use underpin_lab::race::{Bout, from_folder, of_scenario};
use underpin_model::project::Project;

use crate::fault::Fault;
use crate::settings::Settings;

/// Reads the scenarios; a project is read once, when one of them belongs to it.
pub(super) fn bouts(
    scenarios: &[Utf8PathBuf],
    settings: &Settings,
) -> Result<(Option<Project>, Vec<Bout>), Fault> {
    let (folders, files): (Vec<_>, Vec<_>) =
        scenarios.iter().partition(|given| settings.folder().join(given).is_dir());
    let Some(first) = files.first() else {
        let bout = |given: &&Utf8PathBuf| {
            let path = settings.folder().join(given);
            Ok(Bout { file: given.to_string(), ..from_folder(&path)? })
        };
        return Ok((None, folders.iter().map(bout).collect::<Result<_, Fault>>()?));
    };
    if !folders.is_empty() {
        return Err(Fault::usage("Bare folders and scenarios of a project cannot run in one command.")
            .hint("Run `underpin race` once for each kind."));
    }
    let project = project_of(first, settings)?;
    let bouts = files.iter().map(|given| of_project(&project, given, settings));
    let bouts = bouts.collect::<Result<_, _>>()?;
    Ok((Some(project), bouts))
}

/// Returns the project of a scenario: the one that `--project` names, else the one that holds the file, else the
/// one around the current folder.
fn project_of(given: &Utf8Path, settings: &Settings) -> Result<Project, Fault> {
    let path = settings.folder().join(given);
    match path.parent().filter(|_| path.is_file() && !settings.names_project()) {
        Some(folder) => Ok(load_project(&find_project(folder)?)?),
        None => settings.project(),
    }
}

fn of_project(project: &Project, given: &Utf8Path, settings: &Settings) -> Result<Bout, Fault> {
    let wanted = settings.folder().join(given).canonicalize_utf8().ok();
    let found = project.scenarios.iter().find(|one| {
        let file = project.root.join(&one.file).canonicalize_utf8().ok();
        file.is_some() && file == wanted || one.file.file_stem() == Some(given.as_str())
    });
    found.map(|scenario| of_scenario(project, scenario)).ok_or_else(|| {
        let names: Vec<&str> = project.scenarios.iter().filter_map(|one| one.file.file_stem()).collect();
        let fault = Fault::usage(format!("{given} is no scenario of this project and no folder."));
        match names[..] {
            [] => fault.hint("The project has no scenarios/*.toml; see docs/scenarios.md."),
            _ => fault.hint(format!("The scenarios are: {}.", names.join(", "))),
        }
    })
}
