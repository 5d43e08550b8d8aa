//! Names of segments of the write-ahead log, in order.

/// Returns the first segment that is missing between `first` and the newest of the archive on its timeline.
///
/// A segment is 16 MB unless `initdb --wal-segsize` said otherwise: 256 of them have one middle part in common.
pub(super) fn gap(first: &str, archived: &[String]) -> Option<String> {
    let timeline = first.get(..8)?;
    let mut numbers: Vec<u64> = archived
        .iter()
        .filter(|name| name.get(..8) == Some(timeline))
        .filter_map(|name| number(name))
        .collect();
    numbers.sort_unstable();
    let mut next = number(first)?;
    for found in numbers.into_iter().filter(|one| *one >= number(first).unwrap_or_default()) {
        if found != next {
            return Some(format!("{timeline}{:08X}{:08X}", next / 256, next % 256));
        }
        next = found + 1;
    }
    None
}

/// Returns the place of a segment; nothing for history files, labels and parts.
fn number(name: &str) -> Option<u64> {
    if name.len() != 24 || !name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let part = |range: std::ops::Range<usize>| u64::from_str_radix(&name[range], 16).ok();
    Some(part(8..16)? * 256 + part(16..24)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_segment_is_named() {
        let names = |list: &[&str]| list.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        let whole = names(&[
            "0000000100000000000000FE",
            "0000000100000000000000FF",
            "000000010000000100000000",
            "00000002.history",
        ]);
        assert_eq!(gap("0000000100000000000000FE", &whole), None);
        let holed = names(&["0000000100000000000000FE", "000000010000000100000000"]);
        assert_eq!(gap("0000000100000000000000FE", &holed).as_deref(), Some("0000000100000000000000FF"));
        assert_eq!(gap("0000000100000000000000FE", &[]), None);
    }
}
