//! Values with which a query is examined: those of its header, a hot, a rare and an absent one.
//!
//! Which column a parameter is compared with is read from the generic plan, so views need not be understood. How often
//! a value occurs is counted, not looked up in the statistics: a sample would give another value after each ANALYZE,
//! and a plan for another value is another plan.

use std::collections::BTreeMap;

use underpin_model::catalog::Catalog;
use underpin_model::project::Query;
use underpin_model::sql_text::{quote_identifier, quote_literal, quote_qualified};
use underpin_pg::Session;
use underpin_plan::parameter::{Compared, compared_columns};

use super::{Asked, Mode, Planner};
use crate::error::LabError;
use crate::params;

/// Values under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Set {
    /// `given`, `hot`, `rare` or `absent`.
    pub name: String,
    /// In the order of the parameters.
    pub values: Vec<Option<String>>,
}

/// Answers that were looked up before: many queries ask for the same columns.
#[derive(Debug, Default)]
pub(crate) struct Known(BTreeMap<String, Option<Vec<Option<String>>>>);

/// Chooses values for queries.
pub(crate) struct Chooser<'a> {
    /// Explains and asks.
    pub planner: &'a Planner,
    /// Of the template.
    pub catalog: &'a Catalog,
    /// What was asked before.
    pub known: Known,
}

impl Chooser<'_> {
    /// Returns the parameter sets of a query, the one of its header first; equal ones once.
    pub(crate) async fn sets(&mut self, query: &Query) -> Result<Vec<Set>, LabError> {
        let session = self.planner.session();
        let evaluated = params::evaluate(session, &query.name, &query.params).await?;
        let given: Vec<Option<String>> =
            query.params.iter().map(|param| evaluated.get(&param.name).cloned().flatten()).collect();
        let mut sets = vec![Set { name: "given".to_owned(), values: given.clone() }];
        if query.params.is_empty() {
            return Ok(sets);
        }
        let asked = Asked { query, values: &given, mode: Mode::Generic };
        let plan = self.planner.plan(asked, "").await?;
        let compared: Vec<Compared> = compared_columns(&plan.root)
            .into_iter()
            .filter(|one| one.parameter >= 1 && one.parameter <= given.len())
            .collect();
        for (name, order) in [("hot", "DESC"), ("rare", "ASC")] {
            let mut values = given.clone();
            for group in by_relation(&compared) {
                self.fill(group, order, &mut values).await?;
            }
            push_new(&mut sets, name, values);
        }
        if let Some(one) = compared.first()
            && let Some(value) = self.absent(one).await?
        {
            let mut values = given.clone();
            values[one.parameter - 1] = Some(listed(one, &value));
            push_new(&mut sets, "absent", values);
        }
        Ok(sets)
    }

    /// Puts the combination of values that occurs most or least often into `values`.
    async fn fill(
        &mut self,
        group: Vec<&Compared>,
        order: &str,
        values: &mut [Option<String>],
    ) -> Result<(), LabError> {
        let Some(first) = group.first() else { return Ok(()) };
        let columns: Vec<String> = group.iter().map(|one| quote_identifier(&one.column)).collect();
        let texts: Vec<String> = columns.iter().map(|column| format!("{column}::text")).collect();
        let present: Vec<String> = columns.iter().map(|column| format!("{column} IS NOT NULL")).collect();
        let ties: Vec<String> = texts.iter().map(|text| format!("{text} COLLATE \"C\" {order}")).collect();
        let sql = format!(
            "SELECT {} FROM {} WHERE {} GROUP BY {} ORDER BY count(*) {order}, {} LIMIT 1",
            texts.join(", "),
            quote_qualified(&first.schema, &first.table),
            present.join(" AND "),
            columns.join(", "),
            ties.join(", ")
        );
        let Some(found) = self.ask(sql).await? else { return Ok(()) };
        for (one, value) in group.iter().zip(found) {
            if let Some(value) = value {
                values[one.parameter - 1] = Some(listed(one, &value));
            }
        }
        Ok(())
    }

    /// Returns a value of the column's type that no row has, where there is an obvious one.
    async fn absent(&mut self, one: &Compared) -> Result<Option<String>, LabError> {
        let column = self.catalog.table(&one.schema, &one.table).and_then(|table| table.column(&one.column));
        let Some(column) = column else { return Ok(None) };
        let (name, table) = (quote_identifier(&one.column), quote_qualified(&one.schema, &one.table));
        let expression = match (column.type_category.as_str(), column.base_type.as_str()) {
            ("N", _) => format!("max({name}) + 1"),
            ("D", _) => format!("max({name}) + interval '1 day'"),
            (_, "uuid") => "'ffffffff-ffff-4fff-bfff-ffffffffffff'::uuid".to_owned(),
            ("S", _) | (_, "citext") => quote_literal("underpin-absent"),
            _ => return Ok(None),
        };
        // A value that no row has and that the type holds; refused where max + 1 is beyond it.
        let cast = column.type_name.replace('\n', " ");
        let sql = format!(
            "SELECT v::text FROM (SELECT ({expression})::{cast} AS v FROM {table}) AS x WHERE NOT EXISTS (SELECT FROM {table} WHERE {name} = v) LIMIT 1"
        );
        Ok(self.ask(sql).await?.and_then(|row| row.into_iter().next()).flatten())
    }

    /// Returns the first row of an answer; nothing when there is none or the server refuses.
    async fn ask(&mut self, sql: String) -> Result<Option<Vec<Option<String>>>, LabError> {
        if let Some(known) = self.known.0.get(&sql) {
            return Ok(known.clone());
        }
        let session: &Session = self.planner.session();
        let answer = match session.rows(&sql).await {
            Ok(rows) => rows.rows.into_iter().next(),
            Err(error) if error.sqlstate().is_some() => None,
            Err(error) => return Err(error.into()),
        };
        self.known.0.insert(sql, answer.clone());
        Ok(answer)
    }
}

/// Returns a value as the parameter takes it: an array of one where it is compared with `= ANY`.
fn listed(one: &Compared, value: &str) -> String {
    match one.any {
        true => format!("{{\"{}\"}}", value.replace('\\', "\\\\").replace('"', "\\\"")),
        false => value.to_owned(),
    }
}

fn by_relation(compared: &[Compared]) -> Vec<Vec<&Compared>> {
    let mut groups: BTreeMap<(&str, &str), Vec<&Compared>> = BTreeMap::new();
    for one in compared {
        groups.entry((&one.schema, &one.table)).or_default().push(one);
    }
    groups.into_values().collect()
}

fn push_new(sets: &mut Vec<Set>, name: &str, values: Vec<Option<String>>) {
    if sets.iter().all(|set| set.values != values) {
        sets.push(Set { name: name.to_owned(), values });
    }
}
