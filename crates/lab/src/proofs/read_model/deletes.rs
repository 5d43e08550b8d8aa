//! Deletes rows of the tables that are counted, hard and soft, as the owner and with every trigger at work.

use underpin_model::Evidence;
use underpin_model::catalog::Table;
use underpin_model::sql_text::quote_identifier;
use underpin_model::statement::Access;
use underpin_pg::Session;

use crate::error::LabError;
use crate::lab::Sandbox;
use crate::proof::Experiment;
use crate::template::owner_address;

/// Rows of each table that are tried: enough to meet several parents, few enough to stay quick.
const ROWS: u32 = 20;

/// What was deleted.
pub(super) struct Deletes {
    /// Rows that were deleted, hard or soft.
    pub(super) rows: u64,
    /// By table.
    pub(super) evidence: Evidence,
}

/// Deletes some rows of every table that a recount reads, each in a transaction of its own.
pub(super) async fn delete_rows(
    experiment: &Experiment<'_>,
    sandbox: &Sandbox<'_>,
    session: &Session,
) -> Result<Deletes, LabError> {
    let owner = Session::connect(&owner_address(experiment.project, &sandbox.address())).await?;
    let column = experiment.project.config.soft_delete.column.as_deref();
    let mut rows = Vec::new();
    let mut total = 0;
    for table in counted_tables(experiment) {
        let soft = column.filter(|column| table.column(column).is_some());
        let softly = match soft {
            Some(column) => {
                let set = format!("UPDATE {} SET {} = now()", table.quoted(), quote_identifier(column));
                each_row(&owner, session, table, &set).await?
            }
            None => Tried::default(),
        };
        let hard = each_row(&owner, session, table, &format!("DELETE FROM {}", table.quoted())).await?;
        total += softly.done + hard.done;
        rows.push(vec![table.name.clone(), softly.words(), hard.words()]);
    }
    owner.close().await;
    let columns = ["table", "soft-deleted", "deleted"];
    Ok(Deletes {
        rows: total,
        evidence: Evidence::table("deletes", "Rows deleted as the owner", &columns, rows),
    })
}

fn counted_tables<'e>(experiment: &'e Experiment<'_>) -> Vec<&'e Table> {
    let recounts = experiment.project.invariants.iter().filter(|invariant| !invariant.recounts.is_empty());
    let used = recounts.flat_map(|invariant| &invariant.statement.facts.relations);
    // A row of the read model itself is not a source: deleting it is no write path of the application.
    let stored: Vec<&str> = experiment
        .project
        .invariants
        .iter()
        .flat_map(|invariant| &invariant.recounts)
        .filter_map(|recount| recount.rsplit('.').nth(1))
        .collect();
    let mut names: Vec<(&str, &str)> = used
        .filter(|used| used.access == Access::Read && !stored.contains(&used.name.as_str()))
        .map(|used| (used.schema.as_deref().unwrap_or("public"), used.name.as_str()))
        .collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().filter_map(|(schema, name)| experiment.lab.catalog().table(schema, name)).collect()
}

#[derive(Default)]
struct Tried {
    done: u64,
    refused: u64,
}

impl Tried {
    fn words(&self) -> String {
        match (self.done, self.refused) {
            (0, 0) => "–".to_owned(),
            (done, 0) => done.to_string(),
            (done, refused) => format!("{done} (refused: {refused})"),
        }
    }
}

/// Applies a statement to some rows, one transaction each: what a foreign key or trigger refuses stays.
async fn each_row(
    owner: &Session,
    session: &Session,
    table: &Table,
    statement: &str,
) -> Result<Tried, LabError> {
    let sql =
        format!("SELECT ctid FROM {} TABLESAMPLE BERNOULLI (50) REPEATABLE (1) LIMIT {ROWS}", table.quoted());
    let places = session.rows(&sql).await?;
    let mut tried = Tried::default();
    for place in places.rows.iter().filter_map(|row| row[0].as_deref()) {
        match owner.execute(&format!("{statement} WHERE ctid = '{place}'")).await {
            Ok(rows) => tried.done += rows,
            Err(_) => tried.refused += 1,
        }
    }
    Ok(tried)
}
