//! Pages: rows that are skipped (OFFSET) against rows behind the last one seen (keyset), by depth.

use underpin_model::catalog::Table;
use underpin_model::evidence::Lines;
use underpin_model::sql_text::{quote_identifier, quote_literal};
use underpin_model::{Code, Evidence, Finding, ObjectKind, ObjectRef, SourceLine};
use underpin_pg::Session;
use underpin_plan::compare::amount;
use underpin_plan::view;

use super::grow::Growing;
use super::surface::{NamedPage, Surface};
use super::{Study, grows};
use crate::error::LabError;
use crate::planning::{Asked, Measured, Mode, Planner};
use crate::proof::Outcome;

/// Deep pages cost more.
pub(super) const BY_OFFSET: Code = Code::error(
    "UP552",
    "paging-by-offset",
    "a query skips rows by OFFSET, so each page costs more than the one before",
);

/// Rows of a page in the comparison.
const PAGE: u64 = 20;
/// A table of fewer rows has no deep pages, and is grown.
const DEEP: u64 = 20_000;

/// Runs every named query with an OFFSET deeper and deeper, and compares both ways on the largest table that is paged.
pub(super) async fn examine(
    study: &Study<'_>,
    surface: &Surface<'_>,
    outcome: &mut Outcome,
) -> Result<(), LabError> {
    let (sandbox, planner) = study.sandbox().await?;
    let book = Book { planner: &planner };
    let catalog = study.experiment.lab.catalog();
    let mut rows = Vec::new();
    for page in &surface.pages {
        let (schema, name) = &page.table;
        let Some(table) = catalog.table(schema, name) else { continue };
        let Some(size) = book.deep(table, outcome).await? else { continue };
        let pages = book.deeper(page, size).await?;
        rows.extend(pages.iter().map(|(skipped, page_plan)| {
            vec![
                page.query.name.clone(),
                amount(*skipped as f64),
                amount(page_plan.buffers() as f64),
                amount(page_plan.record.rows_read as f64),
                amount(page_plan.record.rows as f64),
            ]
        }));
        judge(page, (&pages, size), outcome);
    }
    if !rows.is_empty() {
        let columns = ["query", "OFFSET value", "buffers", "rows read", "rows"];
        let title = "The project's queries with an OFFSET, deeper and deeper";
        outcome.evidence.push(Evidence::table("offsets", title, &columns, rows));
    }
    outcome.measure("offset_queries", surface.pages.len() as f64, "count");
    let mut tables = surface.limited.iter().filter_map(|(schema, name)| catalog.table(schema, name));
    if let Some(table) = tables.find(|table| !table.primary_key().is_empty())
        && let Some(size) = book.deep(table, outcome).await?
    {
        compare(planner.session(), table, size, outcome).await?;
    }
    planner.close().await;
    sandbox.drop().await
}

/// Tables with deep pages.
struct Book<'a> {
    planner: &'a Planner,
}

impl Book<'_> {
    /// Makes sure that the table has deep pages; returns its rows.
    async fn deep(&self, table: &Table, outcome: &mut Outcome) -> Result<Option<u64>, LabError> {
        let session = self.planner.session();
        let count = session.value(&format!("SELECT count(*) FROM {}", table.quoted())).await?;
        let rows: u64 = count.and_then(|text| text.parse().ok()).unwrap_or(0);
        if rows >= DEEP {
            return Ok(Some(rows));
        }
        let mut growing = match Growing::prepare(session, table, None).await? {
            Ok(growing) => growing,
            Err(why) => {
                outcome.unexamined.push(format!("deep pages: {why}"));
                return Ok(None);
            }
        };
        if let Err(why) = growing.to(DEEP).await? {
            outcome.unexamined.push(format!("deep pages: {why}"));
            return Ok(None);
        }
        Ok(Some(growing.rows))
    }

    /// Measures a query with 1, 10, 100, … in its OFFSET, as long as rows come.
    async fn deeper(&self, page: &NamedPage<'_>, size: u64) -> Result<Vec<(u64, Measured)>, LabError> {
        let mut found = Vec::new();
        let mut skipped = 1;
        while skipped < size {
            let mut values = page.given.clone();
            values[page.offset] = Some(skipped.to_string());
            let asked = Asked { query: page.query, values: &values, mode: Mode::Custom };
            let measured = self.planner.measure(asked, "").await?;
            let rows = measured.record.rows;
            found.push((skipped, measured));
            if rows == 0 {
                break;
            }
            skipped *= 10;
        }
        Ok(found)
    }
}

fn judge(page: &NamedPage<'_>, (pages, size): (&[(u64, Measured)], u64), outcome: &mut Outcome) {
    let query = page.query;
    let (Some((_, first)), Some((skipped, last))) =
        (pages.first(), pages.iter().rev().find(|(_, measured)| measured.record.rows > 0))
    else {
        outcome.unexamined.push(format!("{} returns no page to compare", query.name));
        return;
    };
    if !grows(first.buffers(), last.buffers()) {
        return;
    }
    let id = format!("offset-plan-{}", query.name);
    let title = format!("{}: a page in front and one far behind", query.name);
    let trees = vec![
        view::tree("with 1 in its OFFSET", &first.plan),
        view::tree(&format!("with {}", amount(*skipped as f64)), &last.plan),
    ];
    let evidence = Evidence::plans(&id, title, Vec::new(), trees);
    let message = format!(
        "{} pages by OFFSET: with {} in it, it touches {} buffers, with 1 in it {}; {} has {} rows. What is skipped is read and thrown away, \
         and a row that is inserted meanwhile is shown twice or never.",
        query.name,
        amount(*skipped as f64),
        amount(last.buffers() as f64),
        amount(first.buffers() as f64),
        page.table.1,
        amount(size as f64),
    );
    outcome.findings.push(
        Finding::new(&BY_OFFSET, message)
            .object(ObjectRef::new(ObjectKind::Query, &query.name))
            .at(SourceLine::new(query.file.clone(), query.statement.line))
            .hint("Hand the last row of a page to the next: WHERE (sort_column, id) < ($1, $2) ORDER BY sort_column DESC, id DESC LIMIT 20, on an index over both.")
            .evidence(&evidence.id),
    );
    outcome.evidence.push(evidence);
}

/// Reads pages of the table by its primary key in both ways.
async fn compare(session: &Session, table: &Table, size: u64, outcome: &mut Outcome) -> Result<(), LabError> {
    let keys: Vec<String> = table.primary_key().iter().map(|name| quote_identifier(name)).collect();
    let (key, name) = (keys.join(", "), table.quoted());
    let (mut skipping, mut seeking, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    for page in [1, 10, 100, 1_000, 10_000, 100_000] {
        let skipped = (page - 1) * PAGE;
        if skipped >= size {
            break;
        }
        let by_offset = format!("SELECT * FROM {name} ORDER BY {key} LIMIT {PAGE} OFFSET {skipped}");
        let behind = behind(session, table, skipped).await?;
        let by_key = format!("SELECT * FROM {name} {behind} ORDER BY {key} LIMIT {PAGE}");
        let (offset, seek) = (touched(session, &by_offset).await?, touched(session, &by_key).await?);
        skipping.push((page as f64, offset));
        seeking.push((page as f64, seek));
        rows.push(vec![amount(page as f64), amount(offset), amount(seek)]);
    }
    let title =
        format!("Pages of {PAGE} rows of {} ({} rows) by its primary key", table.name, amount(size as f64));
    let lines = vec![("OFFSET".to_owned(), skipping), ("keyset".to_owned(), seeking)];
    let chart = Lines { x_unit: "pages".to_owned(), y_unit: "buffers".to_owned(), lines };
    outcome.evidence.push(Evidence::lines("paging-chart", title.clone(), chart));
    outcome.evidence.push(Evidence::table(
        "paging",
        title,
        &["page", "buffers by OFFSET", "buffers by keyset"],
        rows,
    ));
    Ok(())
}

/// Returns the condition for the rows behind the first `skipped` ones.
async fn behind(session: &Session, table: &Table, skipped: u64) -> Result<String, LabError> {
    let Some(before) = skipped.checked_sub(1) else { return Ok(String::new()) };
    let columns = table.primary_key();
    let keys: Vec<String> = columns.iter().map(|name| quote_identifier(name)).collect();
    let texts: Vec<String> = keys.iter().map(|key| format!("{key}::text")).collect();
    let sql = format!(
        "SELECT {} FROM {} ORDER BY {} LIMIT 1 OFFSET {before}",
        texts.join(", "),
        table.quoted(),
        keys.join(", ")
    );
    let rows = session.rows(&sql).await?;
    let row = rows.rows.into_iter().next().unwrap_or_default();
    let typed = |(value, name): (Option<String>, &String)| {
        let type_name = table.column(name).map_or("text", |column| column.type_name.as_str());
        format!("{}::{type_name}", quote_literal(&value.unwrap_or_default()))
    };
    let values: Vec<String> = row.into_iter().zip(columns).map(typed).collect();
    Ok(format!("WHERE ({}) > ({})", keys.join(", "), values.join(", ")))
}

async fn touched(session: &Session, query: &str) -> Result<f64, LabError> {
    let explain = "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON)";
    let text = session.value(&format!("{explain} {query};\n{explain} {query}")).await?.unwrap_or_default();
    let plan = underpin_plan::read(&text).map_err(|error| LabError::Unexpected(error.to_string()))?;
    Ok(plan.root.buffers.touched() as f64)
}
