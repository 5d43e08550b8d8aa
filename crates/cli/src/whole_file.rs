//! Files that are written whole or not at all.

use camino::{Utf8Path, Utf8PathBuf};

use crate::fault::Fault;

/// Writes a file in one rename, so that a full disk leaves the old one instead of half a new one.
pub fn write(path: &Utf8Path, content: &str) -> Result<(), Fault> {
    let part = Utf8PathBuf::from(format!("{path}.part"));
    let written = fs_err::write(&part, content).and_then(|()| fs_err::rename(&part, path));
    written.map_err(|error| {
        let _ = fs_err::remove_file(&part);
        Fault::environment(format!("The file {path} could not be written.")).because(error)
    })
}
