//! Runs the seed and the scale file, one transaction per file, statement by statement.

use std::time::Instant;

use futures_util::future::LocalBoxFuture;
use underpin_model::project::SqlFile;
use underpin_model::{Event, EventSink};
use underpin_pg::Address;
use underpin_pg::{QueryError, Session};

use crate::error::LabError;

/// What loading a file did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loaded {
    /// Rows that its statements inserted, updated or deleted.
    pub rows: u64,
    /// Duration in seconds.
    pub seconds: f64,
}

impl Loaded {
    /// Returns the rows per second.
    pub fn rate(&self) -> f64 {
        self.rows as f64 / self.seconds.max(1e-9)
    }
}

/// Runs `files` in order on the database at `address`; a file that fails is rolled back whole.
pub fn load_files<'a>(
    address: &'a Address,
    files: &'a [SqlFile],
    events: &'a dyn EventSink,
) -> LocalBoxFuture<'a, Result<Loaded, LabError>> {
    Box::pin(async move {
        let session = Session::connect(address).await?;
        let start = Instant::now();
        let mut rows = 0;
        for file in files {
            let outcome = load_file(&session, file, events).await;
            if outcome.is_err() {
                // The first error is the one to report; a lost connection rolls back by itself.
                let _ = session.execute("ROLLBACK").await;
            }
            rows += outcome?;
        }
        session.close().await;
        Ok(Loaded { rows, seconds: start.elapsed().as_secs_f64() })
    })
}

async fn load_file(session: &Session, file: &SqlFile, events: &dyn EventSink) -> Result<u64, LabError> {
    let refused =
        |line: u32| move |source: QueryError| LabError::Load { file: file.file.clone(), line, source };
    session.execute("BEGIN").await.map_err(refused(1))?;
    let total = file.statements.len() as u64;
    let mut rows = 0;
    for (done, statement) in file.statements.iter().enumerate() {
        events.emit(Event::Progress {
            what: file.file.to_string(),
            done: done as u64,
            total,
            unit: "statements",
        });
        let written = match &statement.copy_data {
            Some(data) => session.copy_in(&statement.sql, data.as_bytes()).await,
            None => session.execute(&statement.sql).await,
        };
        let written = written.map_err(refused(statement.line))?;
        // SELECT reports rows too, but writes none (setval in seeds).
        if statement.facts.verb != underpin_model::statement::Verb::Select {
            rows += written;
        }
    }
    session.execute("COMMIT").await.map_err(refused(1))?;
    session.execute("RESET ALL").await.map_err(refused(1))?;
    events.emit(Event::Progress { what: file.file.to_string(), done: total, total, unit: "statements" });
    Ok(rows)
}
