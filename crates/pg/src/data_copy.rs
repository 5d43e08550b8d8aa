//! Copying the data folder of a stopped server.

use std::io;

use camino::Utf8Path;

use crate::run_as::RunAs;

/// Files that belong to one running server and must not travel.
const NOT_COPIED: &[&str] = &["postmaster.pid", "postmaster.opts"];

/// Copies `from` to the new folder `to` and hands it to `run_as`.
///
/// The standard library copies inside the kernel, sharing blocks where the file system can. The server of `from` must
/// have been stopped; a tablespace outside of the folder is refused.
pub fn copy_data(from: &Utf8Path, to: &Utf8Path, run_as: &RunAs) -> io::Result<()> {
    run_as.create_folder(to)?;
    for entry in from.read_dir_utf8()? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if NOT_COPIED.contains(&entry.file_name()) {
            continue;
        }
        if entry.file_type()?.is_symlink() && from.ends_with("pg_tblspc") {
            // Both servers would write into the same folder.
            return Err(io::Error::other(format!("{source} is a tablespace outside of the data folder")));
        }
        if fs_err::metadata(source)?.is_dir() {
            copy_data(source, &target, run_as)?;
        } else {
            fs_err::copy(source, &target)?;
            run_as.own(&target)?;
        }
    }
    Ok(())
}
