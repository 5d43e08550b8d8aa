//! The ways in which a transaction is made to fail, and what one failure left behind.

use std::time::{Duration, Instant};

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
///
/// Returns the session when the failure leaves it as good as new.
pub(super) async fn inject(
    failure: Failure,
    session: Session,
    watcher: &Session,
) -> Result<Option<Session>, LabError> {
    match failure {
        Failure::Error => {
            // 22012 division_by_zero: an error of the application's own making, in any transaction.
            if session.execute("SELECT 1 / 0").await.is_ok() {
                return Err(LabError::Unexpected("a division by zero was accepted".to_owned()));
            }
            session.execute("ROLLBACK").await?;
            session.execute("DISCARD ALL").await?;
            Ok(Some(session))
        }
        Failure::Kill => {
            watcher.value(&format!("SELECT pg_terminate_backend({})", session.pid())).await?;
            wait_until_ended(&session, watcher).await?;
            Ok(None)
        }
        Failure::Crash => {
            Err(LabError::Unexpected("a crash ends the whole server, not one session".to_owned()))
        }
    }
}

/// Ending a backend takes milliseconds, unless it undoes the creation of many files.
const ENDING_LIMIT: Duration = Duration::from_secs(30);

/// Waits until the server has undone the session's work: it gives up its entry among the sessions after that.
///
/// `pg_terminate_backend` can wait by itself, but looks only ten times a second.
async fn wait_until_ended(session: &Session, watcher: &Session) -> Result<(), LabError> {
    let start = Instant::now();
    let there = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {}", session.pid());
    while watcher.value(&there).await?.as_deref() != Some("0") {
        if start.elapsed() > ENDING_LIMIT {
            return Err(LabError::Deadline {
                what: "ending a session".to_owned(),
                seconds: ENDING_LIMIT.as_secs(),
            });
        }
    }
    Ok(())
}
