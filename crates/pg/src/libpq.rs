//! A client of libpq that stays connected: one psql, fed statement by statement.
//!
//! For drills that must know what PostgreSQL's own library does with several hosts; [`Session`](crate::Session) is another driver.

use std::io;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

use nix::sys::signal::Signal;

use crate::address::{Address, Host};
use crate::cluster::Lifetime;
use crate::installation::Installation;
use crate::launch;
use crate::run_as::RunAs;

/// Follows the answer to each statement.
const END: &str = "underpin-end";

/// Longest wait for one host in whole seconds: the shortest that libpq has before version 17 (manual, `connect_timeout`).
pub const CONNECT_TIMEOUT: u32 = 2;

/// A psql that is kept open. Dropped, it is killed.
#[derive(Debug)]
pub struct LibpqSession {
    _child: Child,
    input: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    errors: ChildStderr,
}

/// Why a statement got no answer.
#[derive(Debug, thiserror::Error)]
pub enum LibpqError {
    /// psql could not be started or talked to.
    #[error("psql cannot be talked to")]
    Talk(#[source] io::Error),
    /// The server refused the statement.
    #[error("{0}")]
    Refused(String),
    /// No server was found, or the connection was lost; psql ended.
    #[error("{0}")]
    Lost(String),
}

impl LibpqSession {
    /// Starts a psql that looks for the first of the servers that takes writes (`target_session_attrs=read-write`).
    ///
    /// Whether it found one shows with the first statement.
    pub fn start(installation: &Installation, servers: &[Address]) -> Result<LibpqSession, LibpqError> {
        let run_as =
            RunAs::choose().map_err(|error| LibpqError::Talk(io::Error::other(error.to_string())))?;
        let mut command = launch::command(installation, &installation.tool("psql"));
        command.args(["-XAtq", "-d", &conninfo(servers)]);
        let password = servers.first().and_then(|server| server.password.as_ref());
        command.envs(password.map(|password| ("PGPASSWORD", password.reveal())));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        launch::bind(&mut command, &run_as, Lifetime::Ours, Signal::SIGKILL);
        let mut command = Command::from(command);
        command.kill_on_drop(true);
        let runtime = tokio::runtime::Handle::current();
        let mut child = launch::on_launcher(move || {
            let _entered = runtime.enter();
            command.spawn()
        })
        .map_err(LibpqError::Talk)?;
        let missing = || LibpqError::Talk(io::Error::other("psql has no pipes"));
        let input = child.stdin.take().ok_or_else(missing)?;
        let answers = BufReader::new(child.stdout.take().ok_or_else(missing)?).lines();
        let errors = child.stderr.take().ok_or_else(missing)?;
        Ok(LibpqSession { _child: child, input, answers, errors })
    }

    /// Runs one statement on one line; returns the last line that it printed.
    ///
    /// Dropped half way it leaves the session unusable.
    pub async fn value(&mut self, sql: &str) -> Result<String, LibpqError> {
        let text = format!("{sql}\n;\n\\echo {END} :ERROR :LAST_ERROR_MESSAGE\n");
        if self.input.write_all(text.as_bytes()).await.is_err() {
            return Err(self.lost().await);
        }
        let mut last = String::new();
        while let Some(line) = self.answers.next_line().await.map_err(LibpqError::Talk)? {
            match line.strip_prefix(END).map(str::trim) {
                Some(end) if end.starts_with("false") => return Ok(last),
                Some(end) => {
                    return Err(LibpqError::Refused(end.trim_start_matches("true").trim().to_owned()));
                }
                None => last = line,
            }
        }
        Err(self.lost().await)
    }

    /// Returns what psql said before it ended.
    async fn lost(&mut self) -> LibpqError {
        let mut said = String::new();
        match self.errors.read_to_string(&mut said).await {
            Ok(_) => LibpqError::Lost(said.trim().to_owned()),
            Err(error) => LibpqError::Talk(error),
        }
    }
}

/// Returns libpq's string for the first of the servers that takes writes, without the password.
///
/// Role and database are those of the first.
pub fn conninfo(servers: &[Address]) -> String {
    let hosts: Vec<&str> = servers
        .iter()
        .map(|server| match &server.host {
            Host::Socket(folder) => folder.as_str(),
            Host::Tcp(host) => host,
        })
        .collect();
    let ports: Vec<String> = servers.iter().map(|server| server.port.to_string()).collect();
    let (user, database) =
        servers.first().map_or(("", ""), |server| (server.user.as_str(), server.database.as_str()));
    let quoted = |value: &str| value.replace('\\', "\\\\").replace('\'', "\\'");
    format!(
        "host='{}' port='{}' user='{}' dbname='{}' target_session_attrs=read-write connect_timeout={CONNECT_TIMEOUT}",
        quoted(&hosts.join(",")),
        ports.join(","),
        quoted(user),
        quoted(database)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_hosts_have_a_port_each() {
        let one = Address::socket("/a", "me", "it's").port(1);
        let other = Address::tcp("h", "me", "it's").port(2);
        assert_eq!(
            conninfo(&[one, other]),
            r"host='/a,h' port='1,2' user='me' dbname='it\'s' target_session_attrs=read-write connect_timeout=2"
        );
    }
}
