//! Tables of entity, attribute and value: a schema inside a column.

use underpin_model::catalog::Table;
use underpin_model::sql_text::quote_identifier;
use underpin_model::{Code, Severity};

use crate::names;
use crate::rule::{Context, SchemaRule};
use crate::scope::{self, Field};
use crate::suspicion::{Restate, Suspicion};
use crate::wording::{counted, grouped};

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::warning("UP116", "eav", "an entity-attribute-value table"),
    page: include_str!("../../../../docs/codes/eav.md"),
    find: suspicions,
};

/// More columns than these and the table says something of its own.
const MOST_COLUMNS: usize = 8;

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    context.tables().filter_map(suspicion).collect()
}

fn suspicion(table: &Table) -> Option<Suspicion> {
    const ATTRIBUTES: [&str; 14] = [
        "attribute",
        "attribute_name",
        "attr",
        "attr_name",
        "key",
        "meta_key",
        "property",
        "property_name",
        "field",
        "field_name",
        "attribute_key",
        "attribute_id",
        "property_id",
        "field_id",
    ];
    const VALUES: [&str; 8] = [
        "value",
        "val",
        "meta_value",
        "attribute_value",
        "attr_value",
        "property_value",
        "field_value",
        "text_value",
    ];
    let entity = entity(table, &ATTRIBUTES)?;
    let attribute = ATTRIBUTES.into_iter().find(|name| table.column(name).is_some())?;
    let value = VALUES.into_iter().filter_map(|name| table.column(name)).next()?;
    let field = Field { table, column: value };
    let any_type = field.is_text() || matches!(value.base_type.as_str(), "json" | "jsonb");
    if table.columns.len() > MOST_COLUMNS || !any_type {
        return None;
    }
    let value = field.quoted();
    let sql = format!(
        "SELECT count(*) AS rows, count(DISTINCT {}) AS entities, count(DISTINCT {}) AS attributes, \
         count(*) FILTER (WHERE {value}::text ~ '^\"?-?[0-9]+([.][0-9]+)?\"?$') AS numbers, \
         count(*) FILTER (WHERE {value}::text ~ '^\"?[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}') AS dates FROM {}",
        quote_identifier(entity),
        quote_identifier(attribute),
        table.quoted()
    );
    let preferences = names::has_word(
        &table.name,
        &["setting", "settings", "preference", "preferences", "config", "options"],
    );
    let hint = format!(
        "make the attributes that every {entity} has columns with types and constraints; keep the rest in \
         one jsonb column."
    );
    let label = scope::label(table);
    let draft = scope::draft(table, &RULE.code).rated(preferences.then_some(Severity::Note)).hint(hint);
    Some(Suspicion::new(draft, sql, move |answer, draft| {
        let (entities, attributes) = (answer.int("entities"), answer.int("attributes"));
        let fact = format!(
            "{label} keeps {} of {} in {}: {} of the values are numbers and {} are dates, all without type \
             or constraint.",
            counted(attributes, "attribute"),
            counted(entities, "thing"),
            counted(answer.int("rows"), "row"),
            grouped(answer.int("numbers")),
            grouped(answer.int("dates"))
        );
        (attributes >= 2 && answer.int("rows") > entities).then(|| draft.saying(fact))
    }))
}

/// Returns the column that names the thing described.
fn entity<'a>(table: &'a Table, attributes: &[&str]) -> Option<&'a str> {
    let describes = |name: &str| {
        (name.ends_with("_id") || name == "entity")
            && !attributes.contains(&name)
            && !name.starts_with("locale")
    };
    let translated = ["locale", "language", "lang"].iter().any(|name| table.column(name).is_some());
    table.columns.iter().map(|column| column.name.as_str()).find(|name| describes(name) && !translated)
}
