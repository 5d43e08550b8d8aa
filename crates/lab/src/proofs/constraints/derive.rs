//! Derives, for one constraint, the writes that it must refuse.

use underpin_model::sql_text::quote_identifier;
use underpin_pg::Session;

use super::attempt::Attempt;
use super::candidates::unusual;
use super::row::{Row, absent, find, shown};
use super::search::{Assignment, Search, Wanted, columns_named, is_exhaustive, search, singles};
use super::targets::{Column, Kind, Reference, Table, Target, Targets};
use crate::error::LabError;

/// Writes tried one by one when the server cannot evaluate all candidates in one query.
const SINGLES: usize = 80;

/// What there is to try.
#[derive(Clone, Debug, PartialEq)]
pub enum Derived {
    /// Writes that violate the constraint, best first.
    Attempts(Vec<Attempt>),
    /// Writes of which it is unknown whether they violate it; only a refusal says something.
    Guesses(Vec<Attempt>),
    /// The check is true for every row, with the reason.
    NeverRefuses(&'static str),
    /// Nothing could be derived.
    Nothing(String),
}

/// What a derivation works on.
#[derive(Clone, Copy)]
pub struct Bench<'a> {
    /// A session inside the experiment's transaction.
    pub session: &'a Session,
    /// Everything that is declared.
    pub targets: &'a Targets,
    /// The table.
    pub table: &'a Table,
    /// One of its rows.
    pub row: &'a Row,
}

/// Returns the writes for one constraint.
pub async fn derive(bench: &Bench<'_>, target: &Target) -> Result<Derived, LabError> {
    match target.kind {
        Kind::NotNull | Kind::DomainNotNull => Ok(not_null(bench, target)),
        Kind::Check | Kind::DomainCheck => check(bench, target).await,
        Kind::ForeignKey => foreign_key(bench, target).await,
        _ => key(bench, target).await,
    }
}

fn not_null(bench: &Bench<'_>, target: &Target) -> Derived {
    let assignment = vec![(target.columns[0].clone(), None)];
    Derived::Attempts(copies(bench, assignment))
}

/// Returns the insertion of a changed copy; generated columns that it sets lose their expression first.
fn copy(bench: &Bench<'_>, row: &Row, assignment: Assignment) -> Attempt {
    let generated = |(name, _): &(String, _)| {
        let column = bench.table.column(name).filter(|column| column.generated.is_some())?;
        Some(format!("ALTER TABLE {} ALTER COLUMN {} DROP EXPRESSION", bench.table.quoted(), column.quoted()))
    };
    Attempt {
        before: assignment.iter().filter_map(generated).collect(),
        sql: row.insert(bench.table, &assignment),
        shown: format!("insert a copy with {}", shown(&assignment)),
    }
}

/// Returns the insertion of a changed copy, for a row of a partition also into the partition itself.
///
/// A value without a partition is refused by the parent before any constraint is looked at; the partition
/// looks at its constraints first.
fn copies(bench: &Bench<'_>, assignment: Assignment) -> Vec<Attempt> {
    let through_parent = copy(bench, bench.row, assignment);
    let Some(partition) = &bench.row.partition else { return vec![through_parent] };
    let table = bench.table.quoted();
    let direct = Attempt {
        sql: through_parent.sql.replacen(&table, partition, 1),
        shown: format!("{} into partition {partition}", through_parent.shown),
        ..through_parent.clone()
    };
    vec![through_parent, direct]
}

async fn check(bench: &Bench<'_>, target: &Target) -> Result<Derived, LabError> {
    let expression = target.expression.as_deref().unwrap_or_default();
    let table = checked_table(bench.table, target);
    let row = checked_row(bench.row, target);
    let columns: Vec<String> = table_columns(&table, target);
    let wanted = Search { table: &table, columns: &columns, expression, wanted: Wanted::False };
    if folds_to_true(bench, &wanted).await? {
        return Ok(Derived::NeverRefuses("the planner reduces it to a constant"));
    }
    let found = search(bench.session, &wanted, &row).await?;
    let real = |assignment: Assignment| copies(bench, renamed(assignment, target));
    if !found.assignments.is_empty() {
        return Ok(Derived::Attempts(found.assignments.into_iter().flat_map(real).collect()));
    }
    if found.failed.is_some() {
        return Ok(Derived::Guesses(
            singles(&wanted, &row).into_iter().take(SINGLES).flat_map(real).collect(),
        ));
    }
    if is_exhaustive(&wanted) {
        return Ok(Derived::NeverRefuses("it holds at, between and beyond all of its constants"));
    }
    Ok(Derived::Nothing(format!("none of {} combinations of values violates it", found.tried)))
}

/// A domain's check speaks of `VALUE`; the search sees it as a column of that name.
fn checked_table(table: &Table, target: &Target) -> Table {
    let mut table = table.clone();
    if target.kind == Kind::DomainCheck {
        table.columns.retain(|column| column.name == target.columns[0]);
        table.columns.iter_mut().for_each(|column| column.name = "value".to_owned());
    }
    table
}

fn checked_row(row: &Row, target: &Target) -> Row {
    let mut row = row.clone();
    if target.kind == Kind::DomainCheck {
        row.values.retain(|(name, _)| *name == target.columns[0]);
        row.values.iter_mut().for_each(|(name, _)| *name = "value".to_owned());
    }
    row
}

fn table_columns(table: &Table, target: &Target) -> Vec<String> {
    match target.kind {
        Kind::DomainCheck => table.columns.iter().map(|column| column.name.clone()).collect(),
        _ => target.columns.clone(),
    }
}

fn renamed(mut assignment: Assignment, target: &Target) -> Assignment {
    if target.kind == Kind::DomainCheck {
        assignment.iter_mut().for_each(|(name, _)| name.clone_from(&target.columns[0]));
    }
    assignment
}

/// Returns whether the planner proves that the expression is never false.
///
/// It simplifies `NOT (… OR true)` to a constant and then plans no scan at all. The columns come from a
/// function, of which the planner knows no constraint that could answer in the expression's place.
async fn folds_to_true(bench: &Bench<'_>, search: &Search<'_>) -> Result<bool, LabError> {
    let declared = |name: &String| {
        search.table.column(name).map(|column| format!("{} {}", column.quoted(), column.type_name))
    };
    let columns: Vec<String> = search.columns.iter().filter_map(declared).collect();
    let source = match columns.is_empty() {
        true => String::new(),
        false => format!("FROM json_to_recordset('[]') AS candidate ({}) ", columns.join(", ")),
    };
    let sql = format!("EXPLAIN (COSTS OFF) SELECT {source}WHERE NOT ({})", search.expression);
    bench.session.execute("SAVEPOINT underpin_fold").await?;
    let plan = bench.session.rows(&sql).await;
    bench.session.execute("ROLLBACK TO SAVEPOINT underpin_fold").await?;
    match plan {
        Err(error) if error.ends_session() => Err(error.into()),
        // An expression over the whole row does not stand alone; the search will say the same.
        Err(_) => Ok(false),
        Ok(plan) => {
            Ok(plan.rows.iter().flatten().flatten().any(|line| line.contains("One-Time Filter: false")))
        }
    }
}

async fn foreign_key(bench: &Bench<'_>, target: &Target) -> Result<Derived, LabError> {
    let Some(reference) = &target.reference else {
        return Ok(Derived::Nothing("it refers to nothing".into()));
    };
    let row = with_all_set(bench, target).await?;
    let mut assignment = Assignment::new();
    let strange = strangest(bench, target);
    for (column, far) in target.columns.iter().zip(&reference.columns) {
        if column == strange || row.value(column).is_none() {
            let Some(value) = missing(bench, (column, far), reference).await? else {
                return Ok(Derived::Nothing(format!(
                    "no value of {column} is known to be absent from {}",
                    reference.table
                )));
            };
            assignment.push((column.clone(), Some(value)));
        }
    }
    let update = Attempt {
        before: Vec::new(),
        sql: row.update(bench.table, &assignment),
        shown: format!("update a row to {}", shown(&assignment)),
    };
    let mut fresh = fresh_keys(bench, target, &assignment).await?;
    fresh.extend(assignment);
    Ok(Derived::Attempts(vec![update, copy(bench, &row, fresh)]))
}

/// Returns a row in which all columns of the key are set, if there is one.
async fn with_all_set(bench: &Bench<'_>, target: &Target) -> Result<Row, LabError> {
    if target.columns.iter().all(|column| bench.row.value(column).is_some()) {
        return Ok(bench.row.clone());
    }
    let found = find(bench.session, bench.table, &set_condition(&target.columns)).await?;
    Ok(found.unwrap_or_else(|| bench.row.clone()))
}

fn set_condition(columns: &[String]) -> String {
    let set: Vec<String> =
        columns.iter().map(|column| format!("{} IS NOT NULL", quote_identifier(column))).collect();
    if set.is_empty() { "true".to_owned() } else { set.join(" AND ") }
}

/// Returns the column to change: one that no other foreign key of the table uses, the last when all are used.
fn strangest<'a>(bench: &Bench<'_>, target: &'a Target) -> &'a str {
    let others: Vec<&Target> = bench
        .targets
        .of(bench.table)
        .filter(|other| other.kind == Kind::ForeignKey && other.name != target.name)
        .collect();
    let alone = |column: &&String| !others.iter().any(|other| other.columns.contains(column));
    target.columns.iter().rev().find(alone).or(target.columns.last()).map_or("", String::as_str)
}

async fn missing(
    bench: &Bench<'_>,
    (near, far): (&str, &str),
    reference: &Reference,
) -> Result<Option<String>, LabError> {
    let parent = bench.targets.table(&reference.schema, &reference.table);
    let Some((parent, near)) = parent.zip(bench.table.column(near)) else { return Ok(None) };
    let Some(column) = parent.column(far) else { return Ok(None) };
    absent(
        bench.session,
        (&parent.quoted(), &Column { name: column.name.clone(), ..near.clone() }),
        &unusual(near),
    )
    .await
}

/// Derives a second row with the same key: a copy that differs in every other key.
async fn key(bench: &Bench<'_>, target: &Target) -> Result<Derived, LabError> {
    let mut before = Vec::new();
    let row = match qualifying(bench, target).await? {
        Some(row) => row,
        None => match made_to_qualify(bench, target).await? {
            Some(assignment) => {
                before.push(bench.row.insert(bench.table, &assignment));
                bench.row.with(&assignment)
            }
            None => return Ok(Derived::Nothing("no row falls under it and none could be derived".into())),
        },
    };
    let mut assignment = fresh_keys(bench, target, &Assignment::new()).await?;
    for column in differing(target) {
        if let Some(value) = fresh(bench, &column).await? {
            assignment.push((column, Some(value)));
        }
    }
    let mut attempt = copy(bench, &row, assignment);
    attempt.before.splice(0..0, before);
    attempt.shown = format!("insert a second row with {}", shown(&key_values(bench, target, &row)));
    Ok(Derived::Attempts(vec![attempt]))
}

fn key_values(bench: &Bench<'_>, target: &Target, row: &Row) -> Assignment {
    let read =
        |column: &&Column| target.columns.contains(&column.name) || target.inputs.contains(&column.name);
    let value = |column: &Column| (column.name.clone(), row.value(&column.name).map(str::to_owned));
    bench.table.columns.iter().filter(read).map(value).collect()
}

/// Returns a row that the rule speaks about.
async fn qualifying(bench: &Bench<'_>, target: &Target) -> Result<Option<Row>, LabError> {
    let mut condition = match target.nulls_equal {
        true => "true".to_owned(),
        false => set_condition(&target.columns),
    };
    if let Some(predicate) = &target.expression {
        condition.push_str(&format!(" AND ({predicate})"));
    }
    for column in target.columns.iter().filter_map(|name| bench.table.column(name)) {
        if column.category == "R" {
            condition.push_str(&format!(" AND NOT isempty({})", column.quoted()));
        }
    }
    find(bench.session, bench.table, &condition).await
}

/// Returns changes that make the row at hand one that the rule speaks about.
async fn made_to_qualify(bench: &Bench<'_>, target: &Target) -> Result<Option<Assignment>, LabError> {
    let mut assignment = Assignment::new();
    if let Some(predicate) = &target.expression {
        let columns = columns_named(bench.table, predicate);
        let wanted =
            Search { table: bench.table, columns: &columns, expression: predicate, wanted: Wanted::True };
        match search(bench.session, &wanted, bench.row).await?.assignments.into_iter().next() {
            Some(found) => assignment.extend(found),
            None => return Ok(None),
        }
    }
    for column in target.columns.iter().chain(&target.inputs) {
        let known = assignment.iter().any(|(name, _)| name == column);
        if !known && bench.row.value(column).is_none() && !target.nulls_equal {
            match fresh(bench, column).await? {
                Some(value) => assignment.push((column.clone(), Some(value))),
                None => return Ok(None),
            }
        }
    }
    let own = Target { columns: Vec::new(), inputs: Vec::new(), name: String::new(), ..target.clone() };
    let more = fresh_keys(bench, &own, &assignment).await?;
    assignment.extend(more);
    Ok(Some(assignment))
}

/// Returns the columns of an exclusion constraint that must differ for a conflict.
fn differing(target: &Target) -> Vec<String> {
    let operators = target.operators.clone().unwrap_or_default();
    let differs = |(column, operator): (&String, &String)| (operator == "<>").then(|| column.clone());
    target.columns.iter().zip(&operators).filter_map(differs).collect()
}

/// Returns new values, one per other key of the table, so that only the key in question is violated.
async fn fresh_keys(bench: &Bench<'_>, target: &Target, given: &Assignment) -> Result<Assignment, LabError> {
    let mut assignment = Assignment::new();
    for other in bench.targets.keys_of(bench.table).filter(|other| other.name != target.name) {
        let taken = |column: &String| given.iter().chain(&assignment).any(|(name, _)| name == column);
        if other.columns.iter().chain(&other.inputs).any(taken) {
            continue;
        }
        let free = |column: &&String| !target.columns.contains(column) && !target.inputs.contains(column);
        for column in other.columns.iter().chain(&other.inputs).filter(free) {
            if let Some(value) = fresh(bench, column).await? {
                assignment.push((column.clone(), Some(value)));
                break;
            }
        }
    }
    Ok(assignment)
}

async fn fresh(bench: &Bench<'_>, column: &str) -> Result<Option<String>, LabError> {
    let column = bench.table.column(column).filter(|column| column.generated.is_none());
    match column {
        Some(column) => absent(bench.session, (&bench.table.quoted(), column), &unusual(column)).await,
        None => Ok(None),
    }
}
