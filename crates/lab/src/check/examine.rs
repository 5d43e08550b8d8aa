//! Everything that is done with one file: measured at two sizes, beside the running code, and raced against it.

use std::collections::{BTreeMap, BTreeSet};

use underpin_model::catalog::Catalog;
use underpin_model::deployment::{Deployment, InvalidIndex, Step};
use underpin_model::production::ProductionSnapshot;
use underpin_model::project::Migration;

use super::running_code::RunningCode;
use super::stage::Stage;
use super::trace::{Patience, Traced, trace};
use super::{production, races, running_code, unproven, values};
use crate::error::LabError;

/// The databases in which a file runs; each is a file further afterwards.
pub(super) struct Stages<'p> {
    /// At the project's scale.
    pub(super) small: Stage<'p>,
    /// At four times that.
    pub(super) large: Stage<'p>,
    /// With the seed's rows only, copied for every order of a race; absent where there is nothing to race with.
    pub(super) tiny: Option<Stage<'p>>,
    /// What production looks like, where that is known.
    pub(super) production: Option<ProductionSnapshot>,
}

impl<'p> Stages<'p> {
    /// Returns all of them.
    pub(super) fn all(&mut self) -> impl Iterator<Item = &mut Stage<'p>> {
        [&mut self.small, &mut self.large].into_iter().chain(&mut self.tiny)
    }

    /// Returns copies of the two that measure, as they are now.
    pub(super) async fn copies(&mut self) -> Result<Stages<'p>, LabError> {
        let (small, large) = (self.small.twin().await?, self.large.twin().await?);
        Ok(Stages { small, large, tiny: None, production: None })
    }

    /// Drops their databases; returns tables that could not be filled.
    pub(super) async fn close(self) -> Result<Vec<String>, LabError> {
        let mut empty = Vec::new();
        for stage in [self.small, self.large].into_iter().chain(self.tiny) {
            empty.extend(stage.empty.iter().cloned());
            stage.close().await?;
        }
        empty.sort();
        empty.dedup();
        Ok(empty)
    }
}

/// Runs one file on both stages, which are a file further afterwards.
pub(super) async fn examine(
    migration: &Migration,
    running: &RunningCode<'_>,
    stages: &mut Stages<'_>,
) -> Result<Deployment, LabError> {
    let Stages { small, large, tiny, production } = stages;
    let outlook = Outlook::before([&*small, &*large], production.as_ref()).await?;
    let (code_before, before, unproven) = before_the_file(migration, running, small).await?;
    let prepared = running_code::prepare(&small.place().superuser, running).await?;
    let at_small = trace(&small.place(), migration, Patience::Tried).await?;
    let mut deployment = Deployment {
        file: migration.sql.file.clone(),
        transactional: migration.transactional,
        ..Deployment::default()
    };
    let at_large = if at_small.finished() {
        deployment.disturbed = prepared.again().await?;
        let traced = trace(&large.place(), migration, Patience::Spared).await?;
        deployment.traced_ms = traced.duration_ms;
        Some(traced)
    } else {
        None
    };
    prepared.close().await;
    deployment.invalid_indexes = invalid_indexes(&at_small);
    let finished = at_small.finished();
    deployment.steps = steps(migration, at_small, at_large);
    if finished {
        let session = underpin_pg::Session::connect(&small.place().superuser).await?;
        if let Some(before) = unproven.filter(|_| !small.has_made_up_rows()) {
            deployment.punished = unproven::punished(&session, &before).await?;
        }
        if let Some(before) = &before {
            let after =
                values::take_after(&session, values::tables_written(migration).as_ref(), before).await?;
            deployment.lost = values::lost(before, &after);
        }
        session.close().await;
        let ended = transactions_in_copy(small, running, &code_before).await?;
        deployment.disturbed.extend(running_code::compare(running, &code_before, &ended));
        if let Some(tiny) = tiny {
            let works = running_code::working(running, &code_before, &ended);
            let raced = races::race(tiny, migration, (running, &works), &deployment.steps).await?;
            deployment.races = raced.clashes;
            deployment.unraced = raced.unfinished;
        }
    }
    outlook.after(small, &mut deployment).await?;
    if let Some(tiny) = tiny {
        trace(&tiny.place(), migration, Patience::Spared).await?;
    }
    Ok(deployment)
}

/// What is known of production before a file runs.
struct Outlook<'s> {
    snapshot: Option<&'s ProductionSnapshot>,
    rows: BTreeMap<String, [u64; 2]>,
    catalog: Catalog,
}

impl<'s> Outlook<'s> {
    async fn before(
        stages: [&Stage<'_>; 2],
        snapshot: Option<&'s ProductionSnapshot>,
    ) -> Result<Outlook<'s>, LabError> {
        let mut outlook = Outlook { snapshot, rows: BTreeMap::new(), catalog: Catalog::default() };
        if snapshot.is_none() {
            return Ok(outlook);
        }
        for (nth, stage) in stages.into_iter().enumerate() {
            let session = underpin_pg::Session::connect(&stage.place().superuser).await?;
            for (table, rows) in production::estimated_rows(&session).await? {
                outlook.rows.entry(table).or_default()[nth] = rows;
            }
            if nth == 0 {
                outlook.catalog = underpin_pg::catalog::snapshot(&session).await?;
            }
            session.close().await;
        }
        Ok(outlook)
    }

    async fn after(self, small: &Stage<'_>, deployment: &mut Deployment) -> Result<(), LabError> {
        let Some(snapshot) = self.snapshot else { return Ok(()) };
        deployment.rows = self.rows;
        deployment.production =
            snapshot.tables.iter().map(|table| (table.name.clone(), table.rows)).collect();
        let session = underpin_pg::Session::connect(&small.place().superuser).await?;
        let after = underpin_pg::catalog::snapshot(&session).await?;
        session.close().await;
        production::compare(deployment, snapshot, &self.catalog, &after);
        Ok(())
    }
}

type Before = (BTreeMap<String, running_code::Ended>, Option<values::Holdings>, Option<unproven::Unproven>);

/// Notes what works and what is there before the file runs.
async fn before_the_file(
    migration: &Migration,
    running: &RunningCode<'_>,
    small: &mut Stage<'_>,
) -> Result<Before, LabError> {
    let ended = transactions_in_copy(small, running, &BTreeMap::new()).await?;
    let at_risk = values::tables_at_risk(migration);
    let session = underpin_pg::Session::connect(&small.place().superuser).await?;
    let unproven = unproven::before(&session, migration).await?;
    let holdings = match at_risk.as_ref().is_some_and(BTreeSet::is_empty) {
        true => None,
        false => Some(values::take(&session, at_risk.as_ref()).await?),
    };
    session.close().await;
    Ok((ended, holdings, unproven))
}

/// Runs the application's transactions in a copy of the stage, for they change it.
async fn transactions_in_copy(
    small: &mut Stage<'_>,
    running: &RunningCode<'_>,
    earlier: &BTreeMap<String, running_code::Ended>,
) -> Result<BTreeMap<String, running_code::Ended>, LabError> {
    if running.transactions.is_empty() {
        return Ok(BTreeMap::new());
    }
    let copy = small.copy().await?;
    let ended = running_code::run_transactions(&copy.place.superuser, running, earlier).await?;
    copy.drop().await?;
    Ok(ended)
}

fn steps(migration: &Migration, small: Traced, large: Option<Traced>) -> Vec<Step> {
    let mut large = large.map(|traced| traced.works).unwrap_or_default().into_iter();
    let pairs = migration.sql.statements.iter().zip(small.works);
    pairs
        .map(|(statement, small)| {
            let mut large = large.next();
            if let Some(large) = large.as_mut().filter(|_| small.held_up.is_some()) {
                // Whom a concurrent operation keeps waiting was seen at the smaller size, where it was made to wait.
                large.reads_blocked.clone_from(&small.reads_blocked);
                large.writes_blocked.clone_from(&small.writes_blocked);
            }
            Step { statement: statement.clone(), small, large }
        })
        .collect()
}

fn invalid_indexes(traced: &Traced) -> Vec<InvalidIndex> {
    let index = |(name, table): &(String, String)| InvalidIndex {
        name: name.clone(),
        table: table.clone(),
        before: traced.invalid_before.contains(&(name.clone(), table.clone())),
    };
    traced.invalid_after.iter().map(index).collect()
}
