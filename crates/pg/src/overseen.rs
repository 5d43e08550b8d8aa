//! A server that another program starts, stops and promotes on a data folder of ours, such as Patroni's.
//!
//! It is no child of ours, so it is known by its pid file and its command line only; `cluster_name` must begin with `underpin`.

use camino::{Utf8Path, Utf8PathBuf};
use nix::sys::signal::Signal;
use std::time::Duration;

use crate::adopted::adopt;
use crate::processes::{self, SharedMemory};

/// Killed processes are gone after milliseconds.
const GONE_LIMIT: Duration = Duration::from_secs(10);

/// The server on a data folder, whoever started it and however often. Dropped, it is killed.
#[derive(Debug)]
pub struct OverseenServer {
    data_dir: Utf8PathBuf,
}

impl OverseenServer {
    /// Takes charge of whatever server runs on the folder, now and later.
    pub fn on(data_dir: impl Into<Utf8PathBuf>) -> OverseenServer {
        OverseenServer { data_dir: data_dir.into() }
    }

    /// Returns the data folder.
    pub fn data_dir(&self) -> &Utf8Path {
        &self.data_dir
    }

    /// Tells whether a server runs there.
    pub fn is_running(&self) -> bool {
        adopt(&self.data_dir).is_some()
    }

    /// Kills every process of the server, as [`crate::Server::crash`] does; tells whether there was one.
    pub fn crash(&self) -> bool {
        let Some(running) = adopt(&self.data_dir) else { return false };
        let shared = SharedMemory::of(running.pid, &self.data_dir);
        let killed = processes::kill_tree(running.pid);
        processes::wait_until_gone(&killed, GONE_LIMIT);
        shared.remove();
        true
    }

    /// Stops every process of the server where it is (SIGSTOP); tells whether there was one.
    pub fn freeze(&self) -> bool {
        self.signal_all(Signal::SIGSTOP)
    }

    /// Lets a frozen server go on (SIGCONT); tells whether there was one.
    pub fn thaw(&self) -> bool {
        self.signal_all(Signal::SIGCONT)
    }

    fn signal_all(&self, signal: Signal) -> bool {
        let Some(running) = adopt(&self.data_dir) else { return false };
        processes::signal(running.pid, signal);
        processes::descendants(running.pid).into_iter().for_each(|pid| processes::signal(pid, signal));
        true
    }
}

impl Drop for OverseenServer {
    fn drop(&mut self) {
        self.crash();
    }
}
