//! Does a soft-deleted row still show in a view or a named query?
//!
//! Rows are hidden when the answer with the rows soft-deleted equals the answer with the rows *gone*.
//! That definition needs no knowledge of the query; it only needs rows that the query really shows:
//! those that the answer names by key, and the first ones of the table.

use tokio::sync::OnceCell;
use underpin_model::catalog::{Catalog, Table, View};
use underpin_model::sql_text::{quote_identifier, quote_literal, quote_qualified};
use underpin_model::statement::{Access, Verb};
use underpin_model::{ObjectKind, SourceLine};
use underpin_pg::{QueryError, Session};

use crate::error::LabError;
use crate::params;
use crate::proof::Experiment;

/// Rows of a table that are deleted besides those that the answer names.
const FIRST_ROWS: u32 = 256;

/// Rows of a view whose keys choose the part of it that is asked for.
const EXCERPT_ROWS: u32 = 200;

/// A view or named query whose answer may show rows.
pub(super) struct Reader {
    pub(super) kind: ObjectKind,
    pub(super) name: String,
    pub(super) at: Option<SourceLine>,
    /// `schema.name` of every table that it reads, views looked through.
    tables: Vec<String>,
    /// A query without parameters left.
    sql: String,
    /// Its answer while nothing is changed, once it was asked.
    live: OnceCell<String>,
}

/// What was found about one table.
#[derive(Default)]
pub(super) struct Shown<'r> {
    /// Readers that show live rows and hide them once they are soft-deleted.
    hidden: Vec<&'r Reader>,
    /// Readers that still show soft-deleted rows.
    pub(super) visible: Vec<&'r Reader>,
    /// Readers whose answer depends on none of the rows that were tried.
    indifferent: Vec<&'r Reader>,
}

impl Shown<'_> {
    /// Returns the result as one table cell.
    pub(super) fn summary(&self) -> String {
        let names =
            |readers: &[&Reader]| readers.iter().map(|one| one.name.clone()).collect::<Vec<_>>().join(", ");
        let mut parts = vec![if self.hidden.is_empty() { "none".to_owned() } else { names(&self.hidden) }];
        if !self.visible.is_empty() {
            parts.push(format!("still showing them: {}", names(&self.visible)));
        }
        if !self.indifferent.is_empty() {
            parts.push(format!("not depending on the rows that were tried: {}", names(&self.indifferent)));
        }
        parts.join("; ")
    }
}

/// Returns every view, and every named query that only reads, with the tables behind it.
pub(super) async fn readers(experiment: &Experiment<'_>, session: &Session) -> Result<Vec<Reader>, LabError> {
    let catalog = experiment.lab.catalog();
    let mut readers = Vec::new();
    // A materialized view shows what it was refreshed with, by design.
    for view in catalog.views.iter().filter(|view| !view.materialized) {
        readers.push(Reader {
            kind: ObjectKind::View,
            name: view.name.clone(),
            at: None,
            tables: tables_behind(catalog, &format!("{}.{}", view.schema, view.name)),
            sql: excerpt(session, view).await?,
            live: OnceCell::new(),
        });
    }
    for query in experiment.project.queries.iter().filter(|query| query.statement.facts.verb == Verb::Select)
    {
        let values = params::evaluate(session, &query.name, &query.params).await?;
        let used = query.statement.facts.relations.iter().filter(|used| used.access == Access::Read);
        let tables = used.flat_map(|used| {
            let schema = used.schema.as_deref().unwrap_or("public");
            tables_behind(catalog, &format!("{schema}.{}", used.name))
        });
        readers.push(Reader {
            kind: ObjectKind::Query,
            name: query.name.clone(),
            at: Some(SourceLine::new(query.file.clone(), query.statement.line)),
            tables: tables.collect(),
            sql: params::bind(&query.statement.sql, &query.params, &values)
                .trim()
                .trim_end_matches(';')
                .to_owned(),
            live: OnceCell::new(),
        });
    }
    Ok(readers)
}

/// Returns a query for the rows of a view that share a key with its first ones.
///
/// A view that serves one user at a time would take minutes to be computed for all of them, and again for
/// every table and change.
async fn excerpt(session: &Session, view: &View) -> Result<String, LabError> {
    let whole = format!("SELECT * FROM {}", quote_qualified(&view.schema, &view.name));
    let Some(key) = view.columns.iter().find(|name| *name == "id" || name.ends_with("_id")) else {
        return Ok(whole);
    };
    let key = quote_identifier(key);
    let first = format!("SELECT array_agg(DISTINCT q.{key}) FROM ({whole} LIMIT {EXCERPT_ROWS}) AS q");
    match session.value(&first).await {
        Ok(Some(keys)) => Ok(format!("{whole} WHERE {key} = ANY ({})", quote_literal(&keys))),
        // An empty view, or a key that cannot be compared.
        Ok(None) | Err(QueryError::Server(_)) => Ok(whole),
        Err(error) => Err(error.into()),
    }
}

/// Returns the tables that a relation reads, views looked through.
fn tables_behind(catalog: &Catalog, relation: &str) -> Vec<String> {
    let mut tables = Vec::new();
    let mut open = vec![relation.to_owned()];
    let mut seen = Vec::new();
    while let Some(name) = open.pop() {
        if seen.contains(&name) {
            continue;
        }
        match catalog.views.iter().find(|view| format!("{}.{}", view.schema, view.name) == name) {
            Some(view) => open.extend(view.reads.iter().cloned()),
            None => tables.push(name.clone()),
        }
        seen.push(name);
    }
    tables
}

/// Examines every reader of the table inside the caller's transaction, in which nothing is changed so far.
pub(super) async fn examine<'r>(
    session: &Session,
    table: &Table,
    column: &str,
    readers: &'r [Reader],
) -> Result<Shown<'r>, LabError> {
    let look = Look { session, table, column };
    let mut shown = Shown::default();
    let full_name = format!("{}.{}", table.schema, table.name);
    for reader in readers.iter().filter(|reader| reader.tables.contains(&full_name)) {
        let live = reader.live.get_or_try_init(|| look.answer(reader)).await?;
        let places = look.places(reader).await?;
        let gone = look.answer_when(reader, &look.delete(&places)).await?;
        if gone == *live {
            shown.indifferent.push(reader);
        } else if gone == look.answer_when(reader, &look.soft_delete(&places)).await? {
            shown.hidden.push(reader);
        } else {
            shown.visible.push(reader);
        }
    }
    Ok(shown)
}

struct Look<'l> {
    session: &'l Session,
    table: &'l Table,
    column: &'l str,
}

impl Look<'_> {
    /// Returns the places (`ctid`, as an array) of live rows that the reader may show: those whose key stands in
    /// its answer, in a column `id` or `<singular>_id`, and the first ones of the table.
    async fn places(&self, reader: &Reader) -> Result<String, LabError> {
        let (table, column) = (self.table.quoted(), quote_identifier(self.column));
        let mut sql = format!("(SELECT ctid FROM {table} WHERE {column} IS NULL LIMIT {FIRST_ROWS})");
        if let Some(key) = self.table.primary_key().first().map(|name| quote_identifier(name)) {
            sql = format!(
                "WITH named AS (SELECT DISTINCT cell.value \
                 FROM (SELECT * FROM ({}) AS q LIMIT 20) AS q, jsonb_each_text(to_jsonb(q)) AS cell \
                 WHERE cell.key IN ('id', {})) \
                 {sql} UNION (SELECT ctid FROM {table} \
                 WHERE {column} IS NULL AND {key}::text IN (SELECT value FROM named))",
                reader.sql,
                quote_literal(&format!("{}_id", singular(&self.table.name))),
            );
        }
        let places = self.session.value(&format!("SELECT array_agg(ctid) FROM ({sql}) AS rows")).await?;
        Ok(places.unwrap_or_else(|| "{}".to_owned()))
    }

    fn delete(&self, places: &str) -> String {
        format!("DELETE FROM {} WHERE ctid = ANY ('{places}')", self.table.quoted())
    }

    fn soft_delete(&self, places: &str) -> String {
        let column = quote_identifier(self.column);
        format!("UPDATE {} SET {column} = now() WHERE ctid = ANY ('{places}')", self.table.quoted())
    }

    async fn answer(&self, reader: &Reader) -> Result<String, LabError> {
        let sql = format!(
            "SELECT count(*) || ' ' || coalesce(sum(hashtextextended(q::text, 0)), 0) FROM ({}) AS q",
            reader.sql
        );
        Ok(self.session.value(&sql).await?.unwrap_or_default())
    }

    /// Returns the answer after a change that is then undone. Triggers and foreign keys are left out
    /// (`session_replication_role`): the question is the reader's, not theirs.
    async fn answer_when(&self, reader: &Reader, change: &str) -> Result<String, LabError> {
        self.session.execute("SAVEPOINT change; SET LOCAL session_replication_role = replica").await?;
        self.session.execute(change).await?;
        let answer = self.answer(reader).await?;
        self.session.execute("ROLLBACK TO change; RELEASE change").await?;
        Ok(answer)
    }
}

/// Returns the singular of a table's name, as foreign keys spell it.
fn singular(table: &str) -> String {
    match table.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => table.strip_suffix('s').unwrap_or(table).to_owned(),
    }
}
