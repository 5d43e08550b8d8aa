//! Running PostgreSQL's own programs: `pg_dump`, `pg_restore`, `pg_basebackup`, `psql`, …

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use futures_util::future::BoxFuture;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use crate::address::Address;
use crate::cluster::Lifetime;
use crate::installation::Installation;
use crate::launch;
use crate::run_as::{RunAs, RunAsError};

/// One run of a program.
#[derive(Clone, Debug, Default)]
pub struct ToolCall {
    /// Name of a program of the installation, or a path.
    pub program: String,
    /// Arguments.
    pub args: Vec<String>,
    /// Environment; nothing else is inherited but a search path and `LC_ALL=C`.
    pub env: Vec<(String, String)>,
    /// Folder to run in; `/` when absent, for the program's user may not enter ours.
    pub cwd: Option<Utf8PathBuf>,
    /// Standard input; empty when absent.
    pub stdin: Option<Vec<u8>>,
    /// Longest run; none when absent.
    pub deadline: Option<Duration>,
    /// Who runs it; the user of [`RunAs::choose`] when absent.
    pub run_as: Option<RunAs>,
}

/// What a program that ran to its end left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolOutput {
    /// The command as one would type it, without the environment.
    pub command_line: String,
    /// Standard output; bytes that are not UTF-8 are replaced, so let archives be written to files.
    pub stdout: String,
    /// Standard error, likewise.
    pub stderr: String,
    /// Exit code; 128 plus the signal's number when a signal ended it, as shells count.
    pub exit: i32,
    /// Time from start to end.
    pub duration_ms: u64,
}

/// Why a program did not run to a good end.
#[derive(Debug, Error)]
pub enum ToolError {
    /// The installation has no such program.
    #[error("{program} is missing from {bin_dir}")]
    Find {
        /// Program.
        program: String,
        /// Where it was looked for.
        bin_dir: Utf8PathBuf,
    },
    /// There is nobody to run it as.
    #[error("{program} cannot run as an unprivileged user")]
    ChooseUser {
        /// Program.
        program: String,
        /// Why.
        #[source]
        source: RunAsError,
    },
    /// It could not be started.
    #[error("starting failed: {command_line}")]
    Start {
        /// The command.
        command_line: String,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// Its input or output broke.
    #[error("talking to it failed: {command_line}")]
    Talk {
        /// The command.
        command_line: String,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// It took too long and was killed.
    #[error("killed after {} s: {command_line}", limit.as_secs_f32())]
    Finish {
        /// The command.
        command_line: String,
        /// The limit.
        limit: Duration,
    },
    /// It ended with a failure; only [`ToolOutput::checked`] makes this an error.
    #[error("exit code {}: {}\n{}", output.exit, output.command_line, output.complaint())]
    Succeed {
        /// What it left behind.
        output: Box<ToolOutput>,
    },
}

impl ToolCall {
    /// Returns a call of a program of the installation.
    pub fn new(program: impl Into<String>) -> ToolCall {
        ToolCall { program: program.into(), ..ToolCall::default() }
    }

    /// Returns the call with one more argument.
    pub fn arg(mut self, arg: impl Into<String>) -> ToolCall {
        self.args.push(arg.into());
        self
    }

    /// Returns the call with more arguments.
    pub fn args<I: IntoIterator<Item = S>, S: Into<String>>(mut self, args: I) -> ToolCall {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Returns the call with libpq's environment for a server.
    pub fn on(mut self, address: &Address) -> ToolCall {
        self.env.extend(address.libpq_env());
        self
    }

    /// Returns the call with an environment variable.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> ToolCall {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Returns the call with the folder to run in.
    pub fn cwd(mut self, folder: impl Into<Utf8PathBuf>) -> ToolCall {
        self.cwd = Some(folder.into());
        self
    }

    /// Returns the call with standard input.
    pub fn stdin(mut self, data: impl Into<Vec<u8>>) -> ToolCall {
        self.stdin = Some(data.into());
        self
    }

    /// Returns the call with a limit.
    pub fn deadline(mut self, limit: Duration) -> ToolCall {
        self.deadline = Some(limit);
        self
    }

    /// Returns the call with the user who runs it.
    pub fn run_as(mut self, run_as: RunAs) -> ToolCall {
        self.run_as = Some(run_as);
        self
    }

    fn path(&self, installation: &Installation) -> Result<Utf8PathBuf, ToolError> {
        let path = installation.tool(&self.program);
        if path.is_file() {
            return Ok(path);
        }
        Err(ToolError::Find { program: self.program.clone(), bin_dir: installation.bin_dir.clone() })
    }
}

impl ToolOutput {
    /// Tells whether it ended with 0.
    pub fn success(&self) -> bool {
        self.exit == 0
    }

    /// Returns itself if it ended with 0, else an error that holds it.
    pub fn checked(self) -> Result<ToolOutput, ToolError> {
        if self.success() { Ok(self) } else { Err(ToolError::Succeed { output: Box::new(self) }) }
    }

    /// Returns the last lines of what it complained of.
    pub fn complaint(&self) -> String {
        let text = if self.stderr.trim().is_empty() { &self.stdout } else { &self.stderr };
        let lines: Vec<&str> = text.trim().lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

/// Runs a program to its end, as the same unprivileged user as servers when we are root.
///
/// It has a process group of its own, which is killed when this future is dropped or the deadline
/// passes. An exit code other than 0 is no error here; see [`ToolOutput::checked`].
pub fn run_tool<'a>(
    installation: &'a Installation,
    call: &'a ToolCall,
) -> BoxFuture<'a, Result<ToolOutput, ToolError>> {
    Box::pin(async move {
        let path = call.path(installation)?;
        let command_line = launch::shell_line(path.as_str(), &call.args);
        let run_as = match &call.run_as {
            Some(run_as) => run_as.clone(),
            None => RunAs::choose()
                .map_err(|source| ToolError::ChooseUser { program: call.program.clone(), source })?,
        };
        let start = Instant::now();
        let child = start_tool(installation, &path, call, &run_as)
            .map_err(|source| ToolError::Start { command_line: command_line.clone(), source })?;
        let mut group = Group::of(&child);
        let talk = talk(child, call.stdin.as_deref());
        let talked = match call.deadline {
            Some(limit) => match tokio::time::timeout(limit, talk).await {
                Ok(talked) => talked,
                Err(_) => return Err(ToolError::Finish { command_line, limit }),
            },
            None => talk.await,
        };
        let (status, stdout, stderr) =
            talked.map_err(|source| ToolError::Talk { command_line: command_line.clone(), source })?;
        group.ended();
        Ok(ToolOutput {
            command_line,
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
            exit: exit_code(status),
            duration_ms: start.elapsed().as_millis() as u64,
        })
    })
}

/// Runs a program at the terminal as ourselves, with our environment, and returns its exit code.
///
/// It shares our process group, so that Ctrl-C reaches it; the caller ignores SIGINT meanwhile.
pub async fn run_at_terminal(installation: &Installation, call: &ToolCall) -> Result<i32, ToolError> {
    let path = call.path(installation)?;
    let command_line = launch::shell_line(path.as_str(), &call.args);
    let mut command = Command::new(&path);
    command.args(&call.args).envs(call.env.iter().map(|(name, value)| (name, value)));
    if let Some(folder) = &call.cwd {
        command.current_dir(folder);
    }
    let status = command.status().await.map_err(|source| ToolError::Start { command_line, source })?;
    Ok(exit_code(status))
}

fn start_tool(
    installation: &Installation,
    path: &Utf8Path,
    call: &ToolCall,
    run_as: &RunAs,
) -> io::Result<Child> {
    let mut command = launch::command(installation, path);
    command.args(&call.args).envs(call.env.iter().map(|(name, value)| (name, value)));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some(folder) = &call.cwd {
        command.current_dir(folder);
    }
    if call.stdin.is_some() {
        command.stdin(Stdio::piped());
    }
    launch::bind(&mut command, run_as, Lifetime::Ours, Signal::SIGKILL);
    let mut command = Command::from(command);
    command.kill_on_drop(true);
    let runtime = tokio::runtime::Handle::current();
    launch::on_launcher(move || {
        let _entered = runtime.enter();
        command.spawn()
    })
}

/// Feeds input and collects output side by side: either pipe may fill up while the other waits.
async fn talk(mut child: Child, input: Option<&[u8]>) -> io::Result<(ExitStatus, Vec<u8>, Vec<u8>)> {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let stdin = child.stdin.take();
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let feed = async {
        if let (Some(mut pipe), Some(input)) = (stdin, input) {
            // A program may end before it has read all; its exit code tells what that means.
            let _ = pipe.write_all(input).await;
        }
        Ok(0)
    };
    let read_out = async {
        match out {
            Some(mut pipe) => pipe.read_to_end(&mut stdout).await,
            None => Ok(0),
        }
    };
    let read_err = async {
        match err {
            Some(mut pipe) => pipe.read_to_end(&mut stderr).await,
            None => Ok(0),
        }
    };
    tokio::try_join!(feed, read_out, read_err)?;
    let status = child.wait().await?;
    Ok((status, stdout, stderr))
}

fn exit_code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

/// The process group of a tool: `pg_dump --jobs` has workers that would live on without their leader.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Group {
        Group(child.id().map(|pid| Pid::from_raw(pid as i32)))
    }

    fn ended(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It may have ended by itself just now.
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}
