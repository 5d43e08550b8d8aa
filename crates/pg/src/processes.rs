//! Looking at processes of this machine and signalling those that are proven to be ours.

use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Part of the command line of every server that we start; see [`serves`].
pub(crate) const MARK: &str = "cluster_name=underpin";

/// How often a state is looked at while waiting for it.
///
/// A virtual processor that sleeps longer may be given away, and then comes back hundreds of milliseconds late.
pub(crate) const POLL: Duration = Duration::from_millis(1);

/// What `postmaster.pid` says. Reference: server source, `miscadmin.h`, `LOCK_FILE_LINE_*`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PidFile {
    pub(crate) pid: i32,
    pub(crate) port: u16,
    pub(crate) socket_dir: Utf8PathBuf,
    /// System V segment that guards the data folder.
    pub(crate) segment: Option<i64>,
    /// The postmaster says that it takes connections.
    pub(crate) ready: bool,
}

impl PidFile {
    /// Reads the file in a data folder; nothing when it is absent or half written.
    pub(crate) fn read(data_dir: &Utf8Path) -> Option<PidFile> {
        PidFile::parse(&fs_err::read_to_string(data_dir.join("postmaster.pid")).ok()?)
    }

    fn parse(text: &str) -> Option<PidFile> {
        let lines: Vec<&str> = text.lines().collect();
        let line = |at: usize| lines.get(at).copied().unwrap_or("").trim();
        Some(PidFile {
            pid: line(0).parse().ok().filter(|pid| *pid > 1)?,
            port: line(3).parse().unwrap_or_default(),
            socket_dir: line(4).into(),
            segment: line(6).split_whitespace().nth(1).and_then(|id| id.parse().ok()),
            ready: line(7) == "ready",
        })
    }
}

/// Tells whether `pid` is a server that we started on `data_dir`, by its command line.
///
/// A pid alone proves nothing: after a reboot or a wrap-around it may be anybody's.
pub(crate) fn serves(pid: i32, data_dir: &Utf8Path) -> bool {
    command_line(pid).is_some_and(|line| is_server_on(&line, data_dir))
}

fn is_server_on(command_line: &str, data_dir: &Utf8Path) -> bool {
    command_line.contains(MARK) && format!("{command_line} ").contains(&format!(" -D {data_dir} "))
}

/// Returns the arguments joined by spaces; nothing for a process that is gone or a zombie.
fn command_line(pid: i32) -> Option<String> {
    let text = if cfg!(target_os = "linux") {
        String::from_utf8_lossy(&fs_err::read(format!("/proc/{pid}/cmdline")).ok()?).replace('\0', " ")
    } else {
        ps(&["-o", "args=", "-p", &pid.to_string()])?
    };
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Tells whether the process still runs; a zombie does not.
pub(crate) fn is_running(pid: i32) -> bool {
    if cfg!(target_os = "linux") {
        return status_of(pid).is_some_and(|(state, _)| !matches!(state, 'Z' | 'X'));
    }
    ps(&["-o", "stat=", "-p", &pid.to_string()])
        .is_some_and(|stat| !stat.is_empty() && !stat.starts_with('Z'))
}

/// Returns the processes below `pid`, its children's children included.
pub(crate) fn descendants(pid: i32) -> Vec<i32> {
    let parents = parents();
    let mut found = vec![pid];
    let mut at = 0;
    while let Some(parent) = found.get(at).copied() {
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(child, _)| *child));
        at += 1;
    }
    found.split_off(1)
}

/// Returns every process with its parent.
fn parents() -> Vec<(i32, i32)> {
    if cfg!(target_os = "linux") {
        let Ok(entries) = fs_err::read_dir("/proc") else { return Vec::new() };
        let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        return pids.filter_map(|pid| Some((pid, status_of(pid)?.1))).collect();
    }
    let listing = ps(&["-axo", "pid=,ppid="]).unwrap_or_default();
    let pair = |line: &str| {
        let mut numbers = line.split_whitespace().filter_map(|number| number.parse().ok());
        Some((numbers.next()?, numbers.next()?))
    };
    listing.lines().filter_map(pair).collect()
}

/// Returns state and parent from `/proc/PID/stat`, whose second field may hold spaces and parentheses.
fn status_of(pid: i32) -> Option<(char, i32)> {
    let stat = fs_err::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

/// Runs `ps`, where there is no `/proc`.
fn ps(args: &[&str]) -> Option<String> {
    let output = std::process::Command::new("ps").args(args).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Sends a signal; a process that is gone already is what we wanted anyway.
pub(crate) fn signal(pid: i32, signal: Signal) {
    let _ = kill(Pid::from_raw(pid), signal);
}

/// Waits until none of the processes runs; tells whether that happened within `limit`.
pub(crate) fn wait_until_gone(pids: &[i32], limit: Duration) -> bool {
    let start = Instant::now();
    loop {
        if !pids.iter().any(|pid| is_running(*pid)) {
            return true;
        }
        if start.elapsed() >= limit {
            return false;
        }
        std::thread::sleep(POLL);
    }
}

/// Kills a server that is proven to be ours, with everything below it, as a crash does.
///
/// The postmaster is stopped first so that it starts nothing while its children are counted.
pub(crate) fn kill_tree(postmaster: i32) -> Vec<i32> {
    signal(postmaster, Signal::SIGSTOP);
    let mut pids = descendants(postmaster);
    pids.push(postmaster);
    for pid in pids.iter().rev() {
        signal(*pid, Signal::SIGKILL);
    }
    pids
}

/// Shared memory that a killed server could not give back.
#[derive(Debug, Default)]
pub(crate) struct SharedMemory {
    files: Vec<String>,
    segment: Option<i64>,
    postmaster: i32,
}

impl SharedMemory {
    /// Notes what the server holds, while it still runs.
    pub(crate) fn of(postmaster: i32, data_dir: &Utf8Path) -> SharedMemory {
        let maps = fs_err::read_to_string(format!("/proc/{postmaster}/maps")).unwrap_or_default();
        let mut files: Vec<String> = maps
            .lines()
            .filter_map(|line| line.find("/dev/shm/PostgreSQL.").map(|at| line[at..].to_owned()))
            .collect();
        files.dedup();
        let segment = PidFile::read(data_dir).and_then(|file| file.segment);
        SharedMemory { files, segment, postmaster }
    }

    /// Gives it back, as a power cut would; the server must be dead.
    pub(crate) fn remove(self) {
        for file in &self.files {
            // Gone already, or never there: nothing to give back.
            let _ = fs_err::remove_file(file);
        }
        if let Some(segment) = self.segment.filter(|segment| is_orphan(*segment, self.postmaster)) {
            let _ = std::process::Command::new("ipcrm").args(["-m", &segment.to_string()]).output();
        }
    }
}

/// Tells whether the segment was made by that postmaster and nobody is attached; ids are reused.
fn is_orphan(segment: i64, creator: i32) -> bool {
    let table = fs_err::read_to_string("/proc/sysvipc/shm").unwrap_or_default();
    table.lines().any(|line| {
        let fields: Vec<i64> = line.split_whitespace().map_while(|field| field.parse().ok()).collect();
        // key shmid perms size cpid lpid nattch …
        matches!(fields[..], [_, id, _, _, cpid, _, 0, ..] if id == segment && cpid == i64::from(creator))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pid_file_of_a_running_server() {
        let text = "4242\n/tmp/u/data\n1700000000\n5432\n/tmp/u/s\n\n    131074         7\nready   \n";
        let file = PidFile::parse(text).unwrap();
        let socket_dir = "/tmp/u/s".into();
        assert_eq!(file, PidFile { pid: 4242, port: 5432, socket_dir, segment: Some(7), ready: true });
        assert_eq!(PidFile::parse(&text.replace("ready", "starting")).map(|file| file.ready), Some(false));
        assert_eq!(PidFile::parse("1\n"), None);
        assert_eq!(PidFile::parse("junk"), None);
    }

    #[test]
    fn a_command_line_must_name_the_folder_and_carry_our_mark() {
        let ours = "/usr/bin/postgres -D /tmp/u/data -c cluster_name=underpin/prove";
        assert!(is_server_on(ours, "/tmp/u/data".into()));
        assert!(!is_server_on(ours, "/tmp/u/dat".into()));
        assert!(!is_server_on("/usr/bin/postgres -D /tmp/u/data", "/tmp/u/data".into()));
    }

    #[test]
    fn our_own_process_runs_and_pid_zero_does_not_count() {
        let own = std::process::id() as i32;
        assert!(is_running(own));
        assert!(!serves(own, "/tmp".into()));
        assert!(parents().iter().any(|(pid, _)| *pid == own));
    }
}
