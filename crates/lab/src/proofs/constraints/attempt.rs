//! Tries a violating write in a savepoint, and judges who refused it.

use underpin_model::sql_text::{quote_identifier, quote_qualified};
use underpin_pg::Session;
use underpin_pg::query_error::{QueryError, ServerError};

use super::targets::{Kind, Target, Targets};
use crate::error::LabError;

/// Other constraints that are set aside before an attempt is given up; a write that breaks more than these
/// says little about the one in question.
const MOST_SET_ASIDE: usize = 12;

/// A write that the constraint in question must refuse.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attempt {
    /// Statements that prepare it.
    pub before: Vec<String>,
    /// The write.
    pub sql: String,
    /// The write as people read it.
    pub shown: String,
}

/// Who refused a write.
#[derive(Clone, Debug, PartialEq)]
pub enum Judgement {
    /// The constraint in question.
    Refused,
    /// Nobody: the row is in the table.
    Accepted,
    /// Nobody, yet no row was written.
    Swallowed,
    /// Somebody else.
    Other(Box<ServerError>),
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    /// Who refused it.
    pub judgement: Judgement,
    /// Other constraints that had to be set aside, since they refused the same write earlier.
    pub aside: Vec<String>,
}

/// A constraint that stands in front of the one in question, and the statement that takes it away.
#[derive(Clone, Debug, PartialEq)]
pub struct Obstacle {
    /// Its name.
    pub name: String,
    /// The statement.
    pub sql: String,
}

/// Tries the write; what other constraints refuse first is set aside inside the savepoint and tried again.
///
/// The server checks NOT NULL, CHECK, unique indexes and foreign keys in this order and reports the first
/// violation only, so a write that violates two would never show the second.
pub async fn try_write(
    session: &Session,
    targets: &Targets,
    target: &Target,
    attempt: &Attempt,
) -> Result<Tried, LabError> {
    let mut aside: Vec<Obstacle> = Vec::new();
    loop {
        session.execute("SAVEPOINT underpin_attempt").await?;
        let answer = run(session, &aside, attempt).await;
        session.execute("ROLLBACK TO SAVEPOINT underpin_attempt").await?;
        let judgement = judge(target, answer?);
        let names = || aside.iter().map(|obstacle| obstacle.name.clone()).collect();
        let Judgement::Other(error) = &judgement else {
            return Ok(Tried { judgement, aside: names() });
        };
        match obstacle(targets, target, error) {
            Some(next) if aside.len() < MOST_SET_ASIDE && !aside.contains(&next) => aside.push(next),
            _ => return Ok(Tried { aside: names(), judgement }),
        }
    }
}

/// Runs the attempt; the inner error is the server's refusal.
async fn run(
    session: &Session,
    aside: &[Obstacle],
    attempt: &Attempt,
) -> Result<Result<u64, ServerError>, LabError> {
    for sql in aside.iter().map(|obstacle| &obstacle.sql).chain(&attempt.before) {
        if let Err(error) = refusal(session.execute(sql).await)? {
            return Ok(Err(error));
        }
    }
    refusal(session.execute(&attempt.sql).await)
}

/// Separates the server's refusal of a statement from a failure to ask it.
pub fn refusal(answer: Result<u64, QueryError>) -> Result<Result<u64, ServerError>, LabError> {
    match answer {
        Ok(affected) => Ok(Ok(affected)),
        Err(QueryError::Server(error)) if !error.ends_session() => Ok(Err(*error)),
        Err(error) => Err(error.into()),
    }
}

/// Returns who refused the write.
pub fn judge(target: &Target, answer: Result<u64, ServerError>) -> Judgement {
    match answer {
        Ok(0) => Judgement::Swallowed,
        Ok(_) => Judgement::Accepted,
        Err(error) if is_by(target, &error) => Judgement::Refused,
        Err(error) => Judgement::Other(Box::new(error)),
    }
}

/// Returns whether the error says that this very constraint refused.
pub fn is_by(target: &Target, error: &ServerError) -> bool {
    let same_state = error.sqlstate == target.kind.sqlstate()
        // RESTRICT has a state of its own from PostgreSQL 18 on.
        || (target.kind == Kind::ForeignKey && error.sqlstate == "23001");
    let column = error.column.as_deref();
    same_state
        && match target.kind {
            Kind::NotNull => column == Some(target.name.as_str()),
            Kind::DomainNotNull => column.is_none(),
            _ => error.constraint.as_deref().is_some_and(|name| is_named(target, name)),
        }
}

fn is_named(target: &Target, name: &str) -> bool {
    target.name == name || target.aliases.iter().any(|alias| alias == name)
}

/// Returns how to take away the constraint that raised the error; nothing when it was none.
pub fn obstacle(targets: &Targets, target: &Target, error: &ServerError) -> Option<Obstacle> {
    if error.sqlstate == "23502" {
        let column = error.column.as_ref()?;
        let sql = format!(
            "ALTER TABLE {} ALTER COLUMN {} DROP NOT NULL",
            target.quoted_table(),
            quote_identifier(column)
        );
        return Some(Obstacle { name: format!("{column} NOT NULL"), sql });
    }
    let name = error.constraint.as_deref()?;
    let fits = |other: &&Target| is_by(other, error) && is_named(other, name);
    let same_table = |other: &&Target| error.table.as_deref() == Some(other.table.as_str());
    let found =
        targets.targets.iter().filter(fits).find(same_table).or_else(|| targets.targets.iter().find(fits))?;
    Some(Obstacle { name: found.name.clone(), sql: removal(found)? })
}

/// Returns the statement that takes a constraint away; nothing for one of a domain that is not known.
pub fn removal(target: &Target) -> Option<String> {
    let name = quote_identifier(&target.name);
    match target.kind {
        Kind::UniqueIndex => Some(format!("DROP INDEX {}", quote_qualified(&target.schema, &target.name))),
        Kind::DomainCheck => Some(format!("ALTER DOMAIN {} DROP CONSTRAINT {name}", target.domain.as_ref()?)),
        Kind::DomainNotNull => Some(format!("ALTER DOMAIN {} DROP NOT NULL", target.domain.as_ref()?)),
        _ => Some(format!("ALTER TABLE {} DROP CONSTRAINT {name}", target.quoted_table())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(kind: Kind, name: &str) -> Target {
        Target { kind, schema: "public".into(), table: "t".into(), name: name.into(), ..Target::default() }
    }

    fn error(sqlstate: &str, constraint: Option<&str>, column: Option<&str>) -> ServerError {
        ServerError {
            sqlstate: sqlstate.into(),
            constraint: constraint.map(str::to_owned),
            column: column.map(str::to_owned),
            table: Some("t".into()),
            ..ServerError::default()
        }
    }

    #[test]
    fn only_the_constraint_itself_counts() {
        let check = target(Kind::Check, "ck_a");
        assert_eq!(judge(&check, Err(error("23514", Some("ck_a"), None))), Judgement::Refused);
        assert!(matches!(judge(&check, Err(error("23514", Some("ck_b"), None))), Judgement::Other(_)));
        // A trigger that raises the same state names no constraint.
        assert!(matches!(judge(&check, Err(error("23514", None, None))), Judgement::Other(_)));
        assert_eq!(judge(&check, Ok(1)), Judgement::Accepted);
        assert_eq!(judge(&check, Ok(0)), Judgement::Swallowed);
    }

    #[test]
    fn not_null_is_told_by_its_column() {
        let column = target(Kind::NotNull, "a");
        assert_eq!(judge(&column, Err(error("23502", None, Some("a")))), Judgement::Refused);
        assert!(matches!(judge(&column, Err(error("23502", None, Some("b")))), Judgement::Other(_)));
    }

    #[test]
    fn what_stands_in_front_is_taken_away() {
        let targets = Targets {
            targets: vec![target(Kind::Check, "ck_b"), target(Kind::UniqueIndex, "ux")],
            ..Targets::default()
        };
        let target = target(Kind::Check, "ck_a");
        let sql = |error: &ServerError| obstacle(&targets, &target, error).map(|obstacle| obstacle.sql);
        let check = sql(&error("23514", Some("ck_b"), None));
        assert_eq!(check.as_deref(), Some(r#"ALTER TABLE "public"."t" DROP CONSTRAINT "ck_b""#));
        let index = sql(&error("23505", Some("ux"), None));
        assert_eq!(index.as_deref(), Some(r#"DROP INDEX "public"."ux""#));
        let not_null = sql(&error("23502", None, Some("c")));
        assert_eq!(not_null.as_deref(), Some(r#"ALTER TABLE "public"."t" ALTER COLUMN "c" DROP NOT NULL"#));
        assert_eq!(sql(&error("P0001", None, None)), None);
    }
}
