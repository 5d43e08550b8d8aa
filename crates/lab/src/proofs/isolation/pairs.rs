//! Transactions that no scenario names: each runs beside itself, with the same values and with others.

use std::collections::{BTreeMap, BTreeSet};

use underpin_model::project::Project;
use underpin_model::script::TransactionScript;
use underpin_race::Level;

use crate::params::{self, Values};
use crate::race::{Bout, Corner, RaceError, Ring};

/// Returns the pairs: nothing says what must hold, so they are compared with their serial orders.
pub(super) async fn pairs(project: &Project, ring: &Ring) -> Result<Vec<Bout>, RaceError> {
    let named: BTreeSet<&str> =
        project.scenarios.iter().flat_map(|one| &one.run).map(|run| run.transaction.as_str()).collect();
    let session = ring.seeded().await?;
    session.execute("SELECT setseed(0.5)").await?;
    let mut pairs = Vec::new();
    for script in project.transactions.iter().filter(|script| !named.contains(script.name.as_str())) {
        let first = params::evaluate(&session, &script.name, &script.params).await?;
        pairs.push(pair(project, script, "the same values", [&first, &first]));
        let second = params::evaluate(&session, &script.name, &script.params).await?;
        if second != first {
            pairs.push(pair(project, script, "other values", [&first, &second]));
        }
    }
    session.close().await;
    Ok(pairs)
}

fn pair(project: &Project, script: &TransactionScript, which: &str, values: [&Values; 2]) -> Bout {
    let corner = |values: &Values| Corner {
        script: script.clone(),
        // A NULL is left to the script's own expression: a scenario gives text.
        values: values
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), value.clone()?)))
            .collect::<BTreeMap<_, _>>(),
        role: script.role.clone().or_else(|| project.config.database.app_role.clone()),
    };
    Bout {
        name: format!("{} beside itself, {which}", script.name),
        file: script.file.to_string(),
        why: None,
        setup: String::new(),
        empty: false,
        corners: values.map(corner).to_vec(),
        invariants: Vec::new(),
        levels: vec![Level::ReadCommitted],
        expect: Vec::new(),
    }
}
