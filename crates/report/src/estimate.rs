//! How long a step still takes, and how much of it is done, as people read it.

/// Returns `seconds` stretched from what is done to what is left, as people say it; nothing in the first second.
pub fn estimate(seconds: f64, done: u64, left: u64) -> Option<String> {
    if seconds < 1.0 || done == 0 {
        return None;
    }
    let left = seconds / done as f64 * left as f64;
    Some(if left < 90.0 { format!("{left:.0} s") } else { format!("{:.0} min", left / 60.0) })
}

/// Returns a bar of ten places; nothing when the total is not known.
pub fn filled(done: u64, total: u64) -> String {
    if total == 0 {
        return String::new();
    }
    let places = (done.min(total) * 10 / total) as usize;
    format!("[{}{}] ", "=".repeat(places), " ".repeat(10 - places))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_stretches_what_was_seen() {
        assert_eq!(estimate(0.5, 10, 10), None);
        assert_eq!(estimate(2.0, 0, 10), None);
        assert_eq!(estimate(2.0, 10, 40).as_deref(), Some("8 s"));
        assert_eq!(estimate(60.0, 10, 40).as_deref(), Some("4 min"));
        assert_eq!((filled(5, 20), filled(7, 0)), ("[==        ] ".to_owned(), String::new()));
    }
}
