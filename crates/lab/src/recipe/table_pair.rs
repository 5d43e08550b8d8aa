//! Columns that move between two tables with the same key: a table split in two, or two merged. A trigger on each keeps
//! the other one equal.

use underpin_model::catalog::{Column, Table};

use super::names::{fill, list, name, qualified};
use super::sketch::{Version, at_key, value};
use super::{Place, RecipeError, RecipeFile, find};

/// The wide table, and the narrow one that shares its key.
struct Pair<'a> {
    place: &'a Place<'a>,
    narrow: String,
    /// The narrow table's key columns, in the order of the wide one's.
    narrow_key: Vec<String>,
    columns: Vec<&'a Column>,
}

/// Returns the folder of a table of which columns move to a new one.
pub(super) fn split(place: &Place<'_>, to: &str, columns: &[String]) -> Result<Vec<RecipeFile>, RecipeError> {
    if place.catalog.table(&place.table.schema, to).is_some() {
        return Err(RecipeError::Taken(to.to_owned()));
    }
    let mut moved = Vec::new();
    for column in columns {
        place.refuse_dependents(column)?;
        let found = place.column(column)?;
        if found.default.is_some() {
            // The new version's INSERT leaves the column out, and the default would make a row of the new table.
            return Err(RecipeError::Unknown(format!(
                "{column} has a default, so nobody can tell who wrote it"
            )));
        }
        moved.push(found);
    }
    let narrow = Table { name: to.to_owned(), ..place.table.clone() };
    let narrow_key = place.key();
    let pair = Pair { place, narrow: qualified(&narrow), narrow_key, columns: moved };
    let table = place.table();
    let not_null: Vec<&&Column> = pair.columns.iter().filter(|column| column.not_null).collect();
    let alter = |what: &str| -> String {
        let line =
            |column: &&&Column| format!("ALTER TABLE {table} ALTER COLUMN {} {what};\n", name(&column.name));
        not_null.iter().map(line).collect()
    };
    let expand = format!("{}{}{}", pair.new_table(), alter("DROP NOT NULL"), pair.triggers());
    let drops: Vec<String> =
        pair.columns.iter().map(|one| format!("DROP COLUMN {}", name(&one.name))).collect();
    let contract = format!("{}ALTER TABLE {table} {};\n", pair.drop_triggers(), drops.join(", "));
    let revert = format!("{}DROP TABLE {};\n{}", pair.drop_triggers(), pair.narrow, alter("SET NOT NULL"));
    let old = pair.writes();
    Ok(vec![
        RecipeFile { name: "expand.sql", text: expand },
        place.touching(""),
        pair.verify(),
        RecipeFile { name: "contract.sql", text: contract },
        RecipeFile { name: "revert.sql", text: revert },
        place.sketch(Version::Old, &old),
        pair.narrow_sketch(Version::New, &old),
    ])
}

/// Returns the folder of a table that takes another one in.
pub(super) fn merge(place: &Place<'_>, from: &str) -> Result<Vec<RecipeFile>, RecipeError> {
    let narrow = find(place.catalog, from)?;
    let narrow_place = Place { catalog: place.catalog, table: narrow, name: place.name };
    let narrow_key = shared_key(place.table, narrow)?;
    let referring = place
        .catalog
        .foreign_keys()
        .filter(|(_, _, reference)| (&reference.schema, &reference.table) == (&narrow.schema, &narrow.name));
    let referring: Vec<String> =
        referring.map(|(table, one, _)| format!("the foreign key {} of {}", one.name, table.name)).collect();
    if !referring.is_empty() {
        return Err(RecipeError::Depends(referring));
    }
    let columns: Vec<&Column> =
        narrow.columns.iter().filter(|column| !narrow.primary_key().contains(&column.name)).collect();
    for column in &columns {
        narrow_place.column(&column.name)?;
        narrow_place.refuse_dependents(&column.name)?;
        if place.table.column(&column.name).is_some() {
            return Err(RecipeError::Taken(column.name.clone()));
        }
    }
    let narrow_key = narrow_key.iter().map(|column| name(column)).collect();
    let pair = Pair { place, narrow: qualified(narrow), narrow_key, columns };
    let table = place.table();
    let adds: Vec<String> =
        pair.columns.iter().map(|one| format!("ADD COLUMN {} {}", name(&one.name), one.type_name)).collect();
    let drops: Vec<String> =
        pair.columns.iter().map(|one| format!("DROP COLUMN {}", name(&one.name))).collect();
    let expand = format!("ALTER TABLE {table} {};\n{}", adds.join(", "), pair.triggers());
    let contract = format!("{}DROP TABLE {};\n", pair.drop_triggers(), pair.narrow);
    let revert = format!("{}ALTER TABLE {table} {};\n", pair.drop_triggers(), drops.join(", "));
    let writes: Vec<(String, String)> =
        pair.columns.iter().map(|one| (name(&one.name), unqualified(value(narrow, one)))).collect();
    Ok(vec![
        RecipeFile { name: "expand.sql", text: expand },
        narrow_place.touching(""),
        pair.verify(),
        RecipeFile { name: "contract.sql", text: contract },
        RecipeFile { name: "revert.sql", text: revert },
        narrow_place.sketch(Version::Old, &writes),
        place.sketch(Version::New, &writes),
    ])
}

/// Returns the narrow table's key columns that refer to the wide table's key.
fn shared_key(wide: &Table, narrow: &Table) -> Result<Vec<String>, RecipeError> {
    let shared = narrow.constraints.iter().find_map(|constraint| {
        let reference = constraint.reference.as_ref()?;
        let same = (&reference.schema, &reference.table) == (&wide.schema, &wide.name)
            && constraint.columns == narrow.primary_key()
            && reference.columns == wide.primary_key();
        same.then(|| constraint.columns.clone())
    });
    shared.ok_or_else(|| {
        RecipeError::Unknown(format!(
            "the primary key of {} is no foreign key to that of {}",
            narrow.name, wide.name
        ))
    })
}

/// Returns a value without the table in front, which the other version's table is not.
fn unqualified(value: String) -> String {
    match value.rsplit_once('.') {
        Some((_, column)) if !value.contains('(') => column.to_owned(),
        _ => value,
    }
}

impl Pair<'_> {
    fn column_names(&self) -> Vec<String> {
        self.columns.iter().map(|column| name(&column.name)).collect()
    }

    fn writes(&self) -> Vec<(String, String)> {
        self.columns.iter().map(|one| (name(&one.name), unqualified(value(self.place.table, one)))).collect()
    }

    fn new_table(&self) -> String {
        let key_columns =
            self.place.table.columns.iter().filter(|one| self.place.table.primary_key().contains(&one.name));
        let column = |column: &Column, not_null: bool| {
            format!(
                "    {} {}{},\n",
                name(&column.name),
                column.type_name,
                if not_null { " NOT NULL" } else { "" }
            )
        };
        let columns: String = key_columns
            .map(|one| column(one, true))
            .chain(self.columns.iter().map(|one| column(one, one.not_null)))
            .collect();
        let (key, wide) = (self.narrow_key.join(", "), self.place.table());
        let own = format!("{}.{}", self.place.table.schema, self.place.table.name);
        let grants =
            self.place.catalog.grants.iter().filter(|grant| grant.on == "table" && grant.object == own);
        let grants: String = grants
            .map(|grant| {
                format!("GRANT {} ON {} TO {};\n", grant.privilege, self.narrow, name(&grant.grantee))
            })
            .collect();
        format!(
            "CREATE TABLE {} (\n{columns}    PRIMARY KEY ({key}),\n    FOREIGN KEY ({key}) REFERENCES {wide} ON DELETE CASCADE\n);\n{grants}",
            self.narrow
        )
    }

    fn triggers(&self) -> String {
        let (sync, wide, narrow) = (self.place.sync(), self.place.table(), &self.narrow);
        let (key, narrow_key, columns) = (self.place.key(), &self.narrow_key, self.column_names());
        let row = |row: &str, columns: &[String]| {
            columns.iter().map(|column| format!("{row}.{column}")).collect::<Vec<_>>().join(", ")
        };
        let same_key: Vec<String> =
            key.iter().zip(narrow_key).map(|(wide, narrow)| format!("n.{narrow} = NEW.{wide}")).collect();
        let set = |row: &str| {
            columns.iter().map(|column| format!("{column} = {row}.{column}")).collect::<Vec<_>>().join(", ")
        };
        let nulls = columns.iter().map(|column| format!("{column} = NULL")).collect::<Vec<_>>().join(", ");
        let at = |record: &str| {
            let pairs = key.iter().zip(narrow_key);
            pairs
                .map(|(wide, narrow)| format!("w.{wide} = {record}.{narrow}"))
                .collect::<Vec<_>>()
                .join(" AND ")
        };
        let required: Vec<String> = self
            .columns
            .iter()
            .filter(|one| one.not_null)
            .map(|one| format!("NEW.{} IS NULL", name(&one.name)))
            .collect();
        let without = match required.is_empty() {
            true => format!(
                "num_nonnulls({}) = 0 THEN\n        UPDATE {narrow} AS n SET {nulls} WHERE {} AND num_nonnulls({}) > 0;",
                row("NEW", &columns),
                same_key.join(" AND "),
                row("n", &columns)
            ),
            false => format!(
                "{} THEN\n        DELETE FROM {narrow} AS n WHERE {};",
                required.join(" OR "),
                same_key.join(" AND ")
            ),
        };
        let values = [
            ("sync", sync),
            ("wide", wide),
            ("narrow", narrow.clone()),
            ("without", without),
            ("insert", narrow_key.iter().chain(&columns).cloned().collect::<Vec<_>>().join(", ")),
            ("values", [row("NEW", &key), row("NEW", &columns)].join(", ")),
            ("conflict", narrow_key.join(", ")),
            ("excluded", set("excluded")),
            ("own", row("n", &columns)),
            ("new", row("NEW", &columns)),
            ("wides", row("w", &columns)),
            ("nulls", nulls),
            ("from_new", set("NEW")),
            ("at_old", at("OLD")),
            ("at_new", at("NEW")),
        ];
        let values: Vec<(&str, &str)> = values.iter().map(|(word, value)| (*word, value.as_str())).collect();
        fill(include_str!("table_triggers.sql"), &values)
    }

    fn drop_triggers(&self) -> String {
        let sync = self.place.sync();
        format!(
            "DROP TRIGGER {sync} ON {};\nDROP TRIGGER {sync} ON {};\nDROP FUNCTION {sync}_narrow();\nDROP FUNCTION {sync}_wide();\n",
            self.place.table(),
            self.narrow
        )
    }

    fn verify(&self) -> RecipeFile {
        let (wide, narrow, columns) = (self.place.table(), &self.narrow, self.column_names());
        let row = |row: &str| columns.iter().map(|one| format!("{row}.{one}")).collect::<Vec<_>>().join(", ");
        let on = self.place.key().into_iter().zip(&self.narrow_key);
        let on: Vec<String> = on.map(|(wide, narrow)| format!("n.{narrow} = w.{wide}")).collect();
        let key: Vec<String> = self.place.key().iter().map(|key| format!("w.{key}")).collect();
        let text = format!(
            "-- Rows that the two tables do not agree about; no row there is as good as NULLs here.\n\
             SELECT {}\nFROM {wide} AS w\nLEFT JOIN {narrow} AS n ON {}\nWHERE ({}) IS DISTINCT FROM ({});\n",
            key.join(", "),
            on.join(" AND "),
            row("w"),
            row("n")
        );
        RecipeFile { name: "verify.sql", text }
    }

    /// Returns a script that writes the narrow table's row of a random row of the wide one.
    fn narrow_sketch(&self, version: Version, writes: &[(String, String)]) -> RecipeFile {
        let columns = list(self.columns.iter().map(|column| &column.name));
        let set: Vec<String> = writes.iter().map(|(column, value)| format!("{column} = {value}")).collect();
        let text = format!(
            "{}UPDATE {narrow} SET {} WHERE {at};\nSELECT {columns} FROM {narrow} WHERE {at};\nCOMMIT;\n",
            self.place.chosen(version),
            set.join(", "),
            narrow = self.narrow,
            at = at_key(&self.narrow_key),
        );
        let file = if version == Version::Old { "old.sql" } else { "new.sql" };
        RecipeFile { name: file, text }
    }
}
