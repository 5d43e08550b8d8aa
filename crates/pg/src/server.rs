//! A PostgreSQL server of our own: a real process with a private data folder and Unix socket.
//!
//! It ends with us: in order by [`Server::stop`], at once when dropped (also in a panic), by the
//! kernel's parent-death signal when we are killed, and by [`crate::clean_stale_folders`] otherwise.

mod error;

use std::fs::OpenOptions;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use futures_util::future::BoxFuture;
use nix::sys::signal::Signal;

pub use error::LifecycleError;

use crate::address::{Address, DEFAULT_PORT};
use crate::adopted::{RunningServer, adopt};
use crate::cluster::{DataSource, Lifetime, ServerSpec, prepare_data};
use crate::connect_error::ConnectError;
use crate::data_copy::copy_data;
use crate::folder::{OwnedFolder, Owner};
use crate::installation::Version;
use crate::launch;
use crate::memory;
use crate::processes::{self, POLL, PidFile, SharedMemory};
use crate::run_as::RunAs;
use crate::session::Session;

/// Recovery after a crash of a large database takes a while; a server that hangs must not hang us.
const START_LIMIT: Duration = Duration::from_secs(120);

/// A fast shutdown writes a checkpoint first.
const STOP_LIMIT: Duration = Duration::from_secs(120);

/// At an immediate shutdown the postmaster itself kills what is left after 5 s (SIGKILL_CHILDREN_AFTER_SECS).
const QUIT_LIMIT: Duration = Duration::from_secs(10);

/// `sockaddr_un.sun_path` holds 104 bytes on macOS, 108 on Linux, the closing NUL included.
pub(crate) const SOCKET_PATH_LIMIT: usize = 100;

/// How the standard library writes a good end of a process.
const CLEAN_EXIT: &str = "exit status: 0";

/// Bytes of the log that are looked at for its tail.
const LOG_TAIL: u64 = 1 << 16;

/// A server of our own.
#[derive(Debug)]
pub struct Server {
    spec: ServerSpec,
    run_as: RunAs,
    data_dir: Utf8PathBuf,
    log: Utf8PathBuf,
    arguments: Vec<String>,
    startup_ms: u64,
    postmaster: Option<Child>,
    folder: OwnedFolder,
}

impl Server {
    /// Starts a server and waits until it takes connections.
    pub fn start(spec: ServerSpec) -> BoxFuture<'static, Result<Server, LifecycleError>> {
        Box::pin(async move {
            let start = Instant::now();
            let mut server = Server::prepare(spec).await?;
            server.launch().await?;
            server.startup_ms = start.elapsed().as_millis() as u64;
            Ok(server)
        })
    }

    async fn prepare(spec: ServerSpec) -> Result<Server, LifecycleError> {
        let run_as = RunAs::choose().map_err(LifecycleError::ChooseUser)?;
        run_as.check_reach(&spec.installation.bin_dir).map_err(LifecycleError::ReachFolder)?;
        let in_place = in_place_dir(&spec, &run_as)?;
        let owner = Owner { purpose: spec.purpose.clone(), data: in_place.clone(), lifetime: spec.lifetime };
        let temp = memory::temp_of(&spec);
        let folder = OwnedFolder::create_for(&temp, &owner, &run_as)
            .map_err(|source| LifecycleError::CreateFolder { path: temp, source })?;
        run_as.check_reach(folder.path()).map_err(LifecycleError::ReachFolder)?;
        let data_dir = in_place.clone().unwrap_or_else(|| folder.path().join("data"));
        // The log of a kept server must outlive its temporary folder.
        let log = in_place.map_or_else(|| folder.path().join("log"), |dir| format!("{dir}.log").into());
        let port = spec.port.unwrap_or(DEFAULT_PORT);
        let arguments = spec.arguments(&data_dir, &folder.path().join("s"), port);
        let server =
            Server { spec, run_as, data_dir, log, arguments, startup_ms: 0, postmaster: None, folder };
        server.create_socket_dir()?;
        prepare_data(&server.spec, &server.data_dir, &server.run_as).await?;
        Ok(server)
    }

    fn create_socket_dir(&self) -> Result<(), LifecycleError> {
        let socket = self.address().socket_path().unwrap_or_default();
        if socket.as_str().len() > SOCKET_PATH_LIMIT {
            return Err(LifecycleError::NameSocket { length: socket.as_str().len(), path: socket });
        }
        let path = self.socket_dir();
        self.run_as.create_folder(&path).map_err(|source| LifecycleError::CreateFolder { path, source })
    }

    /// Starts the postmaster on the folders that are there, and waits for it.
    async fn launch(&mut self) -> Result<(), LifecycleError> {
        let failed = |source| LifecycleError::StartProcess { command_line: self.command_line(), source };
        let log = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.log).map_err(failed)?;
        let errors = log.try_clone().map_err(failed)?;
        let installation = &self.spec.installation;
        let mut command = launch::command(installation, &installation.tool("postgres"));
        command.envs(self.spec.env.iter().map(|(name, value)| (name, value.reveal())));
        command.args(&self.arguments).stdout(Stdio::from(log)).stderr(Stdio::from(errors));
        launch::bind(&mut command, &self.run_as, self.spec.lifetime, Signal::SIGQUIT);
        let child = launch::on_launcher(move || command.spawn()).map_err(failed)?;
        self.postmaster = Some(child);
        let ready = self.wait_until_ready().await;
        if ready.is_err() {
            self.quit();
        }
        ready
    }

    async fn wait_until_ready(&mut self) -> Result<(), LifecycleError> {
        let start = Instant::now();
        let address = self.address();
        loop {
            if let Some(status) = self.exit_status() {
                return Err(self.ended_early(status));
            }
            // As pg_ctl does: every attempt to connect costs the starting server a process.
            if !self.says_ready() && start.elapsed() < START_LIMIT {
                tokio::time::sleep(POLL).await;
                continue;
            }
            let error = match Session::connect(&address).await {
                Ok(session) => {
                    session.close().await;
                    return Ok(());
                }
                Err(error) => error,
            };
            if !may_pass(&error) || start.elapsed() > START_LIMIT {
                let (command_line, log) = (self.command_line(), self.log_tail(20));
                return Err(LifecycleError::BecomeReady { command_line, log, source: Box::new(error) });
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Tells whether the postmaster wrote into its pid file that it takes connections.
    fn says_ready(&self) -> bool {
        let file = PidFile::read(&self.data_dir);
        file.is_some_and(|file| file.ready && Some(file.pid) == self.pid())
    }

    fn ended_early(&self, status: String) -> LifecycleError {
        let log = self.log_tail(20);
        match self.spec.port {
            Some(port) if log.contains("Address already in use") => LifecycleError::TakePort { port },
            _ => LifecycleError::StayUp { status, command_line: self.command_line(), log },
        }
    }

    /// Returns how the postmaster ended, if it did.
    fn exit_status(&mut self) -> Option<String> {
        let ended = self.postmaster.as_mut()?.try_wait();
        ended.map_or_else(|error| Some(error.to_string()), |status| status.map(|status| status.to_string()))
    }

    /// Returns the superuser's address on the Unix socket, database `postgres`.
    pub fn address(&self) -> Address {
        Address::socket(self.socket_dir(), "postgres", "postgres")
            .port(self.spec.port.unwrap_or(DEFAULT_PORT))
    }

    /// Returns the data folder.
    pub fn data_dir(&self) -> &Utf8Path {
        &self.data_dir
    }

    /// Returns the folder of the Unix socket.
    pub fn socket_dir(&self) -> Utf8PathBuf {
        self.folder.path().join("s")
    }

    /// Returns the server's temporary folder; what is put there goes with the server.
    pub fn folder(&self) -> &Utf8Path {
        self.folder.path()
    }

    /// Returns the version of the programs.
    pub fn version(&self) -> &Version {
        &self.spec.installation.version
    }

    /// Returns the wish that the server was started with.
    pub fn spec(&self) -> &ServerSpec {
        &self.spec
    }

    /// Returns who runs the server.
    pub fn run_as(&self) -> &RunAs {
        &self.run_as
    }

    /// Returns the postmaster's pid while it runs.
    pub fn pid(&self) -> Option<i32> {
        self.postmaster.as_ref().map(|child| child.id() as i32)
    }

    /// Returns how long the start took, making or copying the data included.
    pub fn startup_ms(&self) -> u64 {
        self.startup_ms
    }

    /// Returns the last `lines` lines of the log.
    pub fn log_tail(&self, lines: usize) -> String {
        let text = read_end(&self.log).unwrap_or_default();
        let all: Vec<&str> = text.trim_end().lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }

    /// Returns the command that started the server, as one would type it.
    pub fn command_line(&self) -> String {
        launch::shell_line(self.spec.installation.tool("postgres").as_str(), &self.arguments)
    }

    /// Ends the server and removes its folder.
    ///
    /// A data folder in place gets a fast shutdown and is kept. What is thrown away is not written
    /// out first: an immediate shutdown is enough.
    pub async fn stop(mut self) -> Result<(), LifecycleError> {
        let how = match self.spec.source {
            DataSource::InPlace(_) => Signal::SIGINT,
            _ => Signal::SIGQUIT,
        };
        let ended = self.end(how).await;
        // Removing many files takes a moment that the runtime's threads should not spend.
        let removed = tokio::task::spawn_blocking(move || drop(self)).await;
        ended.and(removed.map_err(|error| LifecycleError::Stop { source: io::Error::other(error) }))
    }

    /// Ends the server by a fast shutdown and keeps the folder, for a copy or a restart.
    pub async fn stop_keeping_data(&mut self) -> Result<(), LifecycleError> {
        self.end(Signal::SIGINT).await
    }

    async fn end(&mut self, how: Signal) -> Result<(), LifecycleError> {
        let Some(pid) = self.pid() else { return Ok(()) };
        processes::signal(pid, how);
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.exit_status() {
                break status;
            }
            if start.elapsed() > STOP_LIMIT {
                let log = self.log_tail(20);
                self.quit();
                return Err(LifecycleError::StopInTime { limit: STOP_LIMIT, log });
            }
            tokio::time::sleep(POLL).await;
        };
        self.postmaster = None;
        // An immediate shutdown is never clean; after a fast one the data may be copied only if it was.
        if how == Signal::SIGINT && status != CLEAN_EXIT {
            return Err(LifecycleError::StopCleanly { status, log: self.log_tail(20) });
        }
        Ok(())
    }

    /// Kills every process of the server at once, as a power cut does at the level of processes.
    ///
    /// What the operating system has in its cache survives, unlike in a real power cut.
    pub async fn crash(&mut self) -> Result<(), LifecycleError> {
        let Some(mut postmaster) = self.postmaster.take() else { return Err(LifecycleError::FindProcess) };
        let pid = postmaster.id() as i32;
        let shared = SharedMemory::of(pid, &self.data_dir);
        let killed = processes::kill_tree(pid);
        postmaster.wait().map_err(|source| LifecycleError::Stop { source })?;
        let start = Instant::now();
        while killed.iter().any(|pid| processes::is_running(*pid)) {
            if start.elapsed() > QUIT_LIMIT {
                return Err(LifecycleError::StopInTime { limit: QUIT_LIMIT, log: self.log_tail(20) });
            }
            tokio::time::sleep(POLL).await;
        }
        shared.remove();
        Ok(())
    }

    /// Stops every process of the server where it is (SIGSTOP): it answers nobody, and its sockets stay open, as on a
    /// machine that hangs. [`Server::thaw`] lets it go on.
    pub fn freeze(&self) -> Result<(), LifecycleError> {
        self.signal_all(Signal::SIGSTOP)
    }

    /// Lets a frozen server go on (SIGCONT), as if no time had passed.
    pub fn thaw(&self) -> Result<(), LifecycleError> {
        self.signal_all(Signal::SIGCONT)
    }

    fn signal_all(&self, signal: Signal) -> Result<(), LifecycleError> {
        let pid = self.pid().ok_or(LifecycleError::FindProcess)?;
        // The postmaster first: stopped, it starts nothing while its children are counted.
        processes::signal(pid, signal);
        processes::descendants(pid).into_iter().for_each(|pid| processes::signal(pid, signal));
        Ok(())
    }

    /// Returns the pids of all processes of the server, the postmaster first; empty when it is down.
    pub fn pids(&self) -> Vec<i32> {
        self.pid().map_or_else(Vec::new, |pid| {
            let mut pids = processes::descendants(pid);
            pids.insert(0, pid);
            pids
        })
    }

    /// Starts the server again on the same folder, after a crash or a stop.
    pub async fn restart(&mut self) -> Result<(), LifecycleError> {
        match self.end(Signal::SIGINT).await {
            // The server had ended by itself: starting it again recovers its data.
            Ok(()) | Err(LifecycleError::StopCleanly { .. }) => {}
            Err(error) => return Err(error),
        }
        // Left by a crash. We know that its process is gone; the server can only guess, and would
        // refuse to start if another process had got the number meanwhile.
        let _ = fs_err::remove_file(self.data_dir.join("postmaster.pid"));
        let start = Instant::now();
        self.launch().await?;
        self.startup_ms = start.elapsed().as_millis() as u64;
        Ok(())
    }

    /// Starts the server again with further settings.
    pub async fn restart_with(&mut self, settings: &[(&str, &str)]) -> Result<(), LifecycleError> {
        let owned = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.spec.settings.extend(owned);
        let port = self.spec.port.unwrap_or(DEFAULT_PORT);
        self.arguments = self.spec.arguments(&self.data_dir, &self.socket_dir(), port);
        self.restart().await
    }

    /// Ends a stopped server and moves its data folder to the new folder `to`; copies it where `to` is on another
    /// file system.
    pub fn move_data_to(self, to: &Utf8Path) -> Result<(), LifecycleError> {
        if self.postmaster.is_some() {
            return Err(LifecycleError::CopyRunning);
        }
        if fs_err::rename(&self.data_dir, to).is_ok() {
            return Ok(());
        }
        let failed =
            |source| LifecycleError::CopyData { from: self.data_dir.clone(), to: to.to_owned(), source };
        copy_data(&self.data_dir, to, &RunAs::Ourselves).map_err(failed)
    }

    /// Leaves the server running when we end.
    pub fn detach(mut self) -> Result<RunningServer, LifecycleError> {
        if self.spec.lifetime != Lifetime::Detached {
            return Err(LifecycleError::Detach);
        }
        let postmaster = self.postmaster.take().ok_or(LifecycleError::FindProcess)?;
        self.folder.leave();
        Ok(RunningServer {
            pid: postmaster.id() as i32,
            address: self.address(),
            data_dir: self.data_dir.clone(),
        })
    }

    /// Ends the server now, whatever it does; waits for it.
    fn quit(&mut self) {
        let Some(mut postmaster) = self.postmaster.take() else { return };
        let pid = postmaster.id() as i32;
        let shared = SharedMemory::of(pid, &self.data_dir);
        // Unlike SIGKILL, SIGQUIT lets it give back its shared memory.
        processes::signal(pid, Signal::SIGQUIT);
        let start = Instant::now();
        while let Ok(None) = postmaster.try_wait() {
            if start.elapsed() > QUIT_LIMIT {
                let killed = processes::kill_tree(pid);
                let _ = postmaster.wait();
                processes::wait_until_gone(&killed, QUIT_LIMIT);
                shared.remove();
                return;
            }
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.quit();
    }
}

/// Returns the resolved data folder in place, made if needed; refuses one that is in use.
fn in_place_dir(spec: &ServerSpec, run_as: &RunAs) -> Result<Option<Utf8PathBuf>, LifecycleError> {
    let DataSource::InPlace(dir) = &spec.source else { return Ok(None) };
    let failed = |source| LifecycleError::CreateFolder { path: dir.clone(), source };
    if !dir.exists() {
        if let Some(parent) = dir.parent() {
            fs_err::create_dir_all(parent).map_err(failed)?;
        }
        run_as.create_folder(dir).map_err(failed)?;
    }
    let dir = dir.canonicalize_utf8().map_err(failed)?;
    if let Some(parent) = dir.parent() {
        run_as.check_reach(parent).map_err(LifecycleError::ReachFolder)?;
    }
    match adopt(&dir) {
        Some(running) => Err(LifecycleError::UseIdleData { dir, pid: running.pid }),
        None => Ok(Some(dir)),
    }
}

/// Tells whether a failed connection is what a starting server shows.
fn may_pass(error: &ConnectError) -> bool {
    matches!(error, ConnectError::Timeout { .. } | ConnectError::NotPostgres { .. }) || error.is_transient()
}

fn read_end(log: &Utf8Path) -> io::Result<String> {
    let mut file = fs_err::File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
