//! References as lines.

use std::collections::BTreeMap;

use underpin_model::evidence::ErReference;

use super::layout::{Layout, Route};
use super::marks::{End, at_most_one, exactly_one, many};
use crate::printable::one_line;
use crate::svg::{coordinate, escape};

/// Colours for lines; the last is the one of all tables that have none of their own.
const COLOURS: usize = 8;

/// Returns the colour of each referenced table: the most referenced ones get one of their own.
pub(super) fn colours(layout: &Layout) -> BTreeMap<usize, usize> {
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    for route in &layout.routes {
        *counts.entry(route.to).or_default() += 1;
    }
    let mut tables: Vec<(usize, usize)> = counts.into_iter().collect();
    tables.sort_by_key(|(table, references)| (std::cmp::Reverse(*references), *table));
    tables.iter().enumerate().map(|(place, (table, _))| (*table, place.min(COLOURS - 1))).collect()
}

/// Returns one reference: its line, both end marks, and what a pointer over it tells.
pub(super) fn edge(route: &Route, reference: &ErReference, colour: usize) -> String {
    let (Some(first), Some(last)) = (route.points.first(), route.points.last()) else { return String::new() };
    let leftwards = !route.loops && first.0 > last.0;
    let away = if leftwards { -1.0 } else { 1.0 };
    let from = End { x: first.0, y: first.1, away };
    let to = End { x: last.0, y: last.1, away: if route.loops { 1.0 } else { -away } };
    let dashed = if reference.optional { " optional" } else { "" };
    let path = if route.loops { loop_path(from, to) } else { path(route, from, to) };
    format!(
        "<g class=\"ref c{colour}{dashed}\"><title>{}</title><path class=\"way\" d=\"{path}\"/>{}{}</g>",
        escape(&spoken(reference)),
        if reference.one_to_one { at_most_one(from) } else { many(from) },
        if reference.optional { at_most_one(to) } else { exactly_one(to) },
    )
}

fn spoken(reference: &ErReference) -> String {
    one_line(&format!(
        "{} ({}) refers to {}, ON DELETE {}",
        reference.from,
        reference.from_columns.join(", "),
        reference.to,
        reference.on_delete
    ))
}

fn path(route: &Route, from: End, to: End) -> String {
    let mut stops = vec![from.behind()];
    stops.extend_from_slice(&route.points[1..route.points.len() - 1]);
    stops.push(to.behind());
    let mut path = format!("M{}", pair(stops[0]));
    for (place, stop) in stops.windows(2).enumerate() {
        // Stops come in pairs: a curve between layers, a level line across one.
        match place % 2 {
            0 => path.push_str(&curve(stop[0], stop[1])),
            _ => path.push_str(&format!("L{}", pair(stop[1]))),
        }
    }
    path
}

fn curve(from: (f64, f64), to: (f64, f64)) -> String {
    let middle = (from.0 + to.0) / 2.0;
    format!("C{} {} {}", pair((middle, from.1)), pair((middle, to.1)), pair(to))
}

fn loop_path(from: End, to: End) -> String {
    let (start, end) = (from.behind(), to.behind());
    let out = start.0.max(end.0) + 14.0;
    format!("M{}C{} {} {}", pair(start), pair((out, start.1)), pair((out, end.1)), pair(end))
}

fn pair(point: (f64, f64)) -> String {
    format!("{},{}", coordinate(point.0), coordinate(point.1))
}
