//! One run of a query or transaction, statement by statement, as a client sees it.

use std::collections::BTreeSet;

use underpin_model::script::{ScriptItem, TransactionScript};
use underpin_model::script_cursor::ScriptCursor;
use underpin_pg::light::{InTransaction, Keep};
use underpin_pg::{LightSession, QueryError};

use super::Item;
use crate::error::LabError;
use crate::params::{self, Values};

/// The same for every way, so that `random()` in scripts gives the same.
const SEED: u64 = 4_711;

/// A statement that was sent, and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Line in the file.
    pub(super) line: u32,
    /// What was sent.
    pub(super) sql: String,
    /// Rows that were returned or changed, or the server's refusal.
    pub(super) answer: Result<u64, Refusal>,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) sqlstate: String,
    pub(super) message: String,
}

/// Runs the item until its end or the first refusal, and leaves no transaction open.
pub(super) async fn run(
    session: &mut LightSession,
    item: Item<'_>,
    values: &Values,
) -> Result<Vec<Step>, LabError> {
    let mut steps = Vec::new();
    match item {
        Item::Query(query) => {
            let sql = params::bind(&query.statement.sql, &query.params, values);
            let message = match params::enter_tenant(query, values) {
                Some(enter) => format!("{enter};\n{sql}"),
                None => sql.clone(),
            };
            let answer = session.query(&message, Keep::Count).await;
            steps.push(Step {
                line: query.statement.line,
                sql,
                answer: answered(answer.map(|rows| rows.affected))?,
            });
        }
        Item::Transaction(script) => script_steps(session, (script, values), &mut steps).await?,
    }
    if session.in_transaction() != InTransaction::No {
        session.query("ROLLBACK", Keep::Count).await?;
    }
    Ok(steps)
}

async fn script_steps(
    session: &mut LightSession,
    (script, values): (&TransactionScript, &Values),
    steps: &mut Vec<Step>,
) -> Result<(), LabError> {
    let mut cursor = ScriptCursor::new(script, values.clone(), SEED);
    // A script that cannot go on stops on every way alike, or its steps differ and that is found.
    while let Ok(Some(next)) = cursor.next() {
        let outcome = session.query(&next.sql, Keep::Rows).await;
        let (line, sql) = (next.statement.line, next.sql);
        match outcome {
            Ok(rows) => {
                steps.push(Step { line, sql, answer: Ok(rows.affected) });
                if cursor.answered(&rows.columns, &rows.rows).is_err() {
                    return Ok(());
                }
            }
            Err(error) => {
                steps.push(Step { line, sql, answer: answered(Err(error))? });
                return Ok(());
            }
        }
    }
    Ok(())
}

fn answered(answer: Result<u64, QueryError>) -> Result<Result<u64, Refusal>, LabError> {
    match answer {
        Ok(rows) => Ok(Ok(rows)),
        Err(QueryError::Server(error)) => {
            Ok(Err(Refusal { sqlstate: error.sqlstate, message: error.message }))
        }
        Err(other) => Err(other.into()),
    }
}

/// Returns the text of every statement of a script, those of branches included.
pub(super) fn sources(script: &TransactionScript) -> Vec<String> {
    let mut all = Vec::new();
    collect(&script.items, &mut all);
    all
}

fn collect(items: &[ScriptItem], all: &mut Vec<String>) {
    for item in items {
        match item {
            ScriptItem::Statement(statement) => all.push(statement.source()),
            ScriptItem::If { branches, otherwise, .. } => {
                branches.iter().for_each(|(_, items)| collect(items, all));
                collect(otherwise, all);
            }
            ScriptItem::Set { .. } => {}
        }
    }
}

/// Returns words like `app.tenant_id`: only such names are settings of one's own. Names of columns are among them; asking for
/// a setting that does not exist costs nothing.
pub(super) fn dotted_names(text: &str) -> BTreeSet<String> {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    let is_name = |word: &&str| {
        let mut parts = word.split('.');
        let name = |part: Option<&str>| {
            part.is_some_and(|part| part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))
        };
        name(parts.next()) && name(parts.next()) && parts.next().is_none()
    };
    text.split(|c| !part(c)).filter(is_name).map(str::to_ascii_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_ones_own_have_a_point() {
        let names =
            dotted_names("SELECT set_config('app.tenant_id', '1.5', true), t.id FROM a.b.c; SET My.Var = 2");
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["app.tenant_id", "my.var", "t.id"]);
    }
}
