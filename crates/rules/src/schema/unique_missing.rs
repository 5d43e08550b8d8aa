//! Natural keys that only luck keeps unique.

use underpin_model::{Code, Severity};

use crate::names;
use crate::rule::{Context, SchemaRule};
use crate::scope::Field;
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::counted;

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::error("UP106", "unique-missing", "a natural key without UNIQUE"),
    page: include_str!("../../../../docs/codes/unique-missing.md"),
    find: suspicions,
};

/// Fewer values can be distinct by accident.
const ENOUGH_ROWS: i64 = 20;

/// Names that mean one row each, and nothing else.
const KEYS: [&str; 14] = [
    "email",
    "email_address",
    "username",
    "user_name",
    "login",
    "handle",
    "slug",
    "sku",
    "isbn",
    "iban",
    "ean",
    "upc",
    "barcode",
    "vat_number",
];

/// Keys whose letter case carries no meaning.
pub(super) const CASELESS: [&str; 6] = ["email", "email_address", "username", "user_name", "login", "handle"];

/// Names that often mean one row each.
const LIKELY_KEYS: [&str; 15] = [
    "code",
    "key",
    "serial_number",
    "order_number",
    "invoice_number",
    "account_number",
    "reference",
    "external_id",
    "public_id",
    "uuid",
    "idempotency_key",
    "coupon_code",
    "invite_code",
    "certificate_number",
    "hash",
];

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    context
        .fields()
        .filter(|field| field.is_text() || field.column.base_type == "uuid")
        .filter(|field| {
            !field.in_unique_index() && !field.in_foreign_key() && field.column.generated.is_none()
        })
        .filter(|field| !names::is_record_of_events(&field.table.name))
        .filter_map(|field| Some(suspicion(field, certainty(field)?)))
        .collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Certainty {
    Sure,
    Likely,
}

/// Returns how surely the column is a key of its own table; a contact detail copied beside a reference is
/// none.
pub(super) fn is_sure_key(field: Field<'_>) -> bool {
    certainty(field) == Some(Certainty::Sure)
}

fn certainty(field: Field<'_>) -> Option<Certainty> {
    let name = field.name();
    let copied = field.table.constraints.iter().any(|constraint| constraint.reference.is_some());
    let personal = CASELESS.contains(&name);
    let outside = name.ends_with("_id") && names::is_foreign_to_us(name);
    match (KEYS.contains(&name), LIKELY_KEYS.contains(&name) || outside) {
        (true, _) if personal && copied && !is_about_people(&field.table.name) => Some(Certainty::Likely),
        (true, _) => Some(Certainty::Sure),
        (false, true) => Some(Certainty::Likely),
        (false, false) => None,
    }
}

fn is_about_people(table: &str) -> bool {
    const PEOPLE: [&str; 12] = [
        "user",
        "account",
        "customer",
        "member",
        "person",
        "employee",
        "student",
        "instructor",
        "author",
        "profile",
        "subscriber",
        "teacher",
    ];
    names::singulars(table)
        .iter()
        .any(|one| one.split('_').next_back().is_some_and(|last| PEOPLE.contains(&last)))
}

fn suspicion(field: Field<'_>, certainty: Certainty) -> Suspicion {
    let column = field.quoted();
    let folded = if field.is_text() { format!("lower({column}::text)") } else { column.clone() };
    let sql = format!(
        "SELECT count(*) AS rows, count({column}) AS stored, count(DISTINCT {folded}) AS different FROM {}",
        field.table.quoted()
    );
    let draft = field
        .draft(&RULE.code)
        .rated((certainty == Certainty::Likely).then_some(Severity::Warning))
        .hint(hint(field));
    let label = field.label();
    Suspicion::new(draft, sql, move |answer, draft| {
        let (rows, stored, different) = (answer.int("rows"), answer.int("stored"), answer.int("different"));
        let filled = if rows == stored { "every row has a value" } else { "not every row has a value" };
        let fact = format!(
            "{label}: 0 duplicates in {} and {filled}, yet no UNIQUE keeps it so.",
            counted(stored, "row")
        );
        let distinct = stored >= ENOUGH_ROWS && different == stored;
        let doubtful = certainty == Certainty::Likely && rows != stored;
        distinct.then(|| draft.rated(doubtful.then_some(Severity::Note)).saying(fact))
    })
}

fn hint(field: Field<'_>) -> String {
    let case_matters = field.column.base_type == "citext" || !CASELESS.contains(&field.name());
    if case_matters || field.table.partition_key.is_some() {
        return sql::add_unique(field.table, &[field.name()]);
    }
    let (table, column) = (sql::table(field.table), sql::identifier(field.name()));
    format!("CREATE UNIQUE INDEX CONCURRENTLY ON {table} (lower({column}));")
}
