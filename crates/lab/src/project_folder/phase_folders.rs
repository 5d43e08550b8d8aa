//! Migrations that are folders: `migrations/004_split_name/expand.sql` and its neighbours.

use camino::{Utf8Path, Utf8PathBuf};
use underpin_model::project::{Diagnostic, Migration};
use underpin_sql::migration::{FolderFile, Role, parse_folder, read_file_name};

use super::Reader;

impl Reader<'_> {
    /// Returns the folders in `folder` whose names carry a version, sorted.
    ///
    /// Others are nobody's business: `archive/`, `meta/` of another tool. A folder named like a file
    /// (`001_x.sql/`) has been reported by then.
    pub(super) fn phase_folders(&self, folder: &str) -> Vec<Utf8PathBuf> {
        // A folder that cannot be read was reported with the files.
        let Ok(entries) = self.root.join(folder).read_dir_utf8() else { return Vec::new() };
        let numbered = |name: &str| {
            let read = read_file_name(&format!("{name}.sql"));
            read.is_some_and(|read| read.role == Role::Up) && !name.ends_with(".sql")
        };
        let mut folders: Vec<Utf8PathBuf> = entries
            .filter_map(Result::ok)
            .filter(|entry| entry.path().is_dir() && numbered(entry.file_name()))
            .map(|entry| Utf8Path::new(folder).join(entry.file_name()))
            .collect();
        folders.sort();
        folders
    }

    /// Returns the migration that a folder is.
    pub(super) fn phase_folder(&mut self, folder: &Utf8Path) -> Option<Migration> {
        let entries = match self.root.join(folder).read_dir_utf8() {
            Ok(entries) => entries,
            Err(error) => {
                let message = format!("The folder cannot be read: {error}.");
                self.faults.push(Diagnostic::new(folder, message));
                return None;
            }
        };
        let mut names: Vec<String> =
            entries.filter_map(Result::ok).map(|entry| entry.file_name().to_owned()).collect();
        // Notes for readers, and what editors and file managers leave behind.
        names.retain(|name| !name.ends_with(".md") && !name.starts_with('.'));
        names.sort();
        let mut files = Vec::new();
        for name in names {
            let file = folder.join(name);
            let text = self.text(&file)?;
            files.push(FolderFile { file, text });
        }
        let parsed = parse_folder(folder, &files, checksum(&files));
        self.keep(parsed)
    }
}

/// Returns the checksum of all files, names included: adding or removing one is a change.
fn checksum(files: &[FolderFile]) -> String {
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    for file in files {
        for part in [file.file.file_name().unwrap_or_default(), &file.text] {
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
    }
    format!("{:032x}", hash.digest128())
}
