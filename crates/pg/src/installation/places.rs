//! The folders that may hold PostgreSQL's programs.

use camino::{Utf8Path, Utf8PathBuf};

use super::{Search, is_folder, output_of};

/// Folders of packagers; `*` stands for one folder of any name with that beginning and end.
const USUAL: &[&str] = &[
    "/usr/lib/postgresql/*/bin",          // Debian, Ubuntu
    "/usr/pgsql-*/bin",                   // PGDG on Fedora, RHEL, SUSE
    "/usr/lib/postgresql*/bin",           // openSUSE
    "/usr/lib64/pgsql",                   // Fedora's helper folder
    "/usr/lib64/pgsql/bin",               // Fedora
    "/usr/libexec/postgresql*",           // Alpine
    "/usr/bin",                           // Arch, Fedora
    "/usr/local/pgsql/bin",               // built from source
    "/usr/local/bin",                     // FreeBSD, containers
    "/opt/homebrew/opt/postgresql@*/bin", // Homebrew on Apple silicon
    "/opt/homebrew/opt/postgresql/bin",
    "/usr/local/opt/postgresql@*/bin", // Homebrew on Intel
    "/usr/local/opt/postgresql/bin",
    "/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
    "/Library/PostgreSQL/*/bin",      // EDB's installer on macOS
    "/opt/postgresql*/bin",           // an unpacked archive
    "/opt/PostgreSQL/*/bin",          // EDB's installer on Linux
    "/opt/local/lib/postgresql*/bin", // MacPorts
];

/// The same, below the home folder.
const USUAL_AT_HOME: &[&str] = &[
    ".asdf/installs/postgres/*/bin",
    ".local/share/mise/installs/postgres/*/bin",
    ".pgenv/pgsql-*/bin",
    ".pgrx/*/pgrx-install/bin",
    ".theseus/postgresql/*/bin",
];

/// Returns every folder to look into with the reason, most wanted first.
pub(super) fn candidates(search: &Search) -> Vec<(Utf8PathBuf, String)> {
    let mut found = Vec::new();
    if let Some(folder) = search.explicit.as_deref().filter(|explicit| is_folder(explicit)) {
        found.extend(
            explicit_folders(search, folder).into_iter().map(|folder| (folder, "--server".to_owned())),
        );
    }
    let path: Vec<Utf8PathBuf> = path_folders(search).collect();
    found.extend(asked_pg_config(search, &path).map(|folder| (folder, "pg_config".to_owned())));
    found.extend(path.into_iter().map(|folder| (folder, "PATH".to_owned())));
    for pattern in USUAL {
        found.extend(expand(Utf8Path::new("/"), pattern.trim_start_matches('/'), pattern));
    }
    for pattern in USUAL_AT_HOME {
        found.extend(search.home.iter().flat_map(|home| expand(home, pattern, pattern)));
    }
    found
}

/// Returns what `--server DIR` may mean: the folder of programs itself, or the one above it.
pub(super) fn explicit_folders(search: &Search, folder: &str) -> Vec<Utf8PathBuf> {
    let folder = match (folder.strip_prefix("~/"), &search.home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => Utf8PathBuf::from(folder),
    };
    vec![folder.clone(), folder.join("bin")]
}

/// Returns the folders of `PATH`; relative ones depend on where one stands and do not count.
pub(super) fn path_folders(search: &Search) -> impl Iterator<Item = Utf8PathBuf> {
    let path = search.path_var.as_deref().unwrap_or("");
    path.split(':').filter(|folder| folder.starts_with('/')).map(Utf8PathBuf::from)
}

fn asked_pg_config(search: &Search, path: &[Utf8PathBuf]) -> Option<Utf8PathBuf> {
    let program = match search.pg_config.as_deref() {
        Some(program) if program.contains('/') => Utf8PathBuf::from(program),
        name => {
            let name = name.unwrap_or("pg_config");
            path.iter().map(|folder| folder.join(name)).find(|program| program.is_file())?
        }
    };
    output_of(&program, "--bindir").map(Utf8PathBuf::from)
}

/// Returns the folders that fit a pattern with at most one `*`; the origin is the part before it.
fn expand(base: &Utf8Path, pattern: &str, whole: &str) -> Vec<(Utf8PathBuf, String)> {
    let Some((before, after)) = pattern.split_once('*') else {
        return vec![(base.join(pattern), whole.to_owned())];
    };
    let (parent, start) = before.rsplit_once('/').unwrap_or(("", before));
    let rest = after.trim_start_matches('/');
    let Ok(entries) = base.join(parent).read_dir_utf8() else { return Vec::new() };
    let fitting = entries.flatten().filter(|entry| entry.file_name().starts_with(start));
    fitting.map(|entry| (entry.path().join(rest), whole.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_star_stands_for_one_folder() {
        let temp = tempfile::tempdir().unwrap();
        let base = Utf8Path::from_path(temp.path()).unwrap();
        for folder in ["opt/postgresql-16/bin", "opt/postgresql@17/bin", "opt/other/bin"] {
            fs_err::create_dir_all(base.join(folder)).unwrap();
        }
        let mut found: Vec<_> =
            expand(base, "opt/postgresql*/bin", "x").into_iter().map(|found| found.0).collect();
        found.sort();
        assert_eq!(found, [base.join("opt/postgresql-16/bin"), base.join("opt/postgresql@17/bin")]);
        assert!(expand(base, "absent/*/bin", "x").is_empty());
    }

    #[test]
    fn home_and_path_come_from_the_search() {
        let search = Search {
            explicit: Some("~/pg".to_owned()),
            path_var: Some("/a:rel:/b".to_owned()),
            home: Some("/home/me".into()),
            ..Search::default()
        };
        assert_eq!(explicit_folders(&search, "~/pg")[1], "/home/me/pg/bin");
        assert_eq!(path_folders(&search).collect::<Vec<_>>(), ["/a", "/b"]);
    }
}
