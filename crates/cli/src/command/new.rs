//! `underpin new`: a project of one's own from a reference system.

use camino::Utf8PathBuf;
use clap::Args;
use include_dir::{Dir, include_dir};

use crate::fault::Fault;
use crate::output;
use crate::settings::Settings;

static CODELEARN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../systems/codelearn");

/// Start a project from a reference system
#[derive(Debug, Args)]
pub struct NewArgs {
    /// Folder to make; must not exist, or be empty
    dir: Utf8PathBuf,
    /// The reference system
    #[arg(long, value_name = "SYSTEM", default_value = "codelearn")]
    from: String,
}

/// Carries the command out.
pub fn run(args: &NewArgs, settings: &Settings) -> Result<u8, Fault> {
    let system = match args.from.as_str() {
        "codelearn" => &CODELEARN,
        other => {
            let fault = Fault::usage(format!("There is no reference system called {other}."));
            return Err(fault.hint("The reference systems are: codelearn."));
        }
    };
    let folder = settings.folder().join(&args.dir);
    let occupied =
        folder.exists() && folder.read_dir_utf8().is_ok_and(|mut entries| entries.next().is_some());
    if occupied || folder.is_file() {
        let fault = Fault::usage(format!("{} exists and is not empty.", args.dir));
        return Err(fault.hint("Choose a new folder, or run `underpin init` in it to adopt what is there."));
    }
    let failed = |error| Fault::environment(format!("{} could not be written.", args.dir)).because(error);
    copy(system, &folder).map_err(failed)?;
    output::result(&format!("Made {} from {}.", args.dir, args.from));
    output::remark(&format!("\nhint: cd {} && underpin prove", args.dir));
    Ok(0)
}

fn copy(from: &Dir<'_>, folder: &camino::Utf8Path) -> std::io::Result<()> {
    fs_err::create_dir_all(folder)?;
    for entry in from.entries() {
        let Some(path) = camino::Utf8Path::from_path(entry.path()) else { continue };
        // A server's data and caches of the tree we were built from are nobody's project.
        if path.components().any(|part| part.as_str() == ".underpin") {
            continue;
        }
        let name = path.file_name().unwrap_or_default();
        match entry {
            include_dir::DirEntry::Dir(dir) => copy(dir, &folder.join(name))?,
            include_dir::DirEntry::File(file) => fs_err::write(folder.join(name), file.contents())?,
        }
    }
    Ok(())
}
