//! What clients run: the project's named queries and transactions as often as they say, with values from the data.

use std::time::{Duration, Instant};

use underpin_model::project::{Param, Project, Query};
use underpin_model::script::TransactionScript;
use underpin_model::script_cursor::ScriptCursor;
use underpin_pg::light::{InTransaction, Keep};
use underpin_pg::{Address, LightSession, QueryError, Session};

use crate::error::LabError;
use crate::params::{self, Values};

/// The role of a project that names none: the superuser of our servers.
const SUPERUSER: &str = "postgres";

/// The part of all calls that writes have together when no transaction says its rate.
const WRITES: f64 = 0.1;

/// Values per query; they are mostly the same each time.
const QUERY_VALUES: usize = 4;

/// Values per transaction at most, and the time after which no more are looked for: an expression may read whole tables.
const TRANSACTION_VALUES: usize = 200;
const LOOKING: Duration = Duration::from_millis(100);

/// The named queries and transactions of one role, each with how often it is called.
pub(crate) struct Workload {
    items: Vec<Item>,
    total: f64,
    /// Whom they run as.
    pub(crate) role: String,
    /// Names of those that run as somebody else.
    pub(crate) left_out: Vec<String>,
}

/// A query or transaction with values to run it with.
pub(crate) struct Item {
    /// Its name.
    pub(crate) name: String,
    /// Calls per second in production.
    pub(crate) rate: f64,
    /// What is sent.
    pub(crate) body: Body,
}

/// What is sent.
pub(crate) enum Body {
    /// One message each: the query with its values in place.
    Query(Vec<String>),
    /// A script, and values for its parameters.
    Transaction {
        /// The script.
        script: TransactionScript,
        /// Values to choose from.
        values: Vec<Values>,
    },
}

/// How one call ended.
pub(crate) enum Ran {
    /// As intended.
    Well,
    /// The server refused it by a rule of the project: SQLSTATE and words.
    Refused(String, String),
    /// The server asks to begin again (class 40).
    Again,
    /// The connection or the server is at its end: words.
    Lost(String),
}

/// A generator of numbers (xorshift64*, Vigna 2016): repeatable, and one per client.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(number: u32) -> Dice {
        let mut dice = Dice((u64::from(number) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        dice.roll();
        dice
    }

    /// Returns the next number.
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.roll() % limit.max(1) as u64) as usize
    }

    /// Returns the next number from 0 to below 1.
    pub(crate) fn part(&mut self) -> f64 {
        (self.roll() >> 11) as f64 / (1u64 << 53) as f64
    }
}

impl Workload {
    /// Returns the workload of the project's application role, with values from the database at `superuser`.
    pub(crate) async fn prepare(project: &Project, superuser: &Address) -> Result<Workload, LabError> {
        let role = project.config.database.app_role.clone().unwrap_or_else(|| SUPERUSER.to_owned());
        let session = Session::connect(superuser).await?;
        let (mut items, mut left_out) = (Vec::new(), Vec::new());
        let asked: f64 = project.queries.iter().map(rate_of).sum();
        let unsaid = unsaid_rate(project, asked);
        for query in &project.queries {
            if query.role.as_ref().is_some_and(|other| *other != role) {
                left_out.push(query.name.clone());
                continue;
            }
            let body = Body::Query(messages(&session, query).await?);
            items.push(Item { name: query.name.clone(), rate: rate_of(query), body });
        }
        for script in &project.transactions {
            if script.role.as_ref().is_some_and(|other| *other != role) {
                left_out.push(script.name.clone());
                continue;
            }
            let values = several(&session, (&script.name, &script.params), TRANSACTION_VALUES).await?;
            let rate = script.rate.unwrap_or(unsaid);
            let body = Body::Transaction { script: script.clone(), values };
            items.push(Item { name: script.name.clone(), rate, body });
        }
        session.close().await;
        let total = items.iter().map(|item| item.rate).sum();
        Ok(Workload { items, total, role, left_out })
    }

    /// Looks up values for the transactions again: what ran meanwhile has used some of them up.
    pub(crate) async fn renew(&mut self, superuser: &Address) -> Result<(), LabError> {
        let session = Session::connect(superuser).await?;
        for item in &mut self.items {
            if let Body::Transaction { script, values } = &mut item.body {
                *values = several(&session, (&script.name, &script.params), TRANSACTION_VALUES).await?;
            }
        }
        session.close().await;
        Ok(())
    }

    /// Returns what there is to run.
    pub(crate) fn items(&self) -> &[Item] {
        &self.items
    }

    /// Returns how many calls per second all of them have together in production.
    pub(crate) fn rate(&self) -> f64 {
        self.total
    }

    /// Returns one of them, as likely as it is called.
    pub(crate) fn pick(&self, dice: &mut Dice) -> Option<&Item> {
        let mut rest = dice.part() * self.total;
        let chosen = self.items.iter().find(|item| {
            rest -= item.rate;
            rest < 0.0
        });
        chosen.or_else(|| self.items.last())
    }
}

fn rate_of(query: &Query) -> f64 {
    query.rate.unwrap_or(1.0)
}

/// Returns the rate of a transaction that says none.
fn unsaid_rate(project: &Project, asked: f64) -> f64 {
    if asked == 0.0 || project.transactions.iter().any(|script| script.rate.is_some()) {
        return 1.0;
    }
    asked * WRITES / (1.0 - WRITES) / project.transactions.len().max(1) as f64
}

/// Returns several messages of a query, each one implicit transaction in which the tenant is entered first.
async fn messages(session: &Session, query: &Query) -> Result<Vec<String>, LabError> {
    let all = several(session, (&query.name, &query.params), QUERY_VALUES).await?;
    let message = |values: &Values| {
        let sql = params::bind(&query.statement.sql, &query.params, values);
        match params::enter_tenant(query, values) {
            Some(enter) => format!("{enter};\n{sql}"),
            None => sql,
        }
    };
    Ok(all.iter().map(message).collect())
}

/// Returns up to `most` sets of values, at least one.
async fn several(
    session: &Session,
    (name, params): (&str, &[Param]),
    most: usize,
) -> Result<Vec<Values>, LabError> {
    let start = Instant::now();
    let mut all = vec![params::evaluate(session, name, params).await?];
    while !params.is_empty() && all.len() < most && start.elapsed() < LOOKING {
        all.push(params::evaluate(session, name, params).await?);
    }
    Ok(all)
}

impl Item {
    /// Runs it once, and leaves no transaction open.
    pub(crate) async fn run(&self, session: &mut LightSession, dice: &mut Dice) -> Ran {
        let outcome = match &self.body {
            Body::Query(messages) => {
                session.query(&messages[dice.below(messages.len())], Keep::Count).await.map(drop)
            }
            Body::Transaction { script, values } => {
                let chosen = values[dice.below(values.len())].clone();
                match run_script(script, (chosen, dice.roll()), session).await {
                    Ok(()) => Ok(()),
                    Err(Stopped::Server(error)) => Err(error),
                    Err(Stopped::Script(words)) => {
                        leave(session).await;
                        return Ran::Refused("script".to_owned(), words);
                    }
                }
            }
        };
        match outcome {
            Ok(()) => Ran::Well,
            Err(error) => {
                let ran = judged(&error);
                if !matches!(ran, Ran::Lost(_)) {
                    leave(session).await;
                }
                ran
            }
        }
    }
}

/// Why a script stopped before its end.
enum Stopped {
    Server(QueryError),
    Script(String),
}

async fn run_script(
    script: &TransactionScript,
    (values, seed): (Values, u64),
    session: &mut LightSession,
) -> Result<(), Stopped> {
    let fault = |fault: underpin_model::script_cursor::ScriptFault| Stopped::Script(fault.to_string());
    let mut cursor = ScriptCursor::new(script, values, seed);
    while let Some(next) = cursor.next().map_err(fault)? {
        let keep = if next.statement.gset.is_some() { Keep::Rows } else { Keep::Count };
        let rows = session.query(&next.sql, keep).await.map_err(Stopped::Server)?;
        cursor.answered(&rows.columns, &rows.rows).map_err(fault)?;
    }
    Ok(())
}

/// Ends a transaction that was left open; a connection that is gone shows with the next call.
async fn leave(session: &mut LightSession) {
    if session.in_transaction() != InTransaction::No {
        let _ = session.query("ROLLBACK", Keep::Count).await;
    }
}

/// Tells what the server's refusal means. Reference: manual, appendix "PostgreSQL Error Codes".
fn judged(error: &QueryError) -> Ran {
    let Some(reported) = error.server() else { return Ran::Lost(error.to_string()) };
    let words = format!("{}: {}", reported.sqlstate, reported.message);
    match reported.sqlstate.get(..2) {
        Some("40") => Ran::Again,
        // 08 connection, 53 resources, 57 operator, 58 system, XX internal: none of the project's own rules.
        Some("08" | "53" | "57" | "58" | "XX") | None => Ran::Lost(words),
        _ if reported.ends_session() => Ran::Lost(words),
        _ => Ran::Refused(reported.sqlstate.clone(), reported.message.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_come_as_often_as_they_say() {
        let item = |name: &str, rate| Item {
            name: name.to_owned(),
            rate,
            body: Body::Transaction {
                script: TransactionScript {
                    name: name.to_owned(),
                    file: "t.sql".into(),
                    params: vec![],
                    role: None,
                    rate: None,
                    items: vec![],
                },
                values: vec![Values::new()],
            },
        };
        let items = vec![item("often", 90.0), item("never", 0.0), item("seldom", 10.0)];
        let workload = Workload { items, total: 100.0, role: String::new(), left_out: vec![] };
        let mut dice = Dice::new(1);
        let picks: Vec<_> = (0..10_000).filter_map(|_| workload.pick(&mut dice)).collect();
        let count = |name: &str| picks.iter().filter(|item| item.name == name).count();
        assert!((8_700..9_300).contains(&count("often")) && count("never") == 0, "{}", count("often"));
    }

    #[test]
    fn refusals_by_the_project_are_no_failures() {
        let error = |sqlstate: &str| {
            let sqlstate = sqlstate.to_owned();
            QueryError::Server(Box::new(underpin_pg::ServerError { sqlstate, ..Default::default() }))
        };
        assert!(matches!(judged(&error("23505")), Ran::Refused(..)));
        assert!(matches!(judged(&error("40001")), Ran::Again));
        assert!(matches!(judged(&error("53300")), Ran::Lost(_)));
        assert!(matches!(judged(&error("08P01")), Ran::Lost(_)));
    }
}
