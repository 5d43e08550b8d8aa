//! What a project searches and pages: text by its catalog and by its queries, pages by LIMIT and OFFSET.

use std::collections::{BTreeMap, BTreeSet};

use underpin_model::catalog::{Catalog, Column, Table};
use underpin_model::project::Query;
use underpin_model::sql_text::quote_qualified;
use underpin_model::statement::Verb;
use underpin_plan::condition;
use underpin_plan::search::{Searched, searches};

use crate::error::LabError;
use crate::params;
use crate::planning::{Asked, Mode, Planner};
use crate::proof::{Experiment, Outcome};

/// Text of a table that is searched, or may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub schema: String,
    pub table: String,
    /// Text columns, in the table's order.
    pub columns: Vec<String>,
    /// Text search configuration, such as `english`.
    pub config: String,
    /// Why it is examined.
    pub why: &'static str,
}

impl Source {
    /// Returns the table and its columns, such as `courses (title, subtitle)`.
    pub(super) fn display(&self) -> String {
        format!("{} ({})", self.table, self.columns.join(", "))
    }

    pub(super) fn quoted(&self) -> String {
        quote_qualified(&self.schema, &self.table)
    }
}

/// A named query that searches text.
pub(super) struct NamedSearch<'p> {
    pub query: &'p Query,
    /// The values of its header.
    pub given: Vec<Option<String>>,
    pub searched: Searched,
    /// Position of the text in the sources.
    pub source: usize,
}

/// A named query that skips rows.
pub(super) struct NamedPage<'p> {
    pub query: &'p Query,
    pub given: Vec<Option<String>>,
    /// Position of the parameter in its OFFSET.
    pub offset: usize,
    /// The largest table that it reads.
    pub table: (String, String),
}

/// All of it.
#[derive(Default)]
pub(super) struct Surface<'p> {
    pub sources: Vec<Source>,
    pub searches: Vec<NamedSearch<'p>>,
    pub pages: Vec<NamedPage<'p>>,
    /// Tables that queries with a LIMIT read, the largest first.
    pub limited: Vec<(String, String)>,
}

impl Surface<'_> {
    /// Returns why there is nothing to examine; nothing when there is something.
    pub(super) fn nothing(&self) -> Option<&'static str> {
        (self.sources.is_empty() && self.limited.is_empty())
            .then_some("the project searches no text, holds no prose, and has no query with a LIMIT")
    }
}

/// Reads it from the catalog and from the plans of the queries.
pub(super) async fn read<'p>(
    experiment: &Experiment<'p>,
    planner: &Planner,
    outcome: &mut Outcome,
) -> Result<Surface<'p>, LabError> {
    let catalog = experiment.lab.catalog();
    let default = planner.session().value("SELECT get_current_ts_config()").await?.unwrap_or_default();
    let mut reading = Reading {
        catalog,
        default: default.rsplit('.').next().unwrap_or("simple").to_owned(),
        rows: rows(planner).await?,
        surface: Surface::default(),
        limited: BTreeSet::new(),
    };
    reading.declared();
    for query in experiment.project.queries.iter().filter(|one| one.statement.facts.verb == Verb::Select) {
        if let Err(error) = reading.query(query, planner).await {
            outcome.unexamined.push(format!("{} ({})", query.name, error.chain()));
        }
    }
    if reading.surface.sources.is_empty() {
        reading.prose(planner).await?;
    }
    let rows = reading.rows;
    let mut limited: Vec<_> = reading.limited.into_iter().collect();
    limited.sort_by_key(|table| std::cmp::Reverse(rows.get(table).copied().unwrap_or(0)));
    Ok(Surface { limited, ..reading.surface })
}

async fn rows(planner: &Planner) -> Result<BTreeMap<(String, String), i64>, LabError> {
    let sql = "SELECT n.nspname, c.relname, greatest(c.reltuples, 0)::bigint AS rows FROM pg_class AS c \
               JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm')";
    let rows = planner.session().rows(sql).await?;
    Ok(rows
        .iter()
        .map(|row| {
            let table = (row.text("nspname").to_owned(), row.text("relname").to_owned());
            (table, row.int("rows").unwrap_or(0))
        })
        .collect())
}

struct Reading<'c, 'p> {
    catalog: &'c Catalog,
    /// The server's text search configuration.
    default: String,
    rows: BTreeMap<(String, String), i64>,
    surface: Surface<'p>,
    limited: BTreeSet<(String, String)>,
}

impl<'p> Reading<'_, 'p> {
    /// Adds what the catalog prepares for searching: search documents, and indexes for words and patterns.
    fn declared(&mut self) {
        let catalog = self.catalog;
        for table in catalog.tables.iter().filter(|table| is_ordinary(table)) {
            for column in table.columns.iter().filter(|column| column.base_type == "tsvector") {
                self.document(table, column);
            }
            for index in &table.indexes {
                let classes = ["trgm_ops", "text_pattern_ops", "varchar_pattern_ops"];
                let patterns = classes.iter().any(|class| index.definition.contains(class));
                for key in index.keys.iter().filter(|key| patterns || key.contains("to_tsvector(")) {
                    let columns = texts(table, &named(key));
                    self.add(table, columns, (config(key), "an index serves its search"));
                }
            }
        }
    }

    /// Adds the text behind a column of type tsvector; returns where it stands.
    fn document(&mut self, table: &Table, column: &Column) -> Option<usize> {
        let expression = column.generated.as_deref().unwrap_or("");
        let mut columns = texts(table, &named(expression));
        if columns.is_empty() {
            // A trigger fills it from whatever it likes: then all prose of the row.
            let prose = |one: &&Column| one.type_category == "S" && one.generated.is_none();
            columns = table.columns.iter().filter(prose).map(|one| one.name.clone()).collect();
        }
        self.add(table, columns, (config(expression), "a search document is kept for it"))
    }

    fn add(
        &mut self,
        table: &Table,
        columns: Vec<String>,
        (config, why): (Option<String>, &'static str),
    ) -> Option<usize> {
        if columns.is_empty() {
            return None;
        }
        let sources = &mut self.surface.sources;
        let same =
            |one: &Source| one.schema == table.schema && one.table == table.name && one.columns == columns;
        if let Some(at) = sources.iter().position(same) {
            return Some(at);
        }
        let config = config.unwrap_or_else(|| self.default.clone());
        let (schema, table) = (table.schema.clone(), table.name.clone());
        sources.push(Source { schema, table, columns, config, why });
        Some(sources.len() - 1)
    }

    /// Adds what a query searches and pages.
    async fn query(&mut self, query: &'p Query, planner: &Planner) -> Result<(), LabError> {
        let evaluated = params::evaluate(planner.session(), &query.name, &query.params).await?;
        let given: Vec<Option<String>> =
            query.params.iter().map(|param| evaluated.get(&param.name).cloned().flatten()).collect();
        let plan = planner.plan(Asked { query, values: &given, mode: Mode::Generic }, "").await?;
        for mut searched in searches(&plan.root) {
            searched.parameter = searched.parameter.filter(|number| (1..=given.len()).contains(number));
            let Some(table) = self.catalog.table(&searched.schema, &searched.table) else { continue };
            if let Some(source) = self.searched(table, &searched) {
                self.surface.searches.push(NamedSearch { query, given: given.clone(), searched, source });
            }
        }
        let Some(reach) = underpin_sql::reach::reach(&query.statement.sql).filter(|reach| reach.limited)
        else {
            return Ok(());
        };
        let nodes = plan.root.all();
        let relations = nodes.iter().filter_map(|node| node.relation.as_ref()).map(|relation| {
            (relation.schema.clone().unwrap_or_else(|| "public".to_owned()), relation.name.clone())
        });
        let largest = relations
            .filter(|(schema, name)| self.catalog.table(schema, name).is_some())
            .max_by_key(|table| self.rows.get(table).copied().unwrap_or(0));
        let Some(table) = largest else { return Ok(()) };
        self.limited.insert(table.clone());
        let offset = reach.offset_params.iter().find(|number| (1..=given.len()).contains(*number));
        if let Some(number) = offset {
            self.surface.pages.push(NamedPage { query, given, offset: number - 1, table });
        }
        Ok(())
    }

    fn searched(&mut self, table: &Table, searched: &Searched) -> Option<usize> {
        let document = searched.columns.iter().filter_map(|name| table.column(name));
        if let Some(column) = document.clone().find(|column| column.base_type == "tsvector") {
            return self.document(table, column);
        }
        self.add(table, texts(table, &searched.columns), (None, "a named query searches it"))
    }

    /// Adds the table with the most prose, for a project that searches none.
    async fn prose(&mut self, planner: &Planner) -> Result<(), LabError> {
        let rows = planner.session().rows(include_str!("surface.sql")).await?;
        for row in rows.iter() {
            let (schema, name) = (row.text("schema"), row.text("table"));
            let Some(table) = self.catalog.table(schema, name) else { continue };
            let column = row.text("column").to_owned();
            let quoted = underpin_model::sql_text::quote_identifier(&column);
            let sql = format!(
                "SELECT coalesce(avg(({quoted}::text LIKE '% %')::int) >= 0.5, false) FROM (SELECT {quoted} FROM {} LIMIT 200) AS x",
                table.quoted()
            );
            if planner.session().value(&sql).await?.as_deref() == Some("t") {
                self.add(table, vec![column], (None, "nothing is searched: the largest prose"));
                return Ok(());
            }
        }
        Ok(())
    }
}

fn is_ordinary(table: &Table) -> bool {
    matches!(table.kind.as_str(), "table" | "partitioned")
        && table.schema != "underpin"
        && table.partition_of.is_none()
}

fn named(expression: &str) -> Vec<String> {
    condition::columns(expression).into_iter().map(|column| column.column).collect()
}

/// Returns those of the columns that hold text, in the table's order.
fn texts(table: &Table, names: &[String]) -> Vec<String> {
    let is_text = |column: &&Column| {
        names.contains(&column.name) && (column.type_category == "S" || column.base_type == "citext")
    };
    table.columns.iter().filter(is_text).map(|column| column.name.clone()).collect()
}

/// Returns the text search configuration that an expression names.
fn config(expression: &str) -> Option<String> {
    let before = &expression[..expression.find("'::regconfig")?];
    let name = &before[before.rfind('\'')? + 1..];
    Some(name.rsplit('.').next().unwrap_or(name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_is_read_from_the_expression() {
        let text = "setweight(to_tsvector('pg_catalog.german'::regconfig, title), 'A'::\"char\")";
        assert_eq!(config(text).as_deref(), Some("german"));
        assert_eq!(config("to_tsvector(title)"), None);
        assert_eq!(named(text), ["title"]);
    }
}
