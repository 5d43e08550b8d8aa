//! A PgBouncer of our own in front of a server of our own: a real process with a private folder and Unix socket.
//!
//! It ends with us: when stopped or dropped, and by the kernel's parent-death signal when we are killed. It keeps nothing
//! that would have to reach the disk, so it is always ended by SIGKILL, to its own pid.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use nix::sys::signal::Signal;
use thiserror::Error;

use crate::address::{Address, Host};
use crate::cluster::Lifetime;
use crate::connect_error::ConnectError;
use crate::folder::{DEFAULT_TEMP, OwnedFolder};
use crate::installation::output_of;
use crate::launch;
use crate::light::{Credentials, Keep, LightSession};
use crate::processes::POLL;
use crate::run_as::{RunAs, RunAsError};
use crate::scram;
use crate::secret::Secret;

/// PgBouncer's registered port, which also names its socket.
const PORT: u16 = 6432;

/// The role that may ask `SHOW …`; it exists in the pooler only.
const ADMIN: &str = "underpin_admin";

/// It answers after milliseconds; one that does not start must not hang us.
const START_LIMIT: Duration = Duration::from_secs(20);

/// How passwords stand in the file of users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthFile {
    /// SCRAM verifiers, as in `pg_authid`.
    #[default]
    Verifier,
    /// The passwords themselves: a verifier is derived at every login.
    Plaintext,
}

/// A wish for a pooler in transaction mode.
#[derive(Clone, Debug)]
pub struct PoolerSpec {
    /// PgBouncer's program.
    pub program: Utf8PathBuf,
    /// The server behind it; its role and database do not count.
    pub server: Address,
    /// Further servers of the same port, which PgBouncer takes in turn whatever they are (from version 1.17 on).
    pub others: Vec<Address>,
    /// Roles that may log in.
    pub roles: Vec<String>,
    /// Their password.
    pub password: Secret,
    /// How it stands in the file.
    pub auth_file: AuthFile,
    /// `default_pool_size`: server connections per role and database.
    pub pool_size: u32,
    /// `max_client_conn`.
    pub max_clients: u32,
    /// Further settings of the section `[pgbouncer]`.
    pub settings: Vec<(String, String)>,
    /// Limit of open files; ours when absent.
    pub descriptors: Option<u64>,
}

/// A pooler of our own.
#[derive(Debug)]
pub struct Pooler {
    child: Child,
    folder: OwnedFolder,
    spec: PoolerSpec,
    config: String,
    command_line: String,
    version: String,
    credentials: Credentials,
}

/// Why no pooler.
#[derive(Debug, Error)]
pub enum PoolerError {
    /// There is nobody to run it as.
    #[error("no user to run PgBouncer as")]
    ChooseUser(#[source] RunAsError),
    /// Its folder or files could not be made.
    #[error("the folder of a PgBouncer could not be made")]
    CreateFolder(#[source] io::Error),
    /// It could not be started.
    #[error("starting failed: {command_line}")]
    StartProcess {
        /// The command.
        command_line: String,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// It ended instead of taking connections.
    #[error("PgBouncer ended at once ({status}): {command_line}\n{log}")]
    StayUp {
        /// How it ended.
        status: String,
        /// The command.
        command_line: String,
        /// The end of its log.
        log: String,
    },
    /// Its console did not take a command.
    #[error("PgBouncer's console did not take a command")]
    Console {
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It takes no connection.
    #[error("PgBouncer does not answer: {command_line}\n{log}")]
    BecomeReady {
        /// The command.
        command_line: String,
        /// The end of its log.
        log: String,
        /// The last attempt's error.
        #[source]
        source: Box<ConnectError>,
    },
}

impl PoolerSpec {
    /// Returns the wish for a pool of so many connections to a server, with a password made up for it.
    pub fn new(
        program: impl Into<Utf8PathBuf>,
        server: &Address,
        roles: &[&str],
        pool_size: u32,
    ) -> PoolerSpec {
        PoolerSpec {
            program: program.into(),
            server: server.clone(),
            others: Vec::new(),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            password: Secret::new("underpin-storm"),
            auth_file: AuthFile::default(),
            pool_size,
            max_clients: 100,
            settings: Vec::new(),
            descriptors: None,
        }
    }

    /// Returns the wish with one more setting of PgBouncer's.
    pub fn setting(mut self, name: &str, value: &str) -> PoolerSpec {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    fn config(&self, folder: &Utf8Path) -> String {
        let mut text = format!(
            "[databases]\n{}\n\n[pgbouncer]\nunix_socket_dir = {folder}/s\nlisten_port = {PORT}\n\
             auth_type = scram-sha-256\nauth_file = {folder}/userlist.txt\nadmin_users = {ADMIN}\npool_mode = transaction\n\
             default_pool_size = {}\nmax_client_conn = {}\nlisten_backlog = 4096\nlog_connections = 0\n\
             log_disconnections = 0\n",
            self.entry(),
            self.pool_size,
            self.max_clients
        );
        for (name, value) in &self.settings {
            text.push_str(&format!("{name} = {value}\n"));
        }
        text
    }

    /// Returns the line of `[databases]`.
    pub fn entry(&self) -> String {
        let host = |server: &Address| match &server.host {
            Host::Socket(folder) => folder.to_string(),
            Host::Tcp(host) => host.clone(),
        };
        let hosts: Vec<String> = std::iter::once(&self.server).chain(&self.others).map(host).collect();
        format!("* = host={} port={}", hosts.join(","), self.server.port)
    }

    /// Every role gets the same line, as all have the same password.
    fn users(&self) -> String {
        let secret = match self.auth_file {
            AuthFile::Verifier => scram::verifier(self.password.reveal()),
            AuthFile::Plaintext => self.password.reveal().to_owned(),
        };
        let roles = self.roles.iter().map(String::as_str).chain([ADMIN]);
        roles.map(|role| format!("\"{}\" \"{secret}\"\n", role.replace('"', "\"\""))).collect()
    }
}

impl Pooler {
    /// Starts a pooler and waits until it takes connections.
    pub async fn start(spec: &PoolerSpec) -> Result<Pooler, PoolerError> {
        let run_as = RunAs::choose().map_err(PoolerError::ChooseUser)?;
        let folder =
            OwnedFolder::create(DEFAULT_TEMP.into(), "pooler", &run_as).map_err(PoolerError::CreateFolder)?;
        let config = spec.config(folder.path());
        write_files(&folder, &run_as, &[("pgbouncer.ini", &config), ("userlist.txt", &spec.users())])
            .map_err(PoolerError::CreateFolder)?;
        let arguments = [folder.path().join("pgbouncer.ini").into_string()];
        let command_line = launch::shell_line(spec.program.as_str(), &arguments);
        let child = spawn(spec, (folder.path(), &run_as), &arguments)
            .map_err(|source| PoolerError::StartProcess { command_line: command_line.clone(), source })?;
        let version = output_of(&spec.program, "--version").unwrap_or_default();
        let credentials = Credentials::new(&spec.password);
        let mut pooler =
            Pooler { child, folder, spec: spec.clone(), config, command_line, version, credentials };
        pooler.wait_until_ready().await?;
        Ok(pooler)
    }

    async fn wait_until_ready(&mut self) -> Result<(), PoolerError> {
        let start = Instant::now();
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                let (command_line, log) = (self.command_line.clone(), self.log_tail(20));
                return Err(PoolerError::StayUp { status: status.to_string(), command_line, log });
            }
            match LightSession::connect(&self.admin_address(), &self.credentials).await {
                Ok(session) => {
                    session.close().await;
                    return Ok(());
                }
                Err(source) if !source.is_transient() || start.elapsed() > START_LIMIT => {
                    let (command_line, log) = (self.command_line.clone(), self.log_tail(20));
                    return Err(PoolerError::BecomeReady { command_line, log, source: Box::new(source) });
                }
                Err(_) => tokio::time::sleep(POLL).await,
            }
        }
    }

    /// Returns the address of a database behind it, for a role.
    pub fn address(&self, role: &str, database: &str) -> Address {
        Address::socket(self.folder.path().join("s"), role, database).port(PORT)
    }

    /// Leads its clients to another server, as an operator does: the entry in its file is replaced, then its console gets
    /// RELOAD and RECONNECT. Returns the new entry.
    ///
    /// Connections that a client waits on are left to that client.
    pub async fn lead_to(&mut self, server: &Address) -> Result<String, PoolerError> {
        self.spec.server = server.clone();
        self.config = self.spec.config(self.folder.path());
        let file = self.folder.path().join("pgbouncer.ini");
        fs_err::write(&file, &self.config).map_err(PoolerError::CreateFolder)?;
        let mut console = LightSession::connect(&self.admin_address(), &self.credentials)
            .await
            .map_err(|error| PoolerError::Console { source: Box::new(error) })?;
        for command in ["RELOAD", "RECONNECT"] {
            let taken = console.query(command, Keep::Count).await;
            taken.map_err(|error| PoolerError::Console { source: Box::new(error) })?;
        }
        console.close().await;
        Ok(self.spec.entry())
    }

    /// Returns the address of its console, where `SHOW POOLS` is answered.
    pub fn admin_address(&self) -> Address {
        self.address(ADMIN, "pgbouncer")
    }

    /// Returns the password of every role.
    pub fn password(&self) -> &Secret {
        &self.spec.password
    }

    /// Returns what every role logs in with.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Returns its process.
    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// Returns its configuration as it was written.
    pub fn config(&self) -> &str {
        &self.config
    }

    /// Returns its folder; what is put there goes with it.
    pub fn folder(&self) -> &Utf8Path {
        self.folder.path()
    }

    /// Returns the command that started it, as one would type it.
    pub fn command_line(&self) -> &str {
        &self.command_line
    }

    /// Returns what the program says of its version, such as `PgBouncer 1.18.0`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Returns the last `lines` lines of its log.
    pub fn log_tail(&self, lines: usize) -> String {
        let text = fs_err::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let all: Vec<&str> = text.trim_end().lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        // It is our child and not waited for yet, so its pid cannot belong to anybody else.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write_files(folder: &OwnedFolder, run_as: &RunAs, files: &[(&str, &str)]) -> io::Result<()> {
    run_as.create_folder(&folder.path().join("s"))?;
    for (name, text) in files {
        let path = folder.path().join(name);
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path)?;
        io::Write::write_all(&mut file, text.as_bytes())?;
        run_as.own(&path)?;
    }
    Ok(())
}

fn spawn(
    spec: &PoolerSpec,
    (folder, run_as): (&Utf8Path, &RunAs),
    arguments: &[String],
) -> io::Result<Child> {
    let log = OpenOptions::new().create(true).append(true).mode(0o600).open(folder.join("log"))?;
    let mut command = launch::plain_command(&spec.program);
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::from(log));
    if let Some(limit) = spec.descriptors {
        launch::limit_descriptors(&mut command, limit);
    }
    launch::bind(&mut command, run_as, Lifetime::Ours, Signal::SIGKILL);
    launch::on_launcher(move || command.spawn())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_written_with_verifiers_or_passwords() {
        let server = Address::socket("/s", "postgres", "postgres");
        let mut spec = PoolerSpec::new("/usr/sbin/pgbouncer", &server, &["a\"b"], 5);
        let lines = spec.users();
        assert!(lines.starts_with("\"a\"\"b\" \"SCRAM-SHA-256$4096:"), "{lines}");
        assert!(lines.lines().all(|line| !line.contains("underpin-storm")));
        spec.auth_file = AuthFile::Plaintext;
        assert!(spec.users().starts_with("\"a\"\"b\" \"underpin-storm\"\n"));
        let config = spec.setting("server_idle_timeout", "7").config("/f".into());
        assert!(config.contains("* = host=/s port=5432\n") && config.ends_with("server_idle_timeout = 7\n"));
    }
}
