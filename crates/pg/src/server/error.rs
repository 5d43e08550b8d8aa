//! Why a server could not be made, started or stopped.

use std::io;
use std::time::Duration;

use camino::Utf8PathBuf;
use thiserror::Error;

use crate::connect_error::ConnectError;
use crate::run_as::RunAsError;
use crate::tool::{ToolError, ToolOutput};

/// Why a step in a server's life failed.
#[derive(Debug, Error)]
pub enum LifecycleError {
    /// There is nobody to run it as.
    #[error("no user to run PostgreSQL as")]
    ChooseUser(#[source] RunAsError),
    /// The server's user cannot enter a folder that it needs.
    #[error("PostgreSQL's user cannot reach a folder that it needs")]
    ReachFolder(#[source] RunAsError),
    /// A folder could not be made.
    #[error("no folder for the server could be made at {path}")]
    CreateFolder {
        /// Where.
        path: Utf8PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The socket's path is too long for the operating system.
    #[error("the path of the Unix socket is too long ({length} bytes): {path}")]
    NameSocket {
        /// The path.
        path: Utf8PathBuf,
        /// Its length.
        length: usize,
    },
    /// The data folder could not be handed to the server's user.
    #[error("the data folder {dir} could not be made the server's own")]
    OwnData {
        /// Data folder.
        dir: Utf8PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The data folder could not be copied.
    #[error("the data folder {from} could not be copied to {to}")]
    CopyData {
        /// Source.
        from: Utf8PathBuf,
        /// Target.
        to: Utf8PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// A copy was asked for while the server runs.
    #[error("the data folder of a running server cannot be copied; stop it first")]
    CopyRunning,
    /// The folder holds something else.
    #[error("{dir} is neither empty nor a PostgreSQL data folder; nothing was touched")]
    UseData {
        /// Folder.
        dir: Utf8PathBuf,
    },
    /// A server runs on the folder already.
    #[error("a server (pid {pid}) already runs on {dir}")]
    UseIdleData {
        /// Data folder.
        dir: Utf8PathBuf,
        /// Its postmaster.
        pid: i32,
    },
    /// Another major version wrote the data folder.
    #[error("{dir} was written by PostgreSQL {data}, and the server is PostgreSQL {server}")]
    MatchVersion {
        /// Data folder.
        dir: Utf8PathBuf,
        /// Major version of the data.
        data: String,
        /// Version of the server.
        server: String,
    },
    /// `initdb` did not run.
    #[error("initdb did not run to its end")]
    RunInitdb(#[source] Box<ToolError>),
    /// `initdb` failed.
    #[error("initdb failed{}", said(output.as_deref()))]
    InitCluster {
        /// What it said.
        output: Option<Box<ToolOutput>>,
    },
    /// The process could not be started.
    #[error("starting the server failed: {command_line}")]
    StartProcess {
        /// Command.
        command_line: String,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The port is somebody else's.
    #[error("port {port} of 127.0.0.1 is in use by another process")]
    TakePort {
        /// The port.
        port: u16,
    },
    /// The server ended before it was ready.
    #[error("the server ended before it was ready ({status})\n{log}\ncommand: {command_line}")]
    StayUp {
        /// How it ended.
        status: String,
        /// End of its log.
        log: String,
        /// Command.
        command_line: String,
    },
    /// The server took no connection in time.
    #[error("the server took no connection\n{log}\ncommand: {command_line}")]
    BecomeReady {
        /// End of its log.
        log: String,
        /// Command.
        command_line: String,
        /// The last attempt's error.
        #[source]
        source: Box<ConnectError>,
    },
    /// Its end could not be awaited.
    #[error("the server's end could not be awaited")]
    Stop {
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// It did not end in time and was killed.
    #[error("the server did not end within {} s and was killed\n{log}", limit.as_secs())]
    StopInTime {
        /// The limit.
        limit: Duration,
        /// End of its log.
        log: String,
    },
    /// It ended, but not in order: its data are not fit for a copy.
    #[error("the server did not stop in order ({status})\n{log}")]
    StopCleanly {
        /// How it ended.
        status: String,
        /// End of its log.
        log: String,
    },
    /// The server does not run.
    #[error("the server does not run")]
    FindProcess,
    /// A server that ends with us cannot be left running.
    #[error("a server with Lifetime::Ours cannot be detached")]
    Detach,
}

impl LifecycleError {
    /// Returns what to do next.
    pub fn hint(&self) -> String {
        match self {
            LifecycleError::ChooseUser(error) | LifecycleError::ReachFolder(error) => error.hint(),
            LifecycleError::CreateFolder { path, .. } => format!("check rights and free space: df -h {path}"),
            LifecycleError::NameSocket { .. } => {
                "use a temporary folder with a shorter path, such as /tmp".to_owned()
            }
            LifecycleError::UseIdleData { .. } => "underpin down".to_owned(),
            LifecycleError::MatchVersion { data, .. } => {
                format!("use that version (--server {data}), or start anew from an empty folder")
            }
            LifecycleError::TakePort { port } => {
                format!("choose another port; who has it: ss -ltnp sport = :{port}")
            }
            _ => "underpin doctor".to_owned(),
        }
    }
}

fn said(output: Option<&ToolOutput>) -> String {
    output.map_or_else(String::new, |output| format!(": {}\n{}", output.command_line, output.complaint()))
}
