//! What HypoPG says of candidates, where there are more than are built.
//!
//! A hypothetical index has a size and a height that are guessed: compared with indexes that were built, HypoPG was wrong on
//! whether a query takes one in 37 of 253 pairs. So it never decides which index is good, and is asked only when some
//! candidates would stay unbuilt anyway.

use underpin_model::sql_text::quote_literal;
use underpin_plan::candidate::Candidate;

use super::advisor::CHEAP;
use super::choosing::takes;
use super::pairs::Workload;
use crate::error::LabError;
use crate::planning::Planner;

/// Where the extension goes when the project does not have it.
const OWN_SCHEMA: &str = "underpin_hypopg";

/// Returns the candidates without those that no query would take; all of them where the server does not have HypoPG.
///
/// Costs a plan per candidate and query on its table.
pub(super) async fn without_unused(
    planner: &Planner,
    workload: &Workload<'_>,
    candidates: Vec<Candidate>,
) -> Result<Vec<Candidate>, LabError> {
    let session = planner.session();
    let own = format!("CREATE SCHEMA {OWN_SCHEMA}; CREATE EXTENSION hypopg SCHEMA {OWN_SCHEMA}");
    let installed = "SELECT quote_ident(n.nspname) FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace WHERE e.extname = 'hypopg'";
    let schema = match session.value(installed).await? {
        Some(schema) => schema,
        None if session.execute(&own).await.is_ok() => OWN_SCHEMA.to_owned(),
        None => return Ok(candidates),
    };
    let mut kept = Vec::new();
    for candidate in candidates {
        if may_serve(planner, (workload, &schema), &candidate).await? {
            kept.push(candidate);
        }
    }
    session.execute(&format!("DROP SCHEMA IF EXISTS {OWN_SCHEMA} CASCADE")).await?;
    Ok(kept)
}

/// Returns whether some query that is worth an index would take the candidate, or HypoPG cannot tell.
async fn may_serve(
    planner: &Planner,
    (workload, schema): (&Workload<'_>, &str),
    candidate: &Candidate,
) -> Result<bool, LabError> {
    let statement = quote_literal(&candidate.statement("hypothetical", ""));
    let create = format!("SELECT indexname FROM {schema}.hypopg_create_index({statement})");
    // It knows neither GIN nor GiST: whether such an index serves, only building it tells.
    let Ok(Some(name)) = planner.session().value(&create).await else { return Ok(true) };
    let mut serves = false;
    for base in &workload.asked {
        if base.measured.buffers() > CHEAP && base.reads(&candidate.schema, &candidate.table) {
            serves = takes(planner, base.asked(), &name).await?;
        }
        if serves {
            break;
        }
    }
    planner.session().execute(&format!("SELECT {schema}.hypopg_reset()")).await?;
    Ok(serves)
}
