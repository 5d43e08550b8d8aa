//! Full text, LIKE, trigrams and beginnings on the same rows: what each finds and misses, and what it costs as rows grow.

use std::collections::BTreeSet;

use underpin_model::sql_text::{quote_identifier, quote_literal};
use underpin_pg::Session;
use underpin_plan::Explained;

use super::ranking::{self, Ranking};
use super::surface::Source;
use super::terms::{self, Term, Terms};
use super::{Caps, told};
use crate::error::LabError;
use crate::proof::Outcome;

/// A way to search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Words,
    WordBeginnings,
    Scan,
    Trigrams,
    Similar,
    Beginning,
}

impl Method {
    /// Returns what people call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Method::Words => "full text",
            Method::WordBeginnings => "full text, term:*",
            Method::Scan => "ILIKE '%term%', no index",
            Method::Trigrams => "ILIKE '%term%', trigram index",
            Method::Similar => "term <% text (trigram)",
            Method::Beginning => "LIKE 'term%' (prefix index)",
        }
    }

    /// Returns the condition on a row of the copy.
    fn condition(self, config: &str, word: &str) -> String {
        let (config, literal) = (quote_literal(config), quote_literal(word));
        let pattern = word.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        match self {
            Method::Words => format!("document @@ plainto_tsquery({config}, {literal})"),
            Method::WordBeginnings => {
                format!("document @@ to_tsquery({config}, {})", quote_literal(&format!("'{word}':*")))
            }
            Method::Scan | Method::Trigrams => {
                format!("body ILIKE {}", quote_literal(&format!("%{pattern}%")))
            }
            Method::Similar => format!("{literal} <% body"),
            Method::Beginning => {
                format!("lower(left(body, 200)) LIKE {}", quote_literal(&format!("{pattern}%")))
            }
        }
    }

    /// Returns settings under which it is measured: a scan without its index, which another method needs.
    fn settings(self) -> &'static str {
        match self {
            Method::Scan => "SET LOCAL enable_bitmapscan = off; SET LOCAL enable_indexscan = off;",
            _ => "",
        }
    }
}

/// What one method did for one term.
pub(super) struct Answer {
    pub term: Term,
    pub method: Method,
    pub found: usize,
    /// Rows that another method found.
    pub missed: usize,
    /// Of those, the beginning of one.
    pub sample: String,
    /// How rows were reached, at the last size.
    pub access: String,
    /// Buffers at each size.
    pub buffers: Vec<u64>,
    /// Milliseconds at the last size, for people.
    pub ms: f64,
}

/// Everything about one source.
pub(super) struct Compared {
    pub terms: Terms,
    /// Rows at each size.
    pub sizes: Vec<u64>,
    /// Why the last size is no hundredfold.
    pub capped: Option<String>,
    pub answers: Vec<Answer>,
    pub ranking: Option<Ranking>,
}

/// Compares all methods on a copy of the source's text; returns the terms that were searched for, none when the text has
/// no words.
pub(super) async fn compare(
    session: &Session,
    source: &Source,
    caps: Caps,
    outcome: &mut Outcome,
) -> Result<Option<Terms>, LabError> {
    let trigrams = extension(session).await?;
    let copy = Copy { session, source, trigrams };
    let (rows, bytes) = copy.fill(caps).await?;
    let Some(terms) = terms::choose(session, source).await?.filter(|_| rows > 0) else {
        outcome.unexamined.push(format!("{} holds no words to search for", source.display()));
        return Ok(None);
    };
    let wanted = caps.sizes(rows, bytes);
    let capped = wanted.last().filter(|last| **last < rows * 100).map(|last| {
        format!("grown to {last} rows instead of {}: more would not fit the time of a run", rows * 100)
    });
    copy.index().await?;
    let mut answers = copy.answers(&terms).await?;
    let mut ranking = ranking::at_first(&copy, &terms).await?;
    let mut sizes = Vec::new();
    for size in wanted {
        sizes.push(copy.grow_to(size, &terms).await?);
        for answer in &mut answers {
            let plan = copy.explained(answer.method, &answer.term.word).await?;
            answer.buffers.push(plan.root.buffers.touched());
            answer.access = access(&plan);
            answer.ms = plan.execution_ms.unwrap_or(0.0);
        }
        if let Some(ranking) = &mut ranking {
            ranking.measure(&copy).await?;
        }
    }
    session.execute("DROP SCHEMA underpin_search CASCADE; RESET search_path").await?;
    let compared = Compared { terms: terms.clone(), sizes, capped, answers, ranking };
    told::compared(source, &compared, outcome);
    Ok(Some(terms))
}

/// Returns the schema of `pg_trgm`, created where the server has it; nothing where it has not.
async fn extension(session: &Session) -> Result<Option<String>, LabError> {
    session.execute("DROP SCHEMA IF EXISTS underpin_search CASCADE; CREATE SCHEMA underpin_search").await?;
    let there = session.value("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'").await?;
    if there.is_none() {
        return Ok(None);
    }
    session.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public").await?;
    Ok(session
        .value("SELECT quote_ident(n.nspname) FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm'")
        .await?)
}

/// The copy of a source's text, `underpin_search.texts`.
pub(super) struct Copy<'a> {
    session: &'a Session,
    source: &'a Source,
    /// Schema of `pg_trgm`.
    trigrams: Option<String>,
}

impl Copy<'_> {
    /// Copies the text, at most a tenth of what it may grow to; returns rows and bytes per row.
    async fn fill(&self, caps: Caps) -> Result<(u64, u64), LabError> {
        let columns: Vec<String> = self.source.columns.iter().map(|name| quote_identifier(name)).collect();
        let path = self.trigrams.as_ref().map_or_else(String::new, |schema| format!(", {schema}"));
        let sql = format!(
            "SET search_path = underpin_search{path}, pg_catalog; SET maintenance_work_mem = '256MB';\n\
             CREATE TABLE texts (id bigint, body text, document tsvector);\n\
             INSERT INTO texts SELECT row_number() OVER (), body, to_tsvector({}, body)\n\
             FROM (SELECT concat_ws(' ', {}) AS body FROM {} LIMIT {}) AS x WHERE body <> '';\n\
             VACUUM (ANALYZE) texts",
            quote_literal(&self.source.config),
            columns.join(", "),
            self.source.quoted(),
            caps.rows / 10,
        );
        for statement in sql.split(";\n") {
            self.session.execute(statement).await?;
        }
        let sql = "SELECT count(*) AS rows, coalesce(avg(octet_length(body)), 0)::bigint AS bytes FROM texts";
        let rows = self.session.rows(sql).await?;
        let number = |name: &str| rows.first().and_then(|row| row.int(name)).unwrap_or(0) as u64;
        Ok((number("rows"), number("bytes")))
    }

    /// Builds the indexes that the methods want.
    async fn index(&self) -> Result<(), LabError> {
        self.session
            .execute(
                "CREATE INDEX texts_document_idx ON texts USING gin (document);\n\
                 CREATE INDEX texts_beginning_idx ON texts (lower(left(body, 200)) text_pattern_ops)",
            )
            .await?;
        if self.trigrams.is_some() {
            self.session
                .execute("CREATE INDEX texts_trigrams_idx ON texts USING gin (body gin_trgm_ops)")
                .await?;
        }
        self.session.execute("VACUUM (ANALYZE) texts").await?;
        Ok(())
    }

    /// Copies rows without the rare word until there are `size`, so that what it finds stays the same; returns the rows.
    async fn grow_to(&self, size: u64, terms: &Terms) -> Result<u64, LabError> {
        let rows = self.count("texts").await?;
        if size <= rows {
            return Ok(rows);
        }
        let without = match terms.word("rare") {
            Some(rare) => format!("body NOT ILIKE {}", quote_literal(&format!("%{rare}%"))),
            None => "true".to_owned(),
        };
        self.session
            .execute(&format!(
                "CREATE TABLE IF NOT EXISTS firsts AS SELECT * FROM texts WHERE {without};\n\
                 DROP INDEX texts_document_idx, texts_beginning_idx; DROP INDEX IF EXISTS texts_trigrams_idx"
            ))
            .await?;
        let firsts = self.count("firsts").await?;
        if firsts > 0 {
            let (from, until) = (rows + 1, size);
            self.session
                .execute(&format!(
                    "INSERT INTO texts SELECT n, body, document FROM generate_series({from}::bigint, {until}) AS n\n\
                     JOIN (SELECT row_number() OVER () - 1 AS place, body, document FROM firsts) AS f ON f.place = n % {firsts}"
                ))
                .await?;
        }
        self.index().await?;
        self.count("texts").await
    }

    async fn count(&self, table: &str) -> Result<u64, LabError> {
        let value = self.session.value(&format!("SELECT count(*) FROM {table}")).await?;
        Ok(value.and_then(|text| text.parse().ok()).unwrap_or(0))
    }

    /// Returns what each method finds and misses, not yet measured.
    async fn answers(&self, terms: &Terms) -> Result<Vec<Answer>, LabError> {
        let mut answers = Vec::new();
        for term in &terms.0 {
            let mut found = Vec::new();
            for method in self.methods() {
                found.push((method, self.ids(method, &term.word).await?));
            }
            let all: BTreeSet<i64> = found.iter().flat_map(|(_, ids)| ids.iter().copied()).collect();
            for (method, ids) in found {
                let sample = match all.difference(&ids).next() {
                    Some(id) => self.sample(*id, &term.word).await?,
                    None => String::new(),
                };
                answers.push(Answer {
                    term: term.clone(),
                    method,
                    found: ids.len(),
                    missed: all.len() - ids.len(),
                    sample,
                    access: String::new(),
                    buffers: Vec::new(),
                    ms: 0.0,
                });
            }
        }
        Ok(answers)
    }

    fn methods(&self) -> Vec<Method> {
        let own = [Method::Words, Method::WordBeginnings, Method::Scan, Method::Beginning];
        let trigrams = self.trigrams.is_some().then_some([Method::Trigrams, Method::Similar]);
        own.into_iter().chain(trigrams.into_iter().flatten()).collect()
    }

    async fn ids(&self, method: Method, word: &str) -> Result<BTreeSet<i64>, LabError> {
        let condition = method.condition(&self.source.config, word);
        let rows = self.session.rows(&format!("SELECT id FROM texts WHERE {condition}")).await?;
        Ok(rows.iter().filter_map(|row| row.int("id")).collect())
    }

    /// Returns some text of a row, around the word where it is in it.
    async fn sample(&self, id: i64, word: &str) -> Result<String, LabError> {
        let sql = format!(
            "SELECT substr(body, greatest(1, position({} IN lower(body)) - 20), 60) FROM texts WHERE id = {id}",
            quote_literal(word)
        );
        Ok(self.session.value(&sql).await?.unwrap_or_default().replace('\n', " "))
    }

    /// Executes a search twice and returns the second plan.
    async fn explained(&self, method: Method, word: &str) -> Result<Explained, LabError> {
        let condition = method.condition(&self.source.config, word);
        self.measure(method.settings(), &format!("SELECT id FROM texts WHERE {condition}")).await
    }

    /// The same for any query on the copy.
    pub(super) async fn measure(&self, settings: &str, query: &str) -> Result<Explained, LabError> {
        let explain = "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON)";
        let sql = format!("BEGIN; {settings}\n{explain} {query};\n{explain} {query};\nROLLBACK");
        let text = self.session.value(&sql).await?.unwrap_or_default();
        underpin_plan::read(&text).map_err(|error| LabError::Unexpected(error.to_string()))
    }

    /// Returns the session and the configuration, for what is asked beside.
    pub(super) fn asks(&self) -> (&Session, &str) {
        (self.session, &self.source.config)
    }
}

/// Returns how a plan reached its rows.
fn access(plan: &Explained) -> String {
    let nodes = plan.root.all();
    match nodes.iter().find_map(|node| node.index.as_deref()) {
        Some(index) => index.trim_start_matches("texts_").trim_end_matches("_idx").to_owned() + " index",
        None => "all rows".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_each_method() {
        assert_eq!(Method::Scan.condition("simple", "50%_'"), "body ILIKE  E'%50\\\\%\\\\_''%'");
        assert_eq!(
            Method::WordBeginnings.condition("english", "rust"),
            "document @@ to_tsquery('english', '''rust'':*')"
        );
    }
}
