//! Every way back, compared with the record.

use std::time::SystemTime;

use camino::Utf8Path;
use underpin_pg::{DataSource, Profile, Server, ServerSpec, Session};

use super::scene::{ARCHIVE_TIMEOUT_S, Scene, Tables, tables};
use super::{Loss, Points, Recovery, Refusal, Scope, refusals};
use crate::backup::restore::{Depth, RestoreSpec, RestoreTarget, Restored, Until, restore};
use crate::backup::{BackupError, archive_command};
use crate::drill::book::{Compared, Upto};
use crate::error::LabError;

/// A marked moment.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) at: SystemTime,
    pub(super) lsn: String,
}

/// One wish with what must come of it.
struct Trial<'t> {
    words: String,
    until: Until,
    timeline: Option<u32>,
    /// The backup that fits best.
    backup: &'static str,
    /// Commits behind this number, up to a moment or a number.
    expected: (u64, Upto),
    content: &'t Tables,
}

/// Takes every way back that the scope has.
pub(super) async fn all(
    scene: &mut Scene<'_>,
    points: &Points,
    scope: Scope,
) -> Result<Vec<Recovery>, LabError> {
    let content = scene.content.clone();
    let trial = |words: &str, until, expected| Trial {
        words: words.to_owned(),
        until,
        timeline: None,
        backup: "second",
        expected,
        content: &content,
    };
    let time = humantime::format_rfc3339_micros(points.before.at).to_string();
    let mut trials = vec![
        trial(
            &format!("{:.1} s before the mistake, by time", points.seconds * 1.25),
            Until::Time(time),
            (0, Upto::Moment(points.before.at)),
        ),
        trial(
            "the last transaction before the mistake",
            Until::BeforeTransaction(points.mistake.xid.clone()),
            (0, Upto::Number(points.mistake.number)),
        ),
        Trial {
            content: &points.mistake.content,
            ..trial(
                "after the mistake, by place of the log",
                Until::Lsn(points.after.lsn.clone()),
                (points.mistake.number, Upto::Moment(points.after.at)),
            )
        },
    ];
    if scope == Scope::Full {
        trials.push(trial(
            "a named point before the mistake",
            Until::Name("before_release".to_owned()),
            (0, Upto::Moment(points.named.at)),
        ));
        trials.push(trial(
            "a place of the log before the mistake",
            Until::Lsn(points.place.lsn.clone()),
            (0, Upto::Moment(points.place.at)),
        ));
        trials.push(Trial {
            backup: "first",
            ..trial(
                "a named point between the two backups",
                Until::Name("early".to_owned()),
                (0, Upto::Moment(points.early.at)),
            )
        });
        trials.push(Trial {
            content: &points.mistake.content,
            ..trial(
                "everything that is there",
                Until::End,
                (points.mistake.number, Upto::Moment(SystemTime::now())),
            )
        });
    }
    let mut recoveries = Vec::new();
    for (nth, trial) in trials.iter().enumerate() {
        recoveries.push(attempt(scene, trial, &format!("recovered_{nth}")).await?);
    }
    Ok(recoveries)
}

/// Recovers and compares; a refusal is a difference.
async fn attempt(scene: &mut Scene<'_>, trial: &Trial<'_>, room: &str) -> Result<Recovery, LabError> {
    let data = scene.room(room);
    let restored = match bring_back(scene, &data, (trial.until.clone(), trial.timeline)).await {
        Ok(restored) => restored,
        Err(error) => return Ok(refused(trial, &error)),
    };
    let server = start(scene, &data, &[]).await?;
    let address = server.address().database(scene.spec.ground.database());
    let compared = scene.book.compare(&address, trial.expected.0, trial.expected.1).await?;
    let found = tables(&address).await?;
    server.stop().await?;
    remove(&data)?;
    let backup = scene.backups.iter().find(|(label, _)| *label == restored.description.label);
    let backup = backup.map_or("", |(_, word)| *word);
    scene.tell(restored.transcript);
    let mut differs = differences(&compared, trial.content, &found);
    if backup != trial.backup {
        differs.push(format!("the {backup} backup was taken instead of the {}", trial.backup));
    }
    let replay = restored.replay;
    Ok(Recovery {
        target: trial.words.clone(),
        backup: backup.to_owned(),
        expected: compared.expected,
        found: compared.found,
        in_flight: compared.in_flight,
        differs: (!differs.is_empty()).then(|| differs.join("; ")),
        rto_ms: restored.duration_ms,
        replay_bytes: replay.map_or(0, |replay| replay.bytes),
        replay_ms: replay.map_or(0, |replay| replay.ms),
    })
}

fn refused(trial: &Trial<'_>, error: &BackupError) -> Recovery {
    Recovery {
        target: trial.words.clone(),
        backup: String::new(),
        expected: 0,
        found: 0,
        in_flight: 0,
        differs: Some(error.to_string()),
        rto_ms: 0,
        replay_bytes: 0,
        replay_ms: 0,
    }
}

/// Runs the restore as `underpin restore` does.
pub(super) async fn bring_back(
    scene: &Scene<'_>,
    data: &Utf8Path,
    (until, timeline): (Until, Option<u32>),
) -> Result<Restored, BackupError> {
    let target = RestoreTarget::DataFolder(data, until);
    let installation = scene.spec.ground.installation;
    restore(&RestoreSpec {
        installation,
        folder: &scene.folder,
        label: None,
        timeline,
        target,
        depth: Depth::Rows,
    })
    .await
}

async fn start(scene: &Scene<'_>, data: &Utf8Path, settings: &[(&str, String)]) -> Result<Server, LabError> {
    // It is looked at and thrown away: nothing need reach the disk any more.
    let mut wish = ServerSpec::new(scene.spec.ground.installation.clone(), Profile::Durable, "recovered")
        .source(DataSource::InPlace(data.to_owned()))
        .setting("fsync", "off");
    for (name, value) in settings {
        wish = wish.setting(*name, value);
    }
    Ok(Server::start(wish).await?)
}

fn remove(data: &Utf8Path) -> Result<(), LabError> {
    fs_err::remove_dir_all(data).map_err(|error| LabError::file("removing a recovered folder", error))
}

fn differences(compared: &Compared, content: &Tables, found: &Tables) -> Vec<String> {
    let mut words = Vec::new();
    for (numbers, what) in [
        (&compared.missing, "lacks"),
        (&compared.surplus, "has too much:"),
        (&compared.torn, "has only half of"),
    ] {
        if let (Some(first), Some(last)) = (numbers.first(), numbers.last()) {
            words.push(format!("{what} {} commits ({first} to {last})", numbers.len()));
        }
    }
    let other = content.keys().chain(found.keys()).collect::<std::collections::BTreeSet<_>>();
    words.extend(other.into_iter().filter(|name| content.get(*name) != found.get(*name)).map(|name| {
        let rows = |side: Option<&underpin_model::checksum::TableSum>| {
            side.map_or_else(|| "absent".to_owned(), |sum| format!("{} rows", sum.rows))
        };
        format!(
            "table {name} is not what it was ({} then, {} now)",
            rows(content.get(name)),
            rows(found.get(name))
        )
    }));
    words
}

/// Recovers from what had been archived when the machine was lost.
pub(super) async fn from_archive_alone(scene: &mut Scene<'_>, lost_at: SystemTime) -> Result<Loss, LabError> {
    let data = scene.room("without_machine");
    let restored = bring_back(scene, &data, (Until::End, None)).await?;
    let server = start(scene, &data, &[]).await?;
    let address = server.address().database(scene.spec.ground.database());
    let compared =
        scene.book.compare(&address, last_number_deleted(&address).await?, Upto::Moment(lost_at)).await?;
    server.stop().await?;
    remove(&data)?;
    scene.tell(restored.transcript);
    let missing: std::collections::BTreeSet<u64> = compared.missing.iter().copied().collect();
    let entries = scene.book.entries();
    let lost: Vec<_> = entries.iter().filter(|entry| missing.contains(&entry.number)).collect();
    let oldest = lost.iter().map(|entry| entry.acknowledged).min();
    let rpo = oldest.and_then(|at| lost_at.duration_since(at).ok()).unwrap_or_default();
    // What is lost is the end of the record, and nothing before it.
    let kept = entries.iter().map(|entry| entry.number).filter(|number| !missing.contains(number)).max();
    let tail = missing.first().is_none_or(|first| kept.is_none_or(|kept| kept < *first));
    Ok(Loss {
        archive_timeout_s: ARCHIVE_TIMEOUT_S,
        commits: lost.len(),
        rpo_ms: rpo.as_millis() as u64,
        whole: tail && compared.surplus.is_empty() && compared.torn.is_empty(),
    })
}

/// Returns the number of the mistake as the recovered database knows it: all rows before it are gone.
async fn last_number_deleted(address: &underpin_pg::Address) -> Result<u64, LabError> {
    let session = Session::connect(address).await?;
    let sql = "SELECT coalesce((SELECT min(number) FROM underpin.book), 1) - 1";
    let number = session.value(sql).await?;
    session.close().await;
    Ok(number.and_then(|number| number.parse().ok()).unwrap_or_default())
}

/// Goes on from a recovered server that archives too, then recovers along both timelines.
pub(super) async fn second_timeline(
    scene: &mut Scene<'_>,
    points: &Points,
    refusals: &mut Vec<Refusal>,
) -> Result<Vec<Recovery>, LabError> {
    let data = scene.room("timeline_2");
    let wish = Until::BeforeTransaction(points.mistake.xid.clone());
    bring_back(scene, &data, (wish, None)).await?;
    let settings = [("archive_mode", "on".to_owned()), ("archive_command", archive_command(&scene.folder))];
    let server = start(scene, &data, &settings).await?;
    let address = server.address().database(scene.spec.ground.database());
    let session = Session::connect(&address).await?;
    session.execute("CREATE TABLE underpin.second_timeline AS SELECT 42 AS answer").await?;
    let segment = session.value("SELECT pg_walfile_name(pg_switch_wal())").await?.unwrap_or_default();
    session.close().await;
    scene.wait_for(&segment).await?;
    server.stop().await?;
    remove(&data)?;
    let content = scene.content.clone();
    let trials = [
        Trial {
            words: "all of the second timeline".to_owned(),
            until: Until::End,
            timeline: None,
            backup: "second",
            expected: (0, Upto::Number(points.mistake.number)),
            content: &content,
        },
        Trial {
            words: "the first timeline again, after the mistake".to_owned(),
            until: Until::Lsn(points.after.lsn.clone()),
            timeline: Some(1),
            backup: "second",
            expected: (points.mistake.number, Upto::Moment(points.after.at)),
            content: &points.mistake.content,
        },
    ];
    let mut recoveries = Vec::new();
    for (nth, trial) in trials.iter().enumerate() {
        recoveries.push(attempt(scene, trial, &format!("second_{nth}")).await?);
    }
    let wish = "a place behind the fork, without a timeline";
    let until = Until::Lsn(points.after.lsn.clone());
    refusals.push(refusals::must_refuse(scene, (wish, until), "--timeline").await?);
    Ok(recoveries)
}
