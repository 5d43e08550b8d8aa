//! One connection to a server.
//!
//! Statements go over the simple query protocol and values come back as text. What cannot be known
//! from the driver is not tracked: there is no transaction status here; ask the server.

pub(crate) mod transport;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{SinkExt, StreamExt, TryStreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio_postgres::tls::NoTlsStream;
use tokio_postgres::{AsyncMessage, Client, CopyInSink, SimpleQueryMessage};

use crate::address::Address;
use crate::connect_error::ConnectError;
use crate::query_error::{ConnectionLost, QueryError, ServerError};
use crate::rows::Rows;

pub use transport::Cancel;

/// A message that the server sent beside the result: `NOTICE`, `WARNING`, `INFO`, …
pub type Notice = ServerError;

/// Notices kept until [`Session::take_notices`]; older ones give way, so that a chatty loop fills no memory.
const NOTICES_KEPT: usize = 1000;

/// Bytes per CopyData message; larger ones only cost memory.
const COPY_CHUNK: usize = 1 << 18;

/// One connection with one task that drives it.
///
/// Dropping a session closes the connection; when a statement is still running it is cancelled too,
/// because a backend that waits for a lock does not notice that its client is gone.
pub struct Session {
    client: Option<Client>,
    address: Address,
    state: Arc<State>,
    driver: JoinHandle<()>,
    pid: i32,
}

#[derive(Default)]
struct State {
    notices: Mutex<VecDeque<Notice>>,
    /// The server's last words before it closed the connection.
    last_words: Mutex<Option<ServerError>>,
    /// Statements sent whose answer was not read to its end.
    running: AtomicUsize,
}

impl Session {
    /// Opens a session within the address's `connect_timeout`.
    pub fn connect(address: &Address) -> BoxFuture<'_, Result<Session, ConnectError>> {
        Box::pin(async move {
            match tokio::time::timeout(address.connect_timeout, Session::open(address)).await {
                Ok(opened) => opened,
                Err(_) => Err(ConnectError::timeout(address)),
            }
        })
    }

    async fn open(address: &Address) -> Result<Session, ConnectError> {
        let socket = transport::open(address).await?;
        let (client, connection) = transport::config(address)
            .connect_raw(socket, tokio_postgres::NoTls)
            .await
            .map_err(|error| ConnectError::of_driver(address, error))?;
        Session::driven(client, connection, address).await
    }

    /// Opens a session on the first of the servers that takes writes, exactly as the driver tokio-postgres does it by itself:
    /// its `connect_timeout` ends with the socket's connection and does not cover the login.
    ///
    /// Role, database, password and time limit are those of the first, which is also the [`Session::address`].
    pub async fn connect_read_write(servers: &[Address]) -> Result<Session, ConnectError> {
        let Some(first) = servers.first() else {
            let nobody = std::io::Error::new(std::io::ErrorKind::InvalidInput, "no server was named");
            return Err(ConnectError::of_io(&Address::socket("", "", ""), nobody));
        };
        let (client, connection) = transport::config_of_several(first, servers)
            .connect(tokio_postgres::NoTls)
            .await
            .map_err(|error| ConnectError::of_driver(first, error))?;
        Session::driven(client, connection, first).await
    }

    async fn driven<S>(
        client: Client,
        connection: tokio_postgres::Connection<S, NoTlsStream>,
        address: &Address,
    ) -> Result<Session, ConnectError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let state = Arc::new(State::default());
        let driver = tokio::spawn(drive(connection, state.clone()));
        let mut session = Session { client: Some(client), address: address.clone(), state, driver, pid: 0 };
        session.pid = session.ask_pid().await?;
        Ok(session)
    }

    /// The driver keeps the pid of the start-up packet to itself; behind a pooler it would be wrong anyway.
    async fn ask_pid(&self) -> Result<i32, ConnectError> {
        let answer = self.value("SELECT pg_catalog.pg_backend_pid()").await;
        match answer {
            Ok(pid) => Ok(pid.and_then(|pid| pid.parse().ok()).unwrap_or_default()),
            Err(QueryError::Server(error)) => Err(ConnectError::of_server(&self.address, *error)),
            Err(error) => Err(ConnectError::of_io(&self.address, std::io::Error::other(error.to_string()))),
        }
    }

    /// Returns the pid of the backend that serves this session.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Returns where this session is connected to.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Tells whether the connection is known to be closed.
    pub fn is_closed(&self) -> bool {
        self.client.as_ref().is_none_or(Client::is_closed)
    }

    /// Runs one or several statements; returns the rows that the last one returned or changed.
    pub async fn execute(&self, sql: &str) -> Result<u64, QueryError> {
        self.rows(sql).await.map(|rows| rows.affected)
    }

    /// Runs one or several statements; returns the last result that has columns.
    ///
    /// Several statements in one text are one implicit transaction unless the text says otherwise
    /// (manual, "Multiple Statements in a Simple Query").
    pub fn rows<'a>(&'a self, sql: &'a str) -> BoxFuture<'a, Result<Rows, QueryError>> {
        Box::pin(async move {
            let client = self.client(sql)?;
            let running = Running::start(&self.state);
            let outcome = collect(client, sql).await;
            running.end();
            outcome.map_err(|error| self.explain(error))
        })
    }

    /// Returns the first column of the first row; nothing for NULL or no row.
    pub async fn value(&self, sql: &str) -> Result<Option<String>, QueryError> {
        let rows = self.rows(sql).await?;
        Ok(rows.rows.into_iter().next().and_then(|row| row.into_iter().next()).flatten())
    }

    /// Returns a handle that cancels what this session runs, from another connection.
    pub fn cancel_handle(&self) -> Cancel {
        Cancel::new(self.address.clone(), self.client.as_ref().map(Client::cancel_token))
    }

    /// Returns the notices since the last call, oldest first.
    pub fn take_notices(&self) -> Vec<Notice> {
        lock(&self.state.notices).drain(..).collect()
    }

    /// Sends `data` to a `COPY … FROM STDIN`; returns the number of rows.
    pub async fn copy_in(&self, sql: &str, data: &[u8]) -> Result<u64, QueryError> {
        let mut copy = self.start_copy_in(sql).await?;
        for chunk in data.chunks(COPY_CHUNK) {
            copy.send(Bytes::copy_from_slice(chunk)).await?;
        }
        copy.finish().await
    }

    /// Starts a `COPY … FROM STDIN` whose data are sent piece by piece.
    pub async fn start_copy_in(&self, sql: &str) -> Result<CopyIn<'_>, QueryError> {
        let client = self.client(sql)?;
        let running = Running::start(&self.state);
        match client.copy_in(sql).await {
            Ok(sink) => Ok(CopyIn { session: self, sink: Box::pin(sink), running, failed: false }),
            Err(error) => {
                running.end();
                Err(self.explain(error.into()))
            }
        }
    }

    /// Returns everything that a `COPY … TO STDOUT` sends.
    pub async fn copy_out(&self, sql: &str) -> Result<Vec<u8>, QueryError> {
        let client = self.client(sql)?;
        let running = Running::start(&self.state);
        let outcome = collect_copy(client, sql).await;
        running.end();
        outcome.map_err(|error| self.explain(error.into()))
    }

    /// Says goodbye and waits until the connection is closed.
    pub async fn close(mut self) {
        self.client = None;
        // The driver ends by itself once the goodbye is sent; a dead peer must not hold us.
        let grace = std::time::Duration::from_secs(2);
        if tokio::time::timeout(grace, &mut self.driver).await.is_err() {
            self.driver.abort();
        }
    }

    fn client(&self, sql: &str) -> Result<&Client, QueryError> {
        if sql.contains('\0') {
            return Err(QueryError::SendNul);
        }
        let lost = || QueryError::Connection(Box::new(ConnectionLost { reason: None, source: None }));
        self.client.as_ref().ok_or_else(lost)
    }

    fn explain(&self, failure: Failure) -> QueryError {
        let error = match failure {
            Failure::Column(column) => return QueryError::ReadUtf8(column),
            Failure::Driver(error) => error,
        };
        if let Some(reported) = error.as_db_error() {
            return QueryError::Server(Box::new(ServerError::of(reported)));
        }
        let from_socket =
            std::error::Error::source(&error).is_some_and(|source| source.is::<std::io::Error>());
        if error.is_closed() || from_socket {
            let reason = lock(&self.state.last_words).clone();
            return QueryError::Connection(Box::new(ConnectionLost {
                reason,
                source: Some(Box::new(error)),
            }));
        }
        // The server now waits for something that nobody will send: the connection is of no use any more.
        self.driver.abort();
        QueryError::UnderstandAnswer(Box::new(error))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.state.running.load(Ordering::Acquire) == 0 || self.driver.is_finished() {
            return;
        }
        let cancel = self.cancel_handle();
        let driver = self.driver.abort_handle();
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move {
                // Nobody is left who could be told; the connection ends either way.
                let _ = cancel.cancel().await;
                driver.abort();
            })),
            Err(_) => driver.abort(),
        }
    }
}

/// A `COPY … FROM STDIN` under way. Dropped before [`CopyIn::finish`], it is aborted.
pub struct CopyIn<'a> {
    session: &'a Session,
    sink: std::pin::Pin<Box<CopyInSink<Bytes>>>,
    running: Running,
    failed: bool,
}

impl CopyIn<'_> {
    /// Sends a piece of data, of any size and cut anywhere.
    ///
    /// Once the server has refused a row, what follows is thrown away and [`CopyIn::finish`] reports why.
    pub async fn send(&mut self, data: Bytes) -> Result<(), QueryError> {
        if !self.failed {
            self.failed = self.sink.send(data).await.is_err();
        }
        Ok(())
    }

    /// Ends the data and returns the number of rows that were loaded.
    pub async fn finish(mut self) -> Result<u64, QueryError> {
        let outcome = self.sink.as_mut().finish().await;
        self.running.end();
        outcome.map_err(|error| self.session.explain(error.into()))
    }
}

/// Counts a statement as running until its answer was read to the end; a dropped future leaves it counted.
struct Running(Arc<State>);

impl Running {
    fn start(state: &Arc<State>) -> Running {
        state.running.fetch_add(1, Ordering::AcqRel);
        Running(state.clone())
    }

    fn end(self) {
        self.0.running.fetch_sub(1, Ordering::AcqRel);
    }
}

enum Failure {
    Driver(tokio_postgres::Error),
    Column(String),
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Failure {
        Failure::Driver(error)
    }
}

async fn collect(client: &Client, sql: &str) -> Result<Rows, Failure> {
    let mut messages = pin!(client.simple_query_raw(sql).await?);
    let mut rows = Rows::default();
    let mut unreadable = None;
    // Read to the end even after an unreadable value, or the next statement would wait behind the rest.
    while let Some(message) = messages.try_next().await? {
        match message {
            SimpleQueryMessage::RowDescription(columns) => {
                rows.columns = columns.iter().map(|column| column.name().to_owned()).collect();
                rows.rows.clear();
            }
            SimpleQueryMessage::Row(row) => {
                let values = (0..row.len()).map(|at| row.try_get(at).map(|value| value.map(str::to_owned)));
                match values.enumerate().map(|(at, value)| value.map_err(|_| at)).collect() {
                    Ok(values) => rows.rows.push(values),
                    Err(at) => unreadable = rows.columns.get(at).cloned(),
                }
            }
            SimpleQueryMessage::CommandComplete(affected) => rows.affected = affected,
            _ => {}
        }
    }
    unreadable.map_or(Ok(rows), |column| Err(Failure::Column(column)))
}

async fn collect_copy(client: &Client, sql: &str) -> Result<Vec<u8>, tokio_postgres::Error> {
    let mut stream = pin!(client.copy_out(sql).await?);
    let mut data = Vec::new();
    while let Some(piece) = stream.next().await {
        data.extend_from_slice(&piece?);
    }
    Ok(data)
}

async fn drive<S>(mut connection: tokio_postgres::Connection<S, NoTlsStream>, state: Arc<State>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(message) = poll_fn(|cx| connection.poll_message(cx)).await {
        match message {
            Ok(AsyncMessage::Notice(notice)) => {
                let mut notices = lock(&state.notices);
                if notices.len() == NOTICES_KEPT {
                    notices.pop_front();
                }
                notices.push_back(ServerError::of(&notice));
            }
            Ok(_) => {}
            Err(error) => {
                *lock(&state.last_words) = error.as_db_error().map(ServerError::of);
                return;
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
