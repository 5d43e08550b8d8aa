//! A column that stays and becomes NOT NULL, and one that goes.

use super::names::{fill, name};
use super::sketch::{Version, value};
use super::{Place, RecipeError, RecipeFile};

/// Returns the folder of a column that no longer takes NULL.
pub(super) fn add_not_null(
    place: &Place<'_>,
    column: &str,
    value_of_null: &str,
) -> Result<Vec<RecipeFile>, RecipeError> {
    let found = place.column(column)?;
    if found.not_null {
        return Err(RecipeError::Unknown(format!("{column} is NOT NULL already")));
    }
    let (table, sync, plain) = (place.table(), place.sync(), name(column));
    let check = name(&format!("{}_{column}_not_null", place.table.name));
    let expand = fill(
        include_str!("not_null_trigger.sql"),
        &[
            ("sync", &sync),
            ("table", &table),
            ("column", &plain),
            ("value", value_of_null),
            ("check", &check),
        ],
    );
    let verify = format!("SELECT {} FROM {table} WHERE {plain} IS NULL;\n", place.key().join(", "));
    let contract = format!(
        "-- no-transaction\n-- Validating reads the table and blocks nobody; SET NOT NULL then believes the constraint.\n\
         {}DROP TRIGGER IF EXISTS {sync} ON {table};\nDROP FUNCTION IF EXISTS {sync}();\n",
        place.set_not_null(&plain, &check)
    );
    let revert = format!(
        "-- Back to before expand.sql; values that were put in the place of NULL stay.\n\
         DROP TRIGGER {sync} ON {table};\nDROP FUNCTION {sync}();\nALTER TABLE {table} DROP CONSTRAINT {check};\n"
    );
    Ok(vec![
        RecipeFile { name: "expand.sql", text: expand },
        place.touching(&format!("\n    AND {plain} IS NULL")),
        RecipeFile { name: "verify.sql", text: verify },
        RecipeFile { name: "contract.sql", text: contract },
        RecipeFile { name: "revert.sql", text: revert },
        place.sketch(Version::Old, &[(plain.clone(), "NULL".to_owned())]),
        place.sketch(Version::New, &[(plain, value_of_null.to_owned())]),
    ])
}

/// Returns the folder of a column that goes.
pub(super) fn drop_column(place: &Place<'_>, column: &str) -> Result<Vec<RecipeFile>, RecipeError> {
    let found = place.column(column)?;
    place.refuse_dependents(column)?;
    let (table, plain) = (place.table(), name(column));
    // The new version no longer names the column, so an INSERT has to do without.
    let loosened = found.not_null && found.default.is_none();
    let alter = |what: &str| format!("ALTER TABLE {table} ALTER COLUMN {plain} {what};\n");
    let nothing = || "-- The column may be left out already: nothing to do.\n".to_owned();
    let expand = if loosened { alter("DROP NOT NULL") } else { nothing() };
    let revert = if loosened { alter("SET NOT NULL") } else { nothing() };
    let others = place.table.columns.iter().filter(|one| {
        one.name != column && !place.table.primary_key().contains(&one.name) && one.generated.is_none()
    });
    let other = others.map(|one| (name(&one.name), value(place.table, one))).next();
    let key = place.key()[0].clone();
    let new = other.unwrap_or_else(|| (key.clone(), key));
    Ok(vec![
        RecipeFile { name: "expand.sql", text: expand },
        RecipeFile { name: "contract.sql", text: format!("ALTER TABLE {table} DROP COLUMN {plain};\n") },
        RecipeFile { name: "revert.sql", text: revert },
        place.sketch(Version::Old, &[(plain, value(place.table, found))]),
        place.sketch(Version::New, &[new]),
    ])
}
