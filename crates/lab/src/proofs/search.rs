//! `search`: does each way to search and to page find what it should, and stay cheap as the table grows?

mod grow;
mod methods;
mod named;
mod paging;
mod ranking;
mod surface;
mod terms;
mod told;

use std::collections::BTreeMap;

use underpin_model::Code;

use crate::error::LabError;
use crate::lab::Sandbox;
use crate::planning::{Planner, pinned};
use crate::proof::{Experiment, Experimenting, Outcome, Proof, RunProfile};

/// The proof.
pub const PROOF: Proof = Proof {
    name: "search",
    question: "Does every search and every page stay cheap as its table grows, and what does each way to search miss?",
    page: include_str!("../../../../docs/proofs/search.md"),
    own_servers: false,
    run: |experiment| -> Experimenting<'_> { Box::pin(run(experiment)) },
};

/// Every code that this proof reports.
pub const CODES: &[Code] = &[named::WITHOUT_INDEX, named::OUTGROWS, paging::BY_OFFSET];

/// How large the copies become.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caps {
    /// Most rows.
    rows: u64,
    /// Most bytes of searched text.
    bytes: u64,
}

impl Caps {
    fn of(profile: RunProfile) -> Caps {
        match profile {
            RunProfile::Full => Caps { rows: 100_000, bytes: 16 << 20 },
            RunProfile::Quick => Caps { rows: 20_000, bytes: 2 << 20 },
        }
    }

    /// Returns the sizes at which a table of `rows` rows is measured: as it is, and about ten and a hundred times that.
    fn sizes(self, rows: u64, bytes_per_row: u64) -> Vec<u64> {
        let most = self.rows.min(self.bytes / bytes_per_row.max(1));
        let mut sizes = vec![rows, (rows * 10).max(2_000).min(most), (rows * 100).max(20_000).min(most)];
        sizes.retain(|size| *size >= rows);
        sizes.dedup();
        sizes
    }
}

/// What is needed to grow tables. Each experiment has a clone of its own: copies of copies would have the same keys.
pub(super) struct Study<'a> {
    experiment: &'a Experiment<'a>,
    settings: &'a BTreeMap<String, String>,
    caps: Caps,
}

impl<'a> Study<'a> {
    async fn sandbox(&self) -> Result<(Sandbox<'a>, Planner), LabError> {
        let sandbox = self.experiment.lab.sandbox().await?;
        let role = self.experiment.project.config.database.app_role.clone();
        let planner = Planner::open(&sandbox, role, self.settings).await?;
        Ok((sandbox, planner))
    }
}

/// Returns whether buffers grew although the answer did not: by more than the noise of a page split or a longer path down
/// an index.
pub(super) fn grows(first: u64, last: u64) -> bool {
    last > 3 * first && last > first + 16
}

async fn run(experiment: &Experiment<'_>) -> Result<Outcome, LabError> {
    let project = experiment.project;
    let plans = project.config.proofs.get("plans").cloned().unwrap_or_default();
    let settings = pinned::pinned(&plans.settings);
    let sandbox = experiment.lab.sandbox().await?;
    let planner = Planner::open(&sandbox, project.config.database.app_role.clone(), &settings).await?;
    let mut outcome = Outcome::default();
    let surface = surface::read(experiment, &planner, &mut outcome).await?;
    if let Some(reason) = surface.nothing().filter(|_| outcome.unexamined.is_empty()) {
        planner.close().await;
        sandbox.drop().await?;
        return Ok(Outcome::skipped(reason));
    }
    let caps = Caps::of(experiment.profile);
    let mut compared = 0;
    let mut terms = Vec::new();
    for source in &surface.sources {
        let found = methods::compare(planner.session(), source, caps, &mut outcome).await?;
        compared += usize::from(found.is_some());
        terms.push(found);
    }
    planner.close().await;
    sandbox.drop().await?;
    let study = Study { experiment, settings: &settings, caps };
    named::examine(&study, &surface, &terms, &mut outcome).await?;
    paging::examine(&study, &surface, &mut outcome).await?;
    told::conclude(&surface, compared, &mut outcome);
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_grow_by_ten_and_a_hundred_up_to_the_caps() {
        let caps = Caps::of(RunProfile::Full);
        assert_eq!(caps.sizes(600, 100), [600, 6_000, 60_000]);
        assert_eq!(caps.sizes(50, 100), [50, 2_000, 20_000]);
        assert_eq!(caps.sizes(5_000, 100), [5_000, 50_000, 100_000]);
        assert_eq!(caps.sizes(5_000, 1 << 12), [5_000], "16 MiB hold 4 096 such rows");
        assert_eq!(caps.sizes(300_000, 10), [300_000]);
    }

    #[test]
    fn a_longer_path_down_an_index_is_no_growth() {
        assert!(!grows(3, 9) && !grows(100, 300) && grows(3, 20) && grows(1, 100));
    }
}
