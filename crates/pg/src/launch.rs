//! Starting child processes that end when we do.

use std::io;
use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::sync::{LazyLock, mpsc};

use camino::Utf8Path;
use nix::sys::signal::Signal;

use crate::cluster::Lifetime;
use crate::installation::Installation;
use crate::run_as::RunAs;

type Job = Box<dyn FnOnce() + Send>;

/// The thread that starts every child.
///
/// Linux sends a child its parent-death signal when the *thread* that started it ends (prctl(2),
/// PR_SET_PDEATHSIG). Threads of a runtime come and go; this one lives as long as the process.
static LAUNCHER: LazyLock<Option<mpsc::Sender<Job>>> = LazyLock::new(|| {
    let (sender, jobs) = mpsc::channel::<Job>();
    let run = move || {
        for job in jobs {
            // A job that panics reports through its dropped answer; the thread must go on living.
            let _ = catch_unwind(AssertUnwindSafe(job));
        }
    };
    std::thread::Builder::new().name("underpin-launcher".to_owned()).spawn(run).ok().map(|_| sender)
});

/// Runs `job` on the thread that starts children, and waits for its answer.
pub(crate) fn on_launcher<T: Send + 'static>(
    job: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let gone = || io::Error::other("the thread that starts processes is gone");
    let (answer, answered) = mpsc::sync_channel(1);
    let task: Job = Box::new(move || {
        let _ = answer.send(job());
    });
    LAUNCHER.as_ref().ok_or_else(gone)?.send(task).map_err(|_| gone())?;
    answered.recv().map_err(|_| gone())?
}

/// Returns a command of the installation with a clean environment: nothing of the user's `PG*` or locale.
pub(crate) fn command(installation: &Installation, program: &Utf8Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", installation.bin_dir))
        .env("LC_ALL", "C")
        .current_dir("/")
        .stdin(Stdio::null());
    command
}

/// Returns a command of another package with the same clean environment.
pub(crate) fn plain_command(program: &Utf8Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin").env("LC_ALL", "C");
    command.current_dir("/").stdin(Stdio::null());
    command
}

/// Makes the command run with at most so many open files.
pub(crate) fn limit_descriptors(command: &mut Command, limit: u64) {
    let before_exec = move || {
        let files = nix::sys::resource::Resource::RLIMIT_NOFILE;
        nix::sys::resource::setrlimit(files, limit, limit).map_err(io::Error::from)
    };
    #[expect(
        unsafe_code,
        reason = "a limit of the child alone can be set nowhere else; it is one system call"
    )]
    // SAFETY: setrlimit(2) is async-signal-safe on every system that has it, and the closure does nothing else.
    unsafe {
        command.pre_exec(before_exec);
    }
}

/// Makes the command run as `run_as` and live as long as `lifetime` says.
///
/// Ours: in a process group of its own, so that the terminal's Ctrl-C reaches us first and we end
/// it in order; `signal` comes when we die without having done so (Linux only). Detached: in a
/// session of its own, out of reach of the terminal.
pub(crate) fn bind(command: &mut Command, run_as: &RunAs, lifetime: Lifetime, signal: Signal) {
    run_as.apply(command);
    if lifetime == Lifetime::Ours {
        command.process_group(0);
    }
    let parent = nix::unistd::getpid();
    let before_exec = move || match lifetime {
        Lifetime::Ours => end_with_parent(parent, signal),
        Lifetime::Detached => nix::unistd::setsid().map(drop).map_err(io::Error::from),
    };
    #[expect(
        unsafe_code,
        reason = "a child asks for its death signal here; only async-signal-safe calls are made"
    )]
    // SAFETY: the closure makes the system calls named above and nothing else.
    unsafe {
        command.pre_exec(before_exec);
    }
}

/// Asks for `signal` at the parent's death. It runs after setuid, which would clear the request.
#[cfg(target_os = "linux")]
fn end_with_parent(parent: nix::unistd::Pid, signal: Signal) -> io::Result<()> {
    nix::sys::prctl::set_pdeathsig(signal)?;
    if nix::unistd::getppid() == parent {
        return Ok(());
    }
    // The parent died before the request was made: no signal will come.
    Err(io::Error::from(nix::errno::Errno::ESRCH))
}

/// Other systems have no such signal; a left-over server is found and ended at the next start.
#[cfg(not(target_os = "linux"))]
fn end_with_parent(_parent: nix::unistd::Pid, _signal: Signal) -> io::Result<()> {
    Ok(())
}

/// Returns a command as one would type it into a shell.
pub(crate) fn shell_line(program: &str, args: &[String]) -> String {
    let words = std::iter::once(program).chain(args.iter().map(String::as_str));
    words.map(shell_word).collect::<Vec<_>>().join(" ")
}

fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shell_lines_can_be_typed() {
        let args = ["-c".to_owned(), "it's".to_owned(), String::new()];
        assert_eq!(shell_line("/bin/psql", &args), r"/bin/psql -c 'it'\''s' ''");
    }

    #[test]
    fn the_launcher_survives_a_panic() {
        let died = on_launcher(|| -> io::Result<()> { panic!("on purpose") });
        assert!(died.is_err());
        assert_eq!(on_launcher(|| Ok(7)).unwrap(), 7);
    }
}
