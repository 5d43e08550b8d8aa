//! What kind of server is wanted, and making its data folder.

use std::io;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use crate::data_copy::copy_data;
use crate::installation::Installation;
use crate::pristine::Pristine;
use crate::processes::MARK;
use crate::run_as::RunAs;
use crate::secret::Secret;
use crate::server::LifecycleError;
use crate::tool::{ToolCall, ToolOutput, run_tool};

/// How a server treats its data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// For logic: a crash of the *machine* may lose data, so nothing waits for the disk.
    #[default]
    Fast,
    /// As in production: every commit reaches the disk, and backups and standbys can be taken.
    Durable,
}

/// Whether a server ends with this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lifetime {
    /// It ends when we do, however we end.
    #[default]
    Ours,
    /// It may be left running by [`crate::Server::detach`].
    Detached,
}

/// Where the data folder comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DataSource {
    /// A new cluster, thrown away at the end.
    #[default]
    Fresh,
    /// A copy of the data folder of a server that was stopped cleanly, thrown away at the end.
    CopyOf(Utf8PathBuf),
    /// This data folder itself; it is made when absent or empty, and kept.
    InPlace(Utf8PathBuf),
}

/// A wish for a server.
#[derive(Clone, Debug)]
pub struct ServerSpec {
    /// Programs to use.
    pub installation: Installation,
    /// How careful it is.
    pub profile: Profile,
    /// What it is for, in a word or two; shown by `ps` as part of `cluster_name`.
    pub purpose: String,
    /// Further server settings; they win over the profile's.
    pub settings: Vec<(String, String)>,
    /// Environment of the server and of the commands that it runs, such as `restore_command`: for what must not be in a
    /// setting, as everybody may read those.
    pub env: Vec<(String, Secret)>,
    /// Where its data come from.
    pub source: DataSource,
    /// TCP port on 127.0.0.1; only the Unix socket when absent. Logins over TCP need a password
    /// (`ALTER ROLE … PASSWORD`), since every user of the machine can reach the port.
    pub port: Option<u16>,
    /// Whether it ends with us.
    pub lifetime: Lifetime,
    /// Folder for its temporary folder. When absent, memory for a server of the fast profile where there is plenty of
    /// it, else `/tmp`.
    pub temp: Option<Utf8PathBuf>,
}

/// A fresh cluster is made in a second or two; a machine that swaps may need far more.
const INITDB_LIMIT: Duration = Duration::from_secs(180);

/// Arguments of `initdb` that never change.
const INITDB: &[&str] = &[
    "--username=postgres",
    "--data-checksums",
    "--auth-local=trust",
    "--auth-host=scram-sha-256",
    "--encoding=UTF8",
    "--no-instructions",
];

impl ServerSpec {
    /// Returns the wish for a fresh server on a Unix socket that ends with us.
    pub fn new(installation: Installation, profile: Profile, purpose: impl Into<String>) -> ServerSpec {
        ServerSpec {
            installation,
            profile,
            purpose: purpose.into(),
            settings: Vec::new(),
            env: Vec::new(),
            source: DataSource::Fresh,
            port: None,
            lifetime: Lifetime::Ours,
            temp: None,
        }
    }

    /// Returns the wish with another source of data.
    pub fn source(mut self, source: DataSource) -> ServerSpec {
        self.source = source;
        self
    }

    /// Returns the wish with one more setting.
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<String>) -> ServerSpec {
        self.settings.push((name.into(), value.into()));
        self
    }

    /// Returns the wish with more environment.
    pub fn env(mut self, variables: impl IntoIterator<Item = (String, Secret)>) -> ServerSpec {
        self.env.extend(variables);
        self
    }

    /// Returns the arguments of `postgres`. Of a setting that occurs twice the server takes the last.
    pub(crate) fn arguments(&self, data_dir: &Utf8Path, socket_dir: &Utf8Path, port: u16) -> Vec<String> {
        let mut settings: Vec<(String, String)> = Vec::new();
        let mut add = |name: &str, value: &str| settings.push((name.to_owned(), value.to_owned()));
        let (mark, prefix) = MARK.split_once('=').unwrap_or((MARK, ""));
        add(mark, &format!("{prefix}/{}", cluster_word(&self.purpose)));
        add("listen_addresses", if self.port.is_some() { "127.0.0.1" } else { "" });
        for (name, value) in BOTH.iter().chain(self.profile.settings()) {
            add(name, value);
        }
        settings.extend(self.settings.iter().cloned());
        let mut arguments: Vec<String> =
            ["-D", data_dir.as_str(), "-k", socket_dir.as_str(), "-p"].map(str::to_owned).to_vec();
        arguments.push(port.to_string());
        for (name, value) in settings {
            arguments.extend(["-c".to_owned(), format!("{name}={value}")]);
        }
        arguments
    }
}

/// Settings of both profiles. The log goes to a file of ours, and means the same in every locale.
const BOTH: &[(&str, &str)] = &[
    ("logging_collector", "off"),
    ("log_destination", "stderr"),
    ("log_min_messages", "warning"),
    ("log_line_prefix", "%m [%p] %q%u@%d "),
    ("log_timezone", "UTC"),
    ("timezone", "UTC"),
    ("lc_messages", "C"),
    ("max_connections", "120"),
];

/// Nothing waits for the disk. `synchronous_commit` stays on: off leaves no page all-visible for a
/// while and so spoils index-only scans. Without autovacuum and JIT plans repeat exactly. The background writers
/// have nothing to do, so they need not look five times a second.
const FAST: &[(&str, &str)] = &[
    ("fsync", "off"),
    ("full_page_writes", "off"),
    ("synchronous_commit", "on"),
    ("autovacuum", "off"),
    ("wal_level", "minimal"),
    ("max_wal_senders", "0"),
    ("shared_buffers", "256MB"),
    ("max_wal_size", "4GB"),
    ("checkpoint_timeout", "1h"),
    ("jit", "off"),
    ("bgwriter_delay", "10s"),
    ("wal_writer_delay", "10s"),
];

/// The server's defaults, said aloud so that no `postgresql.conf` weakens them.
const DURABLE: &[(&str, &str)] = &[
    ("fsync", "on"),
    ("full_page_writes", "on"),
    ("synchronous_commit", "on"),
    ("wal_level", "replica"),
    ("max_wal_senders", "10"),
    ("archive_mode", "off"),
];

impl Profile {
    /// Returns the settings that make the profile.
    pub fn settings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Profile::Fast => FAST,
            Profile::Durable => DURABLE,
        }
    }
}

/// `cluster_name` takes printable ASCII, 63 characters at most.
fn cluster_word(purpose: &str) -> String {
    let word = purpose.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' });
    word.take(40).collect()
}

/// Fills the data folder as the source says.
pub(crate) async fn prepare_data(
    spec: &ServerSpec,
    data_dir: &Utf8Path,
    run_as: &RunAs,
) -> Result<(), LifecycleError> {
    match &spec.source {
        DataSource::Fresh => fresh_cluster(spec, data_dir, run_as).await,
        DataSource::CopyOf(from) => {
            check_version(from, &spec.installation)?;
            let (from, to, run_as) = (from.clone(), data_dir.to_owned(), run_as.clone());
            let failed = |source| LifecycleError::CopyData { from: from.clone(), to: to.clone(), source };
            let copy = {
                let (from, to) = (from.clone(), to.clone());
                move || copy_data(&from, &to, &run_as)
            };
            aside(copy).await.map_err(failed)
        }
        DataSource::InPlace(_) => prepare_in_place(spec, data_dir, run_as).await,
    }
}

async fn prepare_in_place(
    spec: &ServerSpec,
    data_dir: &Utf8Path,
    run_as: &RunAs,
) -> Result<(), LifecycleError> {
    if data_dir.join("PG_VERSION").is_file() {
        check_version(data_dir, &spec.installation)?;
        // A folder that was copied or unpacked by root is root's; the server insists on its own.
        let failed = |source| LifecycleError::OwnData { dir: data_dir.to_owned(), source };
        return run_as.own_tree(data_dir).map_err(failed);
    }
    let is_empty = data_dir.read_dir_utf8().is_ok_and(|mut entries| entries.next().is_none());
    if !is_empty {
        return Err(LifecycleError::UseData { dir: data_dir.to_owned() });
    }
    init_cluster(spec, data_dir, run_as).await
}

/// Waits for work that blocks its thread.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

/// Makes a cluster that is thrown away at the end: a copy of one that is kept, or else by `initdb`.
async fn fresh_cluster(spec: &ServerSpec, data_dir: &Utf8Path, run_as: &RunAs) -> Result<(), LifecycleError> {
    let Some(pristine) = Pristine::of(&spec.installation, INITDB) else {
        return init_cluster(spec, data_dir, run_as).await;
    };
    let copy = {
        let (pristine, data_dir, run_as) = (pristine.clone(), data_dir.to_owned(), run_as.clone());
        move || pristine.copy_to(&data_dir, &run_as)
    };
    if matches!(aside(copy).await, Ok(true)) {
        return Ok(());
    }
    init_cluster(spec, data_dir, run_as).await?;
    let data_dir = data_dir.to_owned();
    // One that cannot be kept costs the next server its time, and nothing else.
    let _ = aside(move || pristine.keep(&data_dir)).await;
    Ok(())
}

/// Runs `initdb`. Local logins need no password: only who may enter the socket's folder gets there.
async fn init_cluster(spec: &ServerSpec, data_dir: &Utf8Path, run_as: &RunAs) -> Result<(), LifecycleError> {
    let failed = |source| LifecycleError::OwnData { dir: data_dir.to_owned(), source };
    run_as.create_folder(data_dir).map_err(failed)?;
    let mut output = None;
    // Code point order with Unicode's character classes, the same everywhere; glibc before 2.35
    // and some other C libraries lack it.
    for locale in ["C.UTF-8", "C"] {
        let made = run_initdb(spec, data_dir, locale).await?;
        if made.success() {
            return Ok(());
        }
        let retry = made.stderr.contains("invalid locale");
        output = Some(made);
        if !retry {
            break;
        }
    }
    Err(LifecycleError::InitCluster { output: output.map(Box::new) })
}

async fn run_initdb(
    spec: &ServerSpec,
    data_dir: &Utf8Path,
    locale: &str,
) -> Result<ToolOutput, LifecycleError> {
    let mut call = ToolCall::new("initdb").args(["-D", data_dir.as_str()]).args(INITDB.iter().copied());
    call = call.arg(format!("--locale={locale}")).deadline(INITDB_LIMIT);
    // What is thrown away at the end need not reach the disk before its first start.
    if spec.profile == Profile::Fast || spec.source == DataSource::Fresh {
        call = call.arg("--no-sync");
    }
    let tool = run_tool(&spec.installation, &call).await;
    tool.map_err(|source| LifecycleError::RunInitdb(Box::new(source)))
}

/// Refuses a data folder that another major version wrote.
fn check_version(data_dir: &Utf8Path, installation: &Installation) -> Result<(), LifecycleError> {
    let Ok(text) = fs_err::read_to_string(data_dir.join("PG_VERSION")) else {
        return Err(LifecycleError::UseData { dir: data_dir.to_owned() });
    };
    let data = text.trim().to_owned();
    if data == installation.version.major.to_string() {
        return Ok(());
    }
    let server = installation.version.text.clone();
    Err(LifecycleError::MatchVersion { dir: data_dir.to_owned(), data, server })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::installation::Version;

    #[test]
    fn wishes_come_after_the_profile() {
        let installation = Installation {
            bin_dir: "/pg/bin".into(),
            version: Version::parse("15.4").unwrap(),
            origin: String::new(),
            clusters: None,
        };
        let spec = ServerSpec::new(installation, Profile::Durable, "crash proof!").setting("fsync", "off");
        let arguments = spec.arguments("/d".into(), "/s".into(), 5432).join(" ");
        assert!(arguments.starts_with("-D /d -k /s -p 5432 -c cluster_name=underpin/crash-proof- "));
        assert!(arguments.find("fsync=on").unwrap() < arguments.find("fsync=off").unwrap());
        assert!(arguments.contains("-c listen_addresses= "));
    }
}
