//! Why no session could be opened, classified, with the next step.

use std::io;
use std::time::Duration;

use thiserror::Error;

use crate::address::{Address, Host};
use crate::query_error::ServerError;

/// Why a connection attempt failed. Every variant names the place that was tried.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The host's name does not resolve.
    #[error("the host {host} was not found")]
    NotFound {
        /// Host as given.
        host: String,
        /// What the resolver said.
        #[source]
        source: io::Error,
    },
    /// Nothing listens there.
    #[error("no server listens on {place}")]
    Refused {
        /// `host:port`.
        place: String,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The Unix socket does not exist, or is left over from a server that ended.
    #[error("no server listens on the socket {socket}")]
    NoSocket {
        /// Path of the socket.
        socket: String,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The operating system forbids it.
    #[error("the operating system does not let us connect to {place}")]
    Permission {
        /// Socket or `host:port`.
        place: String,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// Any other fault of the network.
    #[error("{place} cannot be reached")]
    Unreachable {
        /// Socket or `host:port`.
        place: String,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// No answer in time.
    #[error("{place} did not answer within {} s", after.as_secs_f32())]
    Timeout {
        /// Socket or `host:port`.
        place: String,
        /// The limit.
        after: Duration,
    },
    /// Wrong password, or `pg_hba.conf` refuses.
    #[error("the server refused the role {user}: {}", error.message)]
    Authentication {
        /// Role.
        user: String,
        /// The server's words.
        error: Box<ServerError>,
    },
    /// The server asks for a password and none was given.
    #[error("the server asks for the password of role {user}, and none was given")]
    PasswordMissing {
        /// Role.
        user: String,
    },
    /// Such a database does not exist.
    #[error("the database {database} does not exist on {place}")]
    DatabaseMissing {
        /// Database.
        database: String,
        /// Socket or `host:port`.
        place: String,
    },
    /// Such a role does not exist.
    #[error("the role {user} does not exist on {place}")]
    RoleMissing {
        /// Role.
        user: String,
        /// Socket or `host:port`.
        place: String,
    },
    /// `max_connections`, or a role's or database's limit, is reached.
    #[error("the server has no connection left: {}", error.message)]
    TooManyConnections {
        /// The server's words.
        error: Box<ServerError>,
    },
    /// The server starts, stops or recovers.
    #[error("the server is not ready: {}", error.message)]
    StartingUp {
        /// The server's words.
        error: Box<ServerError>,
    },
    /// Any other refusal by the server.
    #[error("the server refused the connection: {error}")]
    Refusal {
        /// The server's words.
        error: Box<ServerError>,
    },
    /// Something answers, but not as PostgreSQL does.
    #[error("what listens on {place} does not answer as a PostgreSQL server does")]
    NotPostgres {
        /// Socket or `host:port`.
        place: String,
        /// The driver's error.
        #[source]
        source: Box<tokio_postgres::Error>,
    },
}

impl ConnectError {
    /// Returns what to do next, with a command that works as typed where there is one.
    pub fn hint(&self) -> String {
        match self {
            ConnectError::NotFound { host, .. } => {
                format!("check the spelling of the host: getent hosts {host}")
            }
            ConnectError::Refused { place, .. } => {
                format!("start the server, or check host and port: pg_isready {}", isready(place))
            }
            ConnectError::NoSocket { socket, .. } => match socket.rsplit_once("/.s.PGSQL.") {
                Some((folder, port)) => {
                    format!("start the server, or check the socket folder: pg_isready -h {folder} -p {port}")
                }
                None => "start the server, or check the socket folder".to_owned(),
            },
            ConnectError::Permission { place, .. } => {
                format!("connect as a user who may open {place}, or give the server's host instead")
            }
            ConnectError::Unreachable { place, .. } | ConnectError::Timeout { place, .. } => {
                format!("check network and firewall: pg_isready {}", isready(place))
            }
            ConnectError::Authentication { error, .. } if error.message.contains("no encryption") => {
                "the server accepts TLS only, which Underpin does not speak yet: use an SSH tunnel".to_owned()
            }
            ConnectError::Authentication { user, .. } | ConnectError::PasswordMissing { user } => {
                format!("give the password in the URL, postgresql://{user}:PASSWORD@…, or in PGPASSWORD")
            }
            ConnectError::DatabaseMissing { database, .. } => format!("createdb {database}"),
            ConnectError::RoleMissing { user, .. } => format!("createuser {user}"),
            ConnectError::TooManyConnections { .. } => {
                "end idle sessions: SELECT pid, usename, state FROM pg_stat_activity".to_owned()
            }
            ConnectError::StartingUp { .. } => "wait until the server is ready and try again".to_owned(),
            ConnectError::Refusal { error } => {
                error.hint.clone().unwrap_or_else(|| "read the server's log".to_owned())
            }
            ConnectError::NotPostgres { .. } => {
                "check the port: PostgreSQL's own is 5432, PgBouncer's 6432".to_owned()
            }
        }
    }

    /// Returns the SQLSTATE, when the server gave one.
    pub fn sqlstate(&self) -> Option<&str> {
        match self {
            ConnectError::Authentication { error, .. }
            | ConnectError::TooManyConnections { error }
            | ConnectError::StartingUp { error }
            | ConnectError::Refusal { error } => Some(&error.sqlstate),
            ConnectError::DatabaseMissing { .. } => Some("3D000"),
            _ => None,
        }
    }

    /// Tells whether the same attempt may succeed in a moment, as while a server starts.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            ConnectError::Refused { .. }
                | ConnectError::NoSocket { .. }
                | ConnectError::StartingUp { .. }
                | ConnectError::TooManyConnections { .. }
        )
    }

    /// Classifies a fault below PostgreSQL's protocol.
    pub(crate) fn of_io(address: &Address, source: io::Error) -> ConnectError {
        let place = place(address);
        match (source.kind(), &address.host) {
            (io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused, Host::Socket(_)) => {
                ConnectError::NoSocket { socket: place, source }
            }
            (io::ErrorKind::ConnectionRefused, Host::Tcp(_)) => ConnectError::Refused { place, source },
            (io::ErrorKind::PermissionDenied, _) => ConnectError::Permission { place, source },
            (io::ErrorKind::TimedOut, _) => ConnectError::Timeout { place, after: address.connect_timeout },
            _ => ConnectError::Unreachable { place, source },
        }
    }

    /// Classifies what the driver reports after the socket was open.
    pub(crate) fn of_driver(address: &Address, error: tokio_postgres::Error) -> ConnectError {
        if let Some(reported) = error.as_db_error() {
            return ConnectError::of_server(address, ServerError::of(reported));
        }
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        if cause == "password missing" {
            return ConnectError::PasswordMissing { user: address.user.clone() };
        }
        ConnectError::NotPostgres { place: place(address), source: Box::new(error) }
    }

    /// Classifies a refusal. Reference: manual, appendix "PostgreSQL Error Codes".
    pub(crate) fn of_server(address: &Address, error: ServerError) -> ConnectError {
        let (user, place, error) = (address.user.clone(), place(address), Box::new(error));
        match error.sqlstate.as_str() {
            // A role that does not exist has the code of a refused one; only the words differ.
            "28000" if error.message.contains("does not exist") => ConnectError::RoleMissing { user, place },
            "28000" | "28P01" => ConnectError::Authentication { user, error },
            "3D000" => ConnectError::DatabaseMissing { database: address.database.clone(), place },
            "53300" => ConnectError::TooManyConnections { error },
            "57P03" => ConnectError::StartingUp { error },
            _ => ConnectError::Refusal { error },
        }
    }

    pub(crate) fn timeout(address: &Address) -> ConnectError {
        ConnectError::Timeout { place: place(address), after: address.connect_timeout }
    }
}

/// Returns the socket's path, or `host:port`.
pub(crate) fn place(address: &Address) -> String {
    match &address.host {
        Host::Tcp(host) if host.contains(':') => format!("[{host}]:{}", address.port),
        Host::Tcp(host) => format!("{host}:{}", address.port),
        Host::Socket(folder) => format!("{folder}/.s.PGSQL.{}", address.port),
    }
}

fn isready(place: &str) -> String {
    match place.rsplit_once(':') {
        Some((host, port)) => format!("-h {} -p {port}", host.trim_matches(['[', ']'])),
        None => format!("-h {place}"),
    }
}
