//! The role's own work: every named query and every transaction, run as the role that production uses.

use std::collections::BTreeMap;

use underpin_model::project::Query;
use underpin_model::script::TransactionScript;
use underpin_model::{Code, Finding, ObjectKind, ObjectRef, SourceLine};
use underpin_pg::{QueryError, Session};

use crate::error::LabError;
use crate::lab::Sandbox;
use crate::params::{self, Values};
use crate::script_run::{ScriptRun, StepFault};

/// The role cannot do its work.
pub const REFUSED: Code =
    Code::error("UP320", "job-refused", "a role cannot run a query or transaction that is its own");

/// Tries with newly drawn parameters before a failure counts: a sampled row may be one that a business rule
/// refuses.
const TRIES: u32 = 4;

/// Seed of the scripts' `random()`.
const SCRIPT_SEED: u64 = 7;

/// Sessions by role, opened when first needed.
pub struct Sessions<'a> {
    sandbox: &'a Sandbox<'a>,
    open: BTreeMap<String, Session>,
}

impl<'a> Sessions<'a> {
    /// Returns no session yet.
    pub fn new(sandbox: &'a Sandbox<'a>) -> Sessions<'a> {
        Sessions { sandbox, open: BTreeMap::new() }
    }

    /// Returns the session that logged in as the role.
    pub async fn of(&mut self, role: &str) -> Result<&Session, LabError> {
        if self.open.get(role).is_none_or(Session::is_closed) {
            let session = self.sandbox.session_as(role).await?;
            // A query that needs longer is judged by other proofs; here it must not hold up the rest.
            session.execute("SET statement_timeout = '30s'").await?;
            self.open.insert(role.to_owned(), session);
        }
        self.open.get(role).ok_or_else(|| LabError::Unexpected(format!("the session of {role} is gone")))
    }

    /// Closes all of them.
    pub async fn close(self) {
        for (_, session) in self.open {
            session.close().await;
        }
    }
}

/// How a piece of work ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// `query` or `transaction`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// The role that ran it.
    pub role: String,
    /// The server's refusal.
    pub refusal: Option<Refusal>,
}

/// Why the work was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Where the statement stands.
    pub at: SourceLine,
    /// The server's words.
    pub message: String,
    /// It was for lack of rights.
    pub rights: bool,
}

/// Runs a query as a role and rolls back.
pub async fn run_query(
    session: &Session,
    superuser: &Session,
    query: &Query,
    role: &str,
) -> Result<Done, LabError> {
    let mut refusal = None;
    for _ in 0..TRIES {
        let values = params::evaluate(superuser, &query.name, &query.params).await?;
        session.execute("BEGIN").await?;
        if let Some(enter) = params::enter_tenant(query, &values) {
            session.execute(&enter).await?;
        }
        let answer = prepared(session, query, &values).await;
        session.execute("ROLLBACK").await?;
        session.execute("DEALLOCATE ALL").await?;
        refusal = answer
            .err()
            .map(|error| refusal_of(SourceLine::new(query.file.clone(), query.statement.line), &error));
        if refusal.as_ref().is_none_or(|refusal| refusal.rights) {
            break;
        }
    }
    Ok(Done { kind: "query", name: query.name.clone(), role: role.to_owned(), refusal })
}

async fn prepared(session: &Session, query: &Query, values: &Values) -> Result<u64, QueryError> {
    session.execute(&params::prepare(query)).await?;
    session.execute(&params::execute(query, values)).await
}

fn refusal_of(at: SourceLine, error: &QueryError) -> Refusal {
    Refusal { at, message: error.to_string(), rights: error.sqlstate() == Some("42501") }
}

/// Runs a transaction script as a role to its end, for real.
pub async fn run_transaction(
    session: &Session,
    superuser: &Session,
    script: &TransactionScript,
    role: &str,
) -> Result<Done, LabError> {
    let mut refusal = None;
    for _ in 0..TRIES {
        let values = params::evaluate(superuser, &script.name, &script.params).await?;
        refusal = run_script(session, script, values).await?.err().map(|fault| {
            let at = SourceLine::new(script.file.clone(), fault.line());
            Refusal { at, message: fault.chain(), rights: fault.sqlstate() == Some("42501") }
        });
        if refusal.as_ref().is_none_or(|refusal| refusal.rights) {
            break;
        }
    }
    Ok(Done { kind: "transaction", name: script.name.clone(), role: role.to_owned(), refusal })
}

/// Runs a script once; whatever it leaves open is rolled back.
pub async fn run_script(
    session: &Session,
    script: &TransactionScript,
    values: Values,
) -> Result<Result<(), StepFault>, LabError> {
    let answer = match ScriptRun::new(script, values, SCRIPT_SEED) {
        Ok(mut run) => run.to_end(session).await.map(|_| ()),
        Err(fault) => Err(fault),
    };
    // Outside a transaction this is only a warning.
    session.execute("ROLLBACK").await?;
    Ok(answer)
}

/// Returns the finding about refused work.
pub fn finding(done: &Done) -> Option<Finding> {
    let refusal = done.refusal.as_ref()?;
    let message = format!("{} cannot run the {} {}: {}.", done.role, done.kind, done.name, refusal.message);
    let hint = match refusal.rights {
        true => {
            format!("GRANT what the statement needs to {} in a new migration, and nothing more.", done.role)
        }
        false => {
            "Run the statement in `underpin psql`; `-- param:` may draw values that no row has.".to_owned()
        }
    };
    let kind = if done.kind == "query" { ObjectKind::Query } else { ObjectKind::Transaction };
    Some(
        Finding::new(&REFUSED, message)
            .object(ObjectRef::new(kind, &done.name))
            .at(refusal.at.clone())
            .hint(hint),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lack_of_rights_names_the_line_and_the_repair() {
        let at = SourceLine::new("queries/q.sql", 3);
        let refusal =
            Some(Refusal { at, message: "permission denied for table orders".into(), rights: true });
        let done = Done { kind: "query", name: "q".into(), role: "app".into(), refusal };
        let finding = finding(&done).unwrap();
        assert_eq!(finding.at.map(|at| at.to_string()).as_deref(), Some("queries/q.sql:3"));
        assert!(finding.hint.unwrap().starts_with("GRANT"));
    }
}
