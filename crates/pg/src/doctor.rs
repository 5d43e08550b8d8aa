//! What this machine offers and lacks, with the command that repairs it.

use camino::{Utf8Path, Utf8PathBuf};

use crate::disk;
use crate::folder::{DEFAULT_TEMP, OwnedFolder};
use crate::installation::{
    Installation, Search, choose_installation, find_installations, find_program, install_command,
};
use crate::run_as::RunAs;
use crate::server::SOCKET_PATH_LIMIT;

/// How a fact bears on the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FactStatus {
    /// As it should be.
    Ok,
    /// Works, but not for everything.
    Warn,
    /// Something cannot be done.
    Missing,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What, such as `pg_dump`.
    pub name: String,
    /// How it is.
    pub status: FactStatus,
    /// What was found.
    pub detail: String,
    /// What cannot be done; empty when all is well.
    pub disables: String,
    /// Command that repairs it.
    pub repair: Option<String>,
}

/// Programs of PostgreSQL, and what needs them.
const PROGRAMS: &[(&str, &str)] = &[
    ("initdb", "everything: no private server can be made"),
    ("psql", "`underpin psql`"),
    ("pg_dump", "the logical half of the proof `restore`, and `backup`"),
    ("pg_restore", "the logical half of the proof `restore`, and `restore`"),
    ("pg_basebackup", "the physical half of the proof `restore`, and standbys"),
    ("pg_verifybackup", "the check of physical backups in the proof `restore`"),
    ("pg_amcheck", "the check of index structure after a restore"),
    ("pgbench", "running transaction scripts in pgbench itself"),
];

/// Programs of others: name, package, what needs it.
const OTHER_PROGRAMS: &[(&str, &str, &str)] = &[
    ("pgbouncer", "pgbouncer", "pooling proofs and `underpin pool` measurements"),
    ("pgbackrest", "pgbackrest", "`underpin backup --engine pgbackrest`: encryption, S3"),
    ("redis-server", "redis-server", "cache proofs"),
];

/// Contrib extensions that projects commonly ask for.
const EXTENSIONS: &[&str] = &["citext", "pg_trgm", "btree_gist", "pgcrypto"];

/// Extensions that proofs make use of where they are there: name, what needs it.
const OWN_EXTENSIONS: &[(&str, &str)] =
    &[("hypopg", "a look at more indexes than the advisor of the proof `indexes` builds, on large projects")];

/// A template, its sandboxes and a restored copy of the default scale fit well into this.
const FREE_SPACE_WANTED: u64 = 2 << 30;

/// Returns all facts about this machine, in the order to show them.
pub fn facts(search: &Search) -> Vec<Fact> {
    let mut facts = vec![installations(search)];
    if let Ok(installation) = choose_installation(search) {
        facts.extend(PROGRAMS.iter().map(|(program, disables)| part(&installation, program, disables)));
        facts.extend(EXTENSIONS.iter().filter_map(|name| contrib(&installation, name)));
        facts.extend(
            OWN_EXTENSIONS.iter().filter_map(|(name, disables)| packaged(&installation, name, disables)),
        );
    }
    facts.extend(OTHER_PROGRAMS.iter().map(|other| other_program(search, *other)));
    facts.push(user());
    facts.extend(temp_folder(Utf8Path::new(DEFAULT_TEMP)));
    facts.extend(search.clusters.as_deref().map(kept_clusters));
    facts
}

fn ok(name: &str, detail: String) -> Fact {
    Fact { name: name.to_owned(), status: FactStatus::Ok, detail, disables: String::new(), repair: None }
}

fn missing(name: &str, detail: String, disables: &str, repair: String) -> Fact {
    let disables = disables.to_owned();
    Fact { name: name.to_owned(), status: FactStatus::Missing, detail, disables, repair: Some(repair) }
}

fn installations(search: &Search) -> Fact {
    match choose_installation(search) {
        Err(error) => {
            missing("PostgreSQL", error.to_string(), "everything but the checks of files", error.hint())
        }
        Ok(chosen) => {
            let others = find_installations(search);
            let others: Vec<String> = others
                .iter()
                .filter(|other| other.bin_dir != chosen.bin_dir)
                .map(|other| format!("{} ({})", other.version, other.bin_dir))
                .collect();
            let mut detail = format!("{} in {} (found by {})", chosen.version, chosen.bin_dir, chosen.origin);
            if !others.is_empty() {
                detail.push_str(&format!("; also {}", others.join(", ")));
            }
            ok("PostgreSQL", detail)
        }
    }
}

fn part(installation: &Installation, program: &str, disables: &str) -> Fact {
    if installation.has(program) {
        return ok(program, installation.tool(program).to_string());
    }
    let detail = format!("not in {}", installation.bin_dir);
    let repair = crate::installation::install_postgres(Some(installation.version.major));
    missing(program, detail, disables, repair)
}

fn contrib(installation: &Installation, name: &str) -> Option<Fact> {
    let disables = format!("projects that say CREATE EXTENSION {name}");
    let repair = crate::installation::install_postgres(Some(installation.version.major));
    extension(installation, name, (&disables, repair))
}

fn packaged(installation: &Installation, name: &str, disables: &str) -> Option<Fact> {
    let repair = crate::installation::install_extension(name, installation.version.major);
    extension(installation, name, (disables, repair))
}

/// Looks for the extension's control file; without `pg_config` nobody knows where it would be.
fn extension(installation: &Installation, name: &str, (disables, repair): (&str, String)) -> Option<Fact> {
    let folder = Utf8PathBuf::from(installation.config("--sharedir")?).join("extension");
    let fact = format!("extension {name}");
    if folder.join(format!("{name}.control")).is_file() {
        return Some(ok(&fact, "available".to_owned()));
    }
    Some(missing(&fact, format!("not in {folder}"), disables, repair))
}

fn other_program(search: &Search, (program, package, disables): (&str, &str, &str)) -> Fact {
    match find_program(search, program) {
        Some(path) => ok(program, path.to_string()),
        None => missing(program, "not installed".to_owned(), disables, install_command(package)),
    }
}

fn user() -> Fact {
    match RunAs::choose() {
        Ok(RunAs::Ourselves) => ok("server user", format!("{} (we are not root)", RunAs::Ourselves.name())),
        Ok(run_as) => ok("server user", format!("{} (PostgreSQL does not run as root)", run_as.name())),
        Err(error) => {
            missing("server user", error.to_string(), "everything but the checks of files", error.hint())
        }
    }
}

fn temp_folder(temp: &Utf8Path) -> Vec<Fact> {
    let run_as = RunAs::choose().unwrap_or(RunAs::Ourselves);
    let mut facts = Vec::new();
    match OwnedFolder::create(temp, "doctor", &run_as) {
        Ok(folder) => {
            facts.push(ok("temporary folder", format!("{temp} is writable")));
            facts.push(socket_path(&folder.path().join("s/.s.PGSQL.65535")));
        }
        Err(error) => facts.push(missing(
            "temporary folder",
            format!("{temp}: {error}"),
            "private servers",
            format!("chmod 1777 {temp}"),
        )),
    }
    facts.extend(free_space(temp));
    facts
}

fn kept_clusters(folder: &Utf8Path) -> Fact {
    let kept = folder.read_dir_utf8().map_or(0, Iterator::count);
    ok("kept clusters", format!("{kept} in {folder}, copied instead of running initdb"))
}

fn socket_path(path: &Utf8Path) -> Fact {
    let length = path.as_str().len();
    let detail = format!("{length} of at most {SOCKET_PATH_LIMIT} bytes");
    if length <= SOCKET_PATH_LIMIT {
        return ok("socket path", detail);
    }
    missing("socket path", detail, "private servers", "use a temporary folder with a shorter path".to_owned())
}

fn free_space(temp: &Utf8Path) -> Option<Fact> {
    let free = disk::space(temp)?.free;
    let detail = format!("{:.1} GiB free in {temp}", free as f64 / f64::from(1 << 30));
    let mut fact = ok("disk space", detail);
    if free < FREE_SPACE_WANTED {
        fact.status = FactStatus::Warn;
        fact.disables = "proofs at scale, and restores of large databases".to_owned();
        fact.repair = Some(format!("df -h {temp}"));
    }
    Some(fact)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_names_its_cost_and_its_repair() {
        let search = Search { path_var: Some("/usr/bin:/bin".to_owned()), ..Search::default() };
        let facts = facts(&search);
        assert!(facts.iter().any(|fact| fact.name == "PostgreSQL" && fact.status == FactStatus::Ok));
        assert!(facts.iter().any(|fact| fact.name == "disk space"));
        for fact in facts.iter().filter(|fact| fact.status != FactStatus::Ok) {
            assert!(!fact.disables.is_empty() && fact.repair.is_some(), "{fact:?}");
        }
    }

    #[test]
    fn nothing_installed_is_one_clear_fact() {
        let search = Search { explicit: Some("/nowhere".to_owned()), ..Search::default() };
        let fact = installations(&search);
        assert_eq!(fact.status, FactStatus::Missing);
        assert!(fact.detail.starts_with("/nowhere holds no PostgreSQL server"));
    }
}
