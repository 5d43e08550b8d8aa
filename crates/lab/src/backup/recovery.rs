//! A physical backup taken further: into a new data folder, with the archived log replayed up to a point in time.

use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use underpin_pg::{
    DataSource, Installation, Profile, RunAs, Secret, Server, ServerSpec, Session, ToolCall, checksum,
};

use super::amcheck::{self, Structure};
use super::archive::{Archive, Stretch, Wanted};
use super::physical::BASE;
use super::restore::{Depth, Replay, RestoreSpec, Restored, Until, choose};
use super::segments::{Leg, lsn_number, lsn_text, timeline_of};
use super::{BackupError, BackupKind, Description, folder, increment, run};

/// Longest recovery.
const RECOVERY_LIMIT: Duration = Duration::from_secs(3600);

/// Recovers into the new folder `data`; whatever cannot be reached is refused before anything is copied where that can be known.
pub(super) async fn recover(
    spec: &RestoreSpec<'_>,
    data: &Utf8Path,
    until: &Until,
) -> Result<Restored, BackupError> {
    if data.exists() {
        return Err(BackupError::Exists { what: data.to_string() });
    }
    let archive = Archive::of(spec.folder, spec.installation);
    let way = choose_way(spec, &archive, until).await?;
    let description = way.base.clone();
    let base = spec.folder.join(&description.label).join(BASE);
    let mut transcript = Vec::new();
    let links = increment::chain(spec.folder, &folder::list(spec.folder)?, &description)?;
    let source = (spec.installation, spec.folder);
    increment::verify(source, &links, &mut transcript).await?;
    if *until != Until::Consistent {
        check_archive(&archive, &way, until)?;
        // How far a time reaches is known to the replay alone, which refuses to end before it.
        if !matches!(until, Until::Time(_)) {
            transcript.extend(archive.check_records(&description, &way.road, way.target).await?);
        }
    }
    if let Some(parent) = data.parent() {
        super::create_folder(parent)?;
    }
    increment::lay_out(source, &links, (data, &mut transcript)).await?;
    let settings = recovery_settings(&archive.wal, until, way.road.last().map_or(1, |leg| leg.timeline));
    let signal = ToolCall::new("/bin/sh").args([
        "-c".to_owned(),
        "cat >> \"$0/postgresql.auto.conf\" && touch \"$0/recovery.signal\"".to_owned(),
        data.to_string(),
    ]);
    run(spec.installation, signal.stdin(settings.clone().into_bytes()), &mut transcript).await?;
    if let Some(step) = transcript.last_mut() {
        // What went in is what a reader of the runbook needs; nothing comes out.
        settings.trim().clone_into(&mut step.output);
    }
    let (installation, depth, label) = (spec.installation, spec.depth, description.label.as_str());
    let recovered = replay(&Scene { installation, data, label, depth, env: &[] }).await;
    if recovered.is_err() {
        // Half a recovery is no database; what is there was made by this command.
        let _ = fs_err::remove_dir_all(data);
    }
    if let (Err(BackupError::Unreachable { .. }), Until::Time(_)) = (&recovered, until) {
        // A damaged record looks like the end of the log; which of the two it was is worth a look.
        archive.check_records(&description, &way.road, None).await?;
    }
    let Recovered { reached, rows, ms, remarks, structure } = recovered?;
    let began = start_lsn(&base).unwrap_or_default();
    let bytes = lsn_number(&reached).unwrap_or_default().saturating_sub(began);
    let witness = format!(
        "Every file has the checksum of PostgreSQL's own manifest, the log was replayed to {reached}, and {rows} rows of all databases \
         could be read. The content of a physical backup is not summed at its source.{structure}"
    );
    let replay = Some(Replay { bytes, ms });
    Ok(Restored {
        description,
        transcript,
        witness,
        rows,
        reached: Some(reached),
        replay,
        remarks,
        duration_ms: 0,
    })
}

/// From which backup, over which timelines, and up to where.
struct Way {
    base: Description,
    road: Vec<Leg>,
    /// Where the target lies, if that is known beforehand.
    target: Option<u64>,
}

pub(super) fn unreachable(why: impl Into<String>) -> BackupError {
    BackupError::Unreachable { why: why.into() }
}

/// Takes the newest backup that ended before the target and lies on the way to it.
async fn choose_way(
    spec: &RestoreSpec<'_>,
    archive: &Archive<'_>,
    until: &Until,
) -> Result<Way, BackupError> {
    let all = choose(spec, BackupKind::Physical)?;
    let oldest = all.first().and_then(|one| one.first_segment.as_deref()).and_then(timeline_of).unwrap_or(1);
    let timeline = spec.timeline.unwrap_or_else(|| archive.newest_timeline(oldest));
    let road = archive.road(timeline)?;
    let on_road: Vec<&Description> = all.iter().filter(|one| lies_on(one, &road)).collect();
    if on_road.is_empty() {
        return Err(unreachable(format!("no backup lies on the way to timeline {timeline}")));
    }
    let way = |base: &Description, target| Way { base: base.clone(), road: road.clone(), target };
    match until {
        Until::End | Until::Consistent => {
            let newest = if *until == Until::Consistent { all.last() } else { on_road.last().copied() };
            newest.map(|base| way(base, None)).ok_or_else(|| unreachable("there is no backup"))
        }
        Until::Time(time) => {
            let target = moment(time)?;
            let before =
                |one: &Description| humantime::parse_rfc3339(&one.finished_at).is_ok_and(|end| end <= target);
            Ok(way(newest_before(&on_road, before)?, None))
        }
        Until::Lsn(lsn) => {
            let target = lsn_number(lsn)
                .ok_or_else(|| unreachable(format!("{lsn} is no place of the log such as 0/3000060")))?;
            one_timeline_only(spec.timeline, &road, target)?;
            let before = |one: &Description| stop(one).is_some_and(|stop| stop <= target);
            Ok(way(newest_before(&on_road, before)?, Some(target)))
        }
        Until::Name(name) => {
            let (base, place) = found_in_log(archive, &road, (&on_road, Wanted::Name(name))).await?;
            let why = || {
                unreachable(format!("the archived log of timeline {timeline} has no restore point {name}"))
            };
            place.map(|place| way(base, Some(place))).ok_or_else(why)
        }
        Until::BeforeTransaction(xid) => {
            if xid.parse::<u64>().is_err() {
                return Err(unreachable(format!("{xid} is no transaction id such as 742")));
            }
            let (base, place) = found_in_log(archive, &road, (&on_road, Wanted::Transaction(xid))).await?;
            let why = || {
                unreachable(format!(
                    "the archived log of timeline {timeline} has no commit of transaction {xid}"
                ))
            };
            place.map(|place| way(base, Some(place))).ok_or_else(why)
        }
    }
}

pub(super) fn moment(time: &str) -> Result<std::time::SystemTime, BackupError> {
    let target = humantime::parse_rfc3339_weak(time)
        .map_err(|error| unreachable(format!("{time} is no time such as 2026-11-22T14:05:00Z ({error})")))?;
    match target > std::time::SystemTime::now() {
        true => Err(unreachable(format!("{time} lies in the future"))),
        false => Ok(target),
    }
}

pub(super) fn stop(one: &Description) -> Option<u64> {
    one.stop_lsn.as_deref().and_then(lsn_number)
}

/// Tells whether the backup ended on one of the timelines before the way left it.
pub(super) fn lies_on(one: &Description, road: &[Leg]) -> bool {
    let timeline = one.first_segment.as_deref().and_then(timeline_of);
    let leg = road.iter().find(|leg| Some(leg.timeline) == timeline);
    leg.is_some_and(|leg| leg.until.is_none_or(|fork| stop(one).is_some_and(|stop| stop <= fork)))
}

pub(super) fn newest_before<'d>(
    all: &[&'d Description],
    before: impl Fn(&Description) -> bool,
) -> Result<&'d Description, BackupError> {
    let first = all.first().map_or("", |one| one.finished_at.as_str());
    all.iter().rev().find(|one| before(one)).copied().ok_or_else(|| {
        unreachable(format!(
            "it lies before the end of the first backup, {first}; a backup can only be taken further"
        ))
    })
}

/// Behind a fork the same place exists on two timelines, with other content.
pub(super) fn one_timeline_only(named: Option<u32>, road: &[Leg], target: u64) -> Result<(), BackupError> {
    let fork = road.iter().filter_map(|leg| leg.until).find(|fork| target > *fork);
    match fork.filter(|_| named.is_none()) {
        Some(fork) => {
            let timelines: Vec<String> = road.iter().map(|leg| leg.timeline.to_string()).collect();
            Err(unreachable(format!(
                "{} lies behind {}, where an earlier recovery left the log: name the timeline of the two with --timeline ({})",
                lsn_text(target),
                lsn_text(fork),
                timelines.join(", ")
            )))
        }
        None => Ok(()),
    }
}

/// Looks behind the newest backup first, then between it and the one before: the first hit names backup and place.
async fn found_in_log<'d>(
    archive: &Archive<'_>,
    road: &[Leg],
    (all, wanted): (&[&'d Description], Wanted<'_>),
) -> Result<(&'d Description, Option<u64>), BackupError> {
    let mut until = None;
    for one in all.iter().rev() {
        let from = stop(one).unwrap_or_default();
        if let Some(place) = archive.find(wanted, road, Stretch { from, until }).await? {
            return Ok((one, Some(place)));
        }
        until = Some(from);
    }
    all.last().map(|one| (*one, None)).ok_or_else(|| unreachable("there is no backup"))
}

fn check_archive(archive: &Archive<'_>, way: &Way, until: &Until) -> Result<(), BackupError> {
    if archive.is_empty() && *until != Until::End {
        return Err(unreachable(format!(
            "{} holds no archived log, and the backup alone ends at {}",
            archive.wal, way.base.finished_at
        )));
    }
    if archive.is_empty() { Ok(()) } else { archive.check_whole(&way.base, &way.road, way.target) }
}

/// Returns the lines for `postgresql.auto.conf`; of a setting that occurs twice the server takes the last.
fn recovery_settings(wal: &Utf8Path, until: &Until, timeline: u32) -> String {
    let quoted = |text: &str| text.replace('\'', "''");
    let mut lines = vec![
        String::new(),
        "# Written by underpin restore.".to_owned(),
        // The new server must not write into the old one's archive.
        "archive_mode = 'off'".to_owned(),
        format!("restore_command = 'cp \"{}/%f\" \"%p\"'", quoted(wal.as_str())),
        format!("recovery_target_timeline = '{timeline}'"),
        "recovery_target_action = 'promote'".to_owned(),
    ];
    lines.extend(match until {
        Until::End => None,
        Until::Consistent => Some("recovery_target = 'immediate'".to_owned()),
        Until::Time(time) => Some(format!(
            "recovery_target_time = '{}'\nrecovery_target_inclusive = 'off'",
            quoted(&server_time(time))
        )),
        Until::Lsn(lsn) => Some(format!("recovery_target_lsn = '{}'", quoted(lsn))),
        Until::Name(name) => Some(format!("recovery_target_name = '{}'", quoted(name))),
        Until::BeforeTransaction(xid) => {
            Some(format!("recovery_target_xid = '{}'\nrecovery_target_inclusive = 'off'", quoted(xid)))
        }
    });
    lines.join("\n") + "\n"
}

/// Returns the time as the server reads it before its time zones are loaded: without `T`, and `+00` instead of `Z`.
pub(super) fn server_time(time: &str) -> String {
    match time.strip_suffix('Z') {
        Some(utc) => format!("{}+00", utc.replacen('T', " ", 1)),
        None => format!("{}+00", time.replacen('T', " ", 1)),
    }
}

/// A data folder that is laid out for recovery.
pub(super) struct Scene<'a> {
    /// Programs to use.
    pub(super) installation: &'a Installation,
    /// The folder.
    pub(super) data: &'a Utf8Path,
    /// The backup that it came from.
    pub(super) label: &'a str,
    /// How closely the result is looked at.
    pub(super) depth: Depth,
    /// What `restore_command` needs and no setting may tell.
    pub(super) env: &'a [(String, Secret)],
}

/// Runs the recovery in a server of our own, waits for its end, and reads every row once.
pub(super) async fn replay(scene: &Scene<'_>) -> Result<Recovered, BackupError> {
    let data = scene.data;
    let mut wish = ServerSpec::new(scene.installation.clone(), Profile::Durable, "recovery")
        .env(scene.env.iter().cloned())
        .source(DataSource::InPlace(Utf8PathBuf::from(data)));
    if cfg!(target_os = "linux") {
        // Recovery makes sure that the copied files are on the disk: at once instead of one by one.
        wish = wish.setting("recovery_init_sync_method", "syncfs");
    }
    // A standby refuses to start with less than its primary had.
    let control = ToolCall::new("pg_controldata").arg(data.as_str());
    let control = run(scene.installation, control, &mut Vec::new()).await?;
    for (words, name) in PRIMARY {
        if let Some(value) = control.stdout.lines().find_map(|line| line.strip_prefix(words)) {
            wish = wish.setting(*name, value.trim());
        }
    }
    let start = Instant::now();
    let mut server = Server::start(wish).await.map_err(|error| told(error, scene.label))?;
    let outcome = wait_and_read(scene, &server, start).await;
    let log = server.log_tail(40);
    let stopped = server.stop_keeping_data().await;
    match outcome {
        Ok(found) => {
            stopped.map_err(BackupError::Server)?;
            announce_timeline(data, server.run_as())?;
            Ok(found)
        }
        Err(error) => Err(target_missed(&log).unwrap_or(error)),
    }
}

/// Marks the history of the new timeline for the archive: the recovery itself did not archive, and without it nobody would
/// find the timeline later. It leaves with the first segment, should this server ever archive.
fn announce_timeline(data: &Utf8Path, run_as: &RunAs) -> Result<(), BackupError> {
    let wal = data.join("pg_wal");
    let failed = |source| BackupError::File { doing: format!("marking the new timeline in {wal}"), source };
    let entries = wal.read_dir_utf8().map_err(failed)?.filter_map(Result::ok);
    let histories =
        entries.map(|entry| entry.file_name().to_owned()).filter(|name| name.ends_with(".history"));
    let Some(newest) = histories.max() else { return Ok(()) };
    let ready = wal.join("archive_status").join(format!("{newest}.ready"));
    if ready.exists() || wal.join("archive_status").join(format!("{newest}.done")).exists() {
        return Ok(());
    }
    fs_err::write(&ready, "").and_then(|()| run_as.own(&ready)).map_err(failed)
}

/// Lines of `pg_controldata` and the settings that they are about.
const PRIMARY: &[(&str, &str)] = &[
    ("max_connections setting:", "max_connections"),
    ("max_worker_processes setting:", "max_worker_processes"),
    ("max_wal_senders setting:", "max_wal_senders"),
    ("max_prepared_xacts setting:", "max_prepared_transactions"),
    ("max_locks_per_xact setting:", "max_locks_per_transaction"),
];

fn told(error: underpin_pg::LifecycleError, label: &str) -> BackupError {
    let text = error.to_string();
    target_missed(&text).unwrap_or_else(|| match text.contains("invalid checkpoint record") {
        true => BackupError::Damaged { label: label.to_owned(), what: text },
        false => BackupError::Server(error),
    })
}

/// The server's own words for a target behind the end of the log.
fn target_missed(log: &str) -> Option<BackupError> {
    let missed = "recovery ended before configured recovery target was reached";
    log.contains(missed).then(|| BackupError::Unreachable {
        why: "the archived log ends before it (PostgreSQL: recovery ended before configured recovery target was reached)"
            .to_owned(),
    })
}

/// What a replay ended with.
pub(super) struct Recovered {
    pub(super) reached: String,
    pub(super) rows: u64,
    pub(super) ms: u64,
    pub(super) remarks: Vec<String>,
    /// What `pg_amcheck` said, as a sentence with a space before it; empty when it was not asked.
    pub(super) structure: String,
}

/// Collations of a database whose library has another version here: its indexes on text may be out of order.
const OUTDATED_COLLATIONS: &str = "SELECT collname || ' of database ' || current_database() || ' was made with version ' || collversion \
     || ' and this machine has ' || pg_collation_actual_version(oid) FROM pg_collation \
     WHERE collversion <> pg_collation_actual_version(oid)";

/// The same for the collation of the database itself, which has a version from 15 on.
const OUTDATED_DATABASE: &str = "SELECT datcollate || ' of database ' || datname || ' was made with version ' || datcollversion \
     || ' and this machine has ' || pg_database_collation_actual_version(oid) FROM pg_database \
     WHERE datname = current_database() AND datcollversion <> pg_database_collation_actual_version(oid)";

async fn outdated_collations(server: &Server, database: &str) -> Result<Vec<String>, BackupError> {
    let session =
        Session::connect(&server.address().database(database)).await.map_err(BackupError::Connect)?;
    let mut remarks = Vec::new();
    let asked = if server.version().major >= 15 {
        &[OUTDATED_COLLATIONS, OUTDATED_DATABASE][..]
    } else {
        &[OUTDATED_COLLATIONS]
    };
    for sql in asked {
        let rows = session.rows(sql).await.map_err(BackupError::Ask)?;
        remarks.extend(rows.rows.into_iter().flatten().flatten().map(|what| {
            format!(
                "The collation {what}: its indexes may be out of order. REINDEX them, then REFRESH VERSION."
            )
        }));
    }
    session.close().await;
    Ok(remarks)
}

async fn wait_and_read(scene: &Scene<'_>, server: &Server, start: Instant) -> Result<Recovered, BackupError> {
    let session = Session::connect(&server.address()).await.map_err(BackupError::Connect)?;
    while session.value("SELECT pg_is_in_recovery()").await.map_err(BackupError::Ask)?.as_deref() == Some("t")
    {
        if start.elapsed() > RECOVERY_LIMIT {
            return Err(BackupError::Unreachable { why: "recovery did not end within an hour".to_owned() });
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let ms = start.elapsed().as_millis() as u64;
    // Keeps its last value after the promotion.
    let reached = session.value("SELECT pg_last_wal_replay_lsn()::text").await.map_err(BackupError::Ask)?;
    let names = session
        .rows("SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate")
        .await
        .map_err(BackupError::Ask)?;
    session.close().await;
    let (mut rows, mut remarks, mut words) = (0, Vec::new(), String::new());
    for name in names.column("datname") {
        let address = server.address().database(name);
        let sums = checksum::database_checksums(&address, &checksum::Options::default()).await;
        rows += sums.map_err(BackupError::Sum)?.rows();
        remarks.extend(outdated_collations(server, name).await?);
        if scene.depth == Depth::Structure {
            let structure = amcheck::structure(scene.installation, &address).await?;
            if let Structure::Damaged(_) = structure {
                remarks.push(format!("Database {name}: {}. REINDEX what it names.", structure.words()));
            } else {
                words = format!(" {}", structure.words());
            }
        }
    }
    Ok(Recovered { reached: reached.unwrap_or_default(), rows, ms, remarks, structure: words })
}

/// Returns the place of the log where a recovery from the backup begins.
fn start_lsn(base: &Utf8Path) -> Option<u64> {
    let text = fs_err::read_to_string(base.join("backup_manifest")).ok()?;
    let manifest: serde_json::Value = serde_json::from_str(&text).ok()?;
    manifest["WAL-Ranges"][0]["Start-LSN"].as_str().and_then(lsn_number)
}
