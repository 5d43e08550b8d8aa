//! What names mean: singular and plural, and the vocabulary that tells money, identifiers and secrets.

/// Words that PostgreSQL reserves: categories R and T of `pg_get_keywords()` (manual, appendix C).
///
/// Only a first sieve; the server itself is asked before anything is reported.
pub(crate) const RESERVED: [&str; 100] = [
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "binary",
    "both",
    "case",
    "cast",
    "check",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "false",
    "fetch",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "group",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "intersect",
    "into",
    "is",
    "isnull",
    "join",
    "lateral",
    "leading",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "natural",
    "not",
    "notnull",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "outer",
    "overlaps",
    "placing",
    "primary",
    "references",
    "returning",
    "right",
    "select",
    "session_user",
    "similar",
    "some",
    "symmetric",
    "system_user",
    "table",
    "tablesample",
    "then",
    "to",
    "trailing",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
];

/// Plurals that no rule of spelling gives.
const IRREGULAR: [(&str, &str); 12] = [
    ("people", "person"),
    ("children", "child"),
    ("men", "man"),
    ("women", "woman"),
    ("feet", "foot"),
    ("mice", "mouse"),
    ("data", "datum"),
    ("media", "medium"),
    ("criteria", "criterion"),
    ("indices", "index"),
    ("matrices", "matrix"),
    ("vertices", "vertex"),
];

/// Nouns that stand for many things without an `s`.
const UNCOUNTABLE: [&str; 30] = [
    "metadata",
    "information",
    "equipment",
    "staff",
    "history",
    "audit",
    "outbox",
    "inbox",
    "inventory",
    "feedback",
    "software",
    "hardware",
    "research",
    "stock",
    "content",
    "membership",
    "enrollment_history",
    "telemetry",
    "usage",
    "traffic",
    "mail",
    "email_queue",
    "queue",
    "ledger",
    "log",
    "journal",
    "archive",
    "backlog",
    "cache",
    "attendance",
];

/// Returns the words of a snake_case (or camelCase) name, in lower case.
pub(crate) fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_lower = false;
    for c in name.chars() {
        let boundary = !c.is_alphanumeric() || (c.is_uppercase() && after_lower);
        if boundary && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
        after_lower = c.is_lowercase() || c.is_ascii_digit();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Returns whether one of the name's words is in the list.
pub(crate) fn has_word(name: &str, list: &[&str]) -> bool {
    words(name).iter().any(|word| list.contains(&word.as_str()))
}

/// Returns the singular forms that a plural table name may have, the likeliest first; the name itself comes
/// last.
pub(crate) fn singulars(plural: &str) -> Vec<String> {
    let (head, last) = plural.rsplit_once('_').map_or(("", plural), |(head, last)| (head, last));
    let join = |word: String| if head.is_empty() { word } else { format!("{head}_{word}") };
    let mut forms: Vec<String> = IRREGULAR
        .iter()
        .filter(|(many, _)| *many == last)
        .map(|(_, one)| (*one).to_owned())
        .chain(regular_singulars(last))
        .map(join)
        .collect();
    forms.push(plural.to_owned());
    forms
}

fn regular_singulars(word: &str) -> Vec<String> {
    if word.ends_with("ss") || !word.ends_with('s') || word.len() < 3 {
        return Vec::new();
    }
    let one = word[..word.len() - 1].to_owned();
    if let Some(stem) = word.strip_suffix("ies") {
        return vec![format!("{stem}y"), one];
    }
    let sibilant =
        ["sses", "xes", "ches", "shes", "zes", "uses", "ases"].iter().any(|end| word.ends_with(end));
    match word.strip_suffix("es").filter(|_| sibilant) {
        Some(stem) if word.ends_with("ases") || word.ends_with("auses") => vec![one, stem.to_owned()],
        Some(stem) => vec![stem.to_owned(), one],
        None => vec![one],
    }
}

/// Returns the likeliest singular of a table's name.
pub(crate) fn singular(plural: &str) -> String {
    singulars(plural).swap_remove(0)
}

/// Returns whether a table's name reads as a plural, or as a noun that has none.
pub(crate) fn is_plural(name: &str) -> bool {
    let last = name.rsplit('_').next().unwrap_or(name);
    let irregular = IRREGULAR.iter().any(|(many, _)| *many == last);
    irregular || UNCOUNTABLE.contains(&last) || (last.ends_with('s') && !last.ends_with("ss"))
}

/// How surely a name means an amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Money {
    /// The name says nothing of money.
    No,
    /// It may be an amount of anything.
    Perhaps,
    /// Nothing else has such a name.
    Surely,
}

/// Words that only amounts of money bear.
const SURELY_MONEY: [&str; 23] = [
    "price",
    "cost",
    "fee",
    "balance",
    "salary",
    "revenue",
    "payout",
    "refund",
    "subtotal",
    "paid",
    "wage",
    "usd",
    "eur",
    "gbp",
    "money",
    "cents",
    "charge",
    "deposit",
    "debt",
    "tip",
    "prices",
    "fees",
    "surcharge",
];

/// Words of amounts of anything, of money in a table of trade.
const PERHAPS_MONEY: [&str; 8] = ["amount", "total", "tax", "discount", "budget", "credit", "debit", "due"];

/// Words of measures and keys; they outweigh a word of money, as in `tax_rate`.
const NO_MONEY: [&str; 30] = [
    "rate",
    "ratio",
    "percent",
    "percentage",
    "pct",
    "factor",
    "score",
    "weight",
    "share",
    "count",
    "index",
    "quantity",
    "seconds",
    "minutes",
    "hours",
    "days",
    "id",
    "at",
    "kg",
    "km",
    "ml",
    "size",
    "rank",
    "elasticity",
    "multiplier",
    "points",
    "distance",
    "time",
    "level",
    "grams",
];

/// Singular names of tables whose amounts are money.
const TRADE: [&str; 27] = [
    "order",
    "payment",
    "purchase",
    "invoice",
    "transaction",
    "transfer",
    "ledger",
    "account",
    "refund",
    "expense",
    "salary",
    "charge",
    "billing",
    "bill",
    "subscription",
    "donation",
    "payout",
    "sale",
    "receipt",
    "quote",
    "booking",
    "wallet",
    "checkout",
    "cart",
    "contract",
    "payroll",
    "product",
];

/// Returns how surely a column of a table is an amount of money.
pub(crate) fn money(column: &str, table: &str) -> Money {
    if has_word(column, &NO_MONEY) {
        return Money::No;
    }
    let in_trade = words(table).iter().any(|word| TRADE.contains(&singular(word).as_str()));
    match (has_word(column, &SURELY_MONEY), has_word(column, &PERHAPS_MONEY)) {
        (true, _) => Money::Surely,
        (false, true) if in_trade => Money::Surely,
        (false, true) => Money::Perhaps,
        (false, false) => Money::No,
    }
}

/// Returns whether a table records what happened elsewhere and must outlive the rows that it names.
pub(crate) fn is_record_of_events(table: &str) -> bool {
    const EVENTS: [&str; 14] = [
        "outbox",
        "inbox",
        "audit",
        "audits",
        "log",
        "logs",
        "event",
        "events",
        "history",
        "activity",
        "activities",
        "journal",
        "changes",
        "webhook",
    ];
    has_word(table, &EVENTS)
}

/// Returns whether a name says that the value was issued by somebody else.
pub(crate) fn is_foreign_to_us(name: &str) -> bool {
    const OUTSIDE: [&str; 34] = [
        "external",
        "ext",
        "remote",
        "legacy",
        "old",
        "provider",
        "stripe",
        "paypal",
        "github",
        "google",
        "facebook",
        "twitter",
        "apple",
        "slack",
        "aws",
        "shopify",
        "salesforce",
        "hubspot",
        "twilio",
        "firebase",
        "auth0",
        "clerk",
        "public",
        "trace",
        "span",
        "request",
        "correlation",
        "device",
        "upstream",
        "partner",
        "vendor",
        "foreign",
        "source",
        "gateway",
    ];
    has_word(name, &OUTSIDE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn singulars_follow_spelling() {
        let of = |plural: &str| singular(plural);
        assert_eq!(of("users"), "user");
        assert_eq!(of("order_items"), "order_item");
        assert_eq!(of("categories"), "category");
        assert_eq!(of("addresses"), "address");
        assert_eq!(of("courses"), "course");
        assert_eq!(of("purchases"), "purchase");
        assert_eq!(of("boxes"), "box");
        assert_eq!(of("people"), "person");
        assert_eq!(of("progress"), "progress");
        assert!(singulars("aliases").contains(&"alias".to_owned()));
        assert!(singulars("movies").contains(&"movie".to_owned()));
        assert!(singulars("causes").contains(&"cause".to_owned()));
    }

    #[test]
    fn plurals_and_nouns_without_one_pass() {
        assert!(
            is_plural("users")
                && is_plural("people")
                && is_plural("outbox")
                && is_plural("lesson_progresses")
        );
        assert!(!is_plural("user") && !is_plural("address"));
    }

    #[test]
    fn money_needs_a_money_word() {
        assert_eq!(money("price", "things"), Money::Surely);
        assert_eq!(money("amount", "payments"), Money::Surely);
        assert_eq!(money("amount", "ingredients"), Money::Perhaps);
        assert_eq!(money("tax_rate", "invoices"), Money::No);
        assert_eq!(money("totalPaid", "x"), Money::Surely);
        assert_eq!(money("latitude", "orders"), Money::No);
    }
}
