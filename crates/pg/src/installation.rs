//! Finding PostgreSQL on this machine.
//!
//! Everything that depends on the user (flags, environment, home folder) is handed in.

mod packages;
mod places;
mod version;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use thiserror::Error;

pub use packages::{install_command, install_extension, install_postgres};
pub use version::Version;

/// Oldest major version that Underpin works with.
pub const OLDEST_MAJOR: u32 = 14;

/// A working installation answers `--version` in milliseconds; a wrapper that hangs must not hang us.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// One set of PostgreSQL programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// Folder that holds `postgres`, `initdb`, `pg_dump`, …
    pub bin_dir: Utf8PathBuf,
    /// Version of `postgres`.
    pub version: Version,
    /// How it was found, such as `PATH` or `/usr/lib/postgresql`.
    pub origin: String,
    /// Folder that keeps clusters fresh from `initdb` for copying; none to run `initdb` every time.
    pub clusters: Option<Utf8PathBuf>,
}

/// What to look for, and where besides the usual folders.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// `--server VERSION|DIR`: `16`, `16.4`, or a folder (of the programs, or one above).
    pub explicit: Option<String>,
    /// Oldest major version that will do; [`OLDEST_MAJOR`] when absent.
    pub min_major: Option<u32>,
    /// Value of `PATH`.
    pub path_var: Option<String>,
    /// The user's home folder.
    pub home: Option<Utf8PathBuf>,
    /// A `pg_config` to ask, when not the one on the path.
    pub pg_config: Option<String>,
    /// Becomes [`Installation::clusters`].
    pub clusters: Option<Utf8PathBuf>,
}

/// Why no installation was chosen.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InstallationError {
    /// Nothing is installed.
    #[error("PostgreSQL {} or newer is not installed here", wanted)]
    FindAny {
        /// Oldest major version that will do.
        wanted: u32,
        /// Command that installs it.
        install: String,
    },
    /// Something is installed, but not the version asked for.
    #[error("PostgreSQL {wanted} is not installed here; found: {}", list(found))]
    FindVersion {
        /// Version as asked for.
        wanted: String,
        /// What there is.
        found: Vec<Installation>,
        /// Command that installs it.
        install: String,
    },
    /// The folder given holds no server.
    #[error("{folder} holds no PostgreSQL server (neither `postgres` nor `bin/postgres` runs there)")]
    UseFolder {
        /// Folder as given.
        folder: Utf8PathBuf,
        /// What there is elsewhere.
        found: Vec<Installation>,
    },
    /// The folder given holds a server that is too old.
    #[error("{folder} holds PostgreSQL {version}; Underpin needs {wanted} or newer")]
    UseVersion {
        /// Folder as given.
        folder: Utf8PathBuf,
        /// Its version.
        version: Version,
        /// Oldest major version that will do.
        wanted: u32,
    },
}

impl InstallationError {
    /// Returns what to do next.
    pub fn hint(&self) -> String {
        match self {
            InstallationError::FindAny { install, .. } => install.clone(),
            InstallationError::FindVersion { install, .. } => {
                format!("{install}, or leave --server out to take the newest that is installed")
            }
            InstallationError::UseFolder { found, .. } if found.is_empty() => install_postgres(None),
            InstallationError::UseFolder { found, .. } => {
                format!("--server {}", found[0].bin_dir)
            }
            InstallationError::UseVersion { wanted, .. } => install_postgres(Some(*wanted)),
        }
    }
}

/// Returns every installation that was found, newest first, each folder once.
pub fn find_installations(search: &Search) -> Vec<Installation> {
    let mut found: Vec<Installation> = Vec::new();
    for (bin_dir, origin) in places::candidates(search) {
        let Ok(bin_dir) = bin_dir.canonicalize_utf8() else { continue };
        if found.iter().any(|known| known.bin_dir == bin_dir) {
            continue;
        }
        found.extend(
            probe(&bin_dir, &origin).map(|one| Installation { clusters: search.clusters.clone(), ..one }),
        );
    }
    found.sort_by(|a, b| b.version.cmp(&a.version));
    found
}

/// Returns the installation to use: the one asked for, or the newest that fits.
pub fn choose_installation(search: &Search) -> Result<Installation, InstallationError> {
    let found = find_installations(search);
    let wanted = search.min_major.unwrap_or(OLDEST_MAJOR);
    match search.explicit.as_deref() {
        Some(folder) if is_folder(folder) => choose_folder(search, folder, found),
        Some(version) => choose_version(version, found),
        None => choose_newest(found.clone(), wanted).ok_or_else(|| none_fits(found, wanted)),
    }
}

/// Returns the path of a program that does not belong to PostgreSQL, such as `pgbouncer`.
///
/// Debian puts daemons into `/usr/sbin`, which an ordinary user's path lacks.
pub fn find_program(search: &Search, program: &str) -> Option<Utf8PathBuf> {
    let daemons = ["/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin"];
    let folders = places::path_folders(search).chain(daemons.map(Utf8PathBuf::from));
    folders.map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// Returns whether `--server` names a folder rather than a version.
pub fn is_folder(explicit: &str) -> bool {
    explicit.contains('/') || !explicit.starts_with(|first: char| first.is_ascii_digit())
}

fn choose_folder(
    search: &Search,
    folder: &str,
    found: Vec<Installation>,
) -> Result<Installation, InstallationError> {
    let wanted = search.min_major.unwrap_or(OLDEST_MAJOR);
    let inside = places::explicit_folders(search, folder);
    let chosen = inside
        .iter()
        .filter_map(|bin_dir| bin_dir.canonicalize_utf8().ok())
        .find_map(|bin_dir| found.iter().find(|known| known.bin_dir == bin_dir));
    match chosen {
        Some(chosen) if chosen.version.major < wanted => Err(InstallationError::UseVersion {
            folder: folder.into(),
            version: chosen.version.clone(),
            wanted,
        }),
        Some(chosen) => Ok(chosen.clone()),
        None => Err(InstallationError::UseFolder { folder: folder.into(), found }),
    }
}

fn choose_version(wanted: &str, found: Vec<Installation>) -> Result<Installation, InstallationError> {
    let chosen = found.iter().find(|known| known.version.satisfies(wanted)).cloned();
    chosen.ok_or_else(|| {
        let major = wanted.split('.').next().and_then(|major| major.parse().ok());
        let install = install_postgres(major);
        match found.is_empty() {
            true => InstallationError::FindAny { wanted: major.unwrap_or(OLDEST_MAJOR), install },
            false => InstallationError::FindVersion { wanted: wanted.to_owned(), found, install },
        }
    })
}

/// A release goes before a newer pre-release; what cannot make a cluster does not count.
fn choose_newest(found: Vec<Installation>, wanted: u32) -> Option<Installation> {
    let fits = |known: &&Installation| known.version.major >= wanted && known.has("initdb");
    let release = found.iter().filter(fits).find(|known| known.version.is_release());
    release.or_else(|| found.iter().find(fits)).cloned()
}

fn none_fits(found: Vec<Installation>, wanted: u32) -> InstallationError {
    let install = install_postgres(None);
    if found.is_empty() {
        return InstallationError::FindAny { wanted, install };
    }
    InstallationError::FindVersion { wanted: format!("{wanted} or newer"), found, install }
}

impl Installation {
    /// Returns the path of one of its programs.
    pub fn tool(&self, program: &str) -> Utf8PathBuf {
        self.bin_dir.join(program)
    }

    /// Tells whether it has the program.
    pub fn has(&self, program: &str) -> bool {
        self.tool(program).is_file()
    }

    /// Returns what `pg_config` of this installation says, such as `--sharedir`; nothing without `pg_config`.
    pub fn config(&self, option: &str) -> Option<String> {
        output_of(&self.tool("pg_config"), option)
    }
}

/// Returns the installation in a folder, if its `postgres` runs and tells a version.
fn probe(bin_dir: &Utf8Path, origin: &str) -> Option<Installation> {
    let text = output_of(&bin_dir.join("postgres"), "--version")?;
    let version = Version::parse(&text)?;
    Some(Installation { bin_dir: bin_dir.to_owned(), version, origin: origin.to_owned(), clusters: None })
}

/// Returns the first line that a program prints, if it ends well and in time.
pub(crate) fn output_of(program: &Utf8Path, argument: &str) -> Option<String> {
    if !program.is_file() {
        return None;
    }
    let mut child = Command::new(program)
        .arg(argument)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let start = Instant::now();
    while child.try_wait().ok()?.is_none() {
        if start.elapsed() > PROBE_TIMEOUT {
            // It may end between the look and the kill; either way it is gone.
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let output = child.wait_with_output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().next().map(|line| line.trim().to_owned())
}

fn list(found: &[Installation]) -> String {
    let each = found.iter().map(|known| format!("{} ({})", known.version, known.bin_dir));
    each.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(version: &str) -> Installation {
        let version = Version::parse(version).unwrap();
        let bin_dir = format!("/pg/{version}/bin").into();
        Installation { bin_dir, version, origin: "test".to_owned(), clusters: None }
    }

    #[test]
    fn this_machine_has_one() {
        let search = Search { path_var: Some("/usr/bin:/bin".to_owned()), ..Search::default() };
        let chosen = choose_installation(&search).unwrap();
        assert!(chosen.version.major >= OLDEST_MAJOR);
        assert!(chosen.has("initdb") && !chosen.has("no-such-tool"));
        let by_version = Search { explicit: Some(chosen.version.major.to_string()), ..search.clone() };
        assert_eq!(choose_installation(&by_version).unwrap().bin_dir, chosen.bin_dir);
        let parent = chosen.bin_dir.parent().unwrap().to_string();
        let by_folder = Search { explicit: Some(parent), ..search };
        assert_eq!(choose_installation(&by_folder).unwrap().bin_dir, chosen.bin_dir);
    }

    #[test]
    fn what_is_not_there_says_what_is() {
        let missing = choose_version("99", vec![known("postgres (PostgreSQL) 15.4")]).unwrap_err();
        insta::assert_snapshot!(missing.to_string(), @"PostgreSQL 99 is not installed here; found: 15.4 (/pg/15.4/bin)");
        let search = Search { explicit: Some("/etc".to_owned()), ..Search::default() };
        let folder = choose_installation(&search).unwrap_err();
        insta::assert_snapshot!(
            folder.to_string(),
            @"/etc holds no PostgreSQL server (neither `postgres` nor `bin/postgres` runs there)"
        );
        assert!(folder.hint().starts_with("--server /"));
        let none = none_fits(Vec::new(), 14);
        insta::assert_snapshot!(none.to_string(), @"PostgreSQL 14 or newer is not installed here");
    }

    #[test]
    fn an_old_folder_is_refused() {
        let old = known("postgres (PostgreSQL) 13.4");
        assert_eq!(choose_newest(vec![old.clone()], 14), None);
        insta::assert_snapshot!(
            none_fits(vec![old], 14).to_string(),
            @"PostgreSQL 14 or newer is not installed here; found: 13.4 (/pg/13.4/bin)"
        );
    }

    #[test]
    fn folders_and_versions_are_told_apart() {
        assert!(is_folder("/usr/lib") && is_folder("./pg") && is_folder("~/pg") && is_folder("pg"));
        assert!(!is_folder("16") && !is_folder("16.4"));
    }
}
