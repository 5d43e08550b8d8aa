//! Values that refer to rows which do not exist.

use underpin_model::sql_text::quote_identifier;
use underpin_model::{Code, Severity};

use crate::implied_reference::{ImpliedReference, implied_references};
use crate::rule::{Context, SchemaRule};
use crate::scope::{self, ForeignKey};
use crate::sql;
use crate::suspicion::{Answer, Restate, Suspicion};
use crate::wording::{counted, grouped, percent};

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::error("UP140", "orphan-values", "values whose referenced row is missing"),
    page: include_str!("../../../../docs/codes/orphan-values.md"),
    find: suspicions,
};

/// Below this share of matching values the name is a coincidence, not a reference.
const BELIEVABLE_PERCENT: i64 = 50;

/// From this share on the strays are damage; below it the reference may be meant to outlive its target.
const CERTAIN_PERCENT: i64 = 90;

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    let implied = implied_references(context);
    let unproven = context.references().filter(|key| !key.constraint.validated);
    implied.iter().map(of_implied).chain(unproven.map(|key| of_foreign_key(&key))).collect()
}

fn of_implied(implied: &ImpliedReference<'_>) -> Suspicion {
    let (table, target) = (sql::table(implied.field.table), sql::table(implied.target));
    let (column, key) = (sql::identifier(implied.field.name()), sql::identifier(&implied.key.name));
    let hint = format!(
        "SELECT * FROM {table} c WHERE {column} IS NOT NULL AND NOT EXISTS \
         (SELECT FROM {target} p WHERE p.{key} = c.{column});"
    );
    let draft = implied.field.draft(&RULE.code).hint(hint);
    let (column, target) = (implied.field.label(), scope::label(implied.target));
    Suspicion::new(draft, implied.probe(), move |answer, draft| {
        let (stored, orphans) = (answer.int("stored"), answer.int("orphans"));
        let matching = percent(stored - orphans, stored);
        let fact = message(&column, &target, answer);
        let believable = orphans > 0 && matching >= BELIEVABLE_PERCENT;
        believable
            .then(|| draft.rated((matching < CERTAIN_PERCENT).then_some(Severity::Warning)).saying(fact))
    })
}

fn of_foreign_key(key: &ForeignKey<'_>) -> Suspicion {
    let pairs = key.constraint.columns.iter().zip(&key.reference.columns);
    let join: Vec<String> = pairs
        .map(|(child, parent)| format!("p.{} = c.{}", quote_identifier(parent), quote_identifier(child)))
        .collect();
    let set: Vec<String> = key
        .constraint
        .columns
        .iter()
        .map(|column| format!("c.{} IS NOT NULL", quote_identifier(column)))
        .collect();
    let (filled, joined) = (set.join(" AND "), join.join(" AND "));
    let orphan = format!("{filled} AND NOT EXISTS (SELECT FROM {} p WHERE {joined})", key.target.quoted());
    let from = key.table.quoted();
    let sql = format!(
        "SELECT count(*) FILTER (WHERE {filled}) AS stored, \
         (SELECT count(*) FROM {from} c WHERE {orphan}) AS orphans FROM {from} c"
    );
    let draft = key.draft(&RULE.code).hint(format!("SELECT * FROM {from} c WHERE {orphan};"));
    let (column, target) = (key.label(), scope::label(key.target));
    Suspicion::new(draft, sql, move |answer, draft| {
        let fact = message(&column, &target, answer);
        (answer.int("orphans") > 0).then(|| draft.saying(fact))
    })
}

fn message(column: &str, target: &str, answer: &Answer) -> String {
    let (stored, orphans) = (counted(answer.int("stored"), "value"), grouped(answer.int("orphans")));
    format!("{column}: {orphans} of {stored} refer to no row of {target}; a join loses those rows silently.")
}
