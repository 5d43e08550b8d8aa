//! Every needed index that keeps no rule, taken away from under the advisor.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use underpin_model::Verdict;
use underpin_model::project::Project;

use super::dropped::Away;
use super::{Trial, indexes};
use crate::error::LabError;
use crate::lab::Lab;
use crate::proofs::indexes::Needed;
use crate::selftest::Checked;

/// What is advised may cost this factor more than what was lost, where that is as many blocks as the gate takes for a loss.
const AS_GOOD: f64 = 1.05;

pub(super) async fn run(trial: &Trial<'_>) -> Result<Vec<Checked>, LabError> {
    let strict = strict(trial.project);
    let trial = &Trial { project: &strict, spec: trial.spec, events: trial.events, told: trial.told };
    let lab = Lab::open(trial.project, trial.spec, trial.events).await?;
    let needed = indexes::needed(&trial.experiment(&lab)).await?;
    let mut checked = Vec::new();
    let nothing = indexes::advised(&trial.experiment(&lab)).await?;
    let failure = (!nothing.is_empty()).then(|| format!("advised {}", nothing.join("; ")));
    let proof = indexes::PROOF.name.to_owned();
    trial.note(&mut checked, Checked { what: "nothing taken away".to_owned(), proof, failure });
    // What is advised anyway, where the queries of these names decline nothing.
    let mut anyway = BTreeMap::from([(BTreeSet::new(), nothing)]);
    for Needed { index, why, queries } in &needed {
        let away = Away::of(&lab, index).await?;
        if index.constrains || !away.drops() {
            continue;
        }
        let (asking, asked) = asking(trial.project, queries);
        let trial = &Trial { project: &asking, spec: trial.spec, events: trial.events, told: trial.told };
        let anyway = match anyway.entry(asked) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(indexes::advised(&trial.experiment(&lab)).await?),
        };
        let failure = one(trial, &away, anyway).await?;
        let what = format!("{} taken away ({why})", index.display());
        trial.note(&mut checked, Checked { what, proof: indexes::PROOF.name.to_owned(), failure });
    }
    lab.close().await?;
    Ok(checked)
}

/// Asks for advice without the index and follows it, but for what is advised anyway: the plans must then be as good as with it.
async fn one(trial: &Trial<'_>, away: &Away, anyway: &[String]) -> Result<Option<String>, LabError> {
    let lab = Lab::open(trial.project, trial.spec, trial.events).await?;
    away.take(&lab).await?;
    let mut advised = indexes::advised(&trial.experiment(&lab)).await?;
    advised.retain(|statement| !anyway.contains(statement));
    let session = lab.template().session().await?;
    for statement in &advised {
        session.execute(statement).await?;
    }
    session.close().await;
    let (verdict, said) = trial.gate(&lab).await?;
    lab.close().await?;
    Ok((verdict != Verdict::Proven).then(|| {
        let advised = if advised.is_empty() { "nothing".to_owned() } else { advised.join("; ") };
        format!("advised {advised}; plans are {verdict}: {}", said.join("; "))
    }))
}

/// Returns the project as it is when it declines nothing for these queries, and the names of those that did: it was a further
/// index that its author did not want, not the one that is lost.
fn asking(project: &Project, queries: &BTreeSet<String>) -> (Project, BTreeSet<String>) {
    let (mut project, mut asked) = (project.clone(), BTreeSet::new());
    let is_missing = |rule: &str| rule == indexes::MISSING.rule || rule == indexes::MISSING.code;
    for query in project.queries.iter_mut().filter(|query| queries.contains(&query.name)) {
        let declined = query.allow.len();
        query.allow.retain(|allow| !is_missing(&allow.rule));
        if query.allow.len() < declined {
            asked.insert(query.name.clone());
        }
    }
    if let Some(config) = project.config.proofs.get_mut(indexes::PROOF.name) {
        config.allow.retain(|entry| match entry.split_once(':') {
            Some((rule, query)) if is_missing(rule) && queries.contains(query) => {
                asked.insert(query.to_owned());
                false
            }
            _ => true,
        });
    }
    (project, asked)
}

/// Returns the project with a gate that lets nothing pass which is more than 5 % worse without a lost index.
fn strict(project: &Project) -> Project {
    let mut project = project.clone();
    let plans = project.config.proofs.entry("plans".to_owned()).or_default();
    plans.lost_ratio = Some(AS_GOOD);
    project
}
