//! What cannot be had and must be said: targets out of reach, a full archive, tablespaces.

use std::time::{Duration, Instant};

use underpin_pg::Session;

use super::scene::Scene;
use super::{Points, Refusal};
use crate::backup::restore::Until;
use crate::backup::{BackupKind, BackupSpec, Extent, take};
use crate::drill::pitr::recoveries::bring_back;
use crate::error::LabError;

/// Longest wait until the archiver has failed: it is woken by a switch of the segment.
const FAILURE_LIMIT: Duration = Duration::from_secs(30);

/// Wishes every target that cannot be reached.
pub(super) async fn all(scene: &mut Scene<'_>, points: &Points) -> Result<Vec<Refusal>, LabError> {
    let mut refusals = Vec::new();
    for (wish, until, reason) in [
        (
            "a time before the first backup",
            Until::Time("2020-01-01T00:00:00Z".to_owned()),
            "before the end of the first backup",
        ),
        (
            "a place before the first backup",
            Until::Lsn("0/1".to_owned()),
            "before the end of the first backup",
        ),
        ("a time in the future", Until::Time("2999-01-01T00:00:00Z".to_owned()), "lies in the future"),
        (
            "a place behind the end of the archive",
            Until::Lsn("FFFF/0".to_owned()),
            "the archived log ends at",
        ),
        ("a restore point that nobody made", Until::Name("never".to_owned()), "has no restore point never"),
        (
            "a transaction that never committed",
            Until::BeforeTransaction("4000000000".to_owned()),
            "has no commit of transaction",
        ),
    ] {
        refusals.push(must_refuse(scene, (wish, until), reason).await?);
    }
    refusals.push(missing_segment(scene, points).await?);
    refusals.push(tablespace(scene).await?);
    Ok(refusals)
}

/// Wishes a recovery that must be refused for that reason, with nothing left behind.
pub(super) async fn must_refuse(
    scene: &mut Scene<'_>,
    (wish, until): (&str, Until),
    reason: &str,
) -> Result<Refusal, LabError> {
    let data = scene.room("refused");
    let answer = bring_back(scene, &data, (until, None)).await;
    let left = data.exists();
    if left {
        fs_err::remove_dir_all(&data)
            .map_err(|error| LabError::file("removing a recovered folder", error))?;
    }
    let said = answer.err().map(|error| error.to_string());
    let right = !left && said.as_ref().is_some_and(|said| said.contains(reason));
    let said = said.map(|said| said.replace(scene.folder.as_str(), "$BACKUPS"));
    Ok(Refusal { wish: wish.to_owned(), said, right })
}

/// Takes away the segment that holds the mistake's neighbour and wishes a place behind it.
async fn missing_segment(scene: &mut Scene<'_>, points: &Points) -> Result<Refusal, LabError> {
    let session = Session::connect(&scene.address).await?;
    let segment = session.value(&format!("SELECT pg_walfile_name('{}')", points.place.lsn)).await?;
    session.close().await;
    let segment = segment.unwrap_or_default();
    let (there, aside) = (scene.folder.join("wal").join(&segment), scene.folder.join("aside"));
    let moved = |error| LabError::file("moving an archived segment", error);
    fs_err::rename(&there, &aside).map_err(moved)?;
    let until = Until::Lsn(points.after.lsn.clone());
    let refusal = must_refuse(scene, ("a place behind a missing segment", until), &segment).await;
    fs_err::rename(&aside, &there).map_err(moved)?;
    refusal
}

/// Lets every write to the archive fail with "no space left", and wishes what was committed meanwhile.
pub(super) async fn full_disk(scene: &mut Scene<'_>) -> Result<Refusal, LabError> {
    let flag = scene.folder.join("full");
    fs_err::write(&flag, "").map_err(|error| LabError::file("filling the archive", error))?;
    let session = Session::connect(&scene.address).await?;
    session.execute("SELECT pg_switch_wal()").await?;
    let start = Instant::now();
    // The clients go on: a server does not stop because its archive is full.
    let sql = "SELECT last_failed_time > coalesce(last_archived_time, '-infinity') FROM pg_stat_archiver";
    while session.value(sql).await?.as_deref() != Some("t") {
        if start.elapsed() > FAILURE_LIMIT {
            let what = "the archiver's failure on a full disk".to_owned();
            return Err(LabError::Deadline { what, seconds: FAILURE_LIMIT.as_secs() });
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    session.close().await;
    let point = scene.mark(None).await?;
    let until = Until::Lsn(point.lsn);
    let refusal = must_refuse(
        scene,
        ("what was committed while the archive was full", until),
        "the archived log ends at",
    )
    .await;
    fs_err::remove_file(&flag).map_err(|error| LabError::file("emptying the archive", error))?;
    refusal
}

/// A physical backup of a server with a tablespace.
async fn tablespace(scene: &mut Scene<'_>) -> Result<Refusal, LabError> {
    let place = scene.room("elsewhere");
    scene
        .server
        .run_as()
        .create_folder(&place)
        .map_err(|error| LabError::file("making a tablespace", error))?;
    let session = Session::connect(&scene.address).await?;
    session.execute(&format!("CREATE TABLESPACE elsewhere LOCATION '{place}'")).await?;
    let spec = BackupSpec {
        address: &scene.address,
        installation: scene.spec.ground.installation,
        folder: &scene.folder,
        kind: BackupKind::Physical,
        extent: Extent::Full,
        keep: None,
    };
    let said = take(&spec).await.err().map(|error| error.to_string());
    session.execute("DROP TABLESPACE elsewhere").await?;
    session.close().await;
    let right = said.as_ref().is_some_and(|said| said.contains("takes no tablespaces"));
    Ok(Refusal { wish: "a physical backup of a server with a tablespace".to_owned(), said, right })
}
