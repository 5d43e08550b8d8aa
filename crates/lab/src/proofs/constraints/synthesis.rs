//! Makes a row for a table that has none, so that its constraints can be tried all the same.

use underpin_pg::Session;
use underpin_pg::query_error::ServerError;

use super::attempt::{is_by, refusal};
use super::candidates::{plausible, unusual};
use super::row::{Row, find};
use super::search::{Assignment, Search, Wanted, search, typed};
use super::targets::{Column, Kind, Table, Target, Targets};
use crate::error::LabError;

/// Refusals that are repaired before a table is given up.
const REPAIRS: usize = 16;

/// Inserts a made-up row; the inner error says why it is not possible.
pub async fn make_row(
    session: &Session,
    targets: &Targets,
    table: &Table,
) -> Result<Result<Row, String>, LabError> {
    let mut assignment = match first_values(session, targets, table).await? {
        Ok(values) => values,
        Err(reason) => return Ok(Err(reason)),
    };
    for _ in 0..REPAIRS {
        session.execute("SAVEPOINT underpin_row").await?;
        let answer = refusal(session.execute(&insert(table, &assignment)).await)?;
        let Err(error) = answer else {
            session.execute("RELEASE SAVEPOINT underpin_row").await?;
            let row = find(session, table, "true").await?.map(|row| Row { made_up: true, ..row });
            return Ok(row.ok_or_else(|| "the made-up row went elsewhere".to_owned()));
        };
        session.execute("ROLLBACK TO SAVEPOINT underpin_row").await?;
        let Some(better) = repaired(session, (targets, table), &assignment, &error).await? else {
            return Ok(Err(error.message));
        };
        assignment = better;
    }
    Ok(Err("no values that pass its checks were found".to_owned()))
}

/// Returns the first guess: references to existing parents, and plausible values where a value is required.
async fn first_values(
    session: &Session,
    targets: &Targets,
    table: &Table,
) -> Result<Result<Assignment, String>, LabError> {
    let mut assignment = Assignment::new();
    for target in targets.of(table).filter(|target| target.kind == Kind::ForeignKey) {
        let required = |name: &String| table.column(name).is_some_and(|column| column.not_null);
        let Some(reference) = target.reference.as_ref().filter(|_| target.columns.iter().any(required))
        else {
            continue;
        };
        let parent = targets.table(&reference.schema, &reference.table);
        let parent_row = match parent {
            Some(parent) => find(session, parent, "true").await?,
            None => None,
        };
        let Some(parent_row) = parent_row else {
            return Ok(Err(format!("its parent {} has no row either", reference.table)));
        };
        for (near, far) in target.columns.iter().zip(&reference.columns) {
            assignment.retain(|(name, _)| name != near);
            assignment.push((near.clone(), parent_row.value(far).map(str::to_owned)));
        }
    }
    for column in table.writable().filter(|column| needs_value(column)) {
        if !assignment.iter().any(|(name, _)| *name == column.name) {
            assignment.push((column.name.clone(), plausible(column).into_iter().next()));
        }
    }
    Ok(Ok(assignment))
}

fn needs_value(column: &Column) -> bool {
    let required = column.not_null || column.domain.is_some();
    required && !column.identity && !column.has_default
}

fn insert(table: &Table, assignment: &Assignment) -> String {
    if assignment.is_empty() {
        return format!("INSERT INTO {} DEFAULT VALUES", table.quoted());
    }
    let known = |(name, value): &(String, Option<String>)| {
        table.column(name).map(|column| (column.quoted(), typed(column, value)))
    };
    let (names, values): (Vec<String>, Vec<String>) = assignment.iter().filter_map(known).unzip();
    format!("INSERT INTO {} ({}) VALUES ({})", table.quoted(), names.join(", "), values.join(", "))
}

/// Returns better values after a refusal; nothing when it cannot be repaired.
async fn repaired(
    session: &Session,
    (targets, table): (&Targets, &Table),
    assignment: &Assignment,
    error: &ServerError,
) -> Result<Option<Assignment>, LabError> {
    let by = targets.of(table).find(|target| is_by(target, error));
    match by {
        Some(target) if target.kind == Kind::Check => passing(session, (table, target), assignment).await,
        Some(target) if target.kind.is_key() => Ok(renewed(table, target, assignment)),
        _ => Ok(next_guess(table, assignment, error)),
    }
}

/// Returns the values changed so that the check passes.
async fn passing(
    session: &Session,
    (table, target): (&Table, &Target),
    assignment: &Assignment,
) -> Result<Option<Assignment>, LabError> {
    let expression = target.expression.as_deref().unwrap_or_default();
    let wanted = Search { table, columns: &target.columns, expression, wanted: Wanted::True };
    let row = Row::default().with(assignment);
    let found = search(session, &wanted, &row).await?;
    Ok(found.assignments.into_iter().next().map(|better| row.with(&better).values))
}

fn renewed(table: &Table, target: &Target, assignment: &Assignment) -> Option<Assignment> {
    let column = target.columns.iter().rev().find_map(|name| table.column(name))?;
    let old = assignment.iter().find(|(name, _)| *name == column.name).and_then(|(_, value)| value.clone());
    let value = unusual(column).into_iter().find(|value| Some(value) != old.as_ref())?;
    Some(Row::default().with(assignment).with(&vec![(column.name.clone(), Some(value))]).values)
}

/// Walks on to the next plausible value of the domain's column that refused.
fn next_guess(table: &Table, assignment: &Assignment, error: &ServerError) -> Option<Assignment> {
    if error.sqlstate != "23514" && !error.sqlstate.starts_with("22") {
        return None;
    }
    let domain = |(name, _): &&(String, Option<String>)| {
        table.column(name).is_some_and(|column| column.domain.is_some())
    };
    let (name, value) = assignment.iter().find(domain)?;
    let list = plausible(table.column(name)?);
    let at = list.iter().position(|known| Some(known) == value.as_ref()).map_or(0, |at| at + 1);
    let next = list.get(at)?.clone();
    Some(Row::default().with(assignment).with(&vec![(name.clone(), Some(next))]).values)
}
