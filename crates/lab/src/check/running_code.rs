//! The code that runs during the deployment: the project's queries and transactions, before the file and after it.

use std::collections::BTreeMap;

use underpin_model::deployment::{Disturbance, Disturbed};
use underpin_model::project::{Project, Query};
use underpin_model::script::TransactionScript;
use underpin_model::statement::Verb;
use underpin_pg::{Address, QueryError, Session};

use crate::error::LabError;
use crate::params::{self, Values};
use crate::script_run::ScriptRun;

/// What the application runs.
#[derive(Clone, Copy, Debug)]
pub struct RunningCode<'p> {
    /// Named queries.
    pub queries: &'p [Query],
    /// Transactions.
    pub transactions: &'p [TransactionScript],
    /// Role of the application, for whatever names no role.
    pub role: Option<&'p str>,
}

impl<'p> RunningCode<'p> {
    /// Returns everything that a project's application runs.
    pub fn of(project: &'p Project) -> RunningCode<'p> {
        RunningCode {
            queries: &project.queries,
            transactions: &project.transactions,
            role: project.config.database.app_role.as_deref(),
        }
    }
}

impl RunningCode<'_> {
    /// Returns the role that a transaction logs in as.
    pub(super) fn role_of<'a>(&'a self, script: &'a TransactionScript) -> Option<&'a str> {
        self.role(script.role.as_ref())
    }

    fn role<'a>(&'a self, own: Option<&'a String>) -> Option<&'a str> {
        own.map(String::as_str).or(self.role)
    }
}

fn login(database: &Address, role: Option<&str>) -> Address {
    role.map_or_else(|| database.clone(), |role| database.user(role))
}

/// Queries that ran before the file, in sessions that still hold their plans.
pub(super) struct PreparedQueries<'p> {
    database: Address,
    sessions: BTreeMap<Option<String>, Session>,
    queries: Vec<Prepared<'p>>,
}

struct Prepared<'p> {
    query: &'p Query,
    role: Option<String>,
    execute: String,
    /// What says whose rows it wants.
    enter: Option<String>,
    /// Rows that it returned; absent when two executions differ in that.
    rows: Option<u64>,
}

/// Prepares and runs every query that works at present; what fails already is not running anywhere.
pub(super) async fn prepare<'p>(
    database: &Address,
    code: &RunningCode<'p>,
) -> Result<PreparedQueries<'p>, LabError> {
    let superuser = Session::connect(database).await?;
    let mut prepared =
        PreparedQueries { database: database.clone(), sessions: BTreeMap::new(), queries: Vec::new() };
    for query in code.queries {
        let role = code.role(query.role.as_ref()).map(str::to_owned);
        let Ok(values) = params::evaluate(&superuser, &query.name, &query.params).await else { continue };
        if !prepared.sessions.contains_key(&role) {
            let session = Session::connect(&login(database, role.as_deref())).await?;
            prepared.sessions.insert(role.clone(), session);
        }
        let session = &prepared.sessions[&role];
        if session.execute(&params::prepare(query)).await.is_err() {
            continue;
        }
        let one = Prepared {
            query,
            role,
            execute: params::execute(query, &values),
            enter: params::enter_tenant(query, &values),
            rows: None,
        };
        let (Ok(first), Ok(second)) = (run(session, &one).await, run(session, &one).await) else {
            continue;
        };
        let rows = (first == second).then_some(first);
        prepared.queries.push(Prepared { rows, ..one });
    }
    superuser.close().await;
    Ok(prepared)
}

/// Returns the rows that the query returns or writes; what it writes is undone.
async fn run(session: &Session, one: &Prepared<'_>) -> Result<u64, QueryError> {
    if one.query.statement.facts.verb == Verb::Select && one.enter.is_none() {
        return Ok(session.rows(&one.execute).await?.rows.len() as u64);
    }
    session.execute("BEGIN").await?;
    if let Some(enter) = &one.enter {
        session.execute(enter).await?;
    }
    let answer = session.rows(&one.execute).await;
    session.execute("ROLLBACK").await?;
    answer.map(|rows| rows.affected.max(rows.rows.len() as u64))
}

impl PreparedQueries<'_> {
    /// Runs each again through its old plan and through a fresh one.
    pub(super) async fn again(&self) -> Result<Vec<Disturbed>, LabError> {
        let mut fresh = BTreeMap::new();
        for role in self.sessions.keys() {
            fresh.insert(role.clone(), Session::connect(&login(&self.database, role.as_deref())).await?);
        }
        let mut disturbed = Vec::new();
        for prepared in &self.queries {
            let query = prepared.query;
            let mut note = |how| {
                let at = (query.file.clone(), query.statement.line);
                disturbed.push(Disturbed { name: query.name.clone(), at, how });
            };
            let session = &fresh[&prepared.role];
            let anew = match session.execute(&params::prepare(query)).await {
                Ok(_) => run(session, prepared).await,
                Err(refused) => Err(refused),
            };
            match anew {
                Err(refused) if refused.ends_session() => return Err(refused.into()),
                Err(refused) => {
                    note(fails(&refused));
                    continue;
                }
                Ok(after) => match prepared.rows {
                    Some(before) if after < before => note(Disturbance::LosesRows { before, after }),
                    _ => {}
                },
            }
            if let Err(refused) = run(&self.sessions[&prepared.role], prepared).await {
                if is_stale_plan(&refused) {
                    note(Disturbance::StalePlan);
                } else {
                    note(fails(&refused));
                }
            }
        }
        for session in fresh.into_values() {
            session.close().await;
        }
        Ok(disturbed)
    }

    pub(super) async fn close(self) {
        for session in self.sessions.into_values() {
            session.close().await;
        }
    }
}

/// The server replans silently unless the columns of the result changed; then the first execution fails once.
fn is_stale_plan(refused: &QueryError) -> bool {
    refused.sqlstate() == Some("0A000")
        && refused.server().is_some_and(|server| server.message.contains("cached plan"))
}

fn fails(refused: &QueryError) -> Disturbance {
    let (sqlstate, message) = refused.told();
    Disturbance::Fails(sqlstate, message)
}

/// How a transaction ended.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    values: Values,
    outcome: Result<u64, (u32, Disturbance)>,
}

/// Runs every transaction of the application once, in `database`, which is changed by that. `earlier` gives the values
/// of an earlier call.
pub(super) async fn run_transactions(
    database: &Address,
    code: &RunningCode<'_>,
    earlier: &BTreeMap<String, Ended>,
) -> Result<BTreeMap<String, Ended>, LabError> {
    let superuser = Session::connect(database).await?;
    let mut ended = BTreeMap::new();
    for script in code.transactions {
        let values = match earlier.get(&script.name) {
            Some(known) => known.values.clone(),
            None if !earlier.is_empty() => continue,
            None => match params::evaluate(&superuser, &script.name, &script.params).await {
                Ok(values) => values,
                Err(_) => continue,
            },
        };
        let session = Session::connect(&login(database, code.role(script.role.as_ref()))).await?;
        // What waits here waits for nobody; a limit keeps a fault of ours from hanging.
        session.execute("SET lock_timeout = '5s'").await?;
        let outcome = run_one(&session, script, values.clone()).await?;
        session.close().await;
        ended.insert(script.name.clone(), Ended { values, outcome });
    }
    superuser.close().await;
    Ok(ended)
}

/// Returns the rows that the transaction wrote, or where and how it failed.
async fn run_one(
    session: &Session,
    script: &TransactionScript,
    values: Values,
) -> Result<Result<u64, (u32, Disturbance)>, LabError> {
    use crate::script_run::StepFault;
    let finished = match ScriptRun::new(script, values, 1) {
        Ok(mut run) => run.to_end(session).await,
        Err(fault) => Err(fault),
    };
    Ok(match finished {
        Ok(steps) => {
            let writes = |verb| matches!(verb, Verb::Insert | Verb::Update | Verb::Delete | Verb::Merge);
            let written = steps.iter().filter(|step| writes(step.sent.statement.facts.verb));
            Ok(written.map(|step| step.rows.affected).sum())
        }
        Err(StepFault::Refused { source, .. }) if source.ends_session() => return Err(source.into()),
        Err(StepFault::Refused { line, source }) => Err((line, fails(&source))),
        Err(fault @ StepFault::Script { .. }) => {
            Err((fault.line(), Disturbance::Fails(String::new(), fault.chain())))
        }
    })
}

/// Returns the code with only those transactions that work before the file and after it.
pub(super) fn working<'p>(
    code: &RunningCode<'p>,
    before: &BTreeMap<String, Ended>,
    after: &BTreeMap<String, Ended>,
) -> Vec<&'p TransactionScript> {
    let works =
        |ended: &BTreeMap<String, Ended>, name: &str| ended.get(name).is_some_and(|one| one.outcome.is_ok());
    code.transactions
        .iter()
        .filter(|script| works(before, &script.name) && works(after, &script.name))
        .collect()
}

/// Returns the transactions that worked before and fail, or write nothing, after.
pub(super) fn compare(
    code: &RunningCode<'_>,
    before: &BTreeMap<String, Ended>,
    after: &BTreeMap<String, Ended>,
) -> Vec<Disturbed> {
    let mut disturbed = Vec::new();
    for script in code.transactions {
        let (Some(before), Some(after)) = (before.get(&script.name), after.get(&script.name)) else {
            continue;
        };
        let first = script.items.iter().find_map(|item| match item {
            underpin_model::script::ScriptItem::Statement(statement) => Some(statement.line),
            _ => None,
        });
        let (line, how) = match (&before.outcome, &after.outcome) {
            (Ok(_), Err((line, how))) => (*line, how.clone()),
            (Ok(before), Ok(0)) if *before > 0 => {
                (first.unwrap_or(1), Disturbance::LosesRows { before: *before, after: 0 })
            }
            _ => continue,
        };
        disturbed.push(Disturbed { name: script.name.clone(), at: (script.file.clone(), line), how });
    }
    disturbed
}
