//! Adopting an existing folder: which naming scheme it follows, and a commented `underpin.toml` for it.

use camino::{Utf8Path, Utf8PathBuf};
use underpin_model::project::NamingScheme;
use underpin_sql::migration::Role;

/// What a folder looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adoption {
    /// Folder of the migrations, relative.
    pub migrations: Utf8PathBuf,
    /// Their naming scheme.
    pub scheme: NamingScheme,
    /// How many bring the database forward.
    pub count: usize,
    /// The text of `underpin.toml`.
    pub config: String,
}

/// Folders in which migration tools keep their files, most telling first.
const CANDIDATES: &[&str] = &[
    "migrations",
    "db/migrations",
    "db/migrate",
    "sql/migrations",
    "src/main/resources/db/migration",
    "migration",
    "sql",
    ".",
];

/// Returns how `root` can be adopted; `None` when no folder in the usual places holds numbered SQL files.
pub fn adopt(root: &Utf8Path) -> Option<Adoption> {
    CANDIDATES.iter().find_map(|folder| adopt_folder(root, Utf8Path::new(folder)))
}

fn adopt_folder(root: &Utf8Path, folder: &Utf8Path) -> Option<Adoption> {
    let entries = root.join(folder).read_dir_utf8().ok()?;
    let mut files: Vec<Utf8PathBuf> =
        entries.filter_map(Result::ok).map(|entry| entry.path().to_owned()).collect();
    files.retain(|file| file.extension() == Some("sql"));
    files.sort();
    let names = files.iter().filter_map(|file| underpin_sql::migration::read_file_name(file.file_name()?));
    let names: Vec<_> = names.filter(|name| name.role == Role::Up).collect();
    let mut scheme = names.first()?.scheme;
    let marked =
        |file: &Utf8PathBuf| fs_err::read_to_string(file).is_ok_and(|text| text.contains("-- migrate:up"));
    if files.first().is_some_and(marked) {
        scheme = NamingScheme::Dbmate;
    }
    let name = root.file_name().unwrap_or("my-app");
    Some(Adoption { migrations: folder.to_owned(), scheme, count: names.len(), config: config(name, folder) })
}

/// Returns the words for a naming scheme.
pub fn scheme_words(scheme: NamingScheme) -> &'static str {
    match scheme {
        NamingScheme::Numbered => "numbered files (001_name.sql)",
        NamingScheme::SqlxReversible => "sqlx reversible (….up.sql, .down.sql left alone)",
        NamingScheme::Dbmate => "dbmate (-- migrate:up, the down part left alone)",
        NamingScheme::Flyway => "Flyway or refinery (V1__name.sql)",
        NamingScheme::GolangMigrate => "golang-migrate (….up.sql, .down.sql left alone)",
    }
}

/// Returns a commented `underpin.toml`.
pub fn config(name: &str, migrations: &Utf8Path) -> String {
    include_str!("underpin.toml.in")
        .replace("{name}", &name.replace(['"', '\\'], "-"))
        .replace("{migrations}", migrations.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    fn adopted(files: &[(&str, &str)]) -> Option<(String, NamingScheme, usize)> {
        let folder = folder(files);
        let root = Utf8Path::from_path(folder.path()).unwrap();
        adopt(root).map(|adoption| (adoption.migrations.to_string(), adoption.scheme, adoption.count))
    }

    #[test]
    fn every_tools_folder_is_recognised() {
        let dbmate = adopted(&[("db/migrations/20260101120000_init.sql", "-- migrate:up\nSELECT 1;")]);
        assert_eq!(dbmate, Some(("db/migrations".into(), NamingScheme::Dbmate, 1)));
        let flyway = adopted(&[("sql/V1__init.sql", "SELECT 1;"), ("sql/V2__more.sql", "SELECT 1;")]);
        assert_eq!(flyway, Some(("sql".into(), NamingScheme::Flyway, 2)));
        let golang =
            adopted(&[("migrations/000001_init.up.sql", ""), ("migrations/000001_init.down.sql", "")]);
        assert_eq!(golang, Some(("migrations".into(), NamingScheme::GolangMigrate, 1)));
    }

    #[test]
    fn a_folder_without_numbered_files_is_not_adopted() {
        assert_eq!(adopted(&[("notes.sql", "SELECT 1;")]), None);
    }

    #[test]
    fn the_written_configuration_is_read_back_without_faults() {
        let text = config("my-app", Utf8Path::new("db/migrations"));
        let folder = folder(&[
            ("underpin.toml", &text),
            ("db/migrations/001_init.sql", "CREATE TABLE items (id bigint);"),
        ]);
        let root = Utf8Path::from_path(folder.path()).unwrap();
        let project = crate::project_folder::load_project(root).unwrap();
        assert_eq!((project.config.project.name.as_str(), project.migrations.len()), ("my-app", 1));
    }
}
