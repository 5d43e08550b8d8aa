//! Why an experiment could not be carried out. (A fault that an experiment *finds* is a finding.)

use camino::Utf8PathBuf;
use underpin_pg::{ConnectError, QueryError};

use crate::migrator::MigrateError;
use crate::project_folder::ProjectError;

/// Why an experiment could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The project's files are at fault.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// No PostgreSQL installation fits.
    #[error(transparent)]
    Installation(#[from] underpin_pg::InstallationError),
    /// A server of ours did not start, stop or copy.
    #[error(transparent)]
    Server(#[from] underpin_pg::LifecycleError),
    /// The project's own server did not stop.
    #[error(transparent)]
    Adopted(#[from] underpin_pg::AdoptedError),
    /// A tool of PostgreSQL's could not be run.
    #[error(transparent)]
    Tool(#[from] underpin_pg::ToolError),
    /// A pooler of ours did not start.
    #[error(transparent)]
    Pooler(#[from] underpin_pg::PoolerError),
    /// A connection could not be opened.
    #[error("the database cannot be reached")]
    Connect(#[from] ConnectError),
    /// The migrations did not run.
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    /// A backup or a restore of a drill was refused or failed.
    #[error(transparent)]
    Backup(#[from] crate::backup::BackupError),
    /// An extension of `[database] extensions` could not be created.
    #[error("the extension {name} of [database] extensions could not be created")]
    Extension {
        /// The extension.
        name: String,
        /// The server's answer.
        #[source]
        source: QueryError,
    },
    /// A statement of the seed or of the scale file failed; its file was rolled back.
    #[error("{file}:{line}: the server refused a statement")]
    Load {
        /// The file.
        file: Utf8PathBuf,
        /// Line of the statement.
        line: u32,
        /// The server's answer.
        #[source]
        source: QueryError,
    },
    /// A statement of ours failed while a database was prepared.
    #[error("preparing a database failed")]
    Preparing {
        /// The server's answer.
        #[source]
        source: QueryError,
    },
    /// A `-- param:` value could not be evaluated.
    #[error("the parameter values of {item} could not be evaluated")]
    Params {
        /// Query or transaction.
        item: String,
        /// The server's answer.
        #[source]
        source: QueryError,
    },
    /// Content checksums could not be taken.
    #[error(transparent)]
    Checksum(#[from] underpin_pg::checksum::ChecksumError),
    /// The catalog could not be read.
    #[error(transparent)]
    Catalog(#[from] underpin_pg::catalog::CatalogError),
    /// Files of a commit could not be had.
    #[error("the files of a commit could not be read")]
    Git(#[from] underpin_pg::git::GitError),
    /// A file is no snapshot of production that this version reads.
    #[error("{file} is no snapshot of production")]
    Snapshot {
        /// The file.
        file: camino::Utf8PathBuf,
        /// What is wrong with it.
        #[source]
        source: std::io::Error,
    },
    /// A statement of an experiment failed that must not.
    #[error("a statement of the experiment failed")]
    Query(#[from] QueryError),
    /// A file or folder of ours could not be read or written.
    #[error("{doing}")]
    File {
        /// What was attempted.
        doing: String,
        /// The system's answer, path included.
        #[source]
        source: std::io::Error,
    },
    /// A step took longer than it may.
    #[error("{what} did not end within {seconds} s")]
    Deadline {
        /// The step.
        what: String,
        /// Its time limit.
        seconds: u64,
    },
    /// The experiment's own logic met a state that must not be.
    #[error("{0}")]
    Unexpected(String),
}

impl LabError {
    /// Wraps a failed statement of the preparation.
    pub fn preparing(source: QueryError) -> LabError {
        LabError::Preparing { source }
    }

    /// Wraps a failed file operation.
    pub fn file(doing: impl Into<String>, source: std::io::Error) -> LabError {
        LabError::File { doing: doing.into(), source }
    }

    /// Returns the whole chain of causes in one line.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}
