//! One session: where its script stands, and what it sends next.

use underpin_model::script::{ScriptStatement, TransactionScript};
use underpin_model::script_cursor::{ScriptCursor, ScriptFault};
use underpin_model::statement::Verb;
use underpin_pg::{QueryError, Rows, Session};
use underpin_race::Level;

use super::RaceError;
use crate::params::Values;

/// deadlock_detected (manual, "PostgreSQL Error Codes").
pub(super) const DEADLOCK: &str = "40P01";

/// query_canceled.
const CANCELLED: &str = "57014";

/// A step that a session can take.
#[derive(Clone, Debug)]
pub(super) struct Step<'a> {
    pub(super) kind: StepKind,
    pub(super) statement: &'a ScriptStatement,
    pub(super) sql: String,
    /// BEGIN rides with it.
    pub(super) begin: bool,
    /// It stands outside BEGIN … COMMIT; its commit is the next step.
    lone: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StepKind {
    Statement,
    Commit,
    Rollback,
}

/// Whether a step may close a circle of waits: only when somebody waits already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Circle {
    Possible,
    Impossible,
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It reached the end of its script.
    Done,
    /// A statement failed, or its answer is of no use to the script.
    Failed { sqlstate: Option<String>, message: String },
}

pub(super) struct Player<'a> {
    pub(super) number: usize,
    pub(super) script: &'a TransactionScript,
    pub(super) session: &'a Session,
    values: Values,
    cursor: ScriptCursor<'a>,
    next: Option<Step<'a>>,
    /// How often the script began.
    pub(super) tries: u32,
    /// Line of the BEGIN whose COMMIT has not come.
    block: Option<u32>,
    /// BEGIN was read and rides with the next statement.
    opening: bool,
    pub(super) ended: Option<Ending>,
    /// The server has a transaction open.
    pub(super) open: bool,
    /// What the open transaction has chosen; nothing when a savepoint may have taken that back.
    circle: Option<Circle>,
}

impl<'a> Player<'a> {
    pub(super) fn new(
        number: usize,
        script: &'a TransactionScript,
        session: &'a Session,
        values: Values,
    ) -> Result<Player<'a>, RaceError> {
        let cursor = ScriptCursor::new(script, values.clone(), 1);
        let mut player = Player {
            number,
            script,
            session,
            values,
            cursor,
            next: None,
            tries: 1,
            block: None,
            opening: false,
            ended: None,
            open: false,
            circle: None,
        };
        player.advance(1)?;
        Ok(player)
    }

    /// Returns whether a step is left.
    pub(super) fn can_go(&self) -> bool {
        self.next.is_some()
    }

    /// Returns the step that comes next.
    pub(super) fn next(&self) -> Option<&Step<'a>> {
        self.next.as_ref()
    }

    pub(super) fn take(&mut self) -> Option<Step<'a>> {
        self.next.take()
    }

    /// Returns the message for a step.
    pub(super) fn message(&mut self, step: &Step<'_>, level: Level, circle: Circle) -> String {
        let mut message = String::new();
        if step.begin {
            message.push_str(&format!("BEGIN ISOLATION LEVEL {level}; "));
            self.open = true;
            // The database's own setting.
            self.circle = Some(Circle::Impossible);
        }
        if step.kind == StepKind::Statement && self.circle != Some(circle) {
            let delay = if circle == Circle::Possible { "1ms" } else { "1h" };
            message.push_str(&format!("CALL underpin_race.look_for_deadlock_after('{delay}', true); "));
            let back_to_savepoint = step.statement.facts.verb == Verb::Rollback;
            self.circle = Some(circle).filter(|_| !back_to_savepoint);
        }
        message.push_str(&step.sql);
        message
    }

    /// Takes the server's answer to a step.
    pub(super) fn answered(
        &mut self,
        step: &Step<'a>,
        answer: &Result<Rows, QueryError>,
    ) -> Result<(), RaceError> {
        let line = step.statement.line;
        match answer {
            Err(error) => self.fail(error.sqlstate().map(str::to_owned), message(error)),
            Ok(_) if step.kind != StepKind::Statement => {
                self.open = false;
                if !step.lone {
                    self.block = None;
                }
                self.advance(line)?;
            }
            Ok(rows) => match self.cursor.answered(&rows.columns, &rows.rows) {
                Err(fault) => self.fail(None, fault.to_string()),
                Ok(()) if step.lone => {
                    self.next = Some(Step {
                        kind: StepKind::Commit,
                        sql: "COMMIT".to_owned(),
                        begin: false,
                        ..step.clone()
                    });
                }
                Ok(()) => self.advance(line)?,
            },
        }
        Ok(())
    }

    fn fail(&mut self, sqlstate: Option<String>, message: String) {
        self.next = None;
        self.ended = Some(Ending::Failed { sqlstate, message });
    }

    /// Takes a cancelled wait for the deadlock that it stands for.
    pub(super) fn lost_deadlock(&mut self) {
        if matches!(&self.ended, Some(Ending::Failed { sqlstate: Some(code), .. }) if code == CANCELLED) {
            self.fail(Some(DEADLOCK.to_owned()), "deadlock detected".to_owned());
        }
    }

    /// Tells whether the script failed with what may succeed when it begins again.
    pub(super) fn may_retry(&self) -> bool {
        matches!(&self.ended, Some(Ending::Failed { sqlstate, .. }) if asks_again(sqlstate.as_deref()))
    }

    /// Goes back to the beginning of the script.
    pub(super) fn restart(&mut self) -> Result<(), RaceError> {
        self.cursor = ScriptCursor::new(self.script, self.values.clone(), 1);
        self.tries += 1;
        (self.block, self.opening, self.ended) = (None, false, None);
        self.advance(1)
    }

    /// Returns status and variables, for `observed(tx, var, val)`.
    pub(super) fn observed(&self) -> Vec<(String, String, String)> {
        let tx = format!("t{}", self.number + 1);
        let status = match &self.ended {
            Some(Ending::Failed { sqlstate, .. }) => sqlstate.clone().unwrap_or_else(|| "failed".to_owned()),
            _ => "committed".to_owned(),
        };
        let variables = self.cursor.variables().iter();
        let values = variables.filter_map(|(name, value)| Some((tx.clone(), name.clone(), value.clone()?)));
        std::iter::once((tx.clone(), "status".to_owned(), status)).chain(values).collect()
    }

    /// Finds the next step; `line` is where a fault is reported.
    fn advance(&mut self, line: u32) -> Result<(), RaceError> {
        loop {
            let next = match self.cursor.next() {
                Ok(next) => next,
                Err(fault @ (ScriptFault::Unset(_) | ScriptFault::Expression(_))) => {
                    return Err(self.fault(line, fault.to_string()));
                }
                Err(fault) => {
                    self.fail(None, fault.to_string());
                    return Ok(());
                }
            };
            let Some(next) = next else { return self.finish() };
            let (statement, sql) = (next.statement, next.sql);
            let verb = statement.facts.verb;
            let kind = match verb {
                Verb::Begin if self.block.is_some() => {
                    return Err(self.fault(statement.line, "BEGIN inside a transaction".to_owned()));
                }
                Verb::Begin => {
                    (self.block, self.opening) = (Some(statement.line), true);
                    continue;
                }
                // Nothing to end: the server would only warn.
                Verb::Commit | Verb::Rollback if self.block.is_none() => continue,
                Verb::Commit | Verb::Rollback if self.opening => {
                    (self.block, self.opening) = (None, false);
                    continue;
                }
                Verb::Commit => StepKind::Commit,
                // ROLLBACK TO SAVEPOINT ends nothing.
                Verb::Rollback if !sql.to_ascii_uppercase().contains(" TO ") => StepKind::Rollback,
                Verb::Ddl | Verb::Grant => {
                    let what = "a script of a race cannot change the schema; put that into the setup";
                    return Err(self.fault(statement.line, what.to_owned()));
                }
                _ if statement.facts.refuses_transaction => {
                    let what = "the server refuses this statement inside a transaction";
                    return Err(self.fault(statement.line, what.to_owned()));
                }
                _ => StepKind::Statement,
            };
            let lone = self.block.is_none();
            let begin = std::mem::take(&mut self.opening) || lone;
            self.next = Some(Step { kind, statement, sql, begin, lone });
            return Ok(());
        }
    }

    fn finish(&mut self) -> Result<(), RaceError> {
        match self.block {
            Some(line) => Err(self.fault(line, "the transaction that begins here has no COMMIT".to_owned())),
            None => {
                self.ended = Some(Ending::Done);
                Ok(())
            }
        }
    }

    fn fault(&self, line: u32, what: String) -> RaceError {
        RaceError::Script { file: self.script.file.to_string(), line, what }
    }
}

/// Tells whether PostgreSQL asks to begin again with this code (manual, "Serialization Failure Handling").
pub(super) fn asks_again(sqlstate: Option<&str>) -> bool {
    matches!(sqlstate, Some("40001" | DEADLOCK))
}

/// Returns the server's message without the detail, whose process numbers no two runs share.
pub(super) fn message(error: &QueryError) -> String {
    error.server().map_or_else(|| error.to_string(), |error| error.message.clone())
}
