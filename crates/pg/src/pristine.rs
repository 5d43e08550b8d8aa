//! Clusters fresh from `initdb`, kept to be copied.
//!
//! `initdb` runs a whole bootstrap and takes most of the time until a fresh server answers; a copy of its result is
//! the same cluster. PostgreSQL's own tests do so too (`INITDB_TEMPLATE`, since version 17). All copies share one
//! system identifier, which matters only between servers that replicate: data folders that are kept get an
//! `initdb` of their own.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime};

use camino::{Utf8Path, Utf8PathBuf};

use crate::data_copy::copy_data;
use crate::installation::Installation;
use crate::run_as::RunAs;

/// What `initdb` reads besides its arguments: the locales that become collations.
const LOCALES: &[&str] = &["/usr/lib/locale", "/usr/lib/locale/locale-archive"];

/// Name of an entry's file that tells how much it holds.
const MANIFEST: &str = "manifest";

/// Start of the names of entries that are being made.
const DRAFT: &str = "draft-";

/// A draft as old as this was left behind by a process that was killed.
const ABANDONED: Duration = Duration::from_secs(3600);

/// The place of one kind of cluster.
#[derive(Clone, Debug)]
pub(crate) struct Pristine {
    shelf: Utf8PathBuf,
    /// Start of the names of all entries of this installation.
    family: String,
    entry: Utf8PathBuf,
}

impl Pristine {
    /// Returns the place for clusters that these arguments make; nothing when the installation keeps none.
    pub(crate) fn of(installation: &Installation, arguments: &[&str]) -> Option<Pristine> {
        let shelf = installation.clusters.clone()?;
        let family = format!("{:016x}-", hash(&installation.bin_dir));
        let stamps: Vec<_> = [installation.tool("postgres"), installation.tool("initdb")]
            .into_iter()
            .chain(LOCALES.iter().map(Utf8PathBuf::from))
            .map(|path| path.metadata().map(|about| (about.len(), about.mtime(), about.mtime_nsec())).ok())
            .collect();
        let kind = hash(&(&installation.version.text, arguments, stamps));
        let entry = shelf.join(format!("{family}{kind:016x}"));
        Some(Pristine { shelf, family, entry })
    }

    /// Copies the kept cluster to the new folder `data_dir` of `run_as`; returns whether there was a whole one.
    /// On `false` and errors there is no `data_dir`.
    pub(crate) fn copy_to(&self, data_dir: &Utf8Path, run_as: &RunAs) -> io::Result<bool> {
        // What somebody else may write is not what our server should run on.
        let is_ours = self.entry.metadata().is_ok_and(|about| about.uid() == nix::unistd::geteuid().as_raw());
        if !is_ours {
            return Ok(false);
        }
        let manifest = fs_err::read_to_string(self.entry.join(MANIFEST)).unwrap_or_default();
        let copied = copy_data(&self.entry.join("data"), data_dir, run_as);
        if copied.is_ok() && Size::of(data_dir)?.to_text() == manifest {
            return Ok(true);
        }
        fs_err::remove_dir_all(data_dir)?;
        copied?;
        // It lost a file: the next one is whole again.
        fs_err::remove_dir_all(&self.entry)?;
        Ok(false)
    }

    /// Keeps a cluster that `initdb` has just made and no server has run on, in place of older ones of the same
    /// installation.
    pub(crate) fn keep(&self, data_dir: &Utf8Path) -> io::Result<()> {
        RunAs::Ourselves.create_folder(&self.shelf)?;
        self.clear()?;
        let draft = tempfile::Builder::new().prefix(DRAFT).tempdir_in(&self.shelf)?;
        let path = Utf8Path::from_path(draft.path()).ok_or_else(|| io::Error::other("not UTF-8"))?;
        copy_data(data_dir, &path.join("data"), &RunAs::Ourselves)?;
        fs_err::write(path.join(MANIFEST), Size::of(data_dir)?.to_text())?;
        // Entries appear whole. Another process may have been faster: then ours goes.
        if fs_err::rename(path, &self.entry).is_ok() {
            let _ = draft.keep();
        }
        Ok(())
    }

    /// Removes what nobody asks for any more.
    fn clear(&self) -> io::Result<()> {
        for entry in self.shelf.read_dir_utf8()? {
            let entry = entry?;
            let name = entry.file_name();
            let is_abandoned = || {
                let changed = entry.metadata().and_then(|about| about.modified());
                changed
                    .is_ok_and(|time| SystemTime::now().duration_since(time).is_ok_and(|age| age > ABANDONED))
            };
            let is_outdated = name.starts_with(&self.family) && entry.path() != self.entry;
            if is_outdated || name.starts_with(DRAFT) && is_abandoned() {
                fs_err::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }
}

/// Stable within one build of Underpin, which is enough: another build makes its own entries.
fn hash(value: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// How much lies in a folder.
#[derive(Debug, Default, PartialEq, Eq)]
struct Size {
    files: u64,
    bytes: u64,
}

impl Size {
    fn of(folder: &Utf8Path) -> io::Result<Size> {
        let mut size = Size::default();
        let mut open = vec![folder.to_owned()];
        while let Some(folder) = open.pop() {
            for entry in folder.read_dir_utf8()? {
                let entry = entry?;
                let about = entry.metadata()?;
                if about.is_dir() {
                    open.push(entry.into_path());
                } else {
                    size.files += 1;
                    size.bytes += about.len();
                }
            }
        }
        Ok(size)
    }

    fn to_text(&self) -> String {
        format!("files {}\nbytes {}\n", self.files, self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::installation::Version;

    struct Place {
        _temp: tempfile::TempDir,
        root: Utf8PathBuf,
        pristine: Pristine,
    }

    fn place() -> Place {
        let temp = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(temp.path().to_owned()).unwrap();
        let installation = Installation {
            bin_dir: "/pg/bin".into(),
            version: Version::parse("15.4").unwrap(),
            origin: String::new(),
            clusters: Some(root.join("clusters")),
        };
        fs_err::create_dir_all(root.join("made/base")).unwrap();
        fs_err::write(root.join("made/PG_VERSION"), "15\n").unwrap();
        fs_err::write(root.join("made/base/1"), "rows").unwrap();
        let pristine = Pristine::of(&installation, &["--encoding=UTF8"]).unwrap();
        Place { _temp: temp, root, pristine }
    }

    #[test]
    fn what_was_kept_is_copied() {
        let place = place();
        let copy = place.root.join("copy");
        assert!(!place.pristine.copy_to(&copy, &RunAs::Ourselves).unwrap() && !copy.exists());
        place.pristine.keep(&place.root.join("made")).unwrap();
        assert!(place.pristine.copy_to(&copy, &RunAs::Ourselves).unwrap());
        assert_eq!(fs_err::read_to_string(copy.join("base/1")).unwrap(), "rows");
    }

    #[test]
    fn a_damaged_cluster_is_not_used() {
        let place = place();
        place.pristine.keep(&place.root.join("made")).unwrap();
        fs_err::write(place.pristine.entry.join("data/base/1"), "row").unwrap();
        let copy = place.root.join("copy");
        assert!(!place.pristine.copy_to(&copy, &RunAs::Ourselves).unwrap());
        assert!(!copy.exists() && !place.pristine.entry.exists());
    }

    #[test]
    fn another_version_takes_the_place() {
        let place = place();
        place.pristine.keep(&place.root.join("made")).unwrap();
        let entry = place.pristine.shelf.join(format!("{}later", place.pristine.family));
        let later = Pristine { entry, ..place.pristine.clone() };
        later.keep(&place.root.join("made")).unwrap();
        let left: Vec<_> =
            later.shelf.read_dir_utf8().unwrap().map(|entry| entry.unwrap().into_path()).collect();
        assert_eq!(left, [later.entry]);
    }
}
