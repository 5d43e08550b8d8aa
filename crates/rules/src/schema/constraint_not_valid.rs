//! Constraints that hold for new rows only.

use underpin_model::catalog::{Constraint, ConstraintKind, Table};
use underpin_model::sql_text::quote_identifier;
use underpin_model::{Code, Finding, Severity};

use crate::rule::{Context, SchemaRule};
use crate::scope;
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::{counted, grouped};

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::warning("UP139", "constraint-not-valid", "a constraint that was never validated"),
    page: include_str!("../../../../docs/codes/constraint-not-valid.md"),
    find: suspicions,
};

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    context
        .tables()
        .flat_map(|table| table.constraints.iter().map(move |constraint| (table, constraint)))
        .filter(|(_, constraint)| !constraint.validated)
        .filter_map(|(table, constraint)| suspicion(context, table, constraint))
        .collect()
}

fn suspicion(context: &Context<'_>, table: &Table, constraint: &Constraint) -> Option<Suspicion> {
    let violation = match constraint.kind {
        ConstraintKind::Check => format!("NOT {}", check_expression(&constraint.definition)?),
        ConstraintKind::ForeignKey => orphan(context, constraint)?,
        _ => return None,
    };
    let sql = format!(
        "SELECT count(*) AS rows, count(*) FILTER (WHERE {violation}) AS violating FROM {} c",
        table.quoted()
    );
    let is_check = constraint.kind == ConstraintKind::Check;
    let name = format!("{}.{}", scope::label(table), constraint.name);
    Some(Suspicion::new(draft(table, constraint), sql, move |answer, draft| {
        let violating = answer.int("violating");
        let fact = format!(
            "{name} is NOT VALID: {} of {} violate it, and the planner may not rely on it.",
            grouped(violating),
            counted(answer.int("rows"), "row")
        );
        // Rows without their parent are what orphan-values reports.
        Some(draft.rated((is_check && violating > 0).then_some(Severity::Error)).saying(fact))
    }))
}

fn draft(table: &Table, constraint: &Constraint) -> Finding {
    let hint = format!(
        "ALTER TABLE {} VALIDATE CONSTRAINT {};",
        sql::table(table),
        sql::identifier(&constraint.name)
    );
    let message = format!("{}.{}: {}", scope::label(table), constraint.name, RULE.code.title);
    Finding::new(&RULE.code, message).object(scope::constraint_object(table, constraint)).hint(hint)
}

/// Returns the parenthesised expression of `CHECK ((…)) NOT VALID`.
fn check_expression(definition: &str) -> Option<&str> {
    let rest = definition.strip_prefix("CHECK ")?;
    Some(&rest[..=rest.rfind(')')?])
}

fn orphan(context: &Context<'_>, constraint: &Constraint) -> Option<String> {
    let reference = constraint.reference.as_ref()?;
    let target = context.catalog.table(&reference.schema, &reference.table)?;
    let pairs = constraint.columns.iter().zip(&reference.columns);
    let join: Vec<String> = pairs
        .map(|(child, parent)| format!("p.{} = c.{}", quote_identifier(parent), quote_identifier(child)))
        .collect();
    let columns: Vec<String> =
        constraint.columns.iter().map(|name| format!("c.{}", quote_identifier(name))).collect();
    Some(format!(
        "num_nulls({}) = 0 AND NOT EXISTS (SELECT FROM {} p WHERE {})",
        columns.join(", "),
        target.quoted(),
        join.join(" AND ")
    ))
}

#[cfg(test)]
mod tests {
    use super::check_expression;

    #[test]
    fn the_expression_is_cut_out_of_the_definition() {
        assert_eq!(
            check_expression("CHECK ((price >= (0)::numeric)) NOT VALID"),
            Some("((price >= (0)::numeric))")
        );
        assert_eq!(check_expression("CHECK ((a > 0)) NO INHERIT NOT VALID"), Some("((a > 0))"));
    }
}
