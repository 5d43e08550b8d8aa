//! Does a soft-deleted row still show in a view or a named query?
//!
//! A row is hidden when the answer with the row soft-deleted equals the answer with the row *gone*.
//! That definition needs no knowledge of the query; it only needs a row that the query really
//! shows. Rows that the answer names by key are tried first; else one is found by halving: hide half
//! of the rows and look whether the answer changes.

use underpin_model::catalog::{Catalog, Table};
use underpin_model::sql_text::{quote_identifier, quote_literal, quote_qualified};
use underpin_model::statement::{Access, Verb};
use underpin_model::{ObjectKind, SourceLine};
use underpin_pg::Session;

use crate::error::LabError;
use crate::params;
use crate::proof::Experiment;

/// Rows of a table that are halved when the answer names none of them: eight steps.
const HALVED: i64 = 256;

/// A view or named query whose answer may show rows.
pub(super) struct Reader {
    pub(super) kind: ObjectKind,
    pub(super) name: String,
    pub(super) at: Option<SourceLine>,
    /// `schema.name` of every table that it reads, views looked through.
    tables: Vec<String>,
    /// A query without parameters left.
    sql: String,
}

/// What was found about one table.
#[derive(Default)]
pub(super) struct Shown<'r> {
    /// Readers that show a live row and hide the deleted one.
    hidden: Vec<&'r Reader>,
    /// Readers that still show the deleted row.
    pub(super) visible: Vec<&'r Reader>,
    /// Readers whose answer depends on no single row of the table.
    indifferent: Vec<&'r Reader>,
}

impl Shown<'_> {
    /// Returns the result as one table cell.
    pub(super) fn summary(&self) -> String {
        let names =
            |readers: &[&Reader]| readers.iter().map(|one| one.name.clone()).collect::<Vec<_>>().join(", ");
        let mut parts = vec![if self.hidden.is_empty() { "none".to_owned() } else { names(&self.hidden) }];
        if !self.visible.is_empty() {
            parts.push(format!("still showing it: {}", names(&self.visible)));
        }
        if !self.indifferent.is_empty() {
            parts.push(format!(
                "depending on no single row of it that was found: {}",
                names(&self.indifferent)
            ));
        }
        parts.join("; ")
    }
}

/// Returns every view, and every named query that only reads, with the tables behind it.
pub(super) async fn readers(experiment: &Experiment<'_>, session: &Session) -> Result<Vec<Reader>, LabError> {
    let catalog = experiment.lab.catalog();
    let mut readers: Vec<Reader> = catalog
        .views
        .iter()
        // A materialized view shows what it was refreshed with, by design.
        .filter(|view| !view.materialized)
        .map(|view| Reader {
            kind: ObjectKind::View,
            name: view.name.clone(),
            at: None,
            tables: tables_behind(catalog, &format!("{}.{}", view.schema, view.name)),
            sql: format!("SELECT * FROM {}", quote_qualified(&view.schema, &view.name)),
        })
        .collect();
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
            sql: params::bind(&query.statement.sql, &query.params, &values),
        });
    }
    Ok(readers)
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

/// Examines every reader of the table inside the caller's transaction.
pub(super) async fn examine<'r>(
    session: &Session,
    table: &Table,
    column: &str,
    readers: &'r [Reader],
) -> Result<Shown<'r>, LabError> {
    let look = Look { session, table, column };
    let rows = look.number_rows().await?;
    let mut shown = Shown::default();
    let full_name = format!("{}.{}", table.schema, table.name);
    for reader in readers.iter().filter(|reader| reader.tables.contains(&full_name)) {
        let live = look.answer(reader).await?;
        match look.showing_row(reader, &live, rows).await? {
            None => shown.indifferent.push(reader),
            Some(row) => {
                let gone = look.answer_when(reader, &look.delete((row, row))).await?;
                let deleted = look.answer_when(reader, &look.soft_delete(row)).await?;
                if gone == deleted { shown.hidden.push(reader) } else { shown.visible.push(reader) }
            }
        }
    }
    session.execute("DROP TABLE pg_temp.underpin_rows").await?;
    Ok(shown)
}

struct Look<'l> {
    session: &'l Session,
    table: &'l Table,
    column: &'l str,
}

impl Look<'_> {
    /// Numbers the live rows, so that any range of them can be hidden.
    async fn number_rows(&self) -> Result<i64, LabError> {
        let key =
            self.table.primary_key().first().map_or_else(|| "NULL".to_owned(), |name| quote_identifier(name));
        let sql = format!(
            "CREATE TEMP TABLE underpin_rows AS \
             SELECT row_number() OVER () AS n, ctid AS place, {key}::text AS key FROM {} WHERE {} IS NULL",
            self.table.quoted(),
            quote_identifier(self.column)
        );
        Ok(self.session.execute(&sql).await? as i64)
    }

    /// Returns a row whose absence changes the answer.
    async fn showing_row(&self, reader: &Reader, live: &str, rows: i64) -> Result<Option<i64>, LabError> {
        if rows == 0 || self.answer_when(reader, &self.delete((1, rows))).await? == live {
            return Ok(None);
        }
        for row in self.named_rows(reader).await? {
            if self.answer_when(reader, &self.delete((row, row))).await? != live {
                return Ok(Some(row));
            }
        }
        self.halve(reader, live, (1, rows.min(HALVED))).await
    }

    /// Returns rows whose key stands in the answer, in a column `id` or `<singular>_id`.
    async fn named_rows(&self, reader: &Reader) -> Result<Vec<i64>, LabError> {
        let sql = format!(
            "SELECT DISTINCT r.n FROM (SELECT * FROM ({}) AS q LIMIT 20) AS q, jsonb_each_text(to_jsonb(q)) AS cell \
             JOIN pg_temp.underpin_rows AS r ON r.key = cell.value \
             WHERE cell.key IN ('id', {}) ORDER BY 1 LIMIT 3",
            reader.sql.trim().trim_end_matches(';'),
            quote_literal(&format!("{}_id", singular(&self.table.name)))
        );
        let found = self.session.rows(&sql).await?;
        Ok(found.rows.iter().filter_map(|row| row[0].as_deref()?.parse().ok()).collect())
    }

    /// Halves a range until one row is left; none when neither half alone changes the answer.
    async fn halve(&self, reader: &Reader, live: &str, range: (i64, i64)) -> Result<Option<i64>, LabError> {
        let (mut low, mut high) = range;
        if self.answer_when(reader, &self.delete((low, high))).await? == live {
            return Ok(None);
        }
        while low < high {
            let middle = low + (high - low) / 2;
            if self.answer_when(reader, &self.delete((low, middle))).await? != live {
                high = middle;
            } else if self.answer_when(reader, &self.delete((middle + 1, high))).await? != live {
                low = middle + 1;
            } else {
                return Ok(None);
            }
        }
        Ok(Some(low))
    }

    fn delete(&self, (low, high): (i64, i64)) -> String {
        format!(
            "DELETE FROM {} AS t USING pg_temp.underpin_rows AS r WHERE t.ctid = r.place AND r.n BETWEEN {low} AND {high}",
            self.table.quoted()
        )
    }

    fn soft_delete(&self, row: i64) -> String {
        format!(
            "UPDATE {} AS t SET {} = now() FROM pg_temp.underpin_rows AS r WHERE t.ctid = r.place AND r.n = {row}",
            self.table.quoted(),
            quote_identifier(self.column)
        )
    }

    async fn answer(&self, reader: &Reader) -> Result<String, LabError> {
        let sql = format!(
            "SELECT count(*) || ' ' || coalesce(sum(hashtextextended(q::text, 0)), 0) FROM ({}) AS q",
            reader.sql.trim().trim_end_matches(';')
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
