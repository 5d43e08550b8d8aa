//! Stored values that repeat what other rows or columns already say, with nobody named to keep them right.

use underpin_model::catalog::Table;
use underpin_model::sql_text::quote_identifier;
use underpin_model::{Code, Severity};

use crate::names;
use crate::rule::{Context, SchemaRule};
use crate::scope::{self, Field, ForeignKey};
use crate::sql;
use crate::suspicion::{Restate, Suspicion};
use crate::wording::{counted, grouped};

pub(crate) static RULE: SchemaRule = SchemaRule {
    code: Code::warning("UP113", "derived-column", "a stored value that can be computed"),
    page: include_str!("../../../../docs/codes/derived-column.md"),
    find: suspicions,
};

/// Fewer rows agree by accident.
const ENOUGH_ROWS: i64 = 10;

/// Columns of a detail row that a total may add up.
const SUMMED: [&str; 8] =
    ["amount", "price", "total", "line_total", "subtotal", "total_price", "amount_cents", "price_cents"];

/// How many of something a detail row counts.
const QUANTITIES: [&str; 4] = ["quantity", "qty", "units", "count"];

/// What one of them costs.
const PRICES: [&str; 6] =
    ["unit_price", "price", "price_each", "unit_amount", "unit_price_cents", "price_cents"];

fn suspicions(context: &Context<'_>) -> Vec<Suspicion> {
    context
        .fields()
        .filter(|field| field.column.type_category == "N" && field.column.generated.is_none())
        .filter(|field| !is_declared(context, *field))
        .filter(|field| !field.in_primary_key() && !field.in_foreign_key())
        .flat_map(|field| from_children(context, field).into_iter().chain(from_own_row(field)))
        .collect()
}

/// Returns whether the project says itself that the value is derived, or checks it.
fn is_declared(context: &Context<'_>, field: Field<'_>) -> bool {
    is_annotated(field.column.comment.as_deref())
        || is_annotated(field.table.comment.as_deref())
        || is_recounted(context, field.table, Some(field.name()))
}

/// Returns whether a comment declares a deliberate denormalisation.
pub(super) fn is_annotated(comment: Option<&str>) -> bool {
    let start = comment.unwrap_or("").trim_start().to_lowercase();
    start.starts_with("denormalised") || start.starts_with("denormalized")
}

/// Returns whether an invariant recounts the column, or any column of the table when none is given.
pub(super) fn is_recounted(context: &Context<'_>, table: &Table, column: Option<&str>) -> bool {
    let prefixes = [format!("{}.", table.name), format!("{}.{}.", table.schema, table.name)];
    context.invariants.iter().flat_map(|invariant| &invariant.recounts).any(|recount| {
        let of_table = prefixes.iter().filter_map(|prefix| recount.strip_prefix(prefix.as_str()));
        of_table.into_iter().any(|name| column.is_none_or(|column| column == name))
    })
}

/// Returns one suspicion per way in which the column may be computed from a referencing table.
fn from_children(context: &Context<'_>, field: Field<'_>) -> Vec<Suspicion> {
    let [key] = field.table.primary_key() else { return Vec::new() };
    context
        .references()
        .filter(|child| std::ptr::eq(child.target, field.table) && !std::ptr::eq(child.table, field.table))
        .filter(|child| child.reference.columns.as_slice() == [key.clone()])
        .flat_map(|child| {
            let formulas = formulas(field, child.table);
            formulas
                .into_iter()
                .map(move |formula| suspicion(field, &child, key, &formula))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// An aggregate over the detail rows: as SQL, and as people read it.
struct Formula {
    sql: String,
    shown: String,
}

fn formulas(field: Field<'_>, child: &Table) -> Vec<Formula> {
    let words = names::words(field.name());
    let counts =
        words.iter().any(|word| matches!(word.as_str(), "count" | "num" | "number" | "total" | "qty"));
    let named = names::singulars(&child.name)
        .iter()
        .chain([&child.name])
        .any(|one| field.name().contains(one.as_str()));
    let mut formulas = Vec::new();
    if field.is_integer() && counts && (named || field.name().ends_with("_count")) {
        formulas
            .push(Formula { sql: "count(*)".to_owned(), shown: format!("count of {}", scope::label(child)) });
    }
    let totals =
        words.iter().any(|word| matches!(word.as_str(), "total" | "amount" | "sum" | "balance" | "subtotal"));
    if totals {
        formulas.extend(sums(field, child));
    }
    formulas
}

fn sums(field: Field<'_>, child: &Table) -> Vec<Formula> {
    let numeric = |name: &str| child.column(name).is_some_and(|column| column.type_category == "N");
    let plain = SUMMED.into_iter().chain([field.name()]).filter(|name| numeric(name));
    let mut terms: Vec<(String, String)> =
        plain.map(|name| (format!("d.{}", quote_identifier(name)), name.to_owned())).collect();
    terms.dedup();
    for quantity in QUANTITIES.into_iter().filter(|name| numeric(name)) {
        for price in PRICES.into_iter().filter(|name| numeric(name)) {
            let product = format!("d.{} * d.{}", quote_identifier(quantity), quote_identifier(price));
            terms.push((product, format!("{quantity} * {price}")));
        }
    }
    let label = scope::label(child);
    terms
        .into_iter()
        .map(|(sql, shown)| Formula {
            sql: format!("sum({sql})"),
            shown: format!("sum of {shown} over {label}"),
        })
        .collect()
}

fn suspicion(field: Field<'_>, child: &ForeignKey<'_>, key: &str, formula: &Formula) -> Suspicion {
    let (column, key) = (field.quoted(), quote_identifier(key));
    let reference = quote_identifier(&child.constraint.columns[0]);
    let sql = format!(
        "SELECT count(*) AS rows, count(*) FILTER (WHERE p.{column} IS NOT DISTINCT FROM coalesce(d.v, 0)) \
         AS equal, \
         count(DISTINCT p.{column}) AS different, count(*) FILTER (WHERE d.v IS NOT NULL) AS with_details \
         FROM {} p \
         LEFT JOIN (SELECT d.{reference} AS k, {} AS v FROM {} d GROUP BY 1) d ON d.k = p.{key}",
        field.table.quoted(),
        formula.sql,
        child.table.quoted()
    );
    let draft = field.draft(&RULE.code).hint(hint(field));
    let (label, shown) = (field.label(), formula.shown.clone());
    Suspicion::new(draft, sql, move |answer, draft| {
        let (rows, equal) = (answer.int("rows"), answer.int("equal"));
        let varied = answer.int("different") > 1 && answer.int("with_details") > 1;
        // One row in fifty may have drifted already; more of them and the likeness is an accident.
        let derived = rows >= ENOUGH_ROWS && varied && equal * 50 >= rows * 49;
        let fact = if equal == rows {
            format!(
                "{label} equals the {shown} in all {}, and nothing says who keeps it so.",
                counted(rows, "row")
            )
        } else {
            let wrong = grouped(rows - equal);
            format!(
                "{label} is the {shown} in {} of {}: {wrong} have drifted.",
                grouped(equal),
                counted(rows, "row")
            )
        };
        derived.then(|| draft.rated((equal < rows).then_some(Severity::Error)).saying(fact))
    })
}

fn hint(field: Field<'_>) -> String {
    format!(
        "COMMENT ON COLUMN {}.{} IS 'Denormalised: why, and which trigger keeps it'; then let an invariant \
         with \
         `-- recount: {}.{}` prove it, or drop the column.",
        sql::table(field.table),
        sql::identifier(field.name()),
        field.table.name,
        field.name()
    )
}

/// Returns the suspicion that a total of the row is the product of two of its columns.
fn from_own_row(field: Field<'_>) -> Option<Suspicion> {
    if !names::has_word(field.name(), &["total", "amount", "subtotal"]) {
        return None;
    }
    let numeric = |name: &&str| field.table.column(name).is_some_and(|column| column.type_category == "N");
    let quantity = QUANTITIES.into_iter().find(|name| numeric(name))?;
    let price = PRICES.into_iter().find(|name| numeric(name) && *name != field.name())?;
    let (column, product) =
        (field.quoted(), format!("{} * {}", quote_identifier(quantity), quote_identifier(price)));
    let sql = format!(
        "SELECT count(*) AS rows, count(*) FILTER (WHERE {column} = {product}) AS equal, \
         count(DISTINCT {column}) AS different FROM {}",
        field.table.quoted()
    );
    let hint = format!(
        "replace it by a column {} {} GENERATED ALWAYS AS ({quantity} * {price}) STORED, or compute it in \
         a view.",
        sql::identifier(field.name()),
        field.column.type_name
    );
    let label = field.label();
    Some(Suspicion::new(field.draft(&RULE.code).hint(hint), sql, move |answer, draft| {
        let (rows, equal) = (answer.int("rows"), answer.int("equal"));
        let fact =
            format!("{label} equals {quantity} * {price} of the same row in all {}.", counted(rows, "row"));
        (rows >= ENOUGH_ROWS && equal == rows && answer.int("different") > 1).then(|| draft.saying(fact))
    }))
}
