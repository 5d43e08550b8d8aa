//! Temporary folders that are recognisably ours, as long as we live.
//!
//! `<tmp>/underpin-<uid>-XXXXXX/` with a file `owner` that we hold locked (flock). The kernel drops
//! the lock when we die in whatever way, which is how the next start knows a left-over folder.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;

use camino::{Utf8Path, Utf8PathBuf};
use nix::fcntl::{Flock, FlockArg};

use crate::cluster::Lifetime;
use crate::run_as::RunAs;

/// Short, on every Unix, and open to whom root drops to; `TMPDIR` of macOS is too long for a socket.
pub const DEFAULT_TEMP: &str = "/tmp";

/// Name of the locked file.
pub(crate) const OWNER: &str = "owner";

/// A temporary folder with an owner. Dropped, it is removed.
#[derive(Debug)]
pub struct OwnedFolder {
    path: Utf8PathBuf,
    keep: bool,
    /// Held until the folder is gone.
    _lock: Flock<File>,
}

/// What the `owner` file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    /// What the folder is for, for people.
    pub(crate) purpose: String,
    /// Data folder outside of this folder.
    pub(crate) data: Option<Utf8PathBuf>,
    /// Whether the server in it outlives its owner.
    pub(crate) lifetime: Lifetime,
}

impl OwnedFolder {
    /// Creates a folder in `temp` that only `run_as` may enter.
    pub fn create(temp: &Utf8Path, purpose: &str, run_as: &RunAs) -> io::Result<OwnedFolder> {
        let owner = Owner { purpose: purpose.to_owned(), data: None, lifetime: Lifetime::Ours };
        OwnedFolder::create_for(temp, &owner, run_as)
    }

    pub(crate) fn create_for(temp: &Utf8Path, owner: &Owner, run_as: &RunAs) -> io::Result<OwnedFolder> {
        // The server reports its folders resolved; so must we, to recognise it.
        let temp = temp.canonicalize_utf8()?;
        let private = std::fs::Permissions::from_mode(0o700);
        let prefix = prefix();
        let mut builder = tempfile::Builder::new();
        let made = builder.prefix(&prefix).rand_bytes(6).permissions(private).tempdir_in(&temp)?;
        let path =
            Utf8PathBuf::try_from(made.path().to_owned()).map_err(camino::FromPathBufError::into_io_error)?;
        let lock = write_owner(&path, owner)?;
        run_as.own(&path)?;
        // From here on our own Drop removes it.
        let _ = made.keep();
        Ok(OwnedFolder { path, keep: false, _lock: lock })
    }

    /// Returns where it is.
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// Leaves the folder where it is when dropped.
    pub(crate) fn leave(&mut self) {
        self.keep = true;
    }
}

impl Drop for OwnedFolder {
    fn drop(&mut self) {
        if !self.keep {
            // What cannot be removed now is removed at the next start.
            let _ = fs_err::remove_dir_all(&self.path);
        }
    }
}

/// Returns how the names of our folders start.
pub(crate) fn prefix() -> String {
    format!("underpin-{}-", nix::unistd::geteuid())
}

/// Writes and locks the file under another name first: no `owner` file is ever seen without its lock.
fn write_owner(folder: &Utf8Path, owner: &Owner) -> io::Result<Flock<File>> {
    let (draft, last) = (folder.join("owner.draft"), folder.join(OWNER));
    let file = File::create(&draft)?;
    let mut lock =
        Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| io::Error::from(errno))?;
    lock.write_all(owner.to_text().as_bytes())?;
    fs_err::rename(draft, last)?;
    Ok(lock)
}

impl Owner {
    fn to_text(&self) -> String {
        let mut text = format!("pid {}\npurpose {}\n", std::process::id(), self.purpose.replace('\n', " "));
        if let Some(data) = &self.data {
            text.push_str(&format!("data {data}\n"));
        }
        if self.lifetime == Lifetime::Detached {
            text.push_str("detached\n");
        }
        text
    }

    pub(crate) fn parse(text: &str) -> Owner {
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Owner {
            purpose: field("purpose").unwrap_or("").to_owned(),
            data: field("data").map(Utf8PathBuf::from),
            lifetime: if text.lines().any(|line| line == "detached") {
                Lifetime::Detached
            } else {
                Lifetime::Ours
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owner_reads_back() {
        let owner = Owner {
            purpose: "up".to_owned(),
            data: Some("/p/.underpin/data".into()),
            lifetime: Lifetime::Detached,
        };
        assert_eq!(Owner::parse(&owner.to_text()), owner);
    }

    #[test]
    fn folder_lives_as_long_as_its_owner() {
        let temp = tempfile::tempdir_in("/tmp").unwrap();
        let temp = Utf8Path::from_path(temp.path()).unwrap();
        let folder = OwnedFolder::create(temp, "test", &RunAs::Ourselves).unwrap();
        let path = folder.path().to_owned();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        let second = File::open(path.join(OWNER)).unwrap();
        assert!(Flock::lock(second, FlockArg::LockExclusiveNonblock).is_err());
        drop(folder);
        assert!(!path.exists());
    }
}
