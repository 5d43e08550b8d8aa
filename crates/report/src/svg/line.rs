//! A line chart: one amount over time.

use underpin_model::evidence::Series;

use super::scale::ticks;
use super::{coordinate, escape};
use crate::amounts::number;
use crate::printable::one_line;

/// Height of the plot in pixels.
const PLOT: f64 = 200.0;
/// Room above the plot for the label of the topmost grid line.
const TOP: f64 = 18.0;
/// Room below the plot for the horizontal labels.
const BOTTOM: f64 = 24.0;
/// Points that are drawn at most; more than one per pixel shows nothing more.
const POINTS: usize = 800;

/// Returns the chart as an `svg` element as wide as its place.
///
/// Points without a value are left out. A series of fewer than two points is drawn as an empty grid.
pub fn line(series: &Series) -> String {
    let points: Vec<(f64, f64)> =
        series.points.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
    let (left, right) = range(points.iter().map(|point| point.0));
    let (low, high) = range(points.iter().map(|point| point.1));
    let grid = ticks(low.min(0.0), high, 4);
    let plot = Plot { left, right, low: grid[0], high: grid[grid.len() - 1] };
    format!(
        "<svg class=\"chart line\" role=\"img\" width=\"100%\" height=\"{}\" aria-label=\"{}\">{}{}{}</svg>",
        coordinate(TOP + PLOT + BOTTOM),
        escape(&spoken(series, &points)),
        grid_lines(&plot, &grid, &series.y_unit),
        curve(&plot, &thinned(&points)),
        below(&plot, &series.x_unit),
    )
}

/// The values at the edges of the plot.
struct Plot {
    left: f64,
    right: f64,
    low: f64,
    high: f64,
}

impl Plot {
    fn x(&self, value: f64) -> f64 {
        1000.0 * (value - self.left) / (self.right - self.left).max(f64::MIN_POSITIVE)
    }

    fn y(&self, value: f64) -> f64 {
        PLOT * (1.0 - (value - self.low) / (self.high - self.low).max(f64::MIN_POSITIVE))
    }
}

fn range(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let low = values.clone().fold(f64::INFINITY, f64::min);
    let high = values.fold(f64::NEG_INFINITY, f64::max);
    if low <= high { (low, high) } else { (0.0, 1.0) }
}

fn grid_lines(plot: &Plot, grid: &[f64], unit: &str) -> String {
    let last = grid.len() - 1;
    grid.iter()
        .enumerate()
        .map(|(place, value)| {
            let y = TOP + plot.y(*value);
            let unit = if place == last { format!(" {}", one_line(unit)) } else { String::new() };
            format!(
                "<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"{0}\" y2=\"{0}\"/><text x=\"0\" y=\"{1}\">{2}{3}</text>",
                coordinate(y),
                coordinate(y - 4.0),
                escape(&number(*value)),
                escape(&unit),
            )
        })
        .collect()
}

fn curve(plot: &Plot, points: &[(f64, f64)]) -> String {
    if points.len() < 2 {
        return String::new();
    }
    let path: Vec<String> = points
        .iter()
        .map(|(x, y)| format!("{},{}", coordinate(plot.x(*x)), coordinate(plot.y(*y))))
        .collect();
    let path = path.join(" ");
    let floor = coordinate(plot.y(0.0_f64.clamp(plot.low, plot.high)));
    let (first, last) = (coordinate(plot.x(points[0].0)), coordinate(plot.x(points[points.len() - 1].0)));
    format!(
        "<svg x=\"0\" y=\"{}\" width=\"100%\" height=\"{}\" viewBox=\"0 0 1000 {1}\" preserveAspectRatio=\"none\">\
         <polygon class=\"area\" points=\"{first},{floor} {path} {last},{floor}\"/>\
         <polyline class=\"curve\" points=\"{path}\" vector-effect=\"non-scaling-stroke\"/></svg>",
        coordinate(TOP),
        coordinate(PLOT),
    )
}

fn below(plot: &Plot, unit: &str) -> String {
    let y = coordinate(TOP + PLOT + 17.0);
    [(0, plot.left, "start"), (50, (plot.left + plot.right) / 2.0, "middle"), (100, plot.right, "end")]
        .into_iter()
        .map(|(percent, value, anchor)| {
            format!(
                "<text x=\"{percent}%\" y=\"{y}\" text-anchor=\"{anchor}\">{} {}</text>",
                escape(&number(value)),
                escape(&one_line(unit)),
            )
        })
        .collect()
}

/// Keeps the lowest and the highest point of each bucket, so that no spike is lost.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if points.len() <= POINTS {
        return points.to_vec();
    }
    let bucket = points.len().div_ceil(POINTS / 2);
    points.chunks(bucket).flat_map(extremes).collect()
}

fn extremes(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let by_amount = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
    let mut kept: Vec<(f64, f64)> =
        points.iter().min_by(by_amount).into_iter().chain(points.iter().max_by(by_amount)).copied().collect();
    kept.sort_by(|a, b| a.0.total_cmp(&b.0));
    kept
}

fn spoken(series: &Series, points: &[(f64, f64)]) -> String {
    let (low, high) = range(points.iter().map(|point| point.1));
    format!(
        "{} points; between {} and {} {}",
        points.len(),
        number(low),
        number(high),
        one_line(&series.y_unit)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(points: Vec<(f64, f64)>) -> Series {
        Series { x_unit: "s".to_owned(), y_unit: "commits/s".to_owned(), points }
    }

    #[test]
    fn no_points_and_odd_points_draw_a_grid() {
        for points in [
            vec![],
            vec![(1.0, 1.0)],
            vec![(f64::NAN, 1.0), (0.0, f64::INFINITY)],
            vec![(1.0, 5.0), (1.0, 5.0)],
        ] {
            let chart = line(&series(points));
            assert!(
                chart.contains("class=\"grid\"") && !chart.contains("NaN") && !chart.contains("inf"),
                "{chart}"
            );
        }
    }

    #[test]
    fn a_spike_survives_thinning() {
        let mut points: Vec<(f64, f64)> = (0..100_000).map(|x| (f64::from(x), 1.0)).collect();
        points[77_777].1 = 50.0;
        let thinned = thinned(&points);
        assert!(thinned.len() <= POINTS && thinned.contains(&(77_777.0, 50.0)));
    }
}
