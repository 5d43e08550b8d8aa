//! Numbered columns that are a list in disguise.

use std::collections::BTreeMap;

use underpin_model::Code;
use underpin_model::catalog::{Column, Table};
use underpin_model::sql_text::quote_identifier;

use crate::names;
use crate::rule::{Context, SchemaRule};
use crate::scope::{self, Field};
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::{counted, grouped};

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::warning("UP114", "repeating-group", "numbered columns that are a list"),
    page: include_str!("../../../../docs/codes/repeating-group.md"),
    find: suspicions,
};

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    context
        .tables()
        .flat_map(|table| groups(table).into_iter().map(move |group| suspicion(table, &group)))
        .collect()
}

/// Returns the groups of columns that differ only in a number at the end: `phone1`, `phone2`, or `phone`,
/// `phone2`.
fn groups(table: &Table) -> Vec<Vec<&Column>> {
    let mut by_stem: BTreeMap<(&str, &str), Vec<(u32, &Column)>> = BTreeMap::new();
    for column in &table.columns {
        if let Some((stem, number)) = numbered(&column.name) {
            by_stem.entry((stem, &column.base_type)).or_default().push((number, column));
        }
    }
    by_stem.into_iter().filter_map(|((stem, base), group)| list_of(table, (stem, base), group)).collect()
}

fn list_of<'a>(
    table: &'a Table,
    (stem, base): (&str, &str),
    mut group: Vec<(u32, &'a Column)>,
) -> Option<Vec<&'a Column>> {
    group.sort_by_key(|(number, _)| *number);
    let first = table.column(stem).filter(|column| column.base_type == base);
    if let Some(first) = first.filter(|_| group.first().is_some_and(|(number, _)| *number == 2)) {
        group.insert(0, (1, first));
    }
    let starts = group.first().is_some_and(|(number, _)| *number <= 1);
    let consecutive = group.windows(2).all(|pair| pair[1].0 == pair[0].0 + 1);
    (group.len() > 1 && starts && consecutive).then(|| group.into_iter().map(|(_, column)| column).collect())
}

/// Returns stem and number of a numbered name; names whose number is part of the word have none.
fn numbered(name: &str) -> Option<(&str, u32)> {
    const NO_LISTS: [&str; 17] = [
        "line",
        "address",
        "addr",
        "street",
        "sha",
        "md",
        "utf",
        "iso",
        "ipv",
        "base",
        "level",
        "quarter",
        "q",
        "day",
        "week",
        "month",
        "percentile",
    ];
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = name[stem.len()..].parse().ok()?;
    let stem = stem.trim_end_matches('_');
    let last = names::words(stem).pop()?;
    (stem.len() > 1 && number < 30 && !NO_LISTS.iter().any(|word| last.ends_with(word)))
        .then_some((stem, number))
}

fn suspicion(table: &Table, group: &[&Column]) -> Suspicion {
    let quoted: Vec<String> = group.iter().map(|column| quote_identifier(&column.name)).collect();
    let all = quoted.join(", ");
    let (first, rest) = (&quoted[0], quoted[1..].join(", "));
    let sql = format!(
        "SELECT count(*) AS rows, count(*) FILTER (WHERE num_nonnulls({all}) = {}) AS full_rows, \
         count(*) FILTER (WHERE {first} IS NULL AND num_nonnulls({rest}) > 0) AS gaps FROM {}",
        group.len(),
        table.quoted()
    );
    let (stem, _) = numbered(&group[1].name).unwrap_or((&group[0].name, 1));
    let one = names::singular(&table.name);
    let hint = format!(
        "move the values to a table of their own, CREATE TABLE {one}_{stem}s ({one}_id … REFERENCES {}, \
         position int, \
         {stem} {}), one row each.",
        sql::table(table),
        group[0].type_name
    );
    let draft = Field { table, column: group[0] }.draft(&RULE.code).hint(hint);
    let names: Vec<&str> = group.iter().map(|column| column.name.as_str()).collect();
    let (label, names, slots) = (scope::label(table), names.join(", "), group.len());
    Suspicion::new(draft, sql, move |answer, draft| {
        let (full, gaps) = (answer.int("full_rows"), grouped(answer.int("gaps")));
        let rows = counted(answer.int("rows"), "row");
        let fact = format!(
            "{label} keeps a list in {slots} columns ({names}): of {rows}, {} have no place left and \
             {gaps} leave the first one empty.",
            grouped(full)
        );
        Some(draft.saying(fact))
    })
}

#[cfg(test)]
mod tests {
    use super::numbered;

    #[test]
    fn numbers_that_belong_to_the_word_are_no_lists() {
        assert_eq!(numbered("phone2"), Some(("phone", 2)));
        assert_eq!(numbered("tag_3"), Some(("tag", 3)));
        for name in ["address_line1", "address2", "sha256", "md5", "x1", "q4", "born_1990", "phone"] {
            assert_eq!(numbered(name), None, "{name}");
        }
    }
}
