//! The ways in which a transaction is made to fail, and what one failure left behind.

use underpin_pg::Session;

use crate::error::LabError;

/// How a transaction is made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// A statement fails, and the application rolls back.
    Error,
    /// The session's backend is terminated.
    Kill,
    /// The server process dies.
    Crash,
}

impl Failure {
    /// Returns the words for messages.
    pub(super) fn words(self) -> &'static str {
        match self {
            Failure::Error => "an error",
            Failure::Kill => "a killed session",
            Failure::Crash => "a server crash",
        }
    }
}

/// One failure that was injected.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) failure: Failure,
    /// Steps that were done before it.
    pub(super) step: usize,
    /// Line of the last step.
    pub(super) line: u32,
    /// Text of the last step.
    pub(super) sql: String,
    /// Tables whose content was not what it had been.
    pub(super) left: Vec<String>,
}

/// Makes the session's transaction fail and waits until the server has undone it.
pub(super) async fn inject(failure: Failure, session: &Session, watcher: &Session) -> Result<(), LabError> {
    match failure {
        Failure::Error => {
            // 22012 division_by_zero: an error of the application's own making, in any transaction.
            match session.execute("SELECT 1 / 0").await {
                Ok(_) => Err(LabError::Unexpected("a division by zero was accepted".to_owned())),
                Err(_) => Ok(session.execute("ROLLBACK").await.map(|_| ())?),
            }
        }
        Failure::Kill => {
            // The second argument waits until the backend is gone (PostgreSQL 14 and later).
            let sql = format!("SELECT pg_terminate_backend({}, 5000)", session.pid());
            match watcher.value(&sql).await?.as_deref() {
                Some("t") => Ok(()),
                _ => Err(LabError::Deadline { what: "ending a session".to_owned(), seconds: 5 }),
            }
        }
        Failure::Crash => {
            Err(LabError::Unexpected("a crash ends the whole server, not one session".to_owned()))
        }
    }
}
