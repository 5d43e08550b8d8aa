//! Whether the data of a server that nobody keeps may lie in memory.
//!
//! A clone of a small database is some hundred new files, and what a file system on a disk needs to give each an inode
//! is most of the time of the clone. A server without fsync promises nothing after a crash anyway.

use camino::{Utf8Path, Utf8PathBuf};

use crate::cluster::{DataSource, Profile, ServerSpec};
use crate::folder::DEFAULT_TEMP;

/// The folder in memory that every Linux has, open to everybody as `/tmp` is.
const MEMORY: &str = "/dev/shm";

/// Free memory that must be there before anything is put into it, in bytes.
const LEAST: u64 = 4 << 30;

/// A lab holds some clones of its template, one of them four times as large.
const TIMES_THE_SOURCE: u64 = 16;

/// Folders in which the temporary folders of our servers may lie.
pub fn temp_folders() -> impl Iterator<Item = &'static Utf8Path> {
    [DEFAULT_TEMP, MEMORY].into_iter().map(Utf8Path::new)
}

/// Returns the folder for the temporary folder of a server: the wish's own, else memory where the server is one for
/// logic and several times of what it starts with would fit, else [`DEFAULT_TEMP`].
pub(crate) fn temp_of(spec: &ServerSpec) -> Utf8PathBuf {
    if let Some(temp) = &spec.temp {
        return temp.clone();
    }
    let source = match (&spec.source, spec.profile) {
        (DataSource::Fresh, Profile::Fast) => Some(0),
        (DataSource::CopyOf(data), Profile::Fast) => bytes_in(data),
        _ => None,
    };
    let fits = source.zip(free()).is_some_and(|(source, free)| fits(source, free));
    if fits { MEMORY } else { DEFAULT_TEMP }.into()
}

fn fits(source: u64, free: u64) -> bool {
    source.saturating_mul(TIMES_THE_SOURCE).saturating_add(LEAST) <= free
}

/// Returns how much may be put into the folder in memory; nothing where there is none.
#[cfg(target_os = "linux")]
fn free() -> Option<u64> {
    let about = nix::sys::statfs::statfs(MEMORY).ok()?;
    if about.filesystem_type() != nix::sys::statfs::TMPFS_MAGIC {
        return None;
    }
    let free = about.blocks_available().saturating_mul(u64::try_from(about.block_size()).ok()?);
    // The limit of the file system says nothing about what others use.
    Some(free.min(available(&fs_err::read_to_string("/proc/meminfo").ok()?)?))
}

#[cfg(not(target_os = "linux"))]
fn free() -> Option<u64> {
    None
}

/// Reads `MemAvailable` in bytes, which the kernel gives in KiB.
#[cfg(target_os = "linux")]
fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Returns the size of all files below a folder.
fn bytes_in(folder: &Utf8Path) -> Option<u64> {
    let mut bytes = 0;
    for entry in folder.read_dir_utf8().ok()? {
        let entry = entry.ok()?;
        let about = entry.metadata().ok()?;
        bytes += if about.is_dir() { bytes_in(entry.path())? } else { about.len() };
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_times_the_source_must_fit_beside_what_is_kept_free() {
        assert!(fits(0, LEAST));
        assert!(!fits(0, LEAST - 1));
        assert!(fits(1 << 27, LEAST + (1 << 31)));
        assert!(!fits(u64::MAX, u64::MAX - 1), "no overflow");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn memory_is_read_as_the_kernel_writes_it() {
        assert_eq!(available("MemTotal:  1 kB\nMemAvailable:   2048 kB\n"), Some(2 << 20));
        assert_eq!(available("MemTotal:  1 kB\n"), None);
    }

    #[test]
    fn files_of_all_depths_count() {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(folder.path()).unwrap();
        fs_err::create_dir(path.join("base")).unwrap();
        fs_err::write(path.join("base/1"), [0; 100]).unwrap();
        fs_err::write(path.join("PG_VERSION"), "15\n").unwrap();
        assert_eq!(bytes_in(path), Some(103));
        assert_eq!(bytes_in(&path.join("absent")), None);
    }
}
