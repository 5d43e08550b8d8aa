//! Values for the parameters of queries and transactions, evaluated on the server.

use std::collections::BTreeMap;

use underpin_model::project::Param;
use underpin_pg::session::Session;

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
