//! Why a backup or a restore was refused or failed, each with the next step.

use camino::Utf8PathBuf;
use underpin_pg::{ConnectError, LifecycleError, QueryError, ToolError, ToolOutput};

/// Why a backup or a restore was refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The server cannot be reached.
    #[error("the server cannot be reached")]
    Connect(#[source] ConnectError),
    /// A statement on the server failed.
    #[error("a statement of the backup failed")]
    Ask(#[source] QueryError),
    /// A program could not be run.
    #[error("a program of PostgreSQL's could not be run")]
    Tool(#[source] ToolError),
    /// A program failed.
    #[error("exit code {}: {}\n{}", output.exit, output.command_line, output.complaint())]
    Program {
        /// What it left behind.
        output: Box<ToolOutput>,
    },
    /// Sums of contents could not be taken.
    #[error("the content could not be summed")]
    Sum(#[source] underpin_pg::checksum::ChecksumError),
    /// The catalog could not be read.
    #[error("the catalog could not be read")]
    Catalog(#[source] underpin_pg::catalog::CatalogError),
    /// A file could not be read or written.
    #[error("{doing} failed")]
    File {
        /// What was attempted.
        doing: String,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
    /// Something is there that would be overwritten.
    #[error("{what} is there already, and nothing is ever overwritten")]
    Exists {
        /// Folder or database.
        what: String,
    },
    /// The folder of backups is not there.
    #[error("there is no folder {folder}")]
    NoFolder {
        /// Where was looked.
        folder: Utf8PathBuf,
    },
    /// No backup fits.
    #[error("{folder} holds no {wanted}")]
    NoBackup {
        /// Where was looked.
        folder: Utf8PathBuf,
        /// What was looked for.
        wanted: String,
    },
    /// The backup is not what it was when it was taken.
    #[error("the backup {label} is damaged: {what}")]
    Damaged {
        /// The backup.
        label: String,
        /// What differs.
        what: String,
    },
    /// What came back is not what was backed up.
    #[error("the restored content differs from the backup {label} in {} places: {}", differences.len(), differences.join("; "))]
    Differs {
        /// The backup.
        label: String,
        /// Each difference.
        differences: Vec<String>,
    },
    /// The target of a point-in-time recovery cannot be reached.
    #[error("the target cannot be reached: {why}")]
    Unreachable {
        /// Why.
        why: String,
    },
    /// The source has something that this backup does not take.
    #[error("{what}")]
    Unsupported {
        /// What it is.
        what: String,
    },
    /// The wish cannot be carried out as things are.
    #[error("{what}")]
    Refused {
        /// Why.
        what: String,
        /// The next step.
        next: &'static str,
    },
    /// The restored server did not start.
    #[error("the restored server did not start")]
    Server(#[source] LifecycleError),
}

impl BackupError {
    /// Returns the next step.
    pub fn hint(&self) -> &'static str {
        match self {
            BackupError::Exists { .. } => "Name a folder or database that does not exist yet.",
            BackupError::NoFolder { .. } => {
                "Check the path; `underpin backup --to FOLDER --database-url URL` makes it with the first backup."
            }
            BackupError::NoBackup { .. } => "`underpin backup --list --to FOLDER` shows what is there.",
            BackupError::Damaged { .. } | BackupError::Differs { .. } => {
                "Do not use it; restore an older one with --backup LABEL, and take a new one now."
            }
            BackupError::Unreachable { .. } => {
                "`underpin backup --list --to FOLDER` shows from where on recovery is possible; --timeline N follows another recovery."
            }
            BackupError::Unsupported { .. } => {
                "Take a logical backup (--kind logical) of each database instead."
            }
            BackupError::Refused { next, .. } => next,
            BackupError::Program { .. } => "The program's own words above name the cause.",
            _ => "`underpin doctor` checks the machine.",
        }
    }
}
