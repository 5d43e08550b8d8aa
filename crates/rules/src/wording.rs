//! Numbers and lists as people read them.

/// Returns a number with its digits in groups of three: `41 210`.
pub(crate) fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "-" } else { "" });
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// Returns a number with its noun, which takes a plural `s` unless the number is 1.
pub(crate) fn counted(number: i64, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", grouped(number))
}

/// Returns a share as a whole per cent, rounded down so that 100 means all.
pub(crate) fn percent(part: i64, whole: i64) -> i64 {
    if whole <= 0 { 0 } else { i64::try_from(i128::from(part) * 100 / i128::from(whole)).unwrap_or(0) }
}

/// Returns bytes in the unit that people use for them.
pub(crate) fn bytes(size: i64) -> String {
    match size {
        ..10_240 => format!("{} bytes", grouped(size)),
        10_240..10_485_760 => format!("{} kB", grouped(size / 1024)),
        _ => format!("{} MB", grouped(size / 1_048_576)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_for_people() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(41_210), "41 210");
        assert_eq!(grouped(-1_000_000), "-1 000 000");
        assert_eq!(counted(1, "row"), "1 row");
        assert_eq!(percent(999, 1000), 99);
    }
}
