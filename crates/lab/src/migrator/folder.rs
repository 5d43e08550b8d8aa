//! The phases of a folder that are more than a file: expand where it did not run, and the look before contract.

use underpin_model::phases::Phases;
use underpin_model::project::{Migration, SqlFile};

use super::MigrateError;
use super::ledger::ledger_write;
use super::runner::{Runner, Step};
use super::state::State;

/// Rows that a failed verification shows.
const ROWS_SHOWN: usize = 5;

impl Runner<'_> {
    /// Runs `expand.sql` where it did not run; returns how far the folder is then.
    pub(super) async fn expand(
        &mut self,
        migration: &Migration,
        state: Option<State>,
    ) -> Result<State, MigrateError> {
        match state {
            None | Some(State::Running(_)) => self.step(Step::expand(migration, state.as_ref())).await,
            Some(further) => Ok(further),
        }
    }

    /// Runs the queries of `verify.sql`; any row is an error.
    pub(super) async fn verify(
        &mut self,
        migration: &Migration,
        phases: &Phases,
    ) -> Result<State, MigrateError> {
        self.look_at_rows(phases).await?;
        self.note(migration, State::Verified).await
    }

    /// Runs the queries of `verify.sql` without noting it.
    pub(super) async fn look_at_rows(&self, phases: &Phases) -> Result<(), MigrateError> {
        match &phases.verify {
            Some(verify) => self.must_be_empty(verify).await,
            None => Ok(()),
        }
    }

    async fn must_be_empty(&self, verify: &SqlFile) -> Result<(), MigrateError> {
        for statement in &verify.statements {
            let (file, line) = (verify.file.to_string(), statement.line);
            let answer = self.session.rows(&statement.sql).await;
            let rows = answer.map_err(|source| MigrateError::Statement {
                file: file.clone(),
                line,
                sql: statement.sql.clone(),
                source,
            })?;
            if !rows.rows.is_empty() {
                let shown = rows.rows.iter().take(ROWS_SHOWN);
                let cells = |row: &Vec<Option<String>>| {
                    row.iter().map(|cell| cell.as_deref().unwrap_or("NULL")).collect::<Vec<_>>().join(", ")
                };
                let shown = shown.map(cells).collect();
                return Err(MigrateError::NotVerified { file, line, count: rows.rows.len(), shown });
            }
        }
        Ok(())
    }

    /// Notes a state that no statement of a file leads to.
    pub(super) async fn note(&self, migration: &Migration, state: State) -> Result<State, MigrateError> {
        let written = ledger_write(self.session, migration, &state, 0).await;
        written.map(|()| state).map_err(|source| MigrateError::Ledger { doing: "written", source })
    }
}
