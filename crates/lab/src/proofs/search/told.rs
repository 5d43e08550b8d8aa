//! What was compared, as tables, a chart and a sentence.

use underpin_model::Evidence;
use underpin_model::evidence::Lines;
use underpin_plan::compare::amount;

use super::methods::{Answer, Compared};
use super::surface::{Source, Surface};
use crate::proof::Outcome;

/// Adds the evidence of one source.
pub(super) fn compared(source: &Source, compared: &Compared, outcome: &mut Outcome) {
    let id = |what: &str| format!("{what}-{}-{}", source.table, source.columns.join("-"));
    let sizes = joined(&compared.sizes);
    let cap = compared.capped.as_ref().map_or_else(String::new, |why| format!("; {why}"));
    let title = format!(
        "{}: what each way to search finds, misses and costs at {sizes} rows ({}{cap})",
        source.display(),
        source.why
    );
    let columns =
        ["term", "way", "finds", "misses", "a row that it misses", "buffers", "reads", "ms (shown only)"];
    let rows = compared.answers.iter().map(line).collect();
    outcome.evidence.push(Evidence::table(&id("ways"), title, &columns, rows));
    let kind = if compared.terms.word("rare").is_some() { "rare" } else { "hot" };
    let lines = compared.answers.iter().filter(|answer| answer.term.kind == kind).map(|answer| {
        let points =
            compared.sizes.iter().zip(&answer.buffers).map(|(size, buffers)| (*size as f64, *buffers as f64));
        (answer.method.name().to_owned(), points.collect())
    });
    let chart = Lines { x_unit: "rows".to_owned(), y_unit: "buffers".to_owned(), lines: lines.collect() };
    let word = compared.terms.word(kind).unwrap_or_default();
    let title = format!("{}: looking for {word} ({kind}) as rows grow", source.display());
    outcome.evidence.push(Evidence::lines(&id("growth"), title, chart));
    if let Some(ranking) = &compared.ranking {
        let row = vec![
            ranking.word.clone(),
            ranking.matching.to_string(),
            format!("{} of 10", ranking.common),
            ranking.ranks.to_string(),
            joined(&ranking.ranked),
            joined(&ranking.keyed),
        ];
        let columns = [
            "term",
            "rows",
            "best by rank among the first by key",
            "different ranks",
            "buffers by rank",
            "buffers by key",
        ];
        let title = format!("{}: the ten best by ts_rank against the first ten by key", source.display());
        outcome.evidence.push(Evidence::table(&id("ranking"), title, &columns, vec![row]));
    }
}

fn line(answer: &Answer) -> Vec<String> {
    vec![
        format!("{} ({})", answer.term.word, answer.term.kind),
        answer.method.name().to_owned(),
        answer.found.to_string(),
        answer.missed.to_string(),
        answer.sample.clone(),
        joined(&answer.buffers),
        answer.access.clone(),
        format!("{:.1}", answer.ms),
    ]
}

fn joined(numbers: &[u64]) -> String {
    numbers.iter().map(|number| amount(*number as f64)).collect::<Vec<_>>().join(" → ")
}

/// Adds the summary.
pub(super) fn conclude(surface: &Surface<'_>, compared: usize, outcome: &mut Outcome) {
    let sizes = "as their tables grow by ten and a hundred";
    outcome.measure("sources", compared as f64, "count");
    let counted = |number: usize, one: &str, many: &str| match number {
        1 => format!("1 {one}"),
        _ => format!("{number} {many}"),
    };
    outcome.summary = format!(
        "Ran {} and {} {sizes}; compared ways to search on {}.",
        counted(surface.searches.len(), "named search", "named searches"),
        counted(surface.pages.len(), "query with an OFFSET", "queries with an OFFSET"),
        counted(compared, "text", "texts"),
    );
}
