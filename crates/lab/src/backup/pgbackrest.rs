//! pgBackRest as an engine: encrypted repositories, in a folder or in S3-compatible storage, increments for every version.
//!
//! What is no secret stands on the command line, so that a runbook can be repeated by hand; passphrase and keys go through
//! the environment of the program, which neither logs nor `ps` show.

mod info;
mod repository;
mod restore;
mod take;

use camino::{Utf8Path, Utf8PathBuf};
use futures_util::future::LocalBoxFuture;
use underpin_model::evidence::TranscriptStep;
use underpin_pg::{Address, Installation, RunAs, Secret, Session, ToolCall, ToolOutput};

use super::engine::{Engine, RestoreWish, TakeWish};
use super::restore::{RestoreTarget, Restored};
use super::{BackupError, Description, Taken, attempt};

pub use repository::{Aws, Bucket, Repository, Storage};

/// The engine.
pub struct PgBackRest {
    /// Its program.
    pub program: Utf8PathBuf,
    /// PostgreSQL's programs, of the server's major version.
    pub installation: Installation,
    /// Where backups are kept.
    pub repository: Repository,
}

impl Engine for PgBackRest {
    fn take<'a>(&'a self, wish: &'a TakeWish<'a>) -> LocalBoxFuture<'a, Result<Taken, BackupError>> {
        Box::pin(take::take(self, wish))
    }

    fn list(&self) -> LocalBoxFuture<'_, Result<Vec<Description>, BackupError>> {
        Box::pin(async move { Ok(self.look(None, &mut Vec::new()).await?.backups) })
    }

    fn restore<'a>(&'a self, wish: RestoreWish<'a>) -> LocalBoxFuture<'a, Result<Restored, BackupError>> {
        Box::pin(async move {
            match &wish.target {
                RestoreTarget::DataFolder(data, until) => restore::restore(self, &wish, (data, until)).await,
                RestoreTarget::Database(_) => Err(BackupError::Refused {
                    what: "pgBackRest brings back a whole server, not one database".to_owned(),
                    next: "Name a new folder with --data.",
                }),
            }
        })
    }
}

impl PgBackRest {
    /// Returns what a server has to say when its log goes into this repository; its file is `config`.
    pub fn archive_command(&self, config: &Utf8Path) -> String {
        let stanza = &self.repository.stanza;
        format!("{} --config=\"{config}\" --stanza={stanza} archive-push \"%p\"", self.program)
    }

    /// Writes the file that the server's `archive_command` reads, with passphrase and keys: for the server's user alone.
    ///
    /// Nothing is overwritten.
    pub async fn write_config(&self, file: &Utf8Path, address: &Address) -> Result<(), BackupError> {
        use std::io::Write;
        use std::os::unix::fs::OpenOptionsExt;
        let session = Session::connect(address).await.map_err(BackupError::Connect)?;
        let asked = session.value("SELECT current_setting('data_directory')").await;
        let data = Utf8PathBuf::from(asked.map_err(BackupError::Ask)?.unwrap_or_default());
        session.close().await;
        let run_as = take::owner(&data)?;
        if file.exists() {
            return Err(BackupError::Exists { what: file.to_string() });
        }
        let failed = |source| BackupError::File { doing: format!("writing {file}"), source };
        let mut options = std::fs::OpenOptions::new();
        let mut out = options.write(true).create_new(true).mode(0o600).open(file).map_err(failed)?;
        out.write_all(self.repository.config(&data).as_bytes()).map_err(failed)?;
        run_as.own(file).map_err(failed)
    }

    /// Returns a call of one of its commands on this repository.
    fn call(&self, command: &str) -> ToolCall {
        let call = ToolCall::new(self.program.as_str()).args(["--no-config", "--log-level-file=off"]);
        let call = call.args(self.repository.options()).arg(command);
        self.environment().into_iter().fold(call, |call, (name, value)| call.env(name, value.reveal()))
    }

    /// Returns what goes to the program, and to a server that calls it, unseen.
    fn environment(&self) -> Vec<(String, Secret)> {
        let mut variables = self.repository.secrets();
        if let Storage::Folder(_) = self.repository.storage {
            // A file that cannot be unpacked is no better 15 s later, as it may be on a network (its own retry, 2.45).
            variables.push(("PGBACKREST_JOB_RETRY".to_owned(), Secret::new("0")));
        }
        variables
    }

    /// Asks what the repository holds.
    async fn look(
        &self,
        run_as: Option<&RunAs>,
        transcript: &mut Vec<TranscriptStep>,
    ) -> Result<info::Contents, BackupError> {
        let mut call = self.call("info").arg("--output=json");
        call.run_as = run_as.cloned();
        let output = self.checked(call, transcript).await?;
        // Long, and its content is told by what follows.
        if let Some(step) = transcript.last_mut() {
            step.output = String::new();
        }
        info::read(&output.stdout, &self.repository)
    }

    /// Runs a command that must succeed, and writes down what it did.
    async fn checked(
        &self,
        call: ToolCall,
        transcript: &mut Vec<TranscriptStep>,
    ) -> Result<ToolOutput, BackupError> {
        let output = attempt(&self.installation, call, transcript).await?;
        match output.exit {
            0 => Ok(output),
            _ => Err(self.failure(output)),
        }
    }

    /// Turns its complaint into one that names the cause, where it is known.
    fn failure(&self, output: ToolOutput) -> BackupError {
        let text = format!("{}{}", output.stdout, output.stderr);
        let has = |words: &str| text.contains(words);
        if has("unable to load info file") && (has("FormatError") || has("CryptoError")) {
            return self.repository.unreadable();
        }
        if has("was not archived before the") {
            return BackupError::Refused {
                what: format!("the server's log does not arrive in the repository: {}", output.complaint()),
                next: "The server's own log tells why archive_command fails; its file of --write-config has to name this repository.",
            };
        }
        BackupError::Program { output: Box::new(output) }
    }
}
