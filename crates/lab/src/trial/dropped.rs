//! Every needed index, dropped and put back.

use underpin_model::Verdict;
use underpin_model::sql_text::quote_qualified;

use super::Trial;
use crate::error::LabError;
use crate::lab::Lab;
use crate::planning::surface::Index;
use crate::proofs::indexes::{self, Needed};
use crate::proofs::plans;
use crate::selftest::Checked;

pub(super) async fn run(trial: &Trial<'_>) -> Result<Vec<Checked>, LabError> {
    let lab = Lab::open(trial.project, trial.spec, trial.events).await?;
    let needed = indexes::needed(&trial.experiment(&lab)).await?;
    let mut checked = Vec::new();
    for Needed { index, why, .. } in &needed {
        let away = Away::of(&lab, index).await?;
        away.take(&lab).await?;
        let (without, said) = trial.gate(&lab).await?;
        away.put_back(&lab).await?;
        let (with, still) = trial.gate(&lab).await?;
        let failure = match (without, with) {
            (Verdict::Broken, Verdict::Proven) => None,
            (Verdict::Broken, verdict) => {
                Some(format!("put back, plans are {verdict}: {}", still.join("; ")))
            }
            (verdict, _) => Some(format!("plans are {verdict} without it ({why}): {}", said.join("; "))),
        };
        let what = format!("{} dropped ({why})", index.display());
        trial.note(&mut checked, Checked { what, proof: plans::PROOF.name.to_owned(), failure });
    }
    lab.close().await?;
    Ok(checked)
}

/// How to take an index away from the template of a lab, and to put it back.
pub(super) struct Away {
    drops: bool,
    take: String,
    back: String,
}

impl Away {
    /// What a constraint or a partitioned index rests on cannot be dropped alone: such an index is declared invalid, which
    /// hides it from the planner as well.
    pub(super) async fn of(lab: &Lab, index: &Index) -> Result<Away, LabError> {
        let session = lab.template().session().await?;
        let rests = format!(
            "SELECT EXISTS (SELECT FROM pg_constraint WHERE conindid = {oid}) OR EXISTS (SELECT FROM pg_inherits WHERE inhrelid = {oid})",
            oid = index.oid
        );
        let rests = session.value(&rests).await?.as_deref() == Some("t");
        let create = session.value(&format!("SELECT pg_get_indexdef({})", index.oid)).await?;
        session.close().await;
        let valid = |valid: bool| {
            format!("UPDATE pg_catalog.pg_index SET indisvalid = {valid} WHERE indexrelid = {}", index.oid)
        };
        Ok(match create.filter(|_| !rests) {
            Some(create) => Away {
                drops: true,
                take: format!("DROP INDEX {}", quote_qualified(&index.schema, &index.name)),
                back: format!("{create}; ANALYZE {}", quote_qualified(&index.schema, &index.table)),
            },
            None => Away { drops: false, take: valid(false), back: valid(true) },
        })
    }

    /// Returns whether nothing rests on the index: it can be dropped by itself.
    pub(super) fn drops(&self) -> bool {
        self.drops
    }

    pub(super) async fn take(&self, lab: &Lab) -> Result<(), LabError> {
        execute(lab, &self.take).await
    }

    pub(super) async fn put_back(&self, lab: &Lab) -> Result<(), LabError> {
        execute(lab, &self.back).await
    }
}

async fn execute(lab: &Lab, sql: &str) -> Result<(), LabError> {
    let session = lab.template().session().await?;
    session.execute(sql).await?;
    // A database with a session on it cannot be cloned.
    session.close().await;
    Ok(())
}
