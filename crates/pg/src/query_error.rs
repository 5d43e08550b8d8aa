//! Why a statement failed.

use std::fmt;

use thiserror::Error;
use tokio_postgres::error::{DbError, ErrorPosition};

/// An error or notice that the server reported. Reference: manual, "Error and Notice Message Fields".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerError {
    /// `ERROR`, `FATAL`, `PANIC`; `NOTICE`, `WARNING`, … for notices. May be translated.
    pub severity: String,
    /// Five characters, such as `23505`.
    pub sqlstate: String,
    /// Primary message.
    pub message: String,
    /// Secondary message.
    pub detail: Option<String>,
    /// The server's suggestion.
    pub hint: Option<String>,
    /// Where in the statement, in characters from 1.
    pub position: Option<u32>,
    /// Call stack of functions and internal queries (`CONTEXT`).
    pub where_: Option<String>,
    /// Schema of the object.
    pub schema: Option<String>,
    /// Table of the object.
    pub table: Option<String>,
    /// Column of the object.
    pub column: Option<String>,
    /// Constraint that was violated.
    pub constraint: Option<String>,
}

/// Why a statement gave no result.
#[derive(Debug, Error)]
pub enum QueryError {
    /// The server refused the statement.
    #[error("{0}")]
    Server(Box<ServerError>),
    /// The connection ended before the answer.
    #[error("the connection to the server was lost{}", because(.0))]
    Connection(Box<ConnectionLost>),
    /// The server's answer was not one to this kind of statement, such as COPY sent as a query.
    /// The session is closed.
    #[error("the server's answer does not fit the statement (COPY needs copy_in or copy_out)")]
    UnderstandAnswer(#[source] Box<tokio_postgres::Error>),
    /// A NUL byte cannot be sent.
    #[error("the statement holds a NUL character, which PostgreSQL cannot read")]
    SendNul,
    /// A value is not UTF-8, which only an `SQL_ASCII` database can hold.
    #[error("a value of column {0} is not UTF-8")]
    ReadUtf8(String),
    /// The other side did not answer a cancel request in time.
    #[error("the server did not take the cancel request")]
    Cancel(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What is known of a lost connection.
#[derive(Debug, Error)]
#[error("connection lost")]
pub struct ConnectionLost {
    /// The server's last word, such as `57P01` when an administrator ended the session.
    pub reason: Option<ServerError>,
    /// The driver's error.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl QueryError {
    /// Returns the SQLSTATE, when the server gave one.
    pub fn sqlstate(&self) -> Option<&str> {
        self.server().map(|error| error.sqlstate.as_str())
    }

    /// Returns what the server reported: the statement's error, or why it ended the session.
    pub fn server(&self) -> Option<&ServerError> {
        match self {
            QueryError::Server(error) => Some(error),
            QueryError::Connection(lost) => lost.reason.as_ref(),
            _ => None,
        }
    }

    /// Returns SQLSTATE and message as the server gave them; the first is empty where the server said nothing.
    pub fn told(&self) -> (String, String) {
        match self.server() {
            Some(error) => (error.sqlstate.clone(), error.message.clone()),
            None => (String::new(), self.to_string()),
        }
    }

    /// Returns the constraint that refused the statement.
    pub fn constraint(&self) -> Option<&str> {
        self.server().and_then(|error| error.constraint.as_deref())
    }

    /// Tells whether the session is unusable from now on.
    pub fn ends_session(&self) -> bool {
        match self {
            QueryError::Server(error) => error.ends_session(),
            QueryError::Connection(_) | QueryError::UnderstandAnswer(_) => true,
            _ => false,
        }
    }
}

impl ServerError {
    /// Tells whether the server closed the session with this error.
    ///
    /// The severity may be translated, so the classes of SQLSTATE count too: `57P01` to `57P05`
    /// are an administrator's or a crash's end of the session.
    pub fn ends_session(&self) -> bool {
        matches!(self.severity.as_str(), "FATAL" | "PANIC")
            || (self.sqlstate.starts_with("57P") && self.severity != "NOTICE")
    }

    /// Returns the driver's error as ours.
    pub(crate) fn of(error: &DbError) -> ServerError {
        let text = |value: Option<&str>| value.map(str::to_owned);
        ServerError {
            severity: error.severity().to_owned(),
            sqlstate: error.code().code().to_owned(),
            message: error.message().to_owned(),
            detail: text(error.detail()),
            hint: text(error.hint()),
            position: error.position().and_then(|position| match position {
                ErrorPosition::Original(at) => Some(*at),
                ErrorPosition::Internal { .. } => None,
            }),
            where_: text(error.where_()),
            schema: text(error.schema()),
            table: text(error.table()),
            column: text(error.column()),
            constraint: text(error.constraint()),
        }
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.severity, self.sqlstate, self.message)?;
        if let Some(detail) = &self.detail {
            write!(f, " ({detail})")?;
        }
        Ok(())
    }
}

impl std::error::Error for ServerError {}

fn because(lost: &ConnectionLost) -> String {
    lost.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"))
}
