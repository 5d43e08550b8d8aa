//! Where the grid lines of an axis go.

/// Returns round values from at or below `low` to at or above `high`, about `wanted` steps apart.
///
/// Steps are 1, 2 or 5 times a power of ten (Heckbert, "Nice numbers for graph labels", 1990).
pub fn ticks(low: f64, high: f64, wanted: u32) -> Vec<f64> {
    if !(low.is_finite() && high.is_finite()) || high <= low || wanted == 0 {
        return vec![low.min(high), low.max(high) + 1.0];
    }
    let rough = (high - low) / f64::from(wanted);
    let power = 10f64.powf(rough.log10().floor());
    let step = power
        * match rough / power {
            ratio if ratio <= 1.0 => 1.0,
            ratio if ratio <= 2.0 => 2.0,
            ratio if ratio <= 5.0 => 5.0,
            _ => 10.0,
        };
    // Steps too small or too large for the type would never end.
    if !step.is_normal() {
        return vec![low.min(high), low.max(high) + 1.0];
    }
    let (first, last) = ((low / step).floor() as i64, (high / step).ceil() as i64);
    (first..=last).map(|tick| tick as f64 * step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover_the_range() {
        assert_eq!(ticks(0.0, 97.0, 4), [0.0, 50.0, 100.0]);
        assert_eq!(ticks(260.0, 1020.0, 4), [200.0, 400.0, 600.0, 800.0, 1000.0, 1200.0]);
        assert_eq!(ticks(5.0, 5.0, 4), [5.0, 6.0]);
        assert_eq!(ticks(f64::NAN, 1.0, 4).len(), 2);
    }
}
