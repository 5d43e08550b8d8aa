//! A backup that is taken while the project's own transactions write, restored, and compared with its own snapshot.

use std::cell::Cell;
use std::time::Duration;

use underpin_model::{Finding, ObjectKind, ObjectRef};
use underpin_pg::Server;
use underpin_pg::checksum::{Options, database_checksums};

use super::backup::Bench;
use super::{DIFFERS, FAILS};
use crate::backup::restore::{Depth, RestoreSpec, RestoreTarget, restore};
use crate::backup::{BackupError, BackupKind, BackupSpec, Extent, Taken, take};
use crate::drill::project_load::{self, Ends};
use crate::error::LabError;
use crate::proof::{Experiment, Outcome};
use crate::template;

/// Clients that run the project's transactions.
const WRITERS: usize = 2;

/// Time under load before the backup begins, and after it: the source has to move on from the snapshot, however quick the
/// dump of a small database is.
const AROUND: Duration = Duration::from_millis(250);

/// What the writers did meanwhile.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Living {
    /// Transactions that committed from shortly before the backup to shortly after it.
    pub(super) committed: u64,
    /// Tables whose content was another one afterwards.
    pub(super) moved: usize,
}

/// Takes a backup beside the project's transactions and restores it into a new database; the source must need no
/// comparison afterwards. Returns nothing where the project has no transactions.
pub(super) async fn examine(
    experiment: &Experiment<'_>,
    source: &Server,
    bench: &mut Bench<'_>,
    outcome: &mut Outcome,
) -> Result<Option<Living>, LabError> {
    if experiment.project.transactions.is_empty() {
        return Ok(None);
    }
    let folder = bench.room("living").await?;
    let address = source.address().database(template::DATABASE);
    let installation = experiment.lab.installation();
    let spec = BackupSpec {
        address: &address,
        installation,
        folder: &folder,
        kind: BackupKind::Logical,
        extent: Extent::Full,
        keep: None,
    };
    let (taken, committed) = beside_writers(experiment, &spec).await;
    let taken = match taken {
        Ok(taken) => taken,
        Err(error) => return failed(error, outcome),
    };
    bench.adopt(&taken.transcript);
    let after = database_checksums(&address, &Options::default()).await?;
    let then = taken.description.content.clone().unwrap_or_default();
    let moved = after.tables.iter().filter(|(name, sum)| then.tables.get(*name) != Some(sum)).count();
    let target = address.database("living_restored");
    let restored = restore(&RestoreSpec {
        installation,
        folder: &folder,
        label: None,
        timeline: None,
        target: RestoreTarget::Database(&target),
        depth: Depth::Structure,
    })
    .await;
    match restored {
        Ok(restored) => bench.adopt(&restored.transcript),
        Err(error) => return failed(error, outcome),
    }
    let living = Living { committed, moved };
    bench.results.push(vec![
        "Logical backup beside the project's transactions".to_owned(),
        then.tables.len().to_string(),
        then.rows().to_string(),
        then.sequences.len().to_string(),
        format!(
            "compared with the snapshot that it was taken in. {committed} transactions committed meanwhile, {moved} tables went on \
             to another content"
        ),
    ]);
    if moved == 0 {
        outcome
            .unexamined
            .push("a backup under writes: no transaction of the project changed a row meanwhile".to_owned());
    }
    Ok(Some(living))
}

/// Takes the backup while the writers write; returns how many of their transactions committed.
async fn beside_writers(
    experiment: &Experiment<'_>,
    spec: &BackupSpec<'_>,
) -> (Result<Taken, BackupError>, u64) {
    let ended = Cell::new(false);
    let over = || ended.get();
    let writers = (0..WRITERS).map(|nth| project_load::run(experiment.project, spec.address, &over, nth));
    let backup = async {
        tokio::time::sleep(AROUND).await;
        let taken = take(spec).await;
        tokio::time::sleep(AROUND).await;
        ended.set(true);
        taken
    };
    let (taken, ends) = tokio::join!(backup, futures_util::future::join_all(writers));
    (taken, ends.iter().map(|one: &Ends| one.committed).sum())
}

/// Tells a backup that does not come back as a finding; what says nothing about the project stays an error.
fn failed(error: BackupError, outcome: &mut Outcome) -> Result<Option<Living>, LabError> {
    let code = match error {
        BackupError::Differs { .. } | BackupError::Damaged { .. } => &DIFFERS,
        BackupError::Program { .. } | BackupError::Ask(_) => &FAILS,
        error => return Err(error.into()),
    };
    let finding = Finding::new(code, format!("A logical backup beside the project's transactions: {error}."))
        .object(ObjectRef::new(ObjectKind::Backup, "under writes"))
        .hint("The transcript has every command with what it printed.");
    outcome.findings.push(finding);
    Ok(None)
}
