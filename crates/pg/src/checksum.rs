//! Content checksums of all tables: the number of rows, and the sum of a hash of each row's text.
//!
//! The sum does not depend on the physical order of the rows, counts duplicates, and can be taken
//! over pieces of a table at the same time. The text of a row has its columns in the order of
//! definition: two tables with the same columns in another order have other sums.

mod groups;
mod large_objects;
mod narrow;
mod piece;
mod reading;
pub(crate) mod table_list;
mod workers;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::BoxFuture;
use thiserror::Error;
use underpin_model::checksum::{DatabaseChecksum, TableSum};

pub use groups::{Groups, Located, TableGroups, located, with_groups};
pub use large_objects::large_objects;
pub use narrow::differing_rows;

use crate::address::Address;
use crate::catalog::text_form;
use crate::connect_error::ConnectError;
use crate::query_error::QueryError;
use crate::session::Session;
use reading::{Content, LedgerSequences};
use table_list::TableFile;

/// Why content checksums could not be taken.
#[derive(Debug, Error)]
pub enum ChecksumError {
    /// No session could be opened.
    #[error("no session for content checksums could be opened")]
    Connect {
        /// Why not.
        #[source]
        source: ConnectError,
    },
    /// The session's settings could not be fixed, or given back.
    #[error("the session for content checksums cannot be prepared")]
    PrepareSession {
        /// What the server said.
        #[source]
        source: QueryError,
    },
    /// Further sessions cannot see what the first one sees.
    #[error("the sessions for content checksums cannot share one snapshot")]
    ShareSnapshot {
        /// What the server said.
        #[source]
        source: QueryError,
    },
    /// The list of tables could not be read.
    #[error("the list of tables cannot be read")]
    ListTables {
        /// What the server said.
        #[source]
        source: QueryError,
    },
    /// A table was asked for that does not exist.
    #[error("there is no table {table} with rows of its own")]
    FindTable {
        /// `schema.table` as given.
        table: String,
    },
    /// A table could not be read.
    #[error("the content of table {table} cannot be read")]
    ReadTable {
        /// `schema.table`.
        table: String,
        /// What the server said.
        #[source]
        source: QueryError,
    },
    /// The server's answer is not a number of rows and a sum.
    #[error("the checksum of table {table} is not a number")]
    UnderstandSum {
        /// `schema.table`.
        table: String,
    },
    /// The sequences could not be read.
    #[error("the positions of the sequences cannot be read")]
    ReadSequences {
        /// What the server said.
        #[source]
        source: QueryError,
    },
    /// A task that reads ended before its time.
    #[error("a reader of content checksums was ended")]
    RunReader {
        /// Why.
        #[source]
        source: tokio::task::JoinError,
    },
}

impl ChecksumError {
    /// Returns what to do next, where there is something to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            ChecksumError::Connect { source } => Some(source.hint()),
            // Row-level security that would hide rows has the same code as a missing privilege.
            ChecksumError::ReadTable { source, .. } | ChecksumError::ReadSequences { source }
                if source.sqlstate() == Some("42501") =>
            {
                let words = "connect as a superuser, or as a role that may read every row: \
                     GRANT pg_read_all_data TO role; ALTER ROLE role BYPASSRLS";
                Some(words.to_owned())
            }
            _ => None,
        }
    }
}

/// What to read, and with how many sessions.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Most sessions at a time; none for as many as this machine runs threads at a time.
    ///
    /// Little data is read with fewer.
    pub sessions: Option<usize>,
    /// Which tables.
    pub scope: Scope,
}

/// Which tables are read. Tables of extensions and temporary tables never are, nor are unlogged ones of a standby, where
/// nobody can read them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// All but the ledgers of migration tools, and all sequences but theirs.
    #[default]
    UserTables,
    /// All, ledgers too.
    WithLedgers,
    /// Those named, as `schema.table`, and no sequences.
    Tables(BTreeSet<String>),
}

/// Returns the checksums of a database at one moment, read by several sessions of their own.
///
/// All sessions see one snapshot; sequences, which know no snapshots, are read at its beginning.
/// A table is read as a whole or fails: where a row-level policy would hide rows it fails.
pub fn database_checksums<'a>(
    address: &'a Address,
    options: &'a Options,
) -> BoxFuture<'a, Result<DatabaseChecksum, ChecksumError>> {
    Box::pin(async move {
        let allowed = options.sessions.unwrap_or_else(available_parallelism);
        let first = workers::open(address).await?;
        let tables = tables_in_scope(&first, &options.scope).await?;
        let sequences = sequences_in_scope(&first, &options.scope).await?;
        let count = piece::sessions_worth(&tables, allowed);
        let mut sessions = workers::join(&first, count - 1).await?;
        sessions.push(first);
        let pieces = piece::pieces(&tables, sessions.len());
        let keys: Vec<String> = tables.iter().map(TableFile::key).collect();
        let contents = workers::read_pieces(sessions, tables, pieces).await?;
        let sums = keys.into_iter().zip(contents.into_iter().map(table_sum)).collect();
        Ok(DatabaseChecksum { tables: sums, sequences: sequences.into_iter().collect() })
    })
}

fn available_parallelism() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Returns the checksums of the session's database as this session sees it, with all that it changed.
///
/// Inside a REPEATABLE READ transaction all tables are of one moment; otherwise each is of its own.
/// The session's settings stay as they were.
pub async fn in_session(session: &Session) -> Result<DatabaseChecksum, ChecksumError> {
    in_session_of(session, &Scope::UserTables).await
}

/// Returns the same as [`in_session`] for another choice of tables.
pub async fn in_session_of(session: &Session, scope: &Scope) -> Result<DatabaseChecksum, ChecksumError> {
    let prepare = |source| ChecksumError::PrepareSession { source };
    let restoration = text_form::restoration(session).await.map_err(prepare)?;
    let mut checksum = DatabaseChecksum::default();
    for table in tables_in_scope(session, scope).await? {
        let content = reading::read_table(session, &table).await?;
        checksum.tables.insert(table.key(), table_sum(content));
    }
    checksum.sequences = sequences_in_scope(session, scope).await?.into_iter().collect();
    session.rows(&restoration).await.map_err(prepare)?;
    Ok(checksum)
}

async fn tables_in_scope(session: &Session, scope: &Scope) -> Result<Vec<TableFile>, ChecksumError> {
    let tables = table_list::all(session).await;
    let mut tables = tables.map_err(|source| ChecksumError::ListTables { source })?;
    match scope {
        Scope::UserTables => tables.retain(|table| !table.ledger),
        Scope::WithLedgers => {}
        Scope::Tables(wanted) => {
            tables.retain(|table| wanted.contains(&table.key()));
            let found: BTreeSet<String> = tables.iter().map(TableFile::key).collect();
            if let Some(missing) = wanted.difference(&found).next() {
                return Err(ChecksumError::FindTable { table: missing.clone() });
            }
        }
    }
    Ok(tables)
}

/// Returns the sequences as they are now, by `schema.name`; they know no snapshots.
///
/// The session's settings stay as they were.
pub async fn sequences(session: &Session) -> Result<BTreeMap<String, String>, ChecksumError> {
    Ok(sequences_in_scope(session, &Scope::UserTables).await?.into_iter().collect())
}

async fn sequences_in_scope(
    session: &Session,
    scope: &Scope,
) -> Result<Vec<(String, String)>, ChecksumError> {
    match scope {
        Scope::UserTables => reading::read_sequences(session, LedgerSequences::LeaveOut).await,
        Scope::WithLedgers => reading::read_sequences(session, LedgerSequences::Include).await,
        Scope::Tables(_) => Ok(Vec::new()),
    }
}

fn table_sum(content: Content) -> TableSum {
    TableSum { rows: content.rows, sum: content.sum.to_string() }
}
