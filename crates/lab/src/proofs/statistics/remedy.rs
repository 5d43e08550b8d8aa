//! What may repair an estimate, from the least to the most.

use std::collections::{BTreeMap, BTreeSet};

use underpin_model::sql_text::{quote_identifier, quote_qualified};
use underpin_plan::PlanNode;
use underpin_plan::condition::{self, Side};

/// The cause that a number of distinct values repairs.
const N_DISTINCT: &str =
    "n_distinct is wrong, since the sample does not show how many different values there are";

/// One remedy.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Remedy {
    /// The statement for a migration.
    pub sql: String,
    /// The same with an ANALYZE, for a transaction that is rolled back.
    pub try_sql: String,
    /// Names of the tables whose estimates it changes.
    pub tables: BTreeSet<String>,
    /// Why the estimate is wrong, when this repairs it.
    pub why: &'static str,
}

impl Remedy {
    fn new((table, quoted): (&str, &str), sql: String, why: &'static str) -> Remedy {
        let try_sql =
            if sql.starts_with("ANALYZE") { sql.clone() } else { format!("{sql};\nANALYZE {quoted}") };
        Remedy { sql, try_sql, tables: [table.to_owned()].into(), why }
    }
}

/// A column that a node asks of.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Column {
    /// Schema of the table.
    pub schema: String,
    /// The table.
    pub table: String,
    /// The column.
    pub name: String,
}

/// A column of which the server believes a wrong number of distinct values.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Distinct {
    /// The column.
    pub column: Column,
    /// The number to set, below zero as a part of the rows.
    pub n_distinct: f64,
}

/// What a node asks of one table.
#[derive(Debug, Default)]
struct Asked {
    schema: String,
    columns: BTreeSet<String>,
    expressions: BTreeSet<String>,
    grouped: BTreeSet<String>,
}

/// Returns the columns that a node asks of the tables below it.
pub(super) fn columns(node: &PlanNode) -> Vec<Column> {
    let of_table = |(table, asked): (String, Asked)| {
        let column = move |name| Column { schema: asked.schema.clone(), table: table.clone(), name };
        asked.columns.into_iter().map(column).collect::<Vec<_>>()
    };
    asked(node).into_iter().flat_map(of_table).collect()
}

/// Returns what may repair the estimate of a node, the cheapest first; `wrong` are columns with a wrong number of distinct
/// values.
///
/// A number of distinct values comes before a larger target: it makes no ANALYZE read more, and no plan look through more
/// frequent values.
pub(super) fn remedies(node: &PlanNode, wrong: &[Distinct]) -> Vec<Remedy> {
    let mut found = Vec::new();
    for (table, asked) in asked(node) {
        let quoted = quote_qualified(&asked.schema, &table);
        let place = (table.as_str(), quoted.as_str());
        found.push(Remedy::new(place, format!("ANALYZE {quoted}"), "the statistics are stale"));
        for one in wrong.iter().filter(|one| one.column.schema == asked.schema && one.column.table == table) {
            let column = quote_identifier(&one.column.name);
            let sql =
                format!("ALTER TABLE {quoted} ALTER COLUMN {column} SET (n_distinct = {})", one.n_distinct);
            found.push(Remedy::new(place, sql, N_DISTINCT));
        }
        let columns: Vec<String> = asked.columns.iter().map(|column| quote_identifier(column)).collect();
        for column in &columns {
            let sql = format!("ALTER TABLE {quoted} ALTER COLUMN {column} SET STATISTICS 1000");
            found.push(Remedy::new(place, sql, "the values are skewed, and the sample too small to show it"));
        }
        let name = |kind: &str| {
            let mut name = format!("{table}_{}", asked.columns.iter().cloned().collect::<Vec<_>>().join("_"));
            name.truncate(
                name.char_indices()
                    .take_while(|(at, _)| *at < 50)
                    .map(|(at, c)| at + c.len_utf8())
                    .last()
                    .unwrap_or(0),
            );
            quote_qualified(&asked.schema, &format!("{name}_{kind}"))
        };
        for expression in &asked.expressions {
            let sql = format!("CREATE STATISTICS {} ON ({expression}) FROM {quoted}", name("expr"));
            found.push(Remedy::new(place, sql, "nothing is known of the expression"));
        }
        // Eight columns at most (STATS_MAX_DIMENSIONS).
        if (2..=8).contains(&columns.len()) {
            for kind in ["dependencies", "mcv"] {
                let sql = format!(
                    "CREATE STATISTICS {} ({kind}) ON {} FROM {quoted}",
                    name(kind),
                    columns.join(", ")
                );
                found.push(Remedy::new(place, sql, "the columns depend on each other"));
            }
        }
        let grouped: Vec<String> = asked.grouped.iter().map(|column| quote_identifier(column)).collect();
        if (2..=8).contains(&grouped.len()) {
            let sql = format!(
                "CREATE STATISTICS {} (ndistinct) ON {} FROM {quoted}",
                name("ndistinct"),
                grouped.join(", ")
            );
            found.push(Remedy::new(place, sql, "the grouped columns depend on each other"));
        }
    }
    found
}

/// Returns what a node and its conditions ask of each table below it.
fn asked(node: &PlanNode) -> BTreeMap<String, Asked> {
    let mut places: BTreeMap<String, (String, String)> = BTreeMap::new();
    for below in node.all() {
        if let (Some(relation), Some(alias)) = (&below.relation, &below.alias) {
            let schema = relation.schema.clone().unwrap_or_else(|| "public".to_owned());
            places.insert(alias.clone(), (schema, relation.name.clone()));
        }
    }
    let mut found: BTreeMap<String, Asked> = BTreeMap::new();
    let mut add = |alias: Option<&String>, put: &dyn Fn(&mut Asked)| {
        let place = match alias {
            Some(alias) => places.get(alias),
            None => places.values().next().filter(|_| places.len() == 1),
        };
        if let Some((schema, table)) = place {
            let asked = found.entry(table.clone()).or_default();
            asked.schema.clone_from(schema);
            put(asked);
        }
    };
    let bitmap = node
        .all()
        .into_iter()
        .filter(|below| std::ptr::eq(*below, node) || below.kind == "Bitmap Index Scan");
    for (_, text) in bitmap.flat_map(|below| &below.conditions) {
        for column in condition::columns(text) {
            add(column.alias.as_ref(), &|asked| {
                asked.columns.insert(column.column.clone());
            });
        }
        for one in condition::alternatives(text) {
            for side in [Some(&one.left), one.right.as_ref()].into_iter().flatten() {
                match side {
                    Side::Expression(columns, sql) if columns.len() == 1 && !sql.contains('$') => {
                        add(columns[0].alias.as_ref(), &|asked| {
                            asked.expressions.insert(sql.clone());
                        });
                    }
                    Side::Cast(column, to) => {
                        let sql = format!("{}::{to}", quote_identifier(&column.column));
                        add(column.alias.as_ref(), &|asked| {
                            asked.expressions.insert(sql.clone());
                        });
                    }
                    _ => {}
                }
            }
        }
    }
    for (_, keys) in node.keys.iter().filter(|(label, _)| label == "Group Key") {
        for column in keys.iter().flat_map(|key| condition::columns(key)) {
            add(column.alias.as_ref(), &|asked| {
                asked.grouped.insert(column.column.clone());
                asked.columns.insert(column.column.clone());
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_comes_first_and_each_fits_its_cause() {
        let plan = underpin_plan::read(
            r#"[{"Plan": {"Node Type": "Seq Scan", "Relation Name": "addresses", "Schema": "public", "Alias": "a",
            "Filter": "((a.city = 'Rome'::text) AND (a.country = 'IT'::text) AND (lower(a.street) = 'x'::text))"}}]"#,
        )
        .unwrap();
        assert_eq!(columns(&plan.root).len(), 3);
        let [_, _, street] = columns(&plan.root).try_into().unwrap();
        let street = Distinct { column: street, n_distinct: -0.25 };
        let sql: Vec<String> = remedies(&plan.root, &[street]).into_iter().map(|remedy| remedy.sql).collect();
        assert_eq!(sql[0], "ANALYZE \"public\".\"addresses\"");
        assert!(sql[1].ends_with("ALTER COLUMN \"street\" SET (n_distinct = -0.25)"), "{sql:?}");
        assert!(sql[2].ends_with("ALTER COLUMN \"city\" SET STATISTICS 1000"), "{sql:?}");
        assert!(sql.iter().any(|one| one.contains("ON (lower(street)) FROM")), "{sql:?}");
        assert!(sql[sql.len() - 2].contains("(dependencies) ON \"city\", \"country\""), "{sql:?}");
    }
}
