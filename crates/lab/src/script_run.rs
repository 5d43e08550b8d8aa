//! Runs a transaction script on a session, one statement at a time.

use underpin_model::script::TransactionScript;
use underpin_model::script_cursor::{NextStatement, ScriptCursor, ScriptFault};
use underpin_model::statement::Verb;
use underpin_pg::Rows;
use underpin_pg::{QueryError, Session};

use crate::params::Values;

/// A script on its way.
pub struct ScriptRun<'s> {
    cursor: ScriptCursor<'s>,
    next: Option<NextStatement<'s>>,
    in_transaction: bool,
}

/// Why a script stopped before its end.
#[derive(Debug, thiserror::Error)]
pub enum StepFault {
    /// The server refused the statement.
    #[error("line {line}: the server refused a statement")]
    Refused {
        /// Line in the script's file.
        line: u32,
        /// The server's answer.
        #[source]
        source: QueryError,
    },
    /// The script cannot go on by itself.
    #[error("line {line}: the script cannot go on")]
    Script {
        /// Line in the script's file.
        line: u32,
        /// Why.
        #[source]
        source: ScriptFault,
    },
}

impl StepFault {
    /// Returns the server's code, when the server refused.
    pub fn sqlstate(&self) -> Option<&str> {
        match self {
            StepFault::Refused { source, .. } => source.sqlstate(),
            StepFault::Script { .. } => None,
        }
    }

    /// Returns the line in the script's file.
    pub fn line(&self) -> u32 {
        match self {
            StepFault::Refused { line, .. } | StepFault::Script { line, .. } => *line,
        }
    }

    /// Returns the fault with its cause in one line.
    pub fn chain(&self) -> String {
        let cause = match self {
            StepFault::Refused { source, .. } => source.to_string(),
            StepFault::Script { source, .. } => source.to_string(),
        };
        format!("{self}: {cause}")
    }
}

/// A statement that was executed.
pub struct Done<'s> {
    /// What was sent.
    pub sent: NextStatement<'s>,
    /// What the server answered.
    pub rows: Rows,
}

impl<'s> ScriptRun<'s> {
    /// Returns a run at the script's first statement. `seed` makes the script's `random()` repeatable.
    pub fn new(script: &'s TransactionScript, values: Values, seed: u64) -> Result<ScriptRun<'s>, StepFault> {
        let mut cursor = ScriptCursor::new(script, values, seed);
        let next = cursor.next().map_err(|source| StepFault::Script { line: 1, source })?;
        Ok(ScriptRun { cursor, next, in_transaction: false })
    }

    /// Returns the statement that the next step sends; `None` at the end.
    pub fn peek(&self) -> Option<&NextStatement<'s>> {
        self.next.as_ref()
    }

    /// Returns whether the last statement left a transaction block open.
    pub fn in_transaction(&self) -> bool {
        self.in_transaction
    }

    /// Executes the next statement; `None` at the end.
    pub async fn step(&mut self, session: &Session) -> Result<Option<Done<'s>>, StepFault> {
        let Some(sent) = self.next.take() else { return Ok(None) };
        let line = sent.statement.line;
        let rows = session.rows(&sent.sql).await.map_err(|source| StepFault::Refused { line, source })?;
        match sent.statement.facts.verb {
            Verb::Begin => self.in_transaction = true,
            Verb::Commit | Verb::Rollback => self.in_transaction = false,
            _ => {}
        }
        let fault = |source| StepFault::Script { line, source };
        self.cursor.answered(&rows.columns, &rows.rows).map_err(fault)?;
        self.next = self.cursor.next().map_err(fault)?;
        Ok(Some(Done { sent, rows }))
    }

    /// Executes everything that is left; returns what was sent and answered.
    pub async fn to_end(&mut self, session: &Session) -> Result<Vec<Done<'s>>, StepFault> {
        let mut done = Vec::new();
        while let Some(step) = self.step(session).await? {
            done.push(step);
        }
        Ok(done)
    }
}
