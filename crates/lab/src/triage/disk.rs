//! What fills the disk: log that is not archived, and rows that come faster than room is left.

use underpin_model::{Code, TriageFinding, TriageMode};

use super::facts::Facts;

pub(super) const CODES: &[Code] = &[ARCHIVE, FULL];

const ARCHIVE: Code = Code::error("UP665", "archive-fails", "the write-ahead log is not archived");
const FULL: Code =
    Code::error("UP666", "disk-fills", "the disk of the server is nearly full, or will be within days");

/// Less room than this share of the disk is little.
const LITTLE_SHARE: f64 = 0.05;

/// More room than this is never little.
const LITTLE_BYTES: f64 = 20e9;

/// A disk that holds longer is no matter of today.
const DAYS: f64 = 7.0;

/// Rows of a shorter time say nothing about a day.
const COUNTED_DAYS: f64 = 1.0;

const SECONDS_OF_A_DAY: f64 = 86_400.0;

pub(super) fn judge(facts: &Facts) -> Vec<TriageFinding> {
    archive(facts).into_iter().chain(full(facts)).collect()
}

/// The last attempt failed: nothing since is in the archive, and nothing of it is removed here.
fn archive(facts: &Facts) -> Option<TriageFinding> {
    let row = facts.rows("disk").next()?;
    if row.text("archive_mode") == "off" || row.bool("archive_fails") != Some(true) {
        return None;
    }
    let segment = row.text("failed_segment");
    let message = format!(
        "The segment {segment} could not be archived (failures so far: {}), and {:.0} MB of log wait behind it: no recovery reaches beyond \
         it, and the log stays until the disk is full. The server's log has what archive_command printed; mend that first.",
        row.text("failures"),
        row.float("kept_bytes").unwrap_or_default().max(0.0) / 1_048_576.0
    );
    let finding = TriageFinding::new(TriageMode::Sharding, &ARCHIVE, message)
        .objects(["archive_command", segment])
        .query(
            "SELECT last_failed_wal, last_failed_time, failed_count, last_archived_wal, last_archived_time, current_setting('archive_command') AS archive_command \
             FROM pg_stat_archiver",
        )
        // Wakes the archiver, which would try again after a minute.
        .fix("SELECT pg_reload_conf()");
    Some(finding)
}

/// What is known of the disk.
struct Disk {
    free: f64,
    total: f64,
    /// Bytes that went between the looks, per second.
    going: f64,
    /// Bytes that rows added, per second, since they are counted; tables without their indexes.
    growing: f64,
    /// For how many days they were counted.
    counted_days: f64,
}

impl Disk {
    /// Returns how long the room lasts at the slower of the two rates: a load of an hour is no growth of every day, and
    /// growth that has ended is none.
    fn days_left(&self) -> Option<f64> {
        let rate = self.going.min(self.growing);
        (rate > 0.0 && self.counted_days >= COUNTED_DAYS).then(|| self.free / rate / SECONDS_OF_A_DAY)
    }

    fn words(&self) -> Option<String> {
        let room =
            format!("{} of {} are left on the disk of the data folder", size(self.free), size(self.total));
        let pace = |days: f64| {
            format!(
                "; tables grew by {} a day over the last {:.0} days: enough for {}",
                size(self.growing * SECONDS_OF_A_DAY),
                self.counted_days,
                if days < 1.0 { format!("{:.0} hours", days * 24.0) } else { format!("{days:.1} days") }
            )
        };
        let days = self.days_left();
        let little = self.free < self.total * LITTLE_SHARE && self.free < LITTLE_BYTES;
        let soon = days.is_some_and(|days| days < DAYS);
        (little || soon).then(|| format!("{room}{}.", days.map(pace).unwrap_or_default()))
    }
}

fn full(facts: &Facts) -> Option<TriageFinding> {
    let disk = known(facts)?;
    let words = disk.words()?;
    let objects = ["data_directory".to_owned()].into_iter().chain(fastest(facts));
    let finding = TriageFinding::new(
        TriageMode::Sharding,
        &FULL,
        format!("{words} When nothing is left every write fails, and where the log lies there too the server stops."),
    )
    .objects(objects)
    .query(
        "SELECT datname, pg_size_pretty(pg_database_size(oid)) AS size FROM pg_database WHERE datallowconn ORDER BY pg_database_size(oid) DESC",
    )
    // Log that no recovery needs any more goes with a checkpoint; a table's file shrinks only with VACUUM FULL, which needs
    // room for a copy first.
    .fix("CHECKPOINT");
    Some(finding)
}

fn known(facts: &Facts) -> Option<Disk> {
    let (first, last) = (facts.space_before?, facts.space?);
    let row = facts.rows("disk").next()?;
    let counted_days = row.float("counted_days").unwrap_or_default();
    let grown: f64 = facts.rows("tables").map(|table| bytes_added(&table)).sum();
    let growing = if counted_days > 0.0 { grown / counted_days / SECONDS_OF_A_DAY } else { 0.0 };
    let going = first.free.saturating_sub(last.free) as f64 / facts.between.as_secs_f64().max(0.1);
    Some(Disk { free: last.free as f64, total: last.total as f64, going, growing, counted_days })
}

/// Returns how much the rows take that came and stayed since they are counted, as the table's pages go.
fn bytes_added(table: &underpin_pg::rows::Row<'_>) -> f64 {
    let number = |column: &str| table.float(column).unwrap_or_default();
    let (rows, pages) = (number("reltuples"), number("pages"));
    let stayed = (number("inserted") - number("deleted")).max(0.0);
    if rows >= 1.0 { stayed.min(rows) * pages * 8192.0 / rows } else { 0.0 }
}

/// Returns the table that grew most.
fn fastest(facts: &Facts) -> Option<String> {
    let most = facts
        .rows("tables")
        .filter(|table| bytes_added(table) > 0.0)
        .max_by(|one, other| bytes_added(one).total_cmp(&bytes_added(other)));
    most.map(|table| table.text("name").to_owned())
}

fn size(bytes: f64) -> String {
    if bytes >= 1e9 { format!("{:.1} GB", bytes / 1e9) } else { format!("{:.0} MB", bytes / 1e6) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(free: f64, (going, growing): (f64, f64)) -> Disk {
        let per_second = |per_day: f64| per_day / SECONDS_OF_A_DAY;
        Disk {
            free,
            total: 100e9,
            going: per_second(going),
            growing: per_second(growing),
            counted_days: 30.0,
        }
    }

    #[test]
    fn little_room_is_told_whatever_comes() {
        assert_eq!(disk(40e9, (0.0, 0.0)).words(), None);
        assert_eq!(
            disk(3e9, (0.0, 0.0)).words().unwrap(),
            "3.0 GB of 100.0 GB are left on the disk of the data folder."
        );
        let large = Disk { total: 4000e9, ..disk(100e9, (0.0, 0.0)) };
        assert_eq!(large.words(), None, "100 GB are much, though a small share");
    }

    #[test]
    fn days_are_told_where_it_grows_today_as_it_grew_before() {
        let words = disk(20e9, (5e9, 4e9)).words().unwrap();
        assert!(
            words.ends_with("tables grew by 4.0 GB a day over the last 30 days: enough for 5.0 days."),
            "{words}"
        );
        assert_eq!(disk(20e9, (5e12, 0.1e9)).words(), None, "one load, now");
        assert_eq!(disk(20e9, (0.0, 4e9)).words(), None, "one load, then");
        let young = Disk { counted_days: 0.1, ..disk(20e9, (5e12, 5e12)) };
        assert_eq!(young.words(), None, "nobody knows what a day brings");
    }
}
