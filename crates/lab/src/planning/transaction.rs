//! What a transaction of the project touches up to its COMMIT: blocks, and the indexes that it scans.

use std::collections::BTreeMap;

use underpin_model::script::TransactionScript;
use underpin_model::statement::Verb;
use underpin_pg::{Rows, Session};
use underpin_plan::Explained;

use super::hidden;
use crate::error::LabError;
use crate::lab::Sandbox;
use crate::params::{self, Values};
use crate::proof::Experiment;
use crate::script_run::{ScriptRun, StepFault};

/// A transaction with a session of its role and the values of its header.
pub(crate) struct Repeated<'p> {
    script: &'p TransactionScript,
    values: Values,
    session: Session,
}

/// One run up to the first COMMIT.
pub(crate) struct Ran {
    /// Index scans by oid, those of triggers and functions too.
    pub scans: BTreeMap<String, i64>,
    /// Blocks of all tables and indexes.
    pub blocks: i64,
}

impl<'p> Repeated<'p> {
    /// Takes the accepted values where they fit, else evaluates the header as a superuser, and logs in as whoever runs the
    /// transaction.
    ///
    /// Most headers draw a row by random(), and another row touches other blocks: the seed is the same in every run.
    pub(crate) async fn open(
        experiment: &Experiment<'_>,
        (sandbox, superuser): (&Sandbox<'_>, &Session),
        script: &'p TransactionScript,
        accepted: Option<&Values>,
    ) -> Result<Repeated<'p>, LabError> {
        let fits = |values: &&Values| {
            values.len() == script.params.len()
                && script.params.iter().all(|param| values.contains_key(&param.name))
        };
        let values = match accepted.filter(fits) {
            Some(values) => values.clone(),
            None => {
                superuser.execute("SELECT setseed(0.5)").await?;
                params::evaluate(superuser, &script.name, &script.params).await?
            }
        };
        let role = script.role.as_ref().or(experiment.project.config.database.app_role.as_ref());
        let session = match role {
            Some(role) => sandbox.session_as(role).await?,
            None => sandbox.session().await?,
        };
        Ok(Repeated { script, values, session })
    }

    /// Returns the values with which it runs.
    pub(crate) fn values(&self) -> &Values {
        &self.values
    }

    /// Runs it twice, as the first run fills the catalog caches, and rolls back; nothing when it is refused.
    pub(crate) async fn measure(&self) -> Result<Option<Ran>, LabError> {
        self.session.execute("DISCARD PLANS").await?;
        let warm = self.run().await?;
        let ran = self.run().await?;
        Ok(warm.and(ran).ok())
    }

    /// Returns the plans of its statements as they are executed up to its COMMIT; those before a refusal when it is refused.
    ///
    /// Each statement runs twice: explained and undone, then to go on from.
    pub(crate) async fn plans(&self) -> Result<Vec<Explained>, LabError> {
        let mut plans = Vec::new();
        let session = &self.session;
        let Ok(mut run) = ScriptRun::new(self.script, self.values.clone(), 1) else { return Ok(plans) };
        while let Some(next) = run.peek() {
            match next.statement.facts.verb {
                Verb::Commit => break,
                Verb::Select | Verb::Insert | Verb::Update | Verb::Delete | Verb::Merge
                    if run.in_transaction() =>
                {
                    session.execute("SAVEPOINT underpin_explain").await?;
                    let explain = format!("EXPLAIN (ANALYZE, BUFFERS, VERBOSE, FORMAT JSON) {}", next.sql);
                    let Ok(Some(text)) = session.value(&explain).await else { break };
                    session
                        .execute("ROLLBACK TO SAVEPOINT underpin_explain; RELEASE SAVEPOINT underpin_explain")
                        .await?;
                    let plan = underpin_plan::read(&text);
                    plans.push(
                        plan.map_err(|error| LabError::Unexpected(format!("{}: {error}", self.script.name)))?,
                    );
                }
                _ => {}
            }
            if run.step(session).await.is_err() {
                break;
            }
        }
        session.execute("ROLLBACK").await?;
        Ok(plans)
    }

    /// Says goodbye.
    pub(crate) async fn close(self) {
        self.session.close().await;
    }

    /// Runs the script until it would commit; the inner error is the script's own.
    async fn run(&self) -> Result<Result<Ran, StepFault>, LabError> {
        let counts = include_str!("transaction_use.sql");
        let session = &self.session;
        let ran = async {
            let mut before: Option<Rows> = None;
            let mut run = ScriptRun::new(self.script, self.values.clone(), 1)?;
            while let Some(next) = run.peek() {
                let line = next.statement.line;
                if next.statement.facts.verb == Verb::Commit {
                    break;
                }
                run.step(session).await?;
                if before.is_none() && run.in_transaction() {
                    let rows = session.rows(counts).await;
                    before = Some(rows.map_err(|source| StepFault::Refused { line, source })?);
                }
            }
            let after =
                session.rows(counts).await.map_err(|source| StepFault::Refused { line: 1, source })?;
            let before = before.unwrap_or_default();
            let sum = |rows: &Rows| rows.iter().filter_map(|row| row.int("blocks")).sum::<i64>();
            Ok(Ran { scans: hidden::grown(&before, &after), blocks: sum(&after) - sum(&before) })
        };
        let ran = ran.await;
        session.execute("ROLLBACK").await?;
        Ok(ran)
    }
}
