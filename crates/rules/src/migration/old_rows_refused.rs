//! A constraint NOT VALID that rows from before do not keep: they are refused at their next change.

use underpin_model::deployment::{Deployment, Punished};
use underpin_model::{Code, Finding};

use super::MigrationRule;
use super::told::{at, table};
use crate::wording::grouped;

pub(super) static RULE: MigrationRule = MigrationRule {
    code: Code::warning(
        "UP416",
        "old-rows-refused",
        "a constraint NOT VALID refuses rows from before at their next change",
    ),
    page: include_str!("../../../../docs/codes/old-rows-refused.md"),
    find: finding,
};

fn finding(deployment: &Deployment) -> Vec<Finding> {
    deployment.punished.iter().filter_map(|punished| one(deployment, punished)).collect()
}

fn one(deployment: &Deployment, punished: &Punished) -> Option<Finding> {
    let Punished { table: name, constraint, rows } = punished;
    let names = |sql: &str| sql.contains(constraint.as_str());
    let by_words = |sql: &str| sql.to_lowercase().contains("valid");
    let mut steps = deployment.steps.iter();
    let step = steps.find(|step| names(&step.statement.sql));
    let step = step.or_else(|| deployment.steps.iter().find(|step| by_words(&step.statement.sql)))?;
    let (count, do_not) =
        (grouped(i64::try_from(*rows).unwrap_or(i64::MAX)), if *rows == 1 { "row of" } else { "rows of" });
    let message = format!(
        "{count} {do_not} {name} from before do not keep {constraint}: from now on every UPDATE of one is refused, whichever \
         column it sets."
    );
    let hint = "Repair the rows first, in a migration of their own, or let a trigger mend them on their way.";
    Some(at(&RULE.code, deployment, step, message).object(table(name)).hint(hint))
}
