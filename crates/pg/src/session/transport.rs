//! The socket below a session, opened by us so that every fault is known by its stage.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::{CancelToken, Config, NoTls};

use crate::address::{Address, Host};
use crate::connect_error::ConnectError;
use crate::query_error::QueryError;

/// A Unix or TCP stream.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A server takes a cancel request at once or not at all.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens the socket.
pub(crate) async fn open(address: &Address) -> Result<Box<dyn Stream>, ConnectError> {
    match &address.host {
        Host::Socket(folder) => {
            let path = folder.join(format!(".s.PGSQL.{}", address.port));
            let stream =
                UnixStream::connect(&path).await.map_err(|error| ConnectError::of_io(address, error))?;
            Ok(Box::new(stream))
        }
        Host::Tcp(host) => open_tcp(address, host).await,
    }
}

async fn open_tcp(address: &Address, host: &str) -> Result<Box<dyn Stream>, ConnectError> {
    let found = tokio::net::lookup_host((host, address.port))
        .await
        .map_err(|source| ConnectError::NotFound { host: host.to_owned(), source })?;
    let places: Vec<_> = found.collect();
    let stream =
        TcpStream::connect(places.as_slice()).await.map_err(|error| ConnectError::of_io(address, error))?;
    // Nagle's algorithm would delay every statement; where it cannot be switched off it only costs time.
    let _ = stream.set_nodelay(true);
    Ok(Box::new(stream))
}

/// Returns the driver's configuration for the start-up packet.
pub(super) fn config(address: &Address) -> Config {
    let mut config = Config::new();
    config.user(&address.user).dbname(&address.database).application_name(&address.application_name);
    if let Some(password) = &address.password {
        config.password(password.reveal());
    }
    if let Some(options) = &address.options {
        config.options(options);
    }
    config
}

/// Returns the driver's configuration for the first of the servers that takes writes.
pub(super) fn config_of_several(first: &Address, servers: &[Address]) -> Config {
    let mut config = config(first);
    config.target_session_attrs(TargetSessionAttrs::ReadWrite).connect_timeout(first.connect_timeout);
    for server in servers {
        match &server.host {
            Host::Socket(folder) => config.host_path(folder),
            Host::Tcp(host) => config.host(host),
        };
        config.port(server.port);
    }
    config
}

/// Cancels the statement that a session runs.
#[derive(Clone)]
pub struct Cancel {
    address: Address,
    token: Option<CancelToken>,
}

impl Cancel {
    pub(super) fn new(address: Address, token: Option<CancelToken>) -> Cancel {
        Cancel { address, token }
    }

    /// Asks the server to cancel what the session runs; the statement itself then fails with `57014`.
    ///
    /// The server never says whether there was something to cancel
    /// (manual, "Canceling Requests in Progress").
    pub async fn cancel(&self) -> Result<(), QueryError> {
        let Some(token) = &self.token else { return Ok(()) };
        let request = async {
            let socket = open(&self.address).await.map_err(|error| QueryError::Cancel(Box::new(error)))?;
            token.cancel_query_raw(socket, NoTls).await.map_err(|error| QueryError::Cancel(Box::new(error)))
        };
        match tokio::time::timeout(CANCEL_TIMEOUT, request).await {
            Ok(outcome) => outcome,
            Err(elapsed) => Err(QueryError::Cancel(Box::new(elapsed))),
        }
    }
}
