//! A session that costs next to nothing, for thousands of clients in one process.
//!
//! [`Session`](crate::Session) has a task, channels and a list of notices; ten thousand of them measure mostly themselves.
//! This one is a socket and two buffers, answers one statement after the other, and knows what the protocol says of the
//! transaction: behind a pooler that decides who gets the server next. Statements that are given up half way leave it unusable.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::address::Address;
use crate::connect_error::ConnectError;
use crate::query_error::{ConnectionLost, QueryError, ServerError};
use crate::rows::Rows;
use crate::scram::{self, Exchange, Password};
use crate::secret::Secret;
use crate::session::transport::{self, Stream};
use crate::wire::{self, Message};

/// A full queue of a Unix socket answers at once with EAGAIN. TCP would send again after a while, and longer each time; so do
/// we: thousands that try again all the time take the processor from whoever empties the queue.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(640);

/// A password that many sessions log in with; its key is derived once.
#[derive(Debug)]
pub struct Credentials(Password);

impl Credentials {
    /// Returns the credentials for a password.
    pub fn new(password: &Secret) -> Credentials {
        Credentials(Password::new(password.clone()))
    }
}

/// What the server said of the transaction with its last answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InTransaction {
    /// No transaction block is open.
    No,
    /// One is open.
    Yes,
    /// One is open and failed; only ROLLBACK is taken.
    Failed,
}

/// Whether the rows of an answer are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Values and names of columns.
    Rows,
    /// Only their number.
    Count,
}

/// One connection without a task of its own. Dropped, the socket is closed.
pub struct LightSession {
    stream: Box<dyn Stream>,
    input: BytesMut,
    output: BytesMut,
    in_transaction: InTransaction,
    queue_full: u32,
    notifications: u32,
}

impl LightSession {
    /// Opens a session; the address's own password does not count, and `connect_timeout` is left to the caller.
    pub async fn connect(address: &Address, credentials: &Credentials) -> Result<LightSession, ConnectError> {
        let mut queue_full = 0;
        let stream = loop {
            match transport::open(address).await {
                Ok(stream) => break stream,
                Err(ConnectError::Unreachable { source, .. })
                    if source.kind() == io::ErrorKind::WouldBlock =>
                {
                    tokio::time::sleep(pause(queue_full)).await;
                    queue_full += 1;
                }
                Err(error) => return Err(error),
            }
        };
        let (input, output) = (BytesMut::with_capacity(1024), BytesMut::with_capacity(256));
        let in_transaction = InTransaction::No;
        let mut session =
            LightSession { stream, input, output, in_transaction, queue_full, notifications: 0 };
        session.log_in(address, credentials).await.map_err(|error| match error {
            Broken::Server(error) => ConnectError::of_server(address, *error),
            Broken::Io(source) => ConnectError::of_io(address, source),
        })?;
        Ok(session)
    }

    async fn log_in(&mut self, address: &Address, credentials: &Credentials) -> Result<(), Broken> {
        let mut parameters = vec![
            ("user", address.user.as_str()),
            ("database", &address.database),
            ("application_name", &address.application_name),
        ];
        parameters.extend(address.options.as_deref().map(|options| ("options", options)));
        wire::startup(&mut self.output, &parameters);
        self.flush().await?;
        let mut exchange = Exchange::new(&credentials.0);
        loop {
            let message = self.read().await?;
            match message.tag {
                b'R' => self.authenticate(&message, &mut exchange).await?,
                b'E' => return Err(Broken::Server(Box::new(wire::error(&message.body)))),
                b'Z' => {
                    self.ready(&message);
                    return Ok(());
                }
                _ => {}
            }
        }
    }

    /// Takes one step of a login. Reference: manual, `AuthenticationSASL` and its neighbours.
    async fn authenticate(&mut self, message: &Message, exchange: &mut Exchange<'_>) -> Result<(), Broken> {
        let (kind, rest) = message.body.split_at_checked(4).ok_or_else(unreadable)?;
        let text = String::from_utf8_lossy(rest);
        match i32::from_be_bytes([kind[0], kind[1], kind[2], kind[3]]) {
            0 => return Ok(()),
            10 if text.split('\0').any(|name| name == scram::MECHANISM) => {
                let first = exchange.first();
                wire::put(&mut self.output, b'p', |body| {
                    wire::put_text(body, scram::MECHANISM);
                    body.extend_from_slice(&(first.len() as i32).to_be_bytes());
                    body.extend_from_slice(first.as_bytes());
                });
            }
            11 => {
                let answer = exchange.answer(&text).map_err(io::Error::other)?;
                wire::put(&mut self.output, b'p', |body| body.extend_from_slice(answer.as_bytes()));
            }
            12 => return Ok(exchange.check(&text).map_err(io::Error::other)?),
            other => {
                let said = format!("the server asks for a login of kind {other}, which this client lacks");
                return Err(Broken::Io(io::Error::other(said)));
            }
        }
        self.flush().await
    }

    /// Runs one or several statements; returns the last result that has columns, and how many rows the last one returned
    /// or changed.
    pub async fn query(&mut self, sql: &str, keep: Keep) -> Result<Rows, QueryError> {
        if sql.contains('\0') {
            return Err(QueryError::SendNul);
        }
        wire::put(&mut self.output, b'Q', |body| wire::put_text(body, sql));
        self.answer(keep).await
    }

    /// Prepares a statement under a name of the protocol, as drivers do behind `query(sql, parameters)`.
    pub async fn prepare(&mut self, name: &str, sql: &str) -> Result<(), QueryError> {
        wire::put(&mut self.output, b'P', |body| {
            wire::put_text(body, name);
            wire::put_text(body, sql);
            body.extend_from_slice(&0i16.to_be_bytes());
        });
        wire::put(&mut self.output, b'S', |_| {});
        self.answer(Keep::Count).await.map(drop)
    }

    /// Executes a statement that was prepared; values are in text form.
    pub async fn execute(&mut self, name: &str, values: &[Option<&str>]) -> Result<Rows, QueryError> {
        wire::put_execution(&mut self.output, name, values);
        self.answer(Keep::Count).await
    }

    /// Returns what the last answer said of the transaction.
    pub fn in_transaction(&self) -> InTransaction {
        self.in_transaction
    }

    /// Returns how often the queue of the socket was full before the connection was taken.
    pub fn queue_full(&self) -> u32 {
        self.queue_full
    }

    /// Returns how many notifications of `LISTEN` came so far. They are seen only while an answer is read.
    pub fn notifications(&self) -> u32 {
        self.notifications
    }

    /// Says goodbye.
    pub async fn close(mut self) {
        wire::put(&mut self.output, b'X', |_| {});
        // Whoever is gone already needs no goodbye.
        let _ = self.flush().await;
    }

    async fn answer(&mut self, keep: Keep) -> Result<Rows, QueryError> {
        let outcome = self.exchange(keep).await;
        outcome.map_err(|broken| match broken {
            Broken::Server(error) if error.ends_session() => {
                let source = None;
                QueryError::Connection(Box::new(ConnectionLost { reason: Some(*error), source }))
            }
            Broken::Server(error) => QueryError::Server(error),
            Broken::Io(error) => QueryError::Connection(Box::new(ConnectionLost {
                reason: None,
                source: Some(Box::new(error)),
            })),
        })
    }

    async fn exchange(&mut self, keep: Keep) -> Result<Rows, Broken> {
        if let Err(gone) = self.flush().await {
            return Err(self.last_words().await.unwrap_or(gone));
        }
        let mut rows = Rows::default();
        let mut refused = None;
        loop {
            let message = self.read().await?;
            match message.tag {
                b'T' if keep == Keep::Rows => {
                    rows.columns = wire::columns(message.body).map_err(io::Error::other)?;
                    rows.rows.clear();
                }
                b'D' if keep == Keep::Rows => {
                    rows.rows.push(wire::row(message.body).map_err(io::Error::other)?);
                }
                b'C' => rows.affected = wire::affected(&message.body),
                b'A' => self.notifications += 1,
                // COPY FROM STDIN: there is nothing to send.
                b'G' => {
                    wire::put(&mut self.output, b'f', |body| wire::put_text(body, "no data"));
                    self.flush().await?;
                }
                b'E' => {
                    let error = wire::error(&message.body);
                    if error.ends_session() {
                        return Err(Broken::Server(Box::new(error)));
                    }
                    refused = Some(error);
                }
                b'Z' => {
                    self.ready(&message);
                    return refused.map_or(Ok(rows), |error| Err(Broken::Server(Box::new(error))));
                }
                _ => {}
            }
        }
    }

    /// Returns why the server closed the connection, which it said before nobody read any more.
    async fn last_words(&mut self) -> Option<Broken> {
        loop {
            let message = self.read().await.ok()?;
            if message.tag == b'E' {
                return Some(Broken::Server(Box::new(wire::error(&message.body))));
            }
        }
    }

    fn ready(&mut self, message: &Message) {
        self.in_transaction = match message.body.first() {
            Some(b'T') => InTransaction::Yes,
            Some(b'E') => InTransaction::Failed,
            _ => InTransaction::No,
        };
    }

    async fn flush(&mut self) -> Result<(), Broken> {
        self.stream.write_all(&self.output).await?;
        self.output.clear();
        Ok(self.stream.flush().await?)
    }

    async fn read(&mut self) -> Result<Message, Broken> {
        loop {
            if let Some(message) = wire::take(&mut self.input).map_err(io::Error::other)? {
                return Ok(message);
            }
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Err(Broken::Io(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }
}

/// Returns how long to wait after so many attempts: twice as long each time, and by chance half as long, so that not all
/// come back together.
fn pause(attempts: u32) -> Duration {
    let longest = FIRST_PAUSE.saturating_mul(1 << attempts.min(16)).min(LONGEST_PAUSE);
    let chance = RandomState::new().hash_one(attempts) as f64 / u64::MAX as f64;
    longest.mul_f64(0.5 + chance / 2.0)
}

/// Why an exchange ended early.
enum Broken {
    Server(Box<ServerError>),
    Io(io::Error),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Broken {
        Broken::Io(error)
    }
}

fn unreadable() -> io::Error {
    io::Error::other(wire::Unreadable)
}
