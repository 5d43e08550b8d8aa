//! A program of another package that runs as long as a drill needs it: etcd, Patroni.
//!
//! It ends with us: when dropped, and by the kernel's parent-death signal when we are killed.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Stdio};

use camino::{Utf8Path, Utf8PathBuf};
use nix::sys::signal::Signal;

use crate::cluster::Lifetime;
use crate::installation::output_of;
use crate::launch;
use crate::processes;
use crate::run_as::RunAs;

/// A wish for a program.
#[derive(Clone, Debug)]
pub struct DaemonSpec {
    /// The program's path.
    pub program: Utf8PathBuf,
    /// Arguments.
    pub args: Vec<String>,
    /// Environment beside a search path and `LC_ALL=C`.
    pub env: Vec<(String, String)>,
    /// File for what it prints; appended to.
    pub log: Utf8PathBuf,
}

/// A program that runs. Dropped, it is killed, itself alone.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    command_line: String,
    log: Utf8PathBuf,
}

impl Daemon {
    /// Starts the program as `run_as`. When we are killed it gets SIGTERM, so that it can end what it started itself.
    pub fn start(spec: &DaemonSpec, run_as: &RunAs) -> io::Result<Daemon> {
        let log = OpenOptions::new().create(true).append(true).mode(0o600).open(&spec.log)?;
        let errors = log.try_clone()?;
        let mut command = launch::plain_command(&spec.program);
        command.args(&spec.args).envs(spec.env.iter().map(|(name, value)| (name, value)));
        command.stdout(Stdio::from(log)).stderr(Stdio::from(errors));
        launch::bind(&mut command, run_as, Lifetime::Ours, Signal::SIGTERM);
        let child = launch::on_launcher(move || command.spawn())?;
        let command_line = launch::shell_line(spec.program.as_str(), &spec.args);
        Ok(Daemon { child, command_line, log: spec.log.clone() })
    }

    /// Returns how it ended, if it did.
    pub fn ended(&mut self) -> Option<String> {
        let ended = self.child.try_wait();
        ended.map_or_else(|error| Some(error.to_string()), |status| status.map(|status| status.to_string()))
    }

    /// Kills it, itself alone, and waits for its end.
    pub fn kill(&mut self) {
        // It is our child and not waited for yet, so its pid cannot belong to anybody else.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Stops it where it is (SIGSTOP).
    pub fn freeze(&mut self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets it go on (SIGCONT).
    pub fn thaw(&mut self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&mut self, signal: Signal) {
        if self.ended().is_none() {
            processes::signal(self.child.id() as i32, signal);
        }
    }

    /// Returns the command that started it, as one would type it.
    pub fn command_line(&self) -> &str {
        &self.command_line
    }

    /// Returns the last `lines` lines of what it printed.
    pub fn log_tail(&self, lines: usize) -> String {
        let text = fs_err::read_to_string(&self.log).unwrap_or_default();
        let all: Vec<&str> = text.trim_end().lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Returns the first line that a program prints for one argument, such as its version; nothing when it cannot be run.
pub fn first_line(program: &Utf8Path, arg: &str) -> Option<String> {
    Some(output_of(program, arg)?.lines().next()?.trim().to_owned())
}
