//! The bad and the good schema of a rule, read from its page so that page and test cannot drift apart.

/// A schema that breaks a rule and one that keeps it; each runs on an empty database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example {
    /// The rule fires here, at its usual severity, and no other rule does above a note.
    pub bad: &'static str,
    /// No rule says more than a note here.
    pub good: &'static str,
}

impl Example {
    /// Returns the fenced blocks "sql bad" and "sql good" of a page; empty where one is absent.
    pub(crate) fn of_page(page: &'static str) -> Example {
        Example { bad: block(page, "```sql bad\n"), good: block(page, "```sql good\n") }
    }
}

fn block(page: &'static str, fence: &str) -> &'static str {
    let Some((_, rest)) = page.split_once(fence) else { return "" };
    rest.split_once("\n```").map_or("", |(sql, _)| sql)
}
