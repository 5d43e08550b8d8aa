//! `underpin new`: a project of one's own from a reference system.

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;

use crate::fault::Fault;
use crate::output;
use crate::settings::Settings;

/// Path inside the project, and text.
type File = (&'static str, &'static str);

/// Every reference system by name; listed by `build.rs`.
const SYSTEMS: &[(&str, &[File])] = include!(concat!(env!("OUT_DIR"), "/systems.rs"));

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
    let Some((_, files)) = SYSTEMS.iter().find(|(name, _)| *name == args.from) else {
        let names: Vec<&str> = SYSTEMS.iter().map(|(name, _)| *name).collect();
        let fault = Fault::usage(format!("There is no reference system called {}.", args.from));
        return Err(fault.hint(format!("The reference systems are: {}.", names.join(", "))));
    };
    let folder = settings.folder().join(&args.dir);
    let occupied =
        folder.exists() && folder.read_dir_utf8().is_ok_and(|mut entries| entries.next().is_some());
    if occupied || folder.is_file() {
        let fault = Fault::usage(format!("{} exists and is not empty.", args.dir));
        return Err(fault.hint("Choose a new folder, or run `underpin init` in it to adopt what is there."));
    }
    let failed = |error| Fault::environment(format!("{} could not be written.", args.dir)).because(error);
    write(files, &folder).map_err(failed)?;
    output::result(&format!("Made {} from {}.", args.dir, args.from));
    output::remark(&format!("\nhint: cd {} && underpin prove", args.dir));
    Ok(0)
}

fn write(files: &[File], folder: &Utf8Path) -> std::io::Result<()> {
    fs_err::create_dir_all(folder)?;
    for (path, text) in files {
        let target = folder.join(path);
        if let Some(parent) = target.parent() {
            fs_err::create_dir_all(parent)?;
        }
        fs_err::write(target, text)?;
    }
    Ok(())
}
