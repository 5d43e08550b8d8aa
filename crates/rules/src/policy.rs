//! Row-level security: which column names the tenant, and what a policy's expression does.

use std::collections::BTreeMap;

use underpin_model::catalog::{Policy, Table};

use crate::rule::Context;
use crate::scope::mentions;

impl<'a> Context<'a> {
    /// Returns whether row-level security is part of this design: tenants share tables, or some table has it.
    pub(crate) fn uses_row_security(&self) -> bool {
        self.tenants_share_tables()
            || self.catalog.tables.iter().any(|table| table.row_security || !table.policies.is_empty())
    }

    fn tenants_share_tables(&self) -> bool {
        self.config.tenancy.model.as_deref() == Some("shared") && self.config.tenancy.key.is_some()
    }

    /// Returns the column that names the tenant: the configured one, or the one that most policies filter by.
    pub(crate) fn tenant_key(&self) -> Option<String> {
        if matches!(self.config.tenancy.model.as_deref(), Some("schema" | "database")) {
            return None;
        }
        self.config.tenancy.key.clone().or_else(|| self.key_of_policies())
    }

    fn key_of_policies(&self) -> Option<String> {
        let mut tables_by_column: BTreeMap<&str, usize> = BTreeMap::new();
        for table in self.tables() {
            for column in policy_columns(table).into_iter().filter(|column| column.ends_with("_id")) {
                *tables_by_column.entry(column).or_default() += 1;
            }
        }
        let most = tables_by_column.into_iter().max_by_key(|(_, tables)| *tables)?;
        Some(most.0.to_owned())
    }
}

/// Returns a policy's expressions, USING first.
pub(crate) fn expressions(policy: &Policy) -> impl Iterator<Item = &str> {
    policy.using.as_deref().into_iter().chain(policy.with_check.as_deref())
}

/// Returns the table's columns that its policies compare with something by `=`.
pub(crate) fn policy_columns(table: &Table) -> Vec<&str> {
    let compared = |column: &str| {
        table
            .policies
            .iter()
            .filter_map(|policy| policy.using.as_deref())
            .any(|using| is_compared(using, column))
    };
    table.columns.iter().map(|column| column.name.as_str()).filter(|name| compared(name)).collect()
}

fn is_compared(expression: &str, column: &str) -> bool {
    let bare = without_subqueries(expression);
    let sides = bare.split(" = ").collect::<Vec<_>>();
    let ends_so = |side: &str| last_word(side) == column;
    let starts_so = |side: &str| first_word(side) == column;
    sides.windows(2).any(|pair| ends_so(pair[0]) || starts_so(pair[1]))
}

/// Returns the last name of `… (tenant_id)::text`, casts left out.
fn last_word(side: &str) -> &str {
    let uncast =
        side.rsplit_once("::").filter(|(_, cast)| !cast.contains(' ')).map_or(side, |(head, _)| head);
    let trimmed = uncast.trim_end_matches([')', ' ', '"']);
    trimmed.rsplit(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or("")
}

fn first_word(side: &str) -> &str {
    let trimmed = side.trim_start_matches(['(', ' ', '"']);
    trimmed.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or("")
}

/// Returns an expression with every `( SELECT … )` taken out: what is left runs once per row.
pub(crate) fn without_subqueries(expression: &str) -> String {
    let flat = expression.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut kept = String::new();
    let mut rest = flat.as_str();
    while let Some(start) = rest.find("( SELECT ").or_else(|| rest.find("(SELECT ")) {
        kept.push_str(&rest[..start]);
        rest = after_parenthesis(&rest[start..]);
    }
    kept.push_str(rest);
    kept
}

/// Returns what follows the parenthesis that opens at the start of `text`.
fn after_parenthesis(text: &str) -> &str {
    let mut depth = 0;
    let mut quoted = false;
    for (place, c) in text.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &text[place + c.len_utf8()..];
        }
    }
    ""
}

/// Returns the names that an expression calls as functions, in order, schema included where it is written.
pub(crate) fn called_functions(expression: &str) -> Vec<String> {
    const GRAMMAR: [&str; 12] =
        ["in", "and", "or", "not", "any", "all", "some", "exists", "select", "when", "then", "cast"];
    let name_part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    expression
        .match_indices('(')
        .filter_map(|(place, _)| expression[..place].rsplit(|c: char| !name_part(c)).next())
        .filter(|name| !name.is_empty() && !GRAMMAR.contains(&name.to_lowercase().as_str()))
        .map(str::to_owned)
        .collect()
}

/// Returns whether the expression is `true` whatever the row.
pub(crate) fn is_constant_true(expression: &str) -> bool {
    let bare: String = expression.chars().filter(|c| !matches!(c, '(' | ')' | ' ')).collect();
    matches!(bare.to_lowercase().as_str(), "true" | "1=1")
}

/// Returns whether an expression names a column of the table.
pub(crate) fn reads_row(expression: &str, table: &Table) -> bool {
    table.columns.iter().any(|column| mentions(expression, &column.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subqueries_are_taken_out_whole() {
        let wrapped = "(tenant_id = ( SELECT (current_setting('app.t)'::text))::bigint AS current_setting))";
        assert_eq!(without_subqueries(wrapped), "(tenant_id = )");
        assert!(called_functions(&without_subqueries(wrapped)).is_empty());
    }

    #[test]
    fn calls_are_found_by_name() {
        let bare = "((tenant_id)::text = current_setting('app.tenant'::text)) AND app.may_see(id)";
        assert_eq!(called_functions(bare), ["current_setting", "app.may_see"]);
    }

    #[test]
    fn compared_columns_are_found_on_both_sides_and_through_casts() {
        assert!(is_compared("(tenant_id = ( SELECT 1))", "tenant_id"));
        assert!(is_compared("((tenant_id)::text = current_setting('a'::text))", "tenant_id"));
        assert!(is_compared("(current_user_id() = owner_id)", "owner_id"));
        assert!(!is_compared("(tenant_id = ( SELECT u.team_id FROM u))", "team_id"));
    }

    #[test]
    fn truth_is_recognised() {
        assert!(is_constant_true("true") && is_constant_true("((1 = 1))") && !is_constant_true("(a = b)"));
    }
}
