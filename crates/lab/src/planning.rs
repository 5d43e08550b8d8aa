//! Explains the project's queries so that only the plan, the data and the statistics decide what is measured.
//!
//! Settings are pinned, every statement runs once before it is measured (the first run fills the catalog caches and
//! touches more blocks), executor blocks count and planning's do not, and everything is rolled back.

pub(crate) mod hidden;
pub(crate) mod pinned;
pub(crate) mod reference;
pub(crate) mod settled;
pub(crate) mod surface;
pub(crate) mod transaction;
pub(crate) mod values;

use std::collections::BTreeMap;

use underpin_model::project::Query;
use underpin_model::sql_text::{quote_identifier, quote_nullable};
use underpin_model::statement::Verb;
use underpin_pg::{QueryError, Rows, Session};
use underpin_plan::{Explained, PlanRecord};
use xxhash_rust::xxh3::Xxh3;

use crate::error::LabError;
use crate::lab::Sandbox;
use crate::params::{self, Values};

/// A session that explains queries.
pub(crate) struct Planner {
    session: Session,
    app_role: Option<String>,
}

/// For which values a plan is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// For the values at hand.
    Custom,
    /// For any.
    Generic,
}

/// A query with values for its parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'q> {
    /// The query.
    pub query: &'q Query,
    /// In the order of its parameters.
    pub values: &'q [Option<String>],
    /// For which values the plan is made.
    pub mode: Mode,
}

/// A plan that was executed.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    /// The plan.
    pub plan: Explained,
    /// What a baseline keeps of it.
    pub record: PlanRecord,
}

impl Measured {
    /// Returns the blocks that execution touched.
    pub(crate) fn buffers(&self) -> u64 {
        self.record.buffers
    }
}

impl Planner {
    /// Opens a superuser's session on the sandbox and pins its settings.
    pub(crate) async fn open(
        sandbox: &Sandbox<'_>,
        app_role: Option<String>,
        settings: &BTreeMap<String, String>,
    ) -> Result<Planner, LabError> {
        let session = sandbox.session().await?;
        for (name, value) in settings {
            session
                .execute(&format!("SET {} = {}", quote_identifier(name), quote_nullable(Some(value))))
                .await?;
        }
        Ok(Planner { session, app_role })
    }

    /// Returns the session, for statements of the experiment itself.
    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// Says goodbye.
    pub(crate) async fn close(self) {
        self.session.close().await;
    }

    /// Executes the query after `before` (statements of a superuser in the same transaction) and rolls back.
    pub(crate) async fn measure(&self, asked: Asked<'_>, before: &str) -> Result<Measured, LabError> {
        let explain = "EXPLAIN (ANALYZE, VERBOSE, BUFFERS, WAL, SETTINGS, TIMING OFF, FORMAT JSON) ";
        let once = format!("{explain}{}", execute(asked));
        let statement = match asked.query.statement.facts.verb {
            Verb::Select => format!("{once};\n{once}"),
            _ => format!("SAVEPOINT warm;\n{once};\nROLLBACK TO warm;\n{once}"),
        };
        let plan = self.explained(asked, before, &statement).await?;
        let record = PlanRecord::of(&plan);
        Ok(Measured { plan, record })
    }

    /// Returns the plan without executing it.
    pub(crate) async fn plan(&self, asked: Asked<'_>, before: &str) -> Result<Explained, LabError> {
        let statement = format!("EXPLAIN (VERBOSE, FORMAT JSON) {}", execute(asked));
        self.explained(asked, before, &statement).await
    }

    /// Returns a checksum of the rows in any order, and their number.
    pub(crate) async fn result(&self, asked: Asked<'_>, before: &str) -> Result<(String, usize), LabError> {
        let rows = self.run(asked, before, &execute(asked)).await?;
        let mut texts: Vec<String> = rows.rows.iter().map(|row| format!("{row:?}")).collect();
        texts.sort_unstable();
        let mut hash = Xxh3::new();
        for text in &texts {
            hash.update(text.as_bytes());
            hash.update(b"\n");
        }
        Ok((format!("{:032x}", hash.digest128()), texts.len()))
    }

    async fn explained(
        &self,
        asked: Asked<'_>,
        before: &str,
        statement: &str,
    ) -> Result<Explained, LabError> {
        let rows = self.run(asked, before, statement).await?;
        let text =
            rows.rows.first().and_then(|row| row.first()).and_then(Option::as_deref).unwrap_or_default();
        underpin_plan::read(text)
            .map_err(|error| LabError::Unexpected(format!("{}: {error}", asked.query.name)))
    }

    /// Returns how often each index (by oid) is scanned, functions and triggers included.
    pub(crate) async fn scans(&self, asked: Asked<'_>) -> Result<BTreeMap<String, i64>, LabError> {
        let counted = self.counted(asked).await;
        self.session.execute("ROLLBACK; DEALLOCATE ALL").await?;
        let (before, after) = counted?;
        Ok(hidden::grown(&before, &after))
    }

    async fn counted(&self, asked: Asked<'_>) -> Result<(Rows, Rows), QueryError> {
        let counts = include_str!("planning/index_scans.sql");
        self.session.execute(&self.opening(asked, "")).await?;
        let before = self.session.rows(counts).await?;
        self.session.rows(&execute(asked)).await?;
        Ok((before, self.session.rows(counts).await?))
    }

    async fn run(&self, asked: Asked<'_>, before: &str, statement: &str) -> Result<Rows, QueryError> {
        let opening = self.opening(asked, before);
        let text = [opening.as_str(), statement, "ROLLBACK", "DEALLOCATE ALL"].join(";\n");
        let answer = self.session.rows(&text).await;
        if answer.is_err() {
            // Prepared statements outlive their transaction.
            self.session.execute("ROLLBACK; DEALLOCATE ALL").await?;
        }
        answer
    }

    /// Returns the statements that open a transaction as whoever runs the query, with the query prepared.
    fn opening(&self, asked: Asked<'_>, before: &str) -> String {
        let query = asked.query;
        let mode = match asked.mode {
            Mode::Custom => "force_custom_plan",
            Mode::Generic => "force_generic_plan",
        };
        let values = named(asked);
        let role = query.role.as_ref().or(self.app_role.as_ref());
        let mut parts = vec!["BEGIN".to_owned()];
        parts.extend((!before.is_empty()).then(|| before.to_owned()));
        parts.push(format!("SET LOCAL plan_cache_mode = {mode}"));
        parts.extend(role.map(|role| format!("SET LOCAL ROLE {}", quote_identifier(role))));
        parts.extend(params::enter_tenant(query, &values));
        parts.push(params::prepare(query));
        parts.join(";\n")
    }
}

/// Returns the statement that executes the prepared query.
fn execute(asked: Asked<'_>) -> String {
    params::execute(asked.query, &named(asked))
}

fn named(asked: Asked<'_>) -> Values {
    let names = asked.query.params.iter().map(|param| param.name.clone());
    names.zip(asked.values.iter().cloned()).collect()
}

/// Returns whether EXPLAIN takes the statement.
pub(crate) fn is_explainable(query: &Query) -> bool {
    matches!(
        query.statement.facts.verb,
        Verb::Select | Verb::Insert | Verb::Update | Verb::Delete | Verb::Merge
    )
}
