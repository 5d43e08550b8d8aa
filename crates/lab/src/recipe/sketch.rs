//! `old.sql` and `new.sql`: a row is chosen, written and read, as the two versions of the application name it.

use underpin_model::catalog::{Column, ConstraintKind, Table};

use super::names::{name, qualified};
use super::{Place, RecipeFile};

/// Which version of the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// Before the change.
    Old,
    /// After it.
    New,
}

impl Version {
    fn file(self) -> &'static str {
        match self {
            Version::Old => "old.sql",
            Version::New => "new.sql",
        }
    }
}

impl Place<'_> {
    /// Returns a script that writes columns of a random row of the table and reads them again.
    pub(super) fn sketch(&self, version: Version, writes: &[(String, String)]) -> RecipeFile {
        let (table, key) = (self.table(), self.key());
        let set: Vec<String> = writes.iter().map(|(column, value)| format!("{column} = {value}")).collect();
        let columns: Vec<&str> = writes.iter().map(|(column, _)| column.as_str()).collect();
        let update = format!("UPDATE {table} SET {} WHERE {};\n", set.join(", "), at_key(&key));
        let select = format!("SELECT {} FROM {table} WHERE {};\n", columns.join(", "), at_key(&key));
        RecipeFile { name: version.file(), text: self.chosen(version) + &update + &select + "COMMIT;\n" }
    }

    /// Returns the beginning of a script: a random row's key in variables.
    pub(super) fn chosen(&self, version: Version) -> String {
        let which = match version {
            Version::Old => "before expand",
            Version::New => "after the backfill",
        };
        let keys = self.key();
        let aliases: Vec<String> =
            keys.iter().enumerate().map(|(nth, key)| format!("{key} AS key_{}", nth + 1)).collect();
        format!(
            "-- A sketch of what the version {which} runs. Replace it by what your application does.\n\
             BEGIN;\nSELECT {} FROM {} ORDER BY random() LIMIT 1 \\gset\n",
            aliases.join(", "),
            self.table()
        )
    }
}

/// Returns the condition that finds the chosen row.
pub(super) fn at_key(key: &[String]) -> String {
    let part = |(nth, key): (usize, &String)| format!("{key} = :key_{}", nth + 1);
    key.iter().enumerate().map(part).collect::<Vec<_>>().join(" AND ")
}

/// Returns a value to write: a random one where any value of the type will do, the column's own elsewhere.
pub(super) fn value(table: &Table, column: &Column) -> String {
    let bound = table.constraints.iter().any(|constraint| {
        let named = constraint.columns.contains(&column.name);
        named && constraint.kind != ConstraintKind::PrimaryKey
    });
    let indexed = table.indexes.iter().any(|index| index.unique && index.keys.contains(&column.name));
    let free = !bound && !indexed && column.domain.is_none();
    match (free, column.base_type.as_str(), column.type_name.as_str()) {
        (true, "text", _) | (true, "varchar", "character varying") => "md5(random()::text)".to_owned(),
        (true, "int2" | "int4" | "int8" | "numeric" | "float4" | "float8", _) => {
            "floor(random() * 100)::int".to_owned()
        }
        (true, "bool", _) => "random() < 0.5".to_owned(),
        _ => format!("{}.{}", qualified(table), name(&column.name)),
    }
}
