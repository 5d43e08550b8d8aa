//! Names of segments of the write-ahead log and the timelines that they belong to; text in, values out.

/// Usual size of a segment in bytes; `initdb --wal-segsize` may have said otherwise.
pub(super) const SEGMENT_BYTES: u64 = 16 << 20;

/// Part of the way from a backup to its target: a timeline, and the place where the next one leaves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leg {
    pub(super) timeline: u32,
    /// Place of the log where the way goes on on the next timeline; none for the last one.
    pub(super) until: Option<u64>,
}

/// Reads a place of the log such as `0/3000060`.
pub(super) fn lsn_number(text: &str) -> Option<u64> {
    let (high, low) = text.trim().split_once('/')?;
    let (high, low) = (u64::from_str_radix(high, 16).ok()?, u64::from_str_radix(low, 16).ok()?);
    (high <= u64::from(u32::MAX) && low <= u64::from(u32::MAX)).then_some(high << 32 | low)
}

/// Returns the place as PostgreSQL writes it.
pub(super) fn lsn_text(lsn: u64) -> String {
    format!("{:X}/{:X}", lsn >> 32, lsn & 0xFFFF_FFFF)
}

/// Returns the timeline of a segment.
pub(super) fn timeline_of(segment: &str) -> Option<u32> {
    u32::from_str_radix(segment.get(..8)?, 16).ok()
}

/// Reads a history file of a timeline (manual, "Timelines"): its ancestors, the oldest first, and itself.
pub(super) fn road(history: &str, timeline: u32) -> Vec<Leg> {
    let parent = |line: &str| {
        let mut fields = line.split_whitespace();
        let timeline = fields.next()?.parse().ok()?;
        Some(Leg { timeline, until: Some(lsn_number(fields.next()?)?) })
    };
    let mut legs: Vec<Leg> = history.lines().filter_map(parent).collect();
    legs.push(Leg { timeline, until: None });
    legs
}

/// Segments of an archive.
pub(super) struct Shelf<'n> {
    pub(super) names: &'n [String],
    /// Size of a segment.
    pub(super) bytes: u64,
}

impl Shelf<'_> {
    /// Returns the first segment that is missing on the way from `first` up to the place `until`; without one up to the
    /// newest segment that is there.
    pub(super) fn gap(&self, first: &str, road: &[Leg], until: Option<u64>) -> Option<String> {
        let mut next = self.number(first)?;
        let start = timeline_of(first)?;
        for leg in road.iter().skip_while(|leg| leg.timeline != start) {
            let there = self.numbers(leg.timeline);
            // The segment in which a timeline begins is archived under the new one's name, with its parent's part copied.
            let end = match (leg.until, until) {
                (Some(fork), _) => fork / self.bytes,
                (None, Some(target)) => target.saturating_sub(1) / self.bytes + 1,
                (None, None) => there.last().map_or(next, |last| last + 1),
            };
            while next < end {
                if there.binary_search(&next).is_err() {
                    return Some(self.name(leg.timeline, next));
                }
                next += 1;
            }
        }
        None
    }

    /// Returns the place where the newest segment of the timeline ends.
    pub(super) fn end(&self, timeline: u32) -> Option<u64> {
        self.numbers(timeline).last().map(|last| (last + 1) * self.bytes)
    }

    /// Returns the place where the segment begins.
    pub(super) fn begin(&self, segment: &str) -> Option<u64> {
        self.number(segment).map(|number| number * self.bytes)
    }

    fn numbers(&self, timeline: u32) -> Vec<u64> {
        let own = self.names.iter().filter(|name| timeline_of(name) == Some(timeline));
        let mut numbers: Vec<u64> = own.filter_map(|name| self.number(name)).collect();
        numbers.sort_unstable();
        numbers
    }

    /// Returns the place of a segment; nothing for history files, labels and parts.
    fn number(&self, name: &str) -> Option<u64> {
        if name.len() != 24 || !name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let part = |range: std::ops::Range<usize>| u64::from_str_radix(&name[range], 16).ok();
        Some(part(8..16)? * self.per_name() + part(16..24)?)
    }

    /// Returns the name of the segment that holds the place `lsn`.
    pub(super) fn holding(&self, timeline: u32, lsn: u64) -> String {
        self.name(timeline, lsn / self.bytes)
    }

    fn name(&self, timeline: u32, number: u64) -> String {
        format!("{timeline:08X}{:08X}{:08X}", number / self.per_name(), number % self.per_name())
    }

    /// Segments that have the middle part of their name in common: those of 4 GB.
    fn per_name(&self) -> u64 {
        (1 << 32) / self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|one| (*one).to_owned()).collect()
    }

    fn gap(list: &[&str], first: &str, road: &[Leg]) -> Option<String> {
        Shelf { names: &names(list), bytes: SEGMENT_BYTES }.gap(first, road, None)
    }

    #[test]
    fn a_missing_segment_is_named() {
        let only = road("", 1);
        let whole = [
            "0000000100000000000000FE",
            "0000000100000000000000FF",
            "000000010000000100000000",
            "00000002.history",
        ];
        assert_eq!(gap(&whole, "0000000100000000000000FE", &only), None);
        let holed = ["0000000100000000000000FE", "000000010000000100000000"];
        assert_eq!(
            gap(&holed, "0000000100000000000000FE", &only).as_deref(),
            Some("0000000100000000000000FF")
        );
        assert_eq!(gap(&[], "0000000100000000000000FE", &only), None);
    }

    #[test]
    fn a_hole_behind_the_target_does_not_matter() {
        let list = names(&["000000010000000000000003", "000000010000000000000005"]);
        let shelf = Shelf { names: &list, bytes: SEGMENT_BYTES };
        let first = "000000010000000000000003";
        assert_eq!(shelf.gap(first, &road("", 1), lsn_number("0/3000060")), None);
        let missing = shelf.gap(first, &road("", 1), lsn_number("0/5000060"));
        assert_eq!(missing.as_deref(), Some("000000010000000000000004"));
        assert_eq!(shelf.end(1).map(lsn_text).as_deref(), Some("0/6000000"));
    }

    #[test]
    fn the_way_over_a_second_timeline() {
        let legs = road("1\t0/5000060\tbefore transaction 742\n\n", 2);
        assert_eq!(legs[0], Leg { timeline: 1, until: Some(0x500_0060) });
        let list = [
            "000000010000000000000003",
            "000000010000000000000004",
            "000000020000000000000005",
            "000000020000000000000006",
        ];
        assert_eq!(gap(&list, "000000010000000000000003", &legs), None);
        // The fork's own segment exists under the new name only.
        let missing = gap(&[list[0], list[1], list[3]], "000000010000000000000003", &legs);
        assert_eq!(missing.as_deref(), Some("000000020000000000000005"));
    }
}
