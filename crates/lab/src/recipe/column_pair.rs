//! A column that becomes another one, or several: renamed, retyped, split. A trigger keeps both forms equal.

use underpin_model::catalog::Column;

use super::dependents::Carried;
use super::names::{fill, list, name, with_columns};
use super::sketch::{Version, value};
use super::{Change, Place, RecipeError, RecipeFile};

/// The two forms.
struct Pair<'a> {
    place: &'a Place<'a>,
    old: &'a Column,
    news: Vec<New>,
    /// The old value, over the new columns.
    to_old: String,
    carried: Carried,
}

struct New {
    name: String,
    type_name: String,
    /// The new value, over the old column.
    from_old: String,
    collation: Option<String>,
}

/// Returns the folder of a column that becomes another one, or several.
pub(super) fn write(place: &Place<'_>, change: &Change) -> Result<Vec<RecipeFile>, RecipeError> {
    let pair = Pair::of(place, change)?;
    for new in &pair.news {
        if place.table.column(&new.name).is_some() {
            return Err(RecipeError::Taken(new.name.clone()));
        }
    }
    place.refuse_dependents(&pair.old.name)?;
    let mut files = vec![pair.expand(), pair.backfill(), pair.verify(), pair.contract(), pair.revert()];
    let old = [(name(&pair.old.name), value(place.table, pair.old))];
    files.push(place.sketch(Version::Old, &old));
    let random = |new: &New| {
        // The new columns are not in the catalog yet: from the old one's value they are always valid.
        let value = with_columns(&new.from_old, &[&pair.old.name], |_| format!("({})", pair.new_value()));
        (name(&new.name), value)
    };
    let news: Vec<(String, String)> = pair.news.iter().map(random).collect();
    files.push(place.sketch(Version::New, &news));
    Ok(files)
}

impl<'a> Pair<'a> {
    fn of(place: &'a Place<'a>, change: &Change) -> Result<Pair<'a>, RecipeError> {
        let unknown = || RecipeError::Unknown("the change is none of a column".to_owned());
        let (Change::RenameColumn { column, .. }
        | Change::ChangeType { column, .. }
        | Change::SplitColumn { column, .. }) = change
        else {
            return Err(unknown());
        };
        let old = place.column(column)?;
        let same = |to: &String| New {
            name: to.clone(),
            type_name: old.type_name.clone(),
            from_old: name(column),
            collation: old.collation.clone(),
        };
        let (news, to_old, carried) = match change {
            Change::RenameColumn { to, .. } => (vec![same(to)], name(to), place.carried(column, to)),
            Change::ChangeType { to, type_name, using, back, .. } => {
                let cast = |column: &str, to: &str| format!("{}::{to}", name(column));
                let new = New {
                    name: to.clone(),
                    type_name: type_name.clone(),
                    from_old: using.clone().unwrap_or_else(|| cast(column, type_name)),
                    collation: None,
                };
                let back = back.clone().unwrap_or_else(|| cast(to, &old.type_name));
                (vec![new], back, place.carried(column, to))
            }
            Change::SplitColumn { into, join, .. } => {
                let new = |(to, from_old): &(String, String)| New { from_old: from_old.clone(), ..same(to) };
                (into.iter().map(new).collect(), join.clone(), Carried::default())
            }
            _ => return Err(unknown()),
        };
        Ok(Pair { place, old, news, to_old, carried })
    }

    fn new_names(&self) -> Vec<&str> {
        self.news.iter().map(|new| new.name.as_str()).collect()
    }

    /// Returns what the sketch of the new version writes, as a value of the old form.
    fn new_value(&self) -> String {
        match value(self.place.table, self.old) {
            own if own.contains('.') && !own.contains('(') => self.to_old.clone(),
            random => random,
        }
    }

    /// Returns whether the new form takes no NULL, which only a single new column can promise.
    fn not_null(&self) -> Option<&New> {
        self.news.first().filter(|_| self.news.len() == 1 && self.old.not_null)
    }

    fn check(&self, new: &New) -> String {
        name(&format!("{}_{}_not_null", self.place.table.name, new.name))
    }

    fn expand(&self) -> RecipeFile {
        let (table, sync) = (self.place.table(), self.place.sync());
        let mut text = String::new();
        if !self.carried.indexes.is_empty() {
            text.push_str("-- no-transaction\n");
        }
        text.push_str(&format!(
            "-- {} stands beside {} for a while. Until contract.sql this trigger keeps both equal, whichever version of the\n\
             -- application writes; an UPDATE of both follows the new form.\n\n",
            list(self.news.iter().map(|new| &new.name)),
            name(&self.old.name)
        ));
        for new in &self.news {
            let collate =
                new.collation.as_ref().map(|one| format!(" COLLATE {}", name(one))).unwrap_or_default();
            text.push_str(&format!(
                "ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {} {}{collate};\n",
                name(&new.name),
                new.type_name
            ));
        }
        text.push_str(&self.trigger(&table, &sync));
        let not_null =
            self.not_null().map(|new| (self.check(new), format!("CHECK ({} IS NOT NULL)", name(&new.name))));
        let carried =
            self.carried.constraints.iter().map(|(one, definition)| (name(one), definition.clone()));
        for (constraint, definition) in not_null.into_iter().chain(carried) {
            text.push_str(&format!(
                "ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {constraint}, ADD CONSTRAINT {constraint} {definition} NOT VALID;\n"
            ));
        }
        text.extend(self.carried.grants.iter().map(String::as_str));
        text.extend(self.carried.indexes.iter().map(String::as_str));
        RecipeFile { name: "expand.sql", text }
    }

    fn trigger(&self, table: &str, sync: &str) -> String {
        let row = |expression: &str, columns: &[&str]| {
            with_columns(expression, columns, |column| format!("NEW.{}", name(column)))
        };
        let old = name(&self.old.name);
        let to_new: Vec<String> = self
            .news
            .iter()
            .map(|new| format!("NEW.{} := {};", name(&new.name), row(&new.from_old, &[&self.old.name])))
            .collect();
        let to_new = to_new.join("\n        ");
        let to_old = format!("NEW.{old} := {};", row(&self.to_old, &self.new_names()));
        let of = |row: &str| {
            self.news.iter().map(|new| format!("{row}.{}", name(&new.name))).collect::<Vec<_>>().join(", ")
        };
        let (new, before) = (of("NEW"), of("OLD"));
        let values = [
            ("sync", sync),
            ("table", table),
            ("old", &old),
            ("new", &new),
            ("before", &before),
            ("to_old", &to_old),
            ("to_new", &to_new),
        ];
        format!("\n{}", fill(include_str!("column_trigger.sql"), &values))
    }

    fn backfill(&self) -> RecipeFile {
        let news = list(self.news.iter().map(|new| &new.name));
        let condition =
            format!("\n    AND num_nonnulls({news}) = 0 AND {} IS NOT NULL", name(&self.old.name));
        self.place.touching(&condition)
    }

    /// The forms agree when either follows from the other: what the new version wrote may not be what the
    /// old value splits into.
    fn verify(&self) -> RecipeFile {
        let (table, key) = (self.place.table(), self.place.key().join(", "));
        let old = name(&self.old.name);
        let differs: Vec<String> = self
            .news
            .iter()
            .map(|new| format!("{} IS DISTINCT FROM ({})", name(&new.name), new.from_old))
            .collect();
        let text = format!(
            "-- Rows of which neither form follows from the other.\nSELECT {key}, {old}, {}\nFROM {table}\n\
             WHERE ({})\n    AND {old} IS DISTINCT FROM ({});\n",
            list(self.news.iter().map(|new| &new.name)),
            differs.join(" OR "),
            self.to_old
        );
        RecipeFile { name: "verify.sql", text }
    }

    fn contract(&self) -> RecipeFile {
        let (table, sync, old) = (self.place.table(), self.place.sync(), name(&self.old.name));
        let mut text = "-- no-transaction\n-- Validating reads the whole table and must not do so under a strong lock, so \
                        these are no one transaction.\n-- Each statement can be run again.\n\n"
            .to_owned();
        for (constraint, _) in &self.carried.constraints {
            text.push_str(&format!("ALTER TABLE {table} VALIDATE CONSTRAINT {};\n", name(constraint)));
        }
        if let Some(new) = self.not_null() {
            text.push_str(&self.place.set_not_null(&name(&new.name), &self.check(new)));
        }
        if let Some(default) = &self.old.default {
            for new in &self.news {
                let value = with_columns(&new.from_old, &[&self.old.name], |_| {
                    format!("({default})::{}", self.old.type_name)
                });
                text.push_str(&format!(
                    "ALTER TABLE {table} ALTER COLUMN {} SET DEFAULT {value};\n",
                    name(&new.name)
                ));
            }
        }
        if self.old.not_null {
            text.push_str(&format!("-- Without the trigger nobody fills it any more.\nALTER TABLE {table} ALTER COLUMN {old} DROP NOT NULL;\n"));
        }
        text.push_str(&format!(
            "DROP TRIGGER IF EXISTS {sync} ON {table};\nDROP FUNCTION IF EXISTS {sync}();\n\
             ALTER TABLE {table} DROP COLUMN IF EXISTS {old};\n"
        ));
        RecipeFile { name: "contract.sql", text }
    }

    fn revert(&self) -> RecipeFile {
        let (table, sync) = (self.place.table(), self.place.sync());
        let drops: Vec<String> =
            self.news.iter().map(|new| format!("DROP COLUMN IF EXISTS {}", name(&new.name))).collect();
        let text = format!(
            "-- Back to before expand.sql; what the new version wrote is in {} as well.\n\
             DROP TRIGGER IF EXISTS {sync} ON {table};\nDROP FUNCTION IF EXISTS {sync}();\nALTER TABLE {table} {};\n",
            name(&self.old.name),
            drops.join(", ")
        );
        RecipeFile { name: "revert.sql", text }
    }
}
