//! How much room the disk of a server has. SQL does not say; the file system does, where the server runs on this machine.

use camino::Utf8Path;

/// Seconds by which the server's own time of start may lie behind the one in its file.
const SLACK: i64 = 5;

/// Room on a disk, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// What an ordinary user may still write.
    pub free: u64,
    /// The whole disk.
    pub total: u64,
}

/// Returns the room on the disk that holds the data folder of a server which started at `started`, in seconds since 1970.
///
/// Returns nothing where the folder is not on this machine, may not be read, or belongs to another server: a path alone says
/// little, as every container has the same.
pub fn space_of(data: &Utf8Path, started: i64) -> Option<Space> {
    // The third line is the time of start (src/include/utils/pidfile.h).
    let file = fs_err::read_to_string(data.join("postmaster.pid")).ok()?;
    let noted: i64 = file.lines().nth(2)?.trim().parse().ok()?;
    if (started - noted).abs() > SLACK {
        return None;
    }
    space(data)
}

/// Returns the room on the disk that holds the folder.
pub(crate) fn space(folder: &Utf8Path) -> Option<Space> {
    let about = nix::sys::statvfs::statvfs(folder.as_std_path()).ok()?;
    // The fields' types differ between systems.
    #[expect(clippy::useless_conversion, reason = "u64 on Linux, u32 on macOS")]
    let bytes = |blocks| u64::from(blocks) * u64::from(about.fragment_size());
    Some(Space { free: bytes(about.blocks_available()), total: bytes(about.blocks()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use camino::Utf8PathBuf;

    #[test]
    fn only_the_folder_of_that_server_counts() {
        let folder = tempfile::tempdir().unwrap();
        let data = Utf8PathBuf::from(folder.path().to_str().unwrap());
        assert_eq!(space_of(&data, 1_000_000), None, "no server is there");
        fs_err::write(data.join("postmaster.pid"), format!("4711\n{data}\n1000000\n5432\n")).unwrap();
        let space = space_of(&data, 1_000_001).unwrap();
        assert!(0 < space.free && space.free <= space.total, "{space:?}");
        assert_eq!(space_of(&data, 1_000_060), None, "another server is there");
        fs_err::write(data.join("postmaster.pid"), "4711\n").unwrap();
        assert_eq!(space_of(&data, 1_000_000), None, "half a file");
    }
}
