//! What rests on a column: what a recipe carries over, and what has to be moved by hand.

use underpin_model::catalog::{Constraint, ConstraintKind, Index};

use super::names::{derived, name, names_column, with_columns};
use super::{Place, RecipeError};

/// What a recipe carries over from one column to another.
#[derive(Default)]
pub(super) struct Carried {
    /// `CREATE INDEX CONCURRENTLY …` for expand.
    pub(super) indexes: Vec<String>,
    /// Constraints that expand adds NOT VALID and contract validates: name and definition.
    pub(super) constraints: Vec<(String, String)>,
    /// `GRANT … (column)` for expand.
    pub(super) grants: Vec<String>,
}

impl Place<'_> {
    /// Refuses a column on which something rests that no recipe moves.
    pub(super) fn refuse_dependents(&self, column: &str) -> Result<(), RecipeError> {
        let own = format!("{}.{}", self.table.schema, self.table.name);
        let mut found: Vec<String> = Vec::new();
        let views = self.catalog.views.iter().filter(|view| view.reads.contains(&own));
        let views = views.filter(|view| names_anywhere(&view.definition, column));
        found.extend(views.map(|view| format!("the view {}.{}", view.schema, view.name)));
        let policies = self.table.policies.iter().filter(|policy| {
            [&policy.using, &policy.with_check].into_iter().flatten().any(|text| names_anywhere(text, column))
        });
        found.extend(policies.map(|policy| format!("the policy {}", policy.name)));
        let triggers = self.table.triggers.iter().filter(|one| names_anywhere(&one.definition, column));
        found.extend(triggers.map(|trigger| format!("the trigger {}", trigger.name)));
        let generated = self.table.columns.iter().filter(|one| {
            one.generated.as_ref().is_some_and(|expression| names_anywhere(expression, column))
        });
        found.extend(generated.map(|one| format!("the generated column {}", one.name)));
        let referring = self.catalog.foreign_keys().filter(|(_, _, reference)| {
            (&reference.schema, &reference.table) == (&self.table.schema, &self.table.name)
                && reference.columns.iter().any(|referred| referred == column)
        });
        found.extend(
            referring.map(|(table, constraint, _)| {
                format!("the foreign key {} of {}", constraint.name, table.name)
            }),
        );
        if found.is_empty() { Ok(()) } else { Err(RecipeError::Depends(found)) }
    }

    /// Returns indexes, constraints and grants of one column, written for another one.
    pub(super) fn carried(&self, column: &str, to: &str) -> Carried {
        let indexes = self.table.indexes.iter().filter(|index| index_names(index, column));
        let constraints = self.table.constraints.iter().filter(|constraint| {
            matches!(constraint.kind, ConstraintKind::Check | ConstraintKind::ForeignKey)
                && names_column(&constraint.definition, column)
        });
        let object = format!("{}.{}.{column}", self.table.schema, self.table.name);
        let grants =
            self.catalog.grants.iter().filter(|grant| grant.on == "column" && grant.object == object);
        Carried {
            indexes: indexes.map(|index| index_for(index, column, to)).collect(),
            constraints: constraints.map(|constraint| constraint_for(constraint, column, to)).collect(),
            grants: grants
                .map(|grant| {
                    let (privilege, table) = (&grant.privilege, self.table());
                    format!("GRANT {privilege} ({}) ON {table} TO {};\n", name(to), name(&grant.grantee))
                })
                .collect(),
        }
    }
}

/// Returns whether a text names the column, with its table or without.
fn names_anywhere(text: &str, column: &str) -> bool {
    names_column(&text.replace('.', " "), column)
}

fn index_names(index: &Index, column: &str) -> bool {
    let texts = index.keys.iter().chain(&index.include).chain(&index.predicate);
    texts.into_iter().any(|text| names_column(text, column))
}

fn index_for(index: &Index, column: &str, to: &str) -> String {
    let unique = if index.unique { "UNIQUE " } else { "" };
    let on = index.definition.find(" ON ").map_or("", |at| &index.definition[at..]);
    let on = with_columns(on, &[column], |_| name(to));
    format!(
        "CREATE {unique}INDEX CONCURRENTLY IF NOT EXISTS {}{on};\n",
        name(&derived(&index.name, column, to))
    )
}

fn constraint_for(constraint: &Constraint, column: &str, to: &str) -> (String, String) {
    let definition = constraint.definition.trim_end_matches(" NOT VALID");
    (derived(&constraint.name, column, to), with_columns(definition, &[column], |_| name(to)))
}
