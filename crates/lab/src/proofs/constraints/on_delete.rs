//! Exercises the ON DELETE rule of a foreign key: deletes a referenced row and counts what became of its
//! children.

use underpin_model::sql_text::quote_identifier;
use underpin_pg::Session;
use underpin_pg::query_error::ServerError;

use super::attempt::{Obstacle, is_by, obstacle, refusal, removal};
use super::candidates::Value;
use super::row::{find, shown};
use super::search::{Assignment, typed};
use super::targets::{Kind, Reference, Table, Target, Targets};
use crate::error::LabError;

/// Referencing rows that are looked at for a parent with few children.
const SAMPLE: u32 = 2000;

/// Other foreign keys that are set aside before an exercise is given up.
const MOST_SET_ASIDE: usize = 40;

/// What a foreign key declares for its referenced rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// `NO ACTION` or `RESTRICT`: the delete is refused.
    Refuse,
    /// `CASCADE`: the children go too.
    Cascade,
    /// `SET NULL` or `SET DEFAULT`: the children stay and let go.
    LetGo,
}

/// One exercise and how it ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Exercise {
    /// What was deleted, for people.
    pub deleted: String,
    /// What happened, for people.
    pub effect: String,
    /// How it ended.
    pub ending: Ending,
}

/// How an exercise ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As the rule says.
    AsDeclared,
    /// Otherwise: `effect` is the fault.
    Differs,
    /// Something else was in the way, so the rule was not seen.
    Masked,
}

/// What the server did.
#[derive(Clone, Debug, PartialEq)]
pub enum Measured {
    /// The delete was refused.
    Refused(Box<ServerError>),
    /// The delete went through.
    Deleted(Counts),
}

/// Rows before and after a delete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows that the DELETE reported.
    pub deleted: u64,
    /// Children before.
    pub children: i64,
    /// Children that still refer to the deleted row.
    pub left: i64,
    /// Rows of the referencing table that disappeared.
    pub gone: i64,
}

/// Returns the rule behind `pg_constraint.confdeltype`.
pub fn rule(on_delete: &str) -> Rule {
    match on_delete {
        "c" => Rule::Cascade,
        "n" | "d" => Rule::LetGo,
        _ => Rule::Refuse,
    }
}

/// Returns the rule as SQL writes it.
pub fn rule_words(on_delete: &str) -> &'static str {
    match on_delete {
        "c" => "CASCADE",
        "n" => "SET NULL",
        "d" => "SET DEFAULT",
        "r" => "RESTRICT",
        _ => "NO ACTION",
    }
}

/// Compares what happened with what the rule says.
pub fn judge(target: &Target, measured: &Measured) -> (Ending, String) {
    let declared = target.reference.as_ref().map_or("a", |reference| reference.on_delete.as_str());
    match (rule(declared), measured) {
        (Rule::Refuse, Measured::Refused(error)) if is_by(target, error) => {
            (Ending::AsDeclared, format!("refused, {}", error.sqlstate))
        }
        (_, Measured::Refused(error)) => {
            let by = error.constraint.as_deref().map_or_else(String::new, |name| format!(" by {name}"));
            (Ending::Masked, format!("refused{by}: {}", error.message))
        }
        (_, Measured::Deleted(counts)) if counts.deleted == 0 => {
            (Ending::Masked, "a trigger or rule swallowed the delete".to_owned())
        }
        (Rule::Refuse, Measured::Deleted(counts)) if counts.left == 0 => {
            (Ending::Masked, "another rule took the children away first".to_owned())
        }
        (Rule::Refuse, Measured::Deleted(counts)) => (
            Ending::Differs,
            format!("deleted, and {} of {} children refer to nothing", counts.left, counts.children),
        ),
        (_, Measured::Deleted(counts)) if counts.left > 0 => (
            Ending::Differs,
            format!("deleted, and {} of {} children still refer to it", counts.left, counts.children),
        ),
        (Rule::Cascade, Measured::Deleted(counts)) if counts.gone < counts.children => {
            (Ending::Differs, format!("{} of {} children are gone", counts.gone, counts.children))
        }
        (Rule::Cascade, Measured::Deleted(counts)) => {
            (Ending::AsDeclared, format!("{} of {} children gone", counts.children, counts.children))
        }
        (Rule::LetGo, Measured::Deleted(counts)) if counts.gone > 0 => {
            (Ending::Differs, format!("{} of {} children are gone", counts.gone, counts.children))
        }
        (Rule::LetGo, Measured::Deleted(counts)) => {
            (Ending::AsDeclared, format!("{} children kept, none refers to it", counts.children))
        }
    }
}

/// A foreign key with both of its tables.
#[derive(Clone, Copy)]
pub struct Edge<'a> {
    /// Everything that is declared.
    pub targets: &'a Targets,
    /// The foreign key.
    pub target: &'a Target,
    /// Its far side.
    pub reference: &'a Reference,
    /// The referencing table.
    pub child: &'a Table,
    /// The referenced table.
    pub parent: &'a Table,
}

impl<'a> Edge<'a> {
    /// Returns the edge of a foreign key between tables of the project.
    pub fn of(targets: &'a Targets, target: &'a Target) -> Option<Edge<'a>> {
        let reference = target.reference.as_ref()?;
        let child = targets.table(&target.schema, &target.table)?;
        let parent = targets.table(&reference.schema, &reference.table)?;
        Some(Edge { targets, target, reference, child, parent })
    }

    fn is_self(&self) -> bool {
        self.child == self.parent
    }
}

/// Deletes a referenced row in a savepoint and returns what happened; nothing when no row refers to any.
pub async fn exercise(session: &Session, edge: &Edge<'_>) -> Result<Option<Exercise>, LabError> {
    let Some(key) = referenced_key(session, edge).await? else { return Ok(None) };
    let mut aside: Vec<Obstacle> = Vec::new();
    loop {
        session.execute("SAVEPOINT underpin_delete").await?;
        let measured = delete(session, edge, &key, &aside).await;
        session.execute("ROLLBACK TO SAVEPOINT underpin_delete").await?;
        let measured = measured?;
        let (ending, effect) = judge(edge.target, &measured);
        let more = if ending == Ending::Masked { next_aside(edge, &measured, &aside) } else { Vec::new() };
        if more.is_empty() || aside.len() >= MOST_SET_ASIDE {
            return Ok(Some(Exercise {
                deleted: deleted(edge, &key),
                effect: with_aside(effect, &aside),
                ending,
            }));
        }
        aside.extend(more);
    }
}

fn deleted(edge: &Edge<'_>, key: &[Value]) -> String {
    let assignment: Assignment = edge.reference.columns.iter().cloned().zip(key.iter().cloned()).collect();
    format!("{} with {}", edge.parent.display(), shown(&assignment))
}

fn with_aside(effect: String, aside: &[Obstacle]) -> String {
    match aside.len() {
        0 => effect,
        1 => format!("{effect} ({} set aside)", aside[0].name),
        n => format!("{effect} ({n} other constraints set aside)"),
    }
}

/// Returns a key that few rows refer to. A row that refers to itself shows nothing: it goes with its parent.
async fn referenced_key(session: &Session, edge: &Edge<'_>) -> Result<Option<Vec<Value>>, LabError> {
    let columns = list(&edge.target.columns);
    let set = edge.target.columns.iter().map(|name| format!("{} IS NOT NULL", quote_identifier(name)));
    let mut condition = set.collect::<Vec<_>>().join(" AND ");
    if edge.is_self() {
        condition.push_str(&format!(" AND ({columns}) IS DISTINCT FROM ({})", list(&edge.reference.columns)));
    }
    let sql = format!(
        "SELECT {columns} FROM (SELECT {columns} FROM {} WHERE {condition} LIMIT {SAMPLE}) AS sample \
         GROUP BY {columns} ORDER BY count(*), {columns} LIMIT 1",
        edge.child.quoted()
    );
    Ok(session.rows(&sql).await?.rows.into_iter().next())
}

fn list(columns: &[String]) -> String {
    columns.iter().map(|column| quote_identifier(column)).collect::<Vec<_>>().join(", ")
}

async fn delete(
    session: &Session,
    edge: &Edge<'_>,
    key: &[Value],
    aside: &[Obstacle],
) -> Result<Measured, LabError> {
    for obstacle in aside {
        if let Err(error) = refusal(session.execute(&obstacle.sql).await)? {
            return Ok(Measured::Refused(Box::new(error)));
        }
    }
    let children = condition(edge.child, &edge.target.columns, key);
    let count_children = format!("SELECT count(*) FROM {} WHERE {children}", edge.child.quoted());
    let count_all = format!("SELECT count(*) FROM {}", edge.child.quoted());
    let (before, all_before) = (number(session, &count_children).await?, number(session, &count_all).await?);
    let parent = condition(edge.parent, &edge.reference.columns, key);
    let answer = session.execute(&format!("DELETE FROM {} WHERE {parent}", edge.parent.quoted())).await;
    let deleted = match refusal(answer)? {
        Err(error) => return Ok(Measured::Refused(Box::new(error))),
        Ok(deleted) => deleted,
    };
    let (left, all) = (number(session, &count_children).await?, number(session, &count_all).await?);
    // The parent itself is one of the rows that disappear from a table that refers to itself.
    let itself = if edge.is_self() { deleted as i64 } else { 0 };
    Ok(Measured::Deleted(Counts { deleted, children: before, left, gone: all_before - all - itself }))
}

async fn number(session: &Session, sql: &str) -> Result<i64, LabError> {
    Ok(session.value(sql).await?.and_then(|text| text.parse().ok()).unwrap_or_default())
}

fn condition(table: &Table, columns: &[String], key: &[Value]) -> String {
    let one = |(name, value): (&String, &Value)| {
        let column = table.column(name)?;
        Some(format!("{} = {}", column.quoted(), typed(column, value)))
    };
    columns.iter().zip(key).filter_map(one).collect::<Vec<_>>().join(" AND ")
}

/// Returns what to set aside next: the other foreign keys to the same parent, then whatever refused deeper down.
fn next_aside(edge: &Edge<'_>, measured: &Measured, aside: &[Obstacle]) -> Vec<Obstacle> {
    let others: Vec<Obstacle> =
        edge.targets.targets.iter().filter(|other| is_rival(edge, other)).filter_map(taken_away).collect();
    let new: Vec<Obstacle> = match measured {
        Measured::Refused(error) if error.constraint.is_some() => {
            obstacle(edge.targets, edge.target, error).into_iter().chain(others).collect()
        }
        Measured::Refused(_) => Vec::new(),
        Measured::Deleted(counts) if counts.deleted == 0 => Vec::new(),
        Measured::Deleted(_) => others,
    };
    let mut fresh: Vec<Obstacle> = Vec::new();
    for one in new {
        if !aside.contains(&one) && !fresh.contains(&one) {
            fresh.push(one);
        }
    }
    fresh
}

fn is_rival(edge: &Edge<'_>, other: &Target) -> bool {
    let to_parent = other.reference.as_ref().is_some_and(|reference| {
        reference.schema == edge.reference.schema && reference.table == edge.reference.table
    });
    other.kind == Kind::ForeignKey && to_parent && other != edge.target
}

fn taken_away(target: &Target) -> Option<Obstacle> {
    Some(Obstacle { name: target.name.clone(), sql: removal(target)? })
}

/// Lets a row of the child refer to a row of the parent, where none does; returns whether it could be done.
pub async fn adopt(session: &Session, edge: &Edge<'_>) -> Result<bool, LabError> {
    let (parent, child) =
        (find(session, edge.parent, "true").await?, find(session, edge.child, "true").await?);
    let (Some(parent), Some(mut child)) = (parent, child) else { return Ok(false) };
    if edge.is_self() {
        // Two different rows: one refers to the other.
        let condition = format!("NOT ({})", parent.place);
        match find(session, edge.child, &condition).await? {
            Some(other) => child = other,
            None => return Ok(false),
        }
    }
    let keys = edge.target.columns.iter().zip(&edge.reference.columns);
    let assignment: Assignment =
        keys.map(|(near, far)| (near.clone(), parent.value(far).map(str::to_owned))).collect();
    session.execute("SAVEPOINT underpin_adopt").await?;
    let answer = refusal(session.execute(&child.update(edge.child, &assignment)).await)?;
    let done = matches!(answer, Ok(1));
    let end = if done { "RELEASE SAVEPOINT underpin_adopt" } else { "ROLLBACK TO SAVEPOINT underpin_adopt" };
    session.execute(end).await?;
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(on_delete: &str) -> Target {
        let reference = Reference { on_delete: on_delete.into(), ..Reference::default() };
        Target { kind: Kind::ForeignKey, name: "fk".into(), reference: Some(reference), ..Target::default() }
    }

    fn refused(constraint: &str) -> Measured {
        let error = ServerError {
            sqlstate: "23503".into(),
            constraint: Some(constraint.into()),
            ..ServerError::default()
        };
        Measured::Refused(Box::new(error))
    }

    fn after(left: i64, gone: i64) -> Measured {
        Measured::Deleted(Counts { deleted: 1, children: 3, left, gone })
    }

    #[test]
    fn each_rule_is_recognised() {
        assert_eq!(judge(&target("r"), &refused("fk")).0, Ending::AsDeclared);
        assert_eq!(judge(&target("c"), &after(0, 3)).0, Ending::AsDeclared);
        assert_eq!(judge(&target("n"), &after(0, 0)).0, Ending::AsDeclared);
    }

    #[test]
    fn orphans_differ_from_every_rule() {
        for declared in ["a", "r", "c", "n", "d"] {
            assert_eq!(judge(&target(declared), &after(3, 0)).0, Ending::Differs, "{declared}");
        }
        assert_eq!(judge(&target("n"), &after(0, 3)).0, Ending::Differs);
    }

    #[test]
    fn what_others_did_says_nothing() {
        assert_eq!(judge(&target("r"), &refused("other")).0, Ending::Masked);
        assert_eq!(judge(&target("c"), &refused("other")).0, Ending::Masked);
        assert_eq!(judge(&target("a"), &after(0, 3)).0, Ending::Masked);
    }
}
