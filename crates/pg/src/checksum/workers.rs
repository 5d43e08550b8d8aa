//! Several sessions that read one and the same moment of a database.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinSet;
use underpin_model::sql_text::quote_literal;

use super::ChecksumError;
use super::piece::Piece;
use super::reading::{Content, read_piece};
use super::table_list::TableFile;
use crate::address::Address;
use crate::catalog::text_form;
use crate::connect_error::ConnectError;
use crate::session::Session;

/// Times that end what they find too long; each kind exists from another version on.
const NO_TIMEOUTS: &str = "SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings \
     WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')";

/// Parallelism is ours: the server's own workers would compete with the other sessions.
const NO_SERVER_WORKERS: &str = "SET max_parallel_workers_per_gather = 0";

const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";

/// Opens a session in which one moment of the database stays visible.
pub(crate) async fn open(address: &Address) -> Result<Session, ChecksumError> {
    let session = Session::connect(address).await.map_err(|source| ChecksumError::Connect { source })?;
    let fixed = text_form::fixed_for_session();
    // SET inside a message of several statements ends with the session, not with the message.
    let sql = format!("{NO_TIMEOUTS}; {NO_SERVER_WORKERS}; {fixed}");
    let prepared = session.execute(&sql).await;
    prepared.map_err(|source| ChecksumError::PrepareSession { source })?;
    let begun = session.execute(BEGIN).await;
    begun.map_err(|source| ChecksumError::PrepareSession { source })?;
    Ok(session)
}

/// Opens up to `count` more sessions that see the same moment as `first`.
///
/// Fewer when the server has no connection left: the work is then done by those that there are.
pub(crate) async fn join(first: &Session, count: usize) -> Result<Vec<Session>, ChecksumError> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let share = |source| ChecksumError::ShareSnapshot { source };
    let snapshot = first.value("SELECT pg_catalog.pg_export_snapshot()").await.map_err(share)?;
    let import = format!("SET TRANSACTION SNAPSHOT {}", quote_literal(&snapshot.unwrap_or_default()));
    let mut opening = JoinSet::new();
    for _ in 0..count {
        let (address, import) = (first.address().clone(), import.clone());
        opening.spawn(async move {
            let session = open(&address).await?;
            session.execute(&import).await.map_err(|source| ChecksumError::ShareSnapshot { source })?;
            Ok(session)
        });
    }
    let mut sessions = Vec::with_capacity(count);
    while let Some(opened) = opening.join_next().await {
        match opened.map_err(|source| ChecksumError::RunReader { source })? {
            Ok(session) => sessions.push(session),
            Err(ChecksumError::Connect { source: ConnectError::TooManyConnections { .. } }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(sessions)
}

/// Reads all pieces with all sessions, each taking the next piece when it is free; returns the content
/// per table, in the order of `tables`. The first error ends all.
pub(crate) async fn read_pieces(
    sessions: Vec<Session>,
    tables: Vec<TableFile>,
    pieces: Vec<Piece>,
) -> Result<Vec<Content>, ChecksumError> {
    let tables: Arc<[TableFile]> = tables.into();
    let mut contents = vec![Content::default(); tables.len()];
    let queue = Arc::new(Mutex::new(VecDeque::from(pieces)));
    let mut readers = JoinSet::new();
    for session in sessions {
        readers.spawn(read_until_empty(session, tables.clone(), queue.clone()));
    }
    while let Some(read) = readers.join_next().await {
        for (table, content) in read.map_err(|source| ChecksumError::RunReader { source })?? {
            contents[table].add(content);
        }
    }
    Ok(contents)
}

async fn read_until_empty(
    session: Session,
    tables: Arc<[TableFile]>,
    queue: Arc<Mutex<VecDeque<Piece>>>,
) -> Result<Vec<(usize, Content)>, ChecksumError> {
    let mut contents = Vec::new();
    while let Some(piece) = next(&queue) {
        contents.push((piece.table, read_piece(&session, &tables[piece.table], &piece).await?));
    }
    session.close().await;
    Ok(contents)
}

fn next(queue: &Mutex<VecDeque<Piece>>) -> Option<Piece> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
}
