//! Values for the parameters of queries and transactions, evaluated on the server.

use std::collections::BTreeMap;

use underpin_model::project::{Param, Query};
use underpin_model::sql_text::{quote_identifier, quote_literal, quote_nullable};
use underpin_pg::Session;

use crate::error::LabError;

/// Variable name to value; absent is NULL.
pub type Values = BTreeMap<String, Option<String>>;

/// Returns one value per parameter, from the SQL expression of its `-- param:` line.
///
/// Expressions may sample (`ORDER BY random() LIMIT 1`), so every call can give other values.
/// `item` names the query or transaction in errors.
pub async fn evaluate(session: &Session, item: &str, params: &[Param]) -> Result<Values, LabError> {
    if params.is_empty() {
        return Ok(Values::new());
    }
    let expression = |param: &Param| {
        let value = param.value.as_deref().unwrap_or("NULL");
        format!("(({value})::{})::text", param.type_name)
    };
    let list: Vec<String> = params.iter().map(expression).collect();
    let rows = session
        .rows(&format!("SELECT {}", list.join(", ")))
        .await
        .map_err(|source| LabError::Params { item: item.to_owned(), source })?;
    let first = rows.rows.into_iter().next().unwrap_or_default();
    Ok(params.iter().map(|param| param.name.clone()).zip(first).collect())
}

/// Returns the statement that tells row-level security whose rows the query wants, until the transaction ends; nothing for
/// a query that belongs to no tenant.
pub fn enter_tenant(query: &Query, values: &Values) -> Option<String> {
    let enters = query.enters.as_ref()?;
    let value = values.get(&enters.param).and_then(Option::as_deref).unwrap_or_default();
    let (setting, value) = (quote_literal(&enters.setting), quote_literal(value));
    Some(format!("SELECT set_config({setting}, {value}, true)"))
}

/// Returns the PREPARE of a query under its own name; its parameters have the declared types.
pub fn prepare(query: &Query) -> String {
    let types: Vec<&str> = query.params.iter().map(|param| param.type_name.as_str()).collect();
    let types = if types.is_empty() { String::new() } else { format!(" ({})", types.join(", ")) };
    // A comment may end the query's text.
    format!("PREPARE {}{types} AS {}\n", quote_identifier(&query.name), query.statement.sql)
}

/// Returns the EXECUTE of a query that [`prepare`] has prepared.
pub fn execute(query: &Query, values: &Values) -> String {
    let value = |param: &Param| {
        let text = values.get(&param.name).and_then(Option::as_deref);
        format!("{}::{}", quote_nullable(text), param.type_name)
    };
    let list: Vec<String> = query.params.iter().map(value).collect();
    let list = if list.is_empty() { String::new() } else { format!(" ({})", list.join(", ")) };
    format!("EXECUTE {}{list}", quote_identifier(&query.name))
}

/// Returns a query's text with `$1`, `$2`, … replaced by typed literals.
///
/// For experiments that put a query inside another; where the difference between a literal and a
/// bound value matters, prepare and execute instead.
pub fn bind(sql: &str, params: &[Param], values: &Values) -> String {
    let mut text = String::new();
    let mut rest = sql;
    while let Some(start) = rest.find('$') {
        let digits: String = rest[start + 1..].chars().take_while(char::is_ascii_digit).collect();
        text.push_str(&rest[..start]);
        match digits.parse::<usize>().ok().and_then(|number| params.get(number.wrapping_sub(1))) {
            Some(param) => {
                let value = values.get(&param.name).and_then(Option::as_deref);
                text.push_str(&format!("({}::{})", quote_nullable(value), param.type_name));
            }
            None => text.push_str(&rest[start..start + 1 + digits.len()]),
        }
        rest = &rest[start + 1 + digits.len()..];
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use underpin_model::statement::{Statement, StatementFacts};

    use super::*;

    #[test]
    fn parameters_become_typed_literals_and_dollar_quotes_stay() {
        let param = Param { name: "id".into(), type_name: "bigint".into(), value: None, line: 1 };
        let values = Values::from([("id".to_owned(), Some("7".to_owned()))]);
        let bound = bind("SELECT $$x$$ WHERE id = $1 OR $2", &[param], &values);
        assert_eq!(bound, "SELECT $$x$$ WHERE id = ('7'::bigint) OR $2");
    }

    #[test]
    fn queries_are_prepared_with_their_types() {
        let param = |name: &str, type_name: &str| Param {
            name: name.into(),
            type_name: type_name.into(),
            value: None,
            line: 1,
        };
        let query = Query {
            name: "q".into(),
            file: "queries/q.sql".into(),
            statement: Statement {
                sql: "SELECT $1, $2".into(),
                line: 3,
                facts: StatementFacts::default(),
                copy_data: None,
            },
            params: vec![param("a", "bigint"), param("b", "text")],
            rate: None,
            budget: vec![],
            role: None,
            tenant: None,
            enters: None,
            allow: vec![],
        };
        let values = Values::from([("a".into(), Some("1".into())), ("b".into(), None)]);
        assert_eq!(prepare(&query), "PREPARE \"q\" (bigint, text) AS SELECT $1, $2\n");
        assert_eq!(execute(&query, &values), "EXECUTE \"q\" ('1'::bigint, NULL::text)");
    }
}
