//! Memory and processor time of processes, as Linux tells them; nothing elsewhere.

use std::time::Duration;

use crate::processes::descendants;

/// Linux counts processor time for user space in hundredths of a second on every architecture (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// Returns the memory of a process and everything below it, in bytes: shared pages are divided by those who share them
/// (`Pss`), so the sum is what would be free without them.
///
/// Nothing when a process does not let us look, or where there is no `/proc`.
pub fn memory_of(pid: i32) -> Option<u64> {
    let mut sum = proportional(pid)?;
    for child in descendants(pid) {
        // A process that ended meanwhile has no memory; the file is there and empty for one that is ending.
        sum += proportional(child).unwrap_or_default();
    }
    Some(sum)
}

/// Returns the processor time that a process used so far, without its children.
pub fn processor_time(pid: i32) -> Option<Duration> {
    read_time(&fs_err::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Returns the processor time that the main thread of a process used so far, to the nanosecond.
///
/// Nothing where the kernel keeps no statistics of its scheduler. Reference: sched-stats of the kernel's documentation.
pub fn main_thread_time(pid: i32) -> Option<Duration> {
    let text = fs_err::read_to_string(format!("/proc/{pid}/schedstat")).ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

fn proportional(pid: i32) -> Option<u64> {
    read_pss(&fs_err::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?)
}

fn read_pss(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// Fields 14 and 15 of `stat`, in user mode and in the kernel; the second field may hold spaces.
fn read_time(stat: &str) -> Option<Duration> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let kernel: u32 = fields.next()?.parse().ok()?;
    Some(TICK * (user + kernel))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_proc() {
        assert_eq!(read_pss("Rss: 9 kB\nPss:                 116 kB\nPss_Dirty: 1 kB\n"), Some(116 * 1024));
        let stat = "7 (a b) S 1 7 7 0 -1 4 0 0 0 0 150 50 0 0 20 0 1 0 9 9";
        assert_eq!(read_time(stat), Some(Duration::from_secs(2)));
        assert_eq!(read_time("7 (a"), None);
    }
}
