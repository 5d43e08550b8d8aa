//! Every needed index that keeps no rule, taken away from under the advisor.

use underpin_model::Verdict;
use underpin_model::project::Project;

use super::dropped::Away;
use super::{Trial, indexes};
use crate::error::LabError;
use crate::lab::Lab;
use crate::selftest::Checked;

/// What is advised may cost this factor more than what was lost.
const AS_GOOD: f64 = 1.05;
/// And so many blocks, where five of a hundred are none.
const FEW_BLOCKS: f64 = 2.0;

pub(super) async fn run(trial: &Trial<'_>) -> Result<Vec<Checked>, LabError> {
    let strict = strict(trial.project);
    let trial = &Trial { project: &strict, spec: trial.spec, events: trial.events, told: trial.told };
    let lab = Lab::open(trial.project, trial.spec, trial.events).await?;
    let needed = indexes::needed(&trial.experiment(&lab)).await?;
    let mut checked = Vec::new();
    for (index, why) in &needed {
        let away = Away::of(&lab, index).await?;
        if index.constrains || !away.drops() {
            continue;
        }
        let failure = one(trial, &away).await?;
        let what = format!("{} taken away ({why})", index.display());
        trial.note(&mut checked, Checked { what, proof: indexes::PROOF.name.to_owned(), failure });
    }
    lab.close().await?;
    Ok(checked)
}

/// Asks for advice without the index and follows it: the plans must then be as good as with it.
async fn one(trial: &Trial<'_>, away: &Away) -> Result<Option<String>, LabError> {
    let lab = Lab::open(trial.project, trial.spec, trial.events).await?;
    away.take(&lab).await?;
    let advised = indexes::advised(&trial.experiment(&lab)).await?;
    let session = lab.template().session().await?;
    for statement in &advised {
        session.execute(statement).await?;
    }
    session.execute("ANALYZE").await?;
    session.close().await;
    let (verdict, said) = trial.gate(&lab).await?;
    lab.close().await?;
    Ok((verdict != Verdict::Proven).then(|| {
        let advised = if advised.is_empty() { "nothing".to_owned() } else { advised.join("; ") };
        format!("advised {advised}; plans are {verdict}: {}", said.join("; "))
    }))
}

/// Returns the project with a gate that lets nothing pass which is more than 5 % worse without a lost index.
fn strict(project: &Project) -> Project {
    let mut project = project.clone();
    let plans = project.config.proofs.entry("plans".to_owned()).or_default();
    (plans.lost_ratio, plans.lost_more) = (Some(AS_GOOD), Some(FEW_BLOCKS));
    project
}
