//! The archive of log beside the backups: which way leads to a target, where a target lies, and whether every record is sound.
//!
//! All of it is asked before anything is copied, with `pg_waldump`, which checks the CRC of each record that it reads.

use camino::{Utf8Path, Utf8PathBuf};
use underpin_model::evidence::TranscriptStep;
use underpin_pg::{Installation, ToolCall};

use super::segments::{self, Leg, SEGMENT_BYTES, Shelf, lsn_number, lsn_text};
use super::{BackupError, Description, attempt};

/// The archive of a folder of backups.
pub(super) struct Archive<'a> {
    pub(super) wal: Utf8PathBuf,
    names: Vec<String>,
    bytes: u64,
    installation: &'a Installation,
}

/// What is looked for in the log.
#[derive(Clone, Copy)]
pub(super) enum Wanted<'w> {
    /// The record of a restore point.
    Name(&'w str),
    /// The commit of a transaction.
    Transaction(&'w str),
}

/// A stretch of the log.
#[derive(Clone, Copy)]
pub(super) struct Stretch {
    pub(super) from: u64,
    pub(super) until: Option<u64>,
}

impl<'a> Archive<'a> {
    /// Lists the archive; an absent folder is an empty one.
    pub(super) fn of(folder: &Utf8Path, installation: &'a Installation) -> Archive<'a> {
        let wal = folder.join("wal");
        let entries = wal.read_dir_utf8().map(|entries| entries.filter_map(Result::ok).collect::<Vec<_>>());
        let entries = entries.unwrap_or_default();
        let size = entries.iter().filter(|entry| entry.file_name().len() == 24);
        let size = size.filter_map(|entry| entry.metadata().ok()).map(|about| about.len());
        let bytes = size.filter(|bytes| bytes.is_power_of_two()).max().unwrap_or(SEGMENT_BYTES);
        let names = entries.iter().map(|entry| entry.file_name().to_owned()).collect();
        Archive { wal, names, bytes, installation }
    }

    fn shelf(&self) -> Shelf<'_> {
        Shelf { names: &self.names, bytes: self.bytes }
    }

    /// Tells whether nothing was archived.
    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Returns the newest timeline that a recovery from `start` would find, as the server looks for it: one by one.
    pub(super) fn newest_timeline(&self, start: u32) -> u32 {
        let known = |timeline: u32| self.names.contains(&history_name(timeline));
        (start + 1..).take_while(|next| known(*next)).last().unwrap_or(start)
    }

    /// Returns the way to the end of a timeline, the oldest ancestor first.
    pub(super) fn road(&self, timeline: u32) -> Result<Vec<Leg>, BackupError> {
        if timeline <= 1 {
            return Ok(segments::road("", timeline));
        }
        let path = self.wal.join(history_name(timeline));
        let history = fs_err::read_to_string(&path).map_err(|source| BackupError::Unreachable {
            why: format!("the archive does not know timeline {timeline}: {source}"),
        })?;
        Ok(segments::road(&history, timeline))
    }

    /// Refuses a hole up front: recovery would end there and take it for the end of the log.
    pub(super) fn check_whole(
        &self,
        description: &Description,
        road: &[Leg],
        until: Option<u64>,
    ) -> Result<(), BackupError> {
        let first = description.first_segment.as_deref().unwrap_or_default();
        let last = road.last().map_or(1, |leg| leg.timeline);
        let end = self.shelf().end(last).unwrap_or_default();
        if let Some(target) = until.filter(|target| *target > end) {
            let why = format!("the archived log ends at {}, before {}", lsn_text(end), lsn_text(target));
            return Err(BackupError::Unreachable { why });
        }
        match self.shelf().gap(first, road, until) {
            Some(missing) => {
                let why = format!("the segment {missing} is missing from {}", self.wal);
                Err(BackupError::Unreachable { why })
            }
            None => Ok(()),
        }
    }

    /// Reads every record on the way and refuses a damaged one; the server would take it for the end of the log.
    pub(super) async fn check_records(
        &self,
        description: &Description,
        road: &[Leg],
        until: Option<u64>,
    ) -> Result<Vec<TranscriptStep>, BackupError> {
        let mut transcript = Vec::new();
        let Some(mut from) = description.stop_lsn.as_deref().and_then(lsn_number) else {
            return Ok(transcript);
        };
        let start = description.first_segment.as_deref().and_then(segments::timeline_of).unwrap_or(1);
        for leg in road.iter().skip_while(|leg| leg.timeline != start) {
            let end = leg.until.or(until).or_else(|| self.shelf().end(leg.timeline));
            if !self.reaches(leg, from) || end.is_some_and(|end| end <= from) {
                break;
            }
            let stretch = Stretch { from, until: end };
            let read =
                attempt(self.installation, self.dump(leg.timeline, stretch).arg("--quiet"), &mut transcript)
                    .await?;
            if let Some(place) = damage(&read.stderr).filter(|_| read.exit != 0) {
                // The record that was read last, and the one behind it whose bytes do not fit.
                let bad = last_place(&read.stderr).or(lsn_number(&place)).unwrap_or_default();
                // Told to end right behind the head of a page, pg_waldump looks for a record in bytes that it did not read.
                if end.is_some_and(|end| bad >= end) {
                    from = leg.until.unwrap_or(from);
                    continue;
                }
                let segment = self.shelf().holding(leg.timeline, bad);
                let what = format!(
                    "the archived segment {segment} at {place} ({}); recovery is possible up to there, with --to-lsn {place}",
                    read.stderr.trim()
                );
                return Err(BackupError::Damaged { label: description.label.clone(), what });
            }
            from = leg.until.unwrap_or(from);
        }
        Ok(transcript)
    }

    /// Returns where the record lies on the way, between two places; nothing when it is not there.
    pub(super) async fn find(
        &self,
        wanted: Wanted<'_>,
        road: &[Leg],
        stretch: Stretch,
    ) -> Result<Option<u64>, BackupError> {
        let mut from = stretch.from;
        for leg in road {
            if leg.until.is_some_and(|fork| fork <= from) || !self.reaches(leg, from) {
                continue;
            }
            let end = [leg.until, stretch.until, self.shelf().end(leg.timeline)].into_iter().flatten().min();
            let call = self.dump(leg.timeline, Stretch { from, until: end });
            let call = match wanted {
                Wanted::Name(_) => call.arg("--rmgr=XLOG"),
                Wanted::Transaction(xid) => call.arg("--rmgr=Transaction").arg(format!("--xid={xid}")),
            };
            let read = attempt(self.installation, call, &mut Vec::new()).await?;
            if let Some(place) = read.stdout.lines().find_map(|line| record_place(line, wanted)) {
                return Ok(Some(place));
            }
            match leg.until {
                Some(fork) => from = from.max(fork),
                None => break,
            }
        }
        Ok(None)
    }

    fn reaches(&self, leg: &Leg, from: u64) -> bool {
        self.shelf().end(leg.timeline).is_some_and(|end| end > from) || leg.until.is_some()
    }

    /// Returns the call that reads a stretch. Without an end behind which no file lies, pg_waldump would wait five seconds
    /// for the next one to come.
    fn dump(&self, timeline: u32, stretch: Stretch) -> ToolCall {
        let call = ToolCall::new("pg_waldump").args([
            format!("--path={}", self.wal),
            format!("--timeline={timeline}"),
            format!("--start={}", lsn_text(stretch.from)),
        ]);
        match stretch.until {
            Some(end) => call.arg(format!("--end={}", lsn_text(end))),
            None => call,
        }
    }
}

fn history_name(timeline: u32) -> String {
    format!("{timeline:08X}.history")
}

/// Returns the place of a damaged record that `pg_waldump` names; the end of the archive is none.
fn damage(stderr: &str) -> Option<String> {
    let after = |words: &str| stderr.lines().find_map(|line| line.split(words).nth(1));
    let place = after("error in WAL record at ").or_else(|| after("could not find a valid record after "))?;
    let file_ends = place.contains("could not find file");
    (!file_ends).then(|| place.split(':').next().unwrap_or_default().trim().to_owned())
}

/// Returns the place that the complaint ends with.
fn last_place(stderr: &str) -> Option<u64> {
    lsn_number(stderr.rsplit(" at ").next()?.split(':').next()?)
}

/// Returns the place of the record if it is the wanted one.
fn record_place(line: &str, wanted: Wanted<'_>) -> Option<u64> {
    let description = line.split("desc: ").nth(1)?;
    let found = match wanted {
        Wanted::Name(name) => description.trim_end() == format!("RESTORE_POINT {name}"),
        Wanted::Transaction(_) => description.starts_with("COMMIT"),
    };
    let place = line.split("lsn: ").nth(1)?.split(',').next()?;
    found.then(|| lsn_number(place)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read() {
        let point = "rmgr: XLOG        len (rec/tot):     98/    98, tx:          0, lsn: 0/03000148, prev 0/03000110, desc: RESTORE_POINT before_release";
        assert_eq!(record_place(point, Wanted::Name("before_release")), Some(0x300_0148));
        assert_eq!(record_place(point, Wanted::Name("before")), None);
        let commit = "rmgr: Transaction len (rec/tot):     34/    34, tx:        742, lsn: 0/030001B0, prev 0/03000148, desc: COMMIT 2026-11-22 14:05:00.123456 UTC";
        assert_eq!(record_place(commit, Wanted::Transaction("742")), Some(0x300_01B0));
    }

    #[test]
    fn the_end_of_the_archive_is_no_damage() {
        let bad = "pg_waldump: error: error in WAL record at 0/3028E78: incorrect resource manager data checksum in record at 0/3028EB0";
        assert_eq!(damage(bad).as_deref(), Some("0/3028E78"));
        assert_eq!(last_place(bad), Some(0x302_8EB0));
        let head = "pg_waldump: error: error in WAL record at 0/100AE518: record with incorrect prev-link 7D/FFFFFFFF at 0/11000028\n";
        assert_eq!(last_place(head), Some(0x1100_0028));
        assert_eq!(
            damage("pg_waldump: error: could not find file \"000000010000000000000007\": No such file"),
            None
        );
    }
}
