//! The project's own searches, on its own tables, as these grow.

use underpin_model::catalog::Table;
use underpin_model::sql_text::{quote_identifier, quote_literal};
use underpin_model::{Code, Evidence, Finding, ObjectKind, ObjectRef, SourceLine};
use underpin_plan::compare::amount;
use underpin_plan::search::{Searched, searches};
use underpin_plan::view;

use super::grow::Growing;
use super::surface::{NamedSearch, Surface};
use super::terms::Terms;
use super::{Caps, Study, grows};
use crate::error::LabError;
use crate::planning::{Asked, Measured, Mode, Planner};
use crate::proof::Outcome;

/// No index, and buffers that grow.
pub(super) const WITHOUT_INDEX: Code = Code::error(
    "UP550",
    "search-without-index",
    "a search reads the whole table, as no index serves its operator",
);
/// An index, and buffers that grow all the same.
pub(super) const OUTGROWS: Code = Code::error(
    "UP551",
    "search-outgrows-index",
    "an index serves the operator of a search, and its work still grows with the table",
);

/// A search for one value.
struct Case<'a, 'p> {
    search: &'a NamedSearch<'p>,
    /// `given`, `hot`, `rare` or `absent`.
    kind: &'static str,
    values: Vec<Option<String>>,
    /// At each size.
    measured: Vec<Measured>,
}

/// Runs every named search at each size of its table, and judges it.
pub(super) async fn examine(
    study: &Study<'_>,
    surface: &Surface<'_>,
    terms: &[Option<Terms>],
    outcome: &mut Outcome,
) -> Result<(), LabError> {
    let mut rows = Vec::new();
    for (at, source) in surface.sources.iter().enumerate() {
        let searches: Vec<&NamedSearch<'_>> =
            surface.searches.iter().filter(|one| one.source == at).collect();
        let table = study.experiment.lab.catalog().table(&source.schema, &source.table);
        let (Some(table), Some(Some(terms)), false) = (table, terms.get(at), searches.is_empty()) else {
            continue;
        };
        let mut cases = cases(&searches, terms);
        let (sandbox, planner) = study.sandbox().await?;
        let growth = Growth { planner: &planner, caps: study.caps, table };
        let sizes = growth.measure(&mut cases, terms, outcome).await?;
        planner.close().await;
        sandbox.drop().await?;
        for case in &cases {
            rows.push(line(case, &sizes));
            judge(case, table, &sizes, outcome);
        }
    }
    if !rows.is_empty() {
        let columns = [
            "query",
            "looks for",
            "operator",
            "by index",
            "rows",
            "rows of the table",
            "buffers",
            "ms (shown only)",
        ];
        let title = "The project's searches as their tables grow";
        outcome.evidence.insert(0, Evidence::table("searches", title, &columns, rows));
    }
    outcome.measure("searches", surface.searches.len() as f64, "count");
    Ok(())
}

/// A table that grows while its searches run.
struct Growth<'a> {
    planner: &'a Planner,
    caps: Caps,
    table: &'a Table,
}

impl Growth<'_> {
    /// Measures the cases at each size; returns the sizes.
    async fn measure(
        &self,
        cases: &mut [Case<'_, '_>],
        terms: &Terms,
        outcome: &mut Outcome,
    ) -> Result<Vec<u64>, LabError> {
        let (session, table) = (self.planner.session(), self.table);
        let columns: Vec<String> = table
            .columns
            .iter()
            .filter(|column| column.type_category == "S")
            .map(|column| quote_identifier(&column.name))
            .collect();
        let rare = terms.word("rare").filter(|_| !columns.is_empty()).map(|rare| {
            format!("concat_ws(' ', {}) ILIKE {}", columns.join(", "), quote_literal(&format!("%{rare}%")))
        });
        let mut growing = match Growing::prepare(session, table, rare.as_deref()).await? {
            Ok(growing) => growing,
            Err(why) => {
                outcome.unexamined.push(format!("searches of {}: {why}", table.name));
                return Ok(Vec::new());
            }
        };
        let width = session
            .value(&format!(
                "SELECT pg_table_size({}::regclass) / greatest(1, {})",
                quote_literal(&table.quoted()),
                growing.rows
            ))
            .await?;
        let width = width.and_then(|text| text.parse().ok()).unwrap_or(100);
        let mut sizes = Vec::new();
        for size in self.caps.sizes(growing.rows, width) {
            if let Err(why) = growing.to(size).await? {
                outcome.unexamined.push(format!("searches of more than {} rows: {why}", growing.rows));
                break;
            }
            sizes.push(growing.rows);
            for case in cases.iter_mut() {
                let asked = Asked { query: case.search.query, values: &case.values, mode: Mode::Custom };
                case.measured.push(self.planner.measure(asked, "").await?);
            }
        }
        Ok(sizes)
    }
}

fn judge(case: &Case<'_, '_>, table: &Table, sizes: &[u64], outcome: &mut Outcome) {
    let (Some(first), Some(last)) = (case.measured.first(), case.measured.last()) else { return };
    // A hot word finds more in a larger table, and so may what the header gives: then work may grow too.
    let steady = match case.kind {
        "rare" | "absent" => true,
        "given" => case.search.searched.parameter.is_none() && last.record.rows <= first.record.rows,
        _ => false,
    };
    if !steady || !grows(first.buffers(), last.buffers()) {
        return;
    }
    let searched = &case.search.searched;
    let serving = serving(table, searched);
    let (code, because) = match &serving {
        None => (&WITHOUT_INDEX, "no index serves the operator".to_owned()),
        Some(index) if by_index(last, searched) => {
            (&OUTGROWS, format!("{index} is read, and still the work grows"))
        }
        Some(index) => (&OUTGROWS, format!("{index} would serve the operator and is not read")),
    };
    let query = case.search.query;
    // One finding per query: the rare word says the same as the absent one.
    if outcome.findings.iter().any(|one| {
        one.code == code.code && one.object.as_ref().is_some_and(|object| object.name == query.name)
    }) {
        return;
    }
    let message = format!(
        "{} searches {}.{} with {}: looking for {} ({}), it touches {} buffers at {} rows and {} at {}, finding {} rows. {}{}.",
        query.name,
        searched.table,
        searched.columns.join("+"),
        searched.operator,
        word(case),
        case.kind,
        amount(first.buffers() as f64),
        amount(sizes[0] as f64),
        amount(last.buffers() as f64),
        amount(sizes[sizes.len() - 1] as f64),
        amount(last.record.rows as f64),
        because[..1].to_uppercase(),
        &because[1..],
    );
    let id = format!("search-plan-{}", query.name);
    let title = format!("{} before and after {} grew", query.name, searched.table);
    let at = |place: usize| format!("at {} rows", amount(sizes[place] as f64));
    let trees = vec![view::tree(&at(0), &first.plan), view::tree(&at(sizes.len() - 1), &last.plan)];
    let evidence = Evidence::plans(&id, title, Vec::new(), trees);
    outcome.findings.push(
        Finding::new(code, message)
            .object(ObjectRef::new(ObjectKind::Query, &query.name))
            .at(SourceLine::new(query.file.clone(), query.statement.line))
            .hint(hint(table, searched, serving))
            .evidence(&evidence.id),
    );
    outcome.evidence.push(evidence);
}

fn cases<'a, 'p>(searches: &[&'a NamedSearch<'p>], terms: &Terms) -> Vec<Case<'a, 'p>> {
    let mut cases = Vec::new();
    for search in searches {
        let case = |kind, values| Case { search, kind, values, measured: Vec::new() };
        cases.push(case("given", search.given.clone()));
        let Some(number) = search.searched.parameter else { continue };
        for term in terms.0.iter().filter(|term| ["hot", "rare", "absent"].contains(&term.kind)) {
            let mut values = search.given.clone();
            values[number - 1] = Some(like(values[number - 1].as_deref().unwrap_or(""), &term.word));
            cases.push(case(term.kind, values));
        }
    }
    cases
}

/// Returns the word in the form of the given value: a pattern stays one, and so does the beginning of a word.
fn like(given: &str, word: &str) -> String {
    let body = given.trim_matches('%');
    let (before, after) = match given.find(body).filter(|_| !body.is_empty()) {
        Some(at) => (&given[..at], &given[at + body.len()..]),
        None => ("", ""),
    };
    let after = if after.is_empty() && given.ends_with(":*") { ":*" } else { after };
    format!("{before}{word}{after}")
}

fn word<'c>(case: &'c Case<'_, '_>) -> &'c str {
    let number = case.search.searched.parameter.unwrap_or(0);
    case.values.get(number.wrapping_sub(1)).and_then(Option::as_deref).unwrap_or("what its text says")
}

fn by_index(measured: &Measured, searched: &Searched) -> bool {
    searches(&measured.plan.root).iter().any(|one| {
        one.by_index
            && one.table == searched.table
            && one.columns == searched.columns
            && one.operator == searched.operator
    })
}

/// Returns an index that serves the operator on these columns.
fn serving<'t>(table: &'t Table, searched: &Searched) -> Option<&'t str> {
    let words = searched.operator == "@@";
    let fits = |index: &&underpin_model::catalog::Index| {
        let over = index.keys.iter().any(|key| {
            let columns = underpin_plan::condition::columns(key);
            searched.columns.iter().all(|name| columns.iter().any(|column| column.column == *name))
        });
        let class = match index.method.as_str() {
            "btree" => !words && index.definition.contains("pattern_ops"),
            "gin" | "gist" => words != index.definition.contains("trgm_ops"),
            _ => false,
        };
        index.valid && over && class
    };
    table.indexes.iter().find(fits).map(|index| index.name.as_str())
}

fn hint(table: &Table, searched: &Searched, serving: Option<&str>) -> String {
    if serving.is_some() {
        return "See the plan: the condition must stand on the indexed expression itself, and a role under row level security \
                reads an index only through leakproof operators."
            .to_owned();
    }
    let column = searched.columns.first().map(|name| quote_identifier(name)).unwrap_or_default();
    let document = searched.columns.len() == 1
        && searched
            .columns
            .first()
            .and_then(|name| table.column(name))
            .is_some_and(|one| one.base_type == "tsvector");
    match (searched.operator.as_str(), document) {
        ("@@", true) => format!("CREATE INDEX CONCURRENTLY ON {} USING gin ({column});", table.quoted()),
        ("@@", false) => format!(
            "Keep the search document in a column and index that: ALTER TABLE {} ADD COLUMN document tsvector GENERATED ALWAYS AS (…) STORED; CREATE INDEX CONCURRENTLY ON {} USING gin (document);",
            table.quoted(),
            table.quoted()
        ),
        _ => format!(
            "CREATE EXTENSION IF NOT EXISTS pg_trgm; CREATE INDEX CONCURRENTLY ON {} USING gin ({column} gin_trgm_ops);",
            table.quoted()
        ),
    }
}

fn line(case: &Case<'_, '_>, sizes: &[u64]) -> Vec<String> {
    let searched = &case.search.searched;
    let joined = |numbers: Vec<f64>| numbers.into_iter().map(amount).collect::<Vec<_>>().join(" → ");
    let last = case.measured.last();
    vec![
        case.search.query.name.clone(),
        format!("{} ({})", word(case), case.kind),
        searched.operator.clone(),
        last.map_or("", |last| if by_index(last, searched) { "yes" } else { "no" }).to_owned(),
        joined(case.measured.iter().map(|one| one.record.rows as f64).collect()),
        joined(sizes.iter().map(|size| *size as f64).collect()),
        joined(case.measured.iter().map(|one| one.buffers() as f64).collect()),
        last.and_then(|last| last.plan.execution_ms).map_or_else(String::new, |ms| format!("{ms:.1}")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_takes_the_form_of_the_given_value() {
        assert_eq!(like("%lamp%", "desk"), "%desk%");
        assert_eq!(like("lam%", "desk"), "desk%");
        assert_eq!(like("lamp:*", "desk"), "desk:*");
        assert_eq!(like("two words", "desk"), "desk");
        assert_eq!((like("", "desk"), like("%", "desk")), ("desk".to_owned(), "desk".to_owned()));
    }
}
