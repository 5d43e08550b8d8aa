//! Servers that an earlier run of ours left running (`underpin up`).

use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use nix::sys::signal::Signal;
use thiserror::Error;

use crate::address::Address;
use crate::folder::{OWNER, Owner, prefix};
use crate::processes::{self, POLL, PidFile, SharedMemory};

/// How long a fast shutdown may take before the server is made to end at once.
const STOP_LIMIT: Duration = Duration::from_secs(120);

/// A server that runs without us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningServer {
    /// Its postmaster.
    pub pid: i32,
    /// The superuser's address on its Unix socket.
    pub address: Address,
    /// Its data folder.
    pub data_dir: Utf8PathBuf,
}

/// Why an adopted server did not stop.
#[derive(Debug, Error)]
pub enum AdoptedError {
    /// The process is no server of ours (any more).
    #[error("process {pid} is not a server of ours on {data_dir}; it was left alone")]
    Recognise {
        /// The pid.
        pid: i32,
        /// The data folder.
        data_dir: Utf8PathBuf,
    },
    /// It did not end in time and was killed.
    #[error("the server on {data_dir} did not end within {} s and was killed", STOP_LIMIT.as_secs())]
    StopInTime {
        /// The data folder.
        data_dir: Utf8PathBuf,
    },
}

/// Returns the server of ours that runs on a data folder.
///
/// `postmaster.pid` alone proves nothing: the process must carry our mark and this folder on its
/// command line.
pub fn adopt(data_dir: &Utf8Path) -> Option<RunningServer> {
    let data_dir = data_dir.canonicalize_utf8().ok()?;
    let file = PidFile::read(&data_dir)?;
    if !processes::is_running(file.pid) || !processes::serves(file.pid, &data_dir) {
        return None;
    }
    let address = Address::socket(file.socket_dir, "postgres", "postgres").port(file.port);
    Some(RunningServer { pid: file.pid, address, data_dir })
}

/// Ends an adopted server by a fast shutdown, waits for it, and removes its socket folder. The data stay.
pub async fn stop_adopted(server: &RunningServer) -> Result<(), AdoptedError> {
    let data_dir = server.data_dir.clone();
    if !processes::serves(server.pid, &data_dir) {
        return Err(AdoptedError::Recognise { pid: server.pid, data_dir });
    }
    processes::signal(server.pid, Signal::SIGINT);
    let start = Instant::now();
    while processes::is_running(server.pid) {
        if start.elapsed() > STOP_LIMIT {
            let shared = SharedMemory::of(server.pid, &data_dir);
            let killed = processes::kill_tree(server.pid);
            processes::wait_until_gone(&killed, STOP_LIMIT);
            shared.remove();
            return Err(AdoptedError::StopInTime { data_dir });
        }
        tokio::time::sleep(POLL).await;
    }
    remove_socket_folder(server);
    Ok(())
}

/// Removes the temporary folder of the socket, if it is one that we made for this data folder.
fn remove_socket_folder(server: &RunningServer) {
    let Some(socket) = server.address.socket_path() else { return };
    let Some(folder) = socket.parent().and_then(Utf8Path::parent) else { return };
    let ours = folder.file_name().is_some_and(|name| name.starts_with(&prefix()));
    let owner = fs_err::read_to_string(folder.join(OWNER)).map(|text| Owner::parse(&text));
    if ours && owner.is_ok_and(|owner| owner.data.as_ref() == Some(&server.data_dir)) {
        // What cannot be removed now is removed at the next start.
        let _ = fs_err::remove_dir_all(folder);
    }
}
