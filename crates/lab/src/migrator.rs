//! Brings a database forward through its numbered migrations, one runner at a time.
//!
//! Deciding ([`plan`]) is apart from doing ([`apply`]); [`ledger`] is the database's own memory of
//! what was applied, [`foreign`] that of another tool whose folder and ledger are adopted. `runner`
//! runs one file or phase, `folder` walks the phases of expand and contract, `backfill` its rows.

pub mod apply;
mod backfill;
mod folder;
pub mod foreign;
pub mod ledger;
pub mod lock;
mod old_readers;
mod patience;
pub mod phase;
pub mod plan;
mod runner;
pub mod state;
mod throttle;

pub use apply::{Applied, ApplyOptions, Folders, Waiting, migrate_up};
pub use old_readers::ContractGuard;
pub use phase::{Goal, PhaseWish, Walked, migrate_phase};
pub use plan::{Plan, Problem};
pub use throttle::ThrottleLimits;

use underpin_pg::QueryError;

/// Why migrating stopped.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A statement of a migration failed; the file was rolled back where it runs in a transaction.
    #[error("{file}:{line}: the server refused a statement")]
    Statement {
        /// Migration file.
        file: String,
        /// Line of the statement.
        line: u32,
        /// The statement.
        sql: String,
        /// The server's answer.
        #[source]
        source: QueryError,
    },
    /// A lock could not be had within the time limit, retries included.
    #[error("{file}:{line}: gave up after {tries} tries of {lock_timeout_ms} ms each to get a lock")]
    LockTimeout {
        /// Migration file.
        file: String,
        /// Line of the statement that waited.
        line: u32,
        /// How often it was tried.
        tries: u32,
        /// Time limit of one try.
        lock_timeout_ms: u32,
        /// The server's last answer.
        #[source]
        source: QueryError,
    },
    /// A transaction stands open that a statement with CONCURRENTLY would wait for.
    #[error("{file}:{line}: gave up after {seconds} s: the statement would have to wait for {holder}")]
    OldTransaction {
        /// Migration file.
        file: String,
        /// Line of the statement.
        line: u32,
        /// How long was waited.
        seconds: u64,
        /// Who, as `pg_stat_activity` tells.
        holder: String,
    },
    /// `verify.sql` of a folder returned rows.
    #[error(
        "{file}:{line}: the verification returned {count} row{}: {}",
        if *count == 1 { "" } else { "s" },
        shown.join("; ")
    )]
    NotVerified {
        /// The file.
        file: String,
        /// Line of the query.
        line: u32,
        /// How many rows.
        count: usize,
        /// The first of them.
        shown: Vec<String>,
    },
    /// The key of a backfill has NULLs.
    #[error("{file}:{line}: rows of {table} have NULL in the key ({key}), and lie in no range of it")]
    KeyIsNull {
        /// The file.
        file: String,
        /// Line of the statement.
        line: u32,
        /// The table.
        table: String,
        /// The key's columns.
        key: String,
    },
    /// Earlier migrations are not applied.
    #[error("version {version} waits for earlier ones: {}", before.join(", "))]
    Earlier {
        /// The folder's version.
        version: String,
        /// Versions before it that are not applied.
        before: Vec<String>,
    },
    /// The version is a file, which has no phases.
    #[error("{file} is one file and has no phases")]
    NotAFolder {
        /// The file.
        file: String,
    },
    /// There is no such folder, or none that is pending.
    #[error("{}", match version {
        Some(version) => format!("there is no migration of version {version}"),
        None => "no migration in the form of a folder is pending".to_owned(),
    })]
    NoFolder {
        /// The version that was asked for.
        version: Option<String>,
    },
    /// Somebody still runs the old version of the application.
    #[error("contract of {folder} waits: {} is seen", seen.join("; "))]
    OldReaders {
        /// The folder.
        folder: String,
        /// Sessions or statements.
        seen: Vec<String>,
    },
    /// The folder is on its way back.
    #[error("{folder} is being taken back")]
    Reverting {
        /// The folder.
        folder: String,
    },
    /// Contract has begun: the old form is gone, or going.
    #[error("{folder} cannot be taken back: contract has taken the old form away")]
    Contracted {
        /// The folder.
        folder: String,
    },
    /// The folder has no way back.
    #[error("{folder} has no revert.sql")]
    NoRevert {
        /// The folder.
        folder: String,
    },
    /// The ledger and the folder disagree; nothing was applied.
    #[error("the migrations folder and the database's ledger disagree")]
    Disagreement {
        /// Every disagreement.
        problems: Vec<Problem>,
    },
    /// Another runner holds the advisory lock.
    #[error("another migration run holds the lock: {holder}")]
    Busy {
        /// Who, as `pg_stat_activity` tells.
        holder: String,
    },
    /// Two connections reached one backend: a pooler in transaction mode stands between.
    #[error("the address leads through a pooler in transaction mode, where a session's lock is not kept")]
    Pooler,
    /// Another tool's ledger rules this database and cannot be written by us.
    #[error("this database is migrated by {tool}, whose ledger Underpin reads but does not write")]
    ForeignLedger {
        /// The tool.
        tool: &'static str,
        /// Versions that are pending.
        pending: Vec<String>,
    },
    /// The other tool's ledger says that a migration failed half way.
    #[error("{tool} marks version {version} as failed half way")]
    Dirty {
        /// The tool.
        tool: &'static str,
        /// The version.
        version: String,
    },
    /// Reading or writing the ledger failed.
    #[error("the ledger underpin.migrations could not be {doing}")]
    Ledger {
        /// `read`, `created` or `written`.
        doing: &'static str,
        /// The server's answer.
        #[source]
        source: QueryError,
    },
    /// A second connection could not be opened.
    #[error("a connection could not be opened")]
    Connect(#[source] underpin_pg::ConnectError),
}
