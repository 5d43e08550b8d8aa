//! A restore with pgBackRest: it lays out the files and fetches the log, a server of ours replays it and every row is read.

use std::time::Instant;

use camino::Utf8Path;
use underpin_model::evidence::TranscriptStep;

use super::PgBackRest;
use super::info::Contents;
use crate::backup::engine::RestoreWish;
use crate::backup::recovery::{self, Scene, moment, newest_before, server_time, unreachable};
use crate::backup::restore::{Replay, Restored, Until};
use crate::backup::segments::{self, Leg, SEGMENT_BYTES, Shelf, lsn_number, lsn_text, timeline_of};
use crate::backup::{BackupError, Description};

/// Restores into the new folder; what cannot be reached is refused before anything is fetched where that can be known.
pub(super) async fn restore(
    engine: &PgBackRest,
    wish: &RestoreWish<'_>,
    (data, until): (&Utf8Path, &Until),
) -> Result<Restored, BackupError> {
    let start = Instant::now();
    if data.exists() {
        return Err(BackupError::Exists { what: data.to_string() });
    }
    let mut transcript = Vec::new();
    let contents = engine.look(None, &mut transcript).await?;
    let archive = Archive::of(engine, &contents, &mut transcript).await?;
    let way = archive.way(engine, wish, (&contents.backups, until)).await?;
    archive.check(&way, until)?;
    if let Some(parent) = data.parent() {
        crate::backup::create_folder(parent)?;
    }
    let restored = lay_out_and_replay(engine, wish, (&way, data, until), &mut transcript).await;
    if restored.is_err() {
        // Half a recovery is no database; what is there was made by this command.
        let _ = fs_err::remove_dir_all(data);
    }
    let recovered = restored?;
    let began = way.base.first_segment.as_deref().and_then(|first| archive.shelf().begin(first));
    let bytes = lsn_number(&recovered.reached).unwrap_or_default().saturating_sub(began.unwrap_or_default());
    let witness = format!(
        "pgBackRest compared every file with the checksum in its manifest while it restored, the log was replayed to {}, and {} rows \
         of all databases could be read. The content of a physical backup is not summed at its source.{}",
        recovered.reached, recovered.rows, recovered.structure
    );
    Ok(Restored {
        description: way.base,
        transcript,
        witness,
        rows: recovered.rows,
        reached: Some(recovered.reached),
        replay: Some(Replay { bytes, ms: recovered.ms }),
        remarks: recovered.remarks,
        duration_ms: start.elapsed().as_millis() as u64,
    })
}

/// From which backup, and over which timelines.
struct Way {
    base: Description,
    road: Vec<Leg>,
    /// Where the target lies, if that is known beforehand.
    target: Option<u64>,
}

/// Names of the segments that the repository holds.
struct Archive {
    /// Folder in the repository; none when nothing was archived.
    folder: Option<String>,
    names: Vec<String>,
    bytes: u64,
}

impl Archive {
    async fn of(
        engine: &PgBackRest,
        contents: &Contents,
        transcript: &mut Vec<TranscriptStep>,
    ) -> Result<Archive, BackupError> {
        let Some(id) = &contents.archive else {
            return Ok(Archive { folder: None, names: Vec::new(), bytes: SEGMENT_BYTES });
        };
        let folder = format!("archive/{}/{id}", engine.repository.stanza);
        let call = engine.call("repo-ls").args(["--recurse", "--output=json", &folder]);
        let listed = engine.checked(call, transcript).await?;
        if let Some(step) = transcript.last_mut() {
            step.output = String::new();
        }
        let names = segment_names(&listed.stdout);
        let bytes = contents.backups.iter().rev().find_map(segment_bytes).unwrap_or(SEGMENT_BYTES);
        Ok(Archive { folder: Some(folder), names, bytes })
    }

    fn shelf(&self) -> Shelf<'_> {
        Shelf { names: &self.names, bytes: self.bytes }
    }

    async fn road(&self, engine: &PgBackRest, timeline: u32) -> Result<Vec<Leg>, BackupError> {
        let name = format!("{timeline:08X}.history");
        let Some(folder) = self.folder.as_ref().filter(|_| timeline > 1) else {
            return Ok(segments::road("", timeline));
        };
        if !self.names.contains(&name) {
            return Err(unreachable(format!(
                "the archive does not know timeline {timeline}: there is no {name}"
            )));
        }
        let call = engine.call("repo-get").arg(format!("{folder}/{name}"));
        let history = engine.checked(call, &mut Vec::new()).await?;
        Ok(segments::road(&history.stdout, timeline))
    }

    /// Takes the newest backup that ended before the target and lies on the way to it.
    async fn way(
        &self,
        engine: &PgBackRest,
        wish: &RestoreWish<'_>,
        (all, until): (&[Description], &Until),
    ) -> Result<Way, BackupError> {
        let fits = |one: &&Description| wish.label.is_none_or(|label| one.label == label);
        let fitting: Vec<Description> = all.iter().filter(fits).cloned().collect();
        let Some(oldest) = fitting.first() else {
            let wanted =
                wish.label.map_or_else(|| "backup".to_owned(), |label| format!("backup called {label}"));
            return Err(BackupError::NoBackup { folder: engine.repository.place().into(), wanted });
        };
        let first = oldest.first_segment.as_deref().and_then(timeline_of).unwrap_or(1);
        let known = |timeline: &u32| self.names.contains(&format!("{timeline:08X}.history"));
        let newest = (first + 1..).take_while(known).last().unwrap_or(first);
        let timeline = wish.timeline.unwrap_or(newest);
        let road = self.road(engine, timeline).await?;
        let on_road: Vec<&Description> = fitting.iter().filter(|one| recovery::lies_on(one, &road)).collect();
        let last = on_road.last().copied();
        let (base, target) = match until {
            Until::Time(time) => {
                let target = moment(time)?;
                let ended = |one: &Description| {
                    humantime::parse_rfc3339(&one.finished_at).is_ok_and(|end| end <= target)
                };
                (Some(newest_before(&on_road, ended)?), None)
            }
            Until::Lsn(lsn) => {
                let target = lsn_number(lsn)
                    .ok_or_else(|| unreachable(format!("{lsn} is no place of the log such as 0/3000060")))?;
                recovery::one_timeline_only(wish.timeline, &road, target)?;
                let ended = |one: &Description| recovery::stop(one).is_some_and(|stop| stop <= target);
                (Some(newest_before(&on_road, ended)?), Some(target))
            }
            Until::BeforeTransaction(xid) if xid.parse::<u64>().is_err() => {
                return Err(unreachable(format!("{xid} is no transaction id such as 742")));
            }
            // Where a name or a transaction lies cannot be asked; the replay tells whether it was behind this backup.
            Until::Name(_) | Until::BeforeTransaction(_) | Until::End => (last, None),
            Until::Consistent => (last, last.and_then(recovery::stop)),
        };
        let base = base.cloned();
        let base =
            base.ok_or_else(|| unreachable(format!("no backup lies on the way to timeline {timeline}")))?;
        Ok(Way { base, road, target })
    }

    /// Refuses a hole up front: the server would take it for the end of the log.
    fn check(&self, way: &Way, until: &Until) -> Result<(), BackupError> {
        let last = way.road.last().map_or(1, |leg| leg.timeline);
        let end = self.shelf().end(last).unwrap_or_default();
        if let Some(target) = way.target.filter(|target| *target > end && *until != Until::Consistent) {
            let why = format!("the archived log ends at {}, before {}", lsn_text(end), lsn_text(target));
            return Err(BackupError::Unreachable { why });
        }
        let first = way.base.first_segment.as_deref().unwrap_or_default();
        match self.shelf().gap(first, &way.road, way.target) {
            Some(missing) => {
                Err(unreachable(format!("the segment {missing} is missing from the repository")))
            }
            None => Ok(()),
        }
    }
}

/// Reads names of segments and histories out of a listing; pgBackRest adds a checksum and an ending to those of segments.
fn segment_names(listing: &str) -> Vec<String> {
    let files: serde_json::Map<String, serde_json::Value> = serde_json::from_str(listing).unwrap_or_default();
    let names = files.keys().filter_map(|path| path.rsplit('/').next());
    let names = names.filter(|name| !name.contains(".partial") && !name.contains(".backup"));
    names.map(|name| name.split('-').next().unwrap_or(name).to_owned()).collect()
}

/// Returns the size of a segment: the power of two with which the backup's last segment holds the place where it ended.
fn segment_bytes(backup: &Description) -> Option<u64> {
    let first = backup.first_segment.as_deref()?;
    let stop = recovery::stop(backup)?;
    let timeline = timeline_of(first)?;
    // Backups of a quiet server end in the segment in which they begin.
    let holds = |bytes: &u64| Shelf { names: &[], bytes: *bytes }.holding(timeline, stop - 1) == first;
    [SEGMENT_BYTES].into_iter().chain((20..=30).map(|power| 1 << power)).find(holds)
}

async fn lay_out_and_replay(
    engine: &PgBackRest,
    wish: &RestoreWish<'_>,
    (way, data, until): (&Way, &Utf8Path, &Until),
    transcript: &mut Vec<TranscriptStep>,
) -> Result<recovery::Recovered, BackupError> {
    let label = &way.base.label;
    let timeline = way.road.last().map_or(1, |leg| leg.timeline);
    let call = engine
        .call("restore")
        .args(["--log-level-console=info".to_owned(), format!("--pg1-path={data}"), format!("--set={label}")])
        // The new server must not write into the old one's archive.
        .args(["--archive-mode=off".to_owned(), format!("--target-timeline={timeline}")])
        .arg(format!("--recovery-option=restore_command={}", fetch_command(engine, data)))
        .args(target(until));
    if let Err(error) = engine.checked(call, transcript).await {
        return Err(match error {
            BackupError::Program { output } => {
                BackupError::Damaged { label: label.clone(), what: output.complaint() }
            }
            other => other,
        });
    }
    let secrets = engine.environment();
    let scene = Scene { installation: &engine.installation, data, label, depth: wish.depth, env: &secrets };
    // An earlier try may have left its own lines.
    let log = format!("{data}.log");
    let old = fs_err::metadata(&log).map_or(0, |about| about.len() as usize);
    let recovered = recovery::replay(&scene).await;
    let log = fs_err::read(&log).unwrap_or_default();
    let log = String::from_utf8_lossy(log.get(old..).unwrap_or_default()).into_owned();
    if let Some(complaint) = log.lines().find(|line| line.contains("ERROR: [")) {
        // The server takes a segment that cannot be fetched for the end of the log.
        let what = format!("a segment of the log could not be brought back: {}", complaint.trim());
        return Err(BackupError::Damaged { label: label.clone(), what });
    }
    recovered.map_err(|error| behind(error, label, until))
}

/// Says what to do when a name or a transaction was not behind the newest backup.
fn behind(error: BackupError, label: &str, until: &Until) -> BackupError {
    match (&error, until) {
        (BackupError::Unreachable { .. }, Until::Name(what) | Until::BeforeTransaction(what)) => {
            unreachable(format!(
                "the log behind the backup {label} has no {what}; pgBackRest cannot look it up, so name an older backup with --backup \
                 if it lies before that one"
            ))
        }
        _ => error,
    }
}

/// Returns the server's `restore_command`; passphrase and keys come from its environment.
fn fetch_command(engine: &PgBackRest, data: &Utf8Path) -> String {
    let options: Vec<String> = engine.repository.options().iter().map(|option| shell_word(option)).collect();
    let (options, data) = (options.join(" "), shell_word(&format!("--pg1-path={data}")));
    format!("{} --no-config --log-level-file=off {options} {data} archive-get %f \"%p\"", engine.program)
}

/// Returns the option as a word of the shell, for a setting in which the server replaces `%`.
fn shell_word(option: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./=:,+@".contains(letter);
    let option = option.replace('%', "%%");
    if option.chars().all(plain) { option } else { format!("\"{option}\"") }
}

fn target(until: &Until) -> Vec<String> {
    let (kind, value, exclusive) = match until {
        Until::End => return vec!["--type=default".to_owned()],
        Until::Consistent => ("immediate", None, ""),
        Until::Time(time) => ("time", Some(server_time(time)), "--target-exclusive"),
        Until::Lsn(lsn) => ("lsn", Some(lsn.clone()), ""),
        Until::Name(name) => ("name", Some(name.clone()), ""),
        Until::BeforeTransaction(xid) => ("xid", Some(xid.clone()), "--target-exclusive"),
    };
    let mut options = vec![format!("--type={kind}"), "--target-action=promote".to_owned()];
    options.extend(value.map(|value| format!("--target={value}")));
    options.extend((!exclusive.is_empty()).then(|| exclusive.to_owned()));
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_segments_are_read() {
        let listing = r#"{".":{"type":"path"},"0000000100000000":{"type":"path"},"00000002.history":{"type":"file","size":50},
            "0000000100000000/000000010000000000000003-5ab8627fda738743bb7a1e1f535951fc64ef1e12.gz":{"type":"file","size":16},
            "0000000100000000/000000010000000000000002.00000028.backup":{"type":"file","size":300},
            "0000000100000000/000000010000000000000004-5ab8627fda738743bb7a1e1f535951fc64ef1e12":{"type":"file","size":16}}"#;
        let names: Vec<String> = segment_names(listing).into_iter().filter(|name| name.len() > 20).collect();
        assert_eq!(names, ["000000010000000000000003", "000000010000000000000004"]);
        assert!(segment_names(listing).contains(&"00000002.history".to_owned()));
    }

    #[test]
    fn folders_with_blanks_are_one_word() {
        assert_eq!(shell_word("--repo1-path=/srv/my backups/50%"), "\"--repo1-path=/srv/my backups/50%%\"");
        assert_eq!(shell_word("--repo1-path=/srv/backups"), "--repo1-path=/srv/backups");
    }

    #[test]
    fn targets_in_the_words_of_pgbackrest() {
        let words = |until: Until| target(&until).join(" ");
        assert_eq!(words(Until::End), "--type=default");
        assert_eq!(words(Until::Consistent), "--type=immediate --target-action=promote");
        assert_eq!(
            words(Until::Time("2026-11-22T14:05:00.25Z".to_owned())),
            "--type=time --target-action=promote --target=2026-11-22 14:05:00.25+00 --target-exclusive"
        );
        assert_eq!(
            words(Until::Lsn("0/3000060".to_owned())),
            "--type=lsn --target-action=promote --target=0/3000060"
        );
    }
}
