//! How wide a text will be, without a font at hand.

/// Advance widths of U+0020 to U+007E in thousandths of an em: Helvetica's, from the Core 14 AFM files.
///
/// Arial, Liberation Sans and Nimbus Sans share them by design, so one of the fonts that the diagrams
/// ask for is on nearly every machine.
const ADVANCES: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556,
    556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278,
    500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469,
    556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500,
    278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];

/// Returns the width of `text` in a sans-serif font of the given size, in the size's unit.
///
/// Letters outside ASCII count as 0.6 em, ideographs and what lies beyond as a full em.
pub fn text_width(text: &str, size: f64) -> f64 {
    text.chars().map(advance).sum::<f64>() * size / 1000.0
}

fn advance(character: char) -> f64 {
    let place = (character as usize).checked_sub(0x20);
    match place.and_then(|place| ADVANCES.get(place)) {
        Some(advance) => f64::from(*advance),
        None if (character as u32) < 0x2e80 => 600.0,
        None => 1000.0,
    }
}

/// Returns `text` cut so that it fits into `width`, with an ellipsis when something was cut.
pub fn fitted(text: &str, size: f64, width: f64) -> String {
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = text_width("…", size) + 0.4 * size;
    for character in text.chars() {
        used += advance(character) * size / 1000.0;
        if used > width {
            break;
        }
        kept.push(character);
    }
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_follow_the_letters() {
        assert!(text_width("iiii", 10.0) < text_width("mmmm", 10.0));
        assert!((text_width("0", 10.0) - 5.56).abs() < 1e-9);
        assert!((text_width("汉", 10.0) - 10.0).abs() < 1e-9);
    }

    #[test]
    fn what_does_not_fit_is_cut() {
        assert_eq!(fitted("short", 10.0, 100.0), "short");
        let cut = fitted("a_very_long_column_name_indeed", 10.0, 60.0);
        assert!(cut.ends_with('…') && text_width(&cut, 10.0) <= 62.0, "{cut}");
    }
}
