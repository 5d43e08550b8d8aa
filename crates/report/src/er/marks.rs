//! The ends of a reference in crow's foot notation.

use crate::svg::coordinate;

/// Length of an end mark; the curve begins behind it.
pub(super) const LENGTH: f64 = 18.0;

/// One end of a reference: where it meets the box, and which way leads away from it (1 right, -1 left).
#[derive(Clone, Copy)]
pub(super) struct End {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) away: f64,
}

impl End {
    /// Returns the point behind the mark.
    pub(super) fn behind(self) -> (f64, f64) {
        (self.x + self.away * LENGTH, self.y)
    }

    fn at(self, distance: f64, aside: f64) -> String {
        format!("{} {}", coordinate(self.x + self.away * distance), coordinate(self.y + aside))
    }

    fn bar(self, distance: f64) -> String {
        format!("M{}L{}", self.at(distance, -4.0), self.at(distance, 4.0))
    }

    fn stem(self, until: f64) -> String {
        format!("M{}L{}", self.at(0.0, 0.0), self.at(until, 0.0))
    }

    fn circle(self, distance: f64) -> String {
        let (x, y) = (coordinate(self.x + self.away * distance), coordinate(self.y));
        format!("<circle class=\"ring\" cx=\"{x}\" cy=\"{y}\" r=\"3.5\"/>")
    }
}

/// Returns "zero or more": a foot and a ring.
pub(super) fn many(end: End) -> String {
    let foot = format!(
        "M{0}L{1}L{2}M{0}L{3}",
        end.at(10.0, 0.0),
        end.at(0.0, -5.0),
        end.at(10.0, 0.0),
        end.at(0.0, 5.0)
    );
    format!("<path d=\"{foot}{}\"/>{}", end.stem(LENGTH), end.circle(13.5))
}

/// Returns "zero or one": a bar and a ring.
pub(super) fn at_most_one(end: End) -> String {
    format!("<path d=\"{}{}\"/>{}", end.bar(5.0), end.stem(LENGTH), end.circle(12.0))
}

/// Returns "exactly one": two bars.
pub(super) fn exactly_one(end: End) -> String {
    format!("<path d=\"{}{}{}\"/>", end.bar(5.0), end.bar(9.0), end.stem(LENGTH))
}
