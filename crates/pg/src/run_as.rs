//! Which operating system user runs servers and tools.
//!
//! PostgreSQL refuses to run as root (manual, "The PostgreSQL User Account"). As root we use
//! `postgres`, which every package creates, or else `nobody`; otherwise we stay who we are.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};
use nix::unistd::{Gid, Uid, User};
use thiserror::Error;

/// Users to drop to, best first.
const UNPRIVILEGED: &[&str] = &["postgres", "nobody"];

/// The user that runs servers and tools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunAs {
    /// The user that we are.
    Ourselves,
    /// Another user, because we are root.
    User {
        /// Name.
        name: String,
        /// User id.
        uid: u32,
        /// Primary group; supplementary groups are dropped.
        gid: u32,
    },
}

/// Why no user, or a folder that the user cannot enter.
#[derive(Debug, Error)]
pub enum RunAsError {
    /// We are root and there is no user to drop to.
    #[error("PostgreSQL does not run as root, and this machine has neither a user `postgres` nor `nobody`")]
    FindUser,
    /// A folder on the way is closed to the user.
    #[error("the user {user}, who runs PostgreSQL because we are root, may not enter {folder}")]
    EnterFolder {
        /// Who.
        user: String,
        /// The first folder that is closed.
        folder: Utf8PathBuf,
    },
    /// A folder on the way could not be examined.
    #[error("{folder} cannot be examined")]
    ExamineFolder {
        /// The folder.
        folder: Utf8PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
}

impl RunAsError {
    /// Returns the command that repairs it.
    pub fn hint(&self) -> String {
        match self {
            RunAsError::FindUser => "useradd --system --no-create-home postgres".to_owned(),
            RunAsError::EnterFolder { folder, .. } => {
                format!("chmod o+x {folder}, or put the project elsewhere, or run as an ordinary user")
            }
            RunAsError::ExamineFolder { folder, .. } => format!("ls -ld {folder}"),
        }
    }
}

impl RunAs {
    /// Returns the user for this process.
    pub fn choose() -> Result<RunAs, RunAsError> {
        if !nix::unistd::geteuid().is_root() {
            return Ok(RunAs::Ourselves);
        }
        UNPRIVILEGED
            .iter()
            .find_map(|name| User::from_name(name).ok().flatten())
            .map(|user| RunAs::User { name: user.name, uid: user.uid.as_raw(), gid: user.gid.as_raw() })
            .ok_or(RunAsError::FindUser)
    }

    /// Returns the user who owns a file or folder, if we may act as that user: as ourselves, or because we are root.
    ///
    /// Nothing when it belongs to root or to another user; an error when it cannot be looked at.
    pub fn owner_of(path: &Utf8Path) -> io::Result<Option<RunAs>> {
        let about = std::fs::metadata(path)?;
        let us = nix::unistd::geteuid();
        if about.uid() == 0 || !(us.is_root() || us.as_raw() == about.uid()) {
            return Ok(None);
        }
        if !us.is_root() {
            return Ok(Some(RunAs::Ourselves));
        }
        let user = User::from_uid(Uid::from_raw(about.uid())).ok().flatten();
        let name = user.as_ref().map_or_else(|| about.uid().to_string(), |user| user.name.clone());
        let gid = user.map_or(about.gid(), |user| user.gid.as_raw());
        Ok(Some(RunAs::User { name, uid: about.uid(), gid }))
    }

    /// Returns the user's name for messages.
    pub fn name(&self) -> String {
        match self {
            RunAs::User { name, .. } => name.clone(),
            RunAs::Ourselves => {
                let uid = nix::unistd::geteuid();
                User::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name)
            }
        }
    }

    /// Makes the command run as this user, without supplementary groups.
    pub fn apply(&self, command: &mut Command) {
        if let RunAs::User { uid, gid, .. } = self {
            // With a user id set and no groups, std calls setgroups(0) before it drops to the user.
            command.gid(*gid).uid(*uid);
        }
    }

    /// Hands one file or folder over to this user.
    pub fn own(&self, path: &Utf8Path) -> io::Result<()> {
        match self {
            RunAs::Ourselves => Ok(()),
            RunAs::User { uid, gid, .. } => std::os::unix::fs::lchown(path, Some(*uid), Some(*gid)),
        }
    }

    /// Hands a folder and everything in it over to this user.
    pub fn own_tree(&self, folder: &Utf8Path) -> io::Result<()> {
        if *self == RunAs::Ourselves {
            return Ok(());
        }
        self.own(folder)?;
        for entry in folder.read_dir_utf8()? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                self.own_tree(entry.path())?;
            } else {
                self.own(entry.path())?;
            }
        }
        Ok(())
    }

    /// Creates a folder that only this user may enter.
    pub fn create_folder(&self, path: &Utf8Path) -> io::Result<()> {
        use std::os::unix::fs::DirBuilderExt;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        self.own(path)
    }

    /// Checks that this user may enter every folder on the way to `path` and the last folder itself.
    pub fn check_reach(&self, path: &Utf8Path) -> Result<(), RunAsError> {
        let RunAs::User { name, uid, gid } = self else { return Ok(()) };
        let mut folders: Vec<_> = path.ancestors().filter(|folder| !folder.as_str().is_empty()).collect();
        folders.reverse();
        for folder in folders {
            let about = match std::fs::metadata(folder) {
                Ok(about) => about,
                // What does not exist yet will be created for the user.
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(source) => {
                    return Err(RunAsError::ExamineFolder { folder: folder.to_owned(), source });
                }
            };
            if about.is_dir() && !may_enter(&about, Uid::from_raw(*uid), Gid::from_raw(*gid)) {
                return Err(RunAsError::EnterFolder { user: name.clone(), folder: folder.to_owned() });
            }
        }
        Ok(())
    }
}

fn may_enter(about: &std::fs::Metadata, uid: Uid, gid: Gid) -> bool {
    let bit = match (about.uid() == uid.as_raw(), about.gid() == gid.as_raw()) {
        (true, _) => 0o100,
        (false, true) => 0o010,
        (false, false) => 0o001,
    };
    about.mode() & bit != 0
}
