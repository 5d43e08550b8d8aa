//! Cleaning up after a run of ours that was killed.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::Signal;

use crate::adopted::adopt;
use crate::cluster::Lifetime;
use crate::folder::{OWNER, Owner, prefix};
use crate::processes::{self, PidFile, SharedMemory};

/// At an immediate shutdown the postmaster itself kills what is left after 5 s.
const QUIT_LIMIT: Duration = Duration::from_secs(10);

/// What was cleaned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CleanedFolder {
    /// The folder that was removed.
    pub folder: Utf8PathBuf,
    /// What it had been for.
    pub purpose: String,
    /// The server that still ran in it and was ended.
    pub postmaster: Option<i32>,
}

/// Removes the folders in `temp` that a dead run of ours left, and ends the servers that still run in them.
///
/// A folder is ours when it carries our user id in its name and an `owner` file of our own; it is
/// left over when nobody holds that file locked. A process is ended only when its command line
/// names the data folder. Everything else is left alone.
pub fn clean_stale_folders(temp: &Utf8Path) -> Vec<CleanedFolder> {
    let Ok(temp) = temp.canonicalize_utf8() else { return Vec::new() };
    let Ok(entries) = temp.read_dir_utf8() else { return Vec::new() };
    let prefix = prefix();
    let ours = entries.flatten().filter(|entry| entry.file_name().starts_with(&prefix));
    ours.filter_map(|entry| clean(entry.path())).collect()
}

fn clean(folder: &Utf8Path) -> Option<CleanedFolder> {
    // Held until the folder is gone, so that two runs that start together do not clean twice.
    let lock = take_over(folder)?;
    let owner = Owner::parse(&fs_err::read_to_string(folder.join(OWNER)).ok()?);
    let data_dir = owner.data.clone().unwrap_or_else(|| folder.join("data"));
    if owner.lifetime == Lifetime::Detached && uses(folder, &data_dir) {
        return None;
    }
    // Of a data folder in place another run may be the owner by now.
    let postmaster =
        if owner.data.is_none() || uses(folder, &data_dir) { end_server(&data_dir) } else { None };
    let postmaster = postmaster.or_else(|| end_inner_servers(folder));
    fs_err::remove_dir_all(folder).ok()?;
    drop(lock);
    Some(CleanedFolder { folder: folder.to_owned(), purpose: owner.purpose, postmaster })
}

/// Returns the lock on a folder that nobody owns any more.
fn take_over(folder: &Utf8Path) -> Option<Flock<File>> {
    let path = folder.join(OWNER);
    let is_folder = fs_err::symlink_metadata(folder).ok()?.is_dir();
    let about = fs_err::symlink_metadata(&path).ok()?;
    if !is_folder || !about.is_file() || about.uid() != nix::unistd::geteuid().as_raw() {
        return None;
    }
    let file = File::open(&path).ok()?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).ok()
}

/// Tells whether the server on the data folder has its socket in this folder.
fn uses(folder: &Utf8Path, data_dir: &Utf8Path) -> bool {
    let socket = adopt(data_dir).and_then(|server| server.address.socket_path());
    socket.is_some_and(|socket| socket.starts_with(folder))
}

/// Ends the servers on data folders right below the folder, which somebody else started for a drill; returns one of them.
fn end_inner_servers(folder: &Utf8Path) -> Option<i32> {
    let entries = folder.read_dir_utf8().ok()?;
    let ended: Vec<i32> = entries.flatten().filter_map(|entry| end_server(entry.path())).collect();
    ended.last().copied()
}

/// Ends the server on the data folder, if one of ours runs there; returns its pid.
fn end_server(data_dir: &Utf8Path) -> Option<i32> {
    let pid = PidFile::read(data_dir)?.pid;
    let shared = SharedMemory::of(pid, data_dir);
    if !processes::serves(pid, data_dir) {
        if !processes::is_running(pid) {
            shared.remove();
        }
        return None;
    }
    processes::signal(pid, Signal::SIGQUIT);
    if !processes::wait_until_gone(&[pid], QUIT_LIMIT) {
        let killed = processes::kill_tree(pid);
        processes::wait_until_gone(&killed, QUIT_LIMIT);
        shared.remove();
    }
    Some(pid)
}
