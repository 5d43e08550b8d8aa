//! How much: counts, sizes, durations and measures as people read them.

/// Returns a whole number with its digits in groups of three, such as `12 400`.
///
/// Four digits stay together, as ISO 80000-1 (7.3.2) allows and running text prefers.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    if digits.len() <= 4 {
        return digits;
    }
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// Returns `1 error`, `2 errors`: a count with its noun, the plural formed with `s`.
pub fn counted(value: usize, noun: &str) -> String {
    let plural = if value == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(value as u64))
}

/// Returns a size in bytes with the binary unit that keeps it under 1024, such as `1.5 MiB`.
pub fn bytes(value: f64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut scaled = value;
    let mut unit = 0;
    while scaled.abs() >= 1023.5 && unit + 1 < UNITS.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    format!("{} {}", number(scaled), UNITS[unit])
}

/// Returns a duration given in milliseconds, such as `0.4 ms`, `340 ms`, `1.2 s`, `2 min 5 s`.
pub fn duration(milliseconds: f64) -> String {
    let seconds = milliseconds / 1000.0;
    if !milliseconds.is_finite() {
        "-".to_owned()
    } else if milliseconds < 10.0 {
        format!("{} ms", number((milliseconds * 10.0).round() / 10.0))
    } else if milliseconds < 999.5 {
        format!("{milliseconds:.0} ms")
    } else if seconds < 9.95 {
        format!("{seconds:.1} s")
    } else if seconds < 59.5 {
        format!("{seconds:.0} s")
    } else {
        minutes(seconds.round() as u64)
    }
}

fn minutes(seconds: u64) -> String {
    if seconds < 3600 {
        format!("{} min {} s", seconds / 60, seconds % 60)
    } else {
        format!("{} h {} min", seconds / 3600, seconds % 3600 / 60)
    }
}

/// Returns a number with as many decimals as matter: none from 100 on, one from 10 on, else two.
///
/// Trailing zeros are left out, so whole numbers stay whole. What is not a number becomes `-`.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "-".to_owned();
    }
    let decimals = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let whole = whole.parse::<u64>().map_or_else(|_| whole.to_owned(), count);
    let fraction = fraction.trim_end_matches('0');
    let sign =
        if value < 0.0 && text.contains(|digit: char| ('1'..='9').contains(&digit)) { "-" } else { "" };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// Returns a number with its unit: `count` has none, `ms` and `bytes` are scaled, others stand behind.
pub fn measure(value: f64, unit: &str) -> String {
    match unit {
        "" | "count" => number(value),
        "ms" => duration(value),
        "s" => duration(value * 1000.0),
        "bytes" => bytes(value),
        unit => format!("{} {unit}", number(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_from_ten_thousand_on() {
        let counts = [0, 999, 1234, 12_400, 123_456, 1_234_567, u64::MAX].map(count);
        assert_eq!(
            counts,
            ["0", "999", "1234", "12 400", "123 456", "1 234 567", "18 446 744 073 709 551 615"]
        );
        assert_eq!(counted(1, "error"), "1 error");
        assert_eq!(counted(0, "error"), "0 errors");
    }

    #[test]
    fn durations_choose_their_unit() {
        let durations = [0.0, 0.42, 12.0, 999.0, 999.9, 9949.0, 12_400.0, 59_600.0, 125_000.0, 4_320_000.0];
        assert_eq!(
            durations.map(duration),
            [
                "0 ms",
                "0.4 ms",
                "12 ms",
                "999 ms",
                "1.0 s",
                "9.9 s",
                "12 s",
                "1 min 0 s",
                "2 min 5 s",
                "1 h 12 min"
            ]
        );
    }

    #[test]
    fn numbers_keep_what_matters() {
        assert_eq!(
            [1.0, 0.25, 2.3456, 42.06, 1234.5, 0.001].map(number),
            ["1", "0.25", "2.35", "42.1", "1234", "0"]
        );
        assert_eq!([-0.001, -12_345.6, f64::NAN, f64::INFINITY].map(number), ["0", "-12 346", "-", "-"]);
        assert_eq!([512.0, 1024.0, 1_600_000.0, 1e13].map(bytes), ["512 B", "1 KiB", "1.53 MiB", "9.09 TiB"]);
    }

    #[test]
    fn measures_know_their_units() {
        assert_eq!(measure(38.0, "count"), "38");
        assert_eq!(measure(1500.0, "ms"), "1.5 s");
        assert_eq!(measure(2048.0, "bytes"), "2 KiB");
        assert_eq!(measure(412_000.0, "rows/s"), "412 000 rows/s");
    }
}
