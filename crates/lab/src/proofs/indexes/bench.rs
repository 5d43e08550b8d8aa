//! The sandbox in which indexes are hidden and built, with the sessions that plan there.

use std::collections::BTreeMap;

use super::PROOF;
use crate::error::LabError;
use crate::lab::Sandbox;
use crate::planning::surface::Index;
use crate::planning::{Planner, pinned, surface};
use crate::proof::{Experiment, Outcome};

/// A sandbox whose tables are vacuumed, under the settings of `plans`.
pub(super) struct Bench<'a> {
    pub(super) sandbox: Sandbox<'a>,
    /// Plans as the application's role.
    pub(super) planner: Planner,
    /// Plans as the owner, as the checks of foreign keys do.
    pub(super) owner: Planner,
    /// Every index of the project.
    pub(super) indexes: Vec<Index>,
}

impl<'a> Bench<'a> {
    /// Opens it; tables that stay in the way of index-only scans are noted as unexamined.
    pub(super) async fn open(
        experiment: &Experiment<'a>,
        outcome: &mut Outcome,
    ) -> Result<Bench<'a>, LabError> {
        let project = experiment.project;
        let config = |name: &str| project.config.proofs.get(name).cloned().unwrap_or_default();
        let (own, plans) = (config(PROOF.name), config("plans"));
        let settings: BTreeMap<_, _> = plans.settings.into_iter().chain(own.settings).collect();
        let settings = pinned::pinned(&settings);
        let sandbox = experiment.lab.sandbox().await?;
        let role = project.config.database.app_role.clone();
        let planner = Planner::open(&sandbox, role, &settings).await?;
        let owner = Planner::open(&sandbox, None, &settings).await?;
        for table in pinned::all_visible(planner.session()).await? {
            outcome.unexamined.push(format!("{table} has pages that are not all-visible after VACUUM"));
        }
        let indexes = surface::read(planner.session()).await?;
        Ok(Bench { sandbox, planner, owner, indexes })
    }

    /// Drops the sandbox.
    pub(super) async fn close(self) -> Result<Vec<Index>, LabError> {
        self.owner.close().await;
        self.planner.close().await;
        self.sandbox.drop().await?;
        Ok(self.indexes)
    }
}
