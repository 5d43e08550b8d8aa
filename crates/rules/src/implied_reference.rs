//! Columns that name another table's key without a foreign key.

use underpin_model::catalog::{Column, Table};

use crate::names;
use crate::rule::Context;
use crate::scope::Field;

/// A column that reads as a reference.
pub(crate) struct ImpliedReference<'a> {
    /// The column.
    pub field: Field<'a>,
    /// The table that its name means.
    pub target: &'a Table,
    /// That table's primary key.
    pub key: &'a Column,
}

impl ImpliedReference<'_> {
    /// Returns the probe that counts stored values as `stored` and those without a row as `orphans`.
    pub fn probe(&self) -> String {
        let (column, key) = (self.field.quoted(), underpin_model::sql_text::quote_identifier(&self.key.name));
        format!(
            "SELECT count(c.{column}) AS stored, count(c.{column}) FILTER (WHERE p.{key} IS NULL) AS orphans \
             FROM {} c LEFT JOIN {} p ON p.{key} = c.{column}",
            self.field.table.quoted(),
            self.target.quoted()
        )
    }
}

/// Returns every column named `<singular>_id` whose type fits the primary key of that table and that no
/// foreign key covers.
///
/// Left out are values issued elsewhere (`stripe_customer_id`), halves of a polymorphic pair, and columns
/// whose comment says `no foreign key`.
pub(crate) fn implied_references<'a>(context: &Context<'a>) -> Vec<ImpliedReference<'a>> {
    let tables: Vec<&'a Table> = context.tables().collect();
    context
        .fields()
        .filter(|field| !field.in_foreign_key() && field.column.generated.is_none())
        .filter(|field| !field.comment_has(&["no foreign key"]))
        .filter_map(|field| {
            let stem = field.name().strip_suffix("_id")?;
            let paired = field.table.column(&format!("{stem}_type")).is_some();
            let target = if paired { None } else { target_of(field, stem, &tables) }?;
            let [key] = target.primary_key() else { return None };
            let key = target.column(key)?;
            let itself = std::ptr::eq(key, field.column);
            (!itself && comparable(field.column, key)).then_some(ImpliedReference { field, target, key })
        })
        .collect()
}

/// Returns the table that a stem names: `user`, then shorter ends of `created_by_user`.
fn target_of<'a>(field: Field<'a>, stem: &str, tables: &[&'a Table]) -> Option<&'a Table> {
    if names::is_foreign_to_us(stem) {
        return None;
    }
    if stem == "parent" && field.table.column("parent_type").is_none() {
        return Some(field.table);
    }
    let ends = std::iter::successors(Some(stem), |end| end.split_once('_').map(|(_, rest)| rest));
    ends.into_iter().find_map(|end| named(field, end, tables))
}

fn named<'a>(field: Field<'a>, word: &str, tables: &[&'a Table]) -> Option<&'a Table> {
    let fits = |table: &&&'a Table| names::singulars(&table.name).iter().any(|one| one == word);
    let mut candidates: Vec<&'a Table> = tables.iter().filter(fits).copied().collect();
    candidates.sort_by_key(|table| table.schema != field.table.schema);
    match candidates.as_slice() {
        [only] => Some(only),
        [first, second, ..] if first.schema == field.table.schema && second.schema != first.schema => {
            Some(first)
        }
        _ => None,
    }
}

/// Returns whether values of the two columns can be the same key: equal types, or whole numbers or texts of
/// another width.
fn comparable(column: &Column, key: &Column) -> bool {
    let family = |column: &Column| match column.base_type.as_str() {
        "int2" | "int4" | "int8" => "integer".to_owned(),
        "text" | "varchar" | "bpchar" => "text".to_owned(),
        other => other.to_owned(),
    };
    family(column) == family(key)
}
