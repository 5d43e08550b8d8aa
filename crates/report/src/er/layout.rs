//! The place of every table and the way of every reference.

use std::collections::BTreeMap;

use underpin_model::evidence::{ErDiagram, ErReference};

use super::Detail;
use super::columns::{Link, Node, ordered, tops};
use super::frame::Frame;
use super::layers::{Graph, layers};

/// Room between two layers: both end marks and a curve.
const GAP: f64 = 92.0;
const MARGIN: f64 = 16.0;
const AIR: f64 = 24.0;
/// Width of the drawing over its height that is aimed at: a page column, not a screen.
const ASPECT: f64 = 1.2;
/// Height that a passing line takes in its layer.
const LANE: f64 = 4.0;
/// Distance of the ports of mandatory and optional references from the middle of the key's row.
const PORT_SHIFT: f64 = 4.5;

/// The finished layout.
pub(super) struct Layout {
    pub(super) frames: Vec<Frame>,
    /// Left and top edge of each table.
    pub(super) places: Vec<(f64, f64)>,
    pub(super) routes: Vec<Route>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// The way of one reference.
pub(super) struct Route {
    /// Place in the diagram's references.
    pub(super) reference: usize,
    /// The referenced table.
    pub(super) to: usize,
    /// From the referencing box to the referenced one; between two points runs a curve, or a level
    /// line where the route passes a layer.
    pub(super) points: Vec<(f64, f64)>,
    /// The reference leaves and arrives on the same side: a table that refers to itself.
    pub(super) loops: bool,
}

/// A reference with both its tables found.
struct Bound<'a> {
    place: usize,
    from: usize,
    to: usize,
    reference: &'a ErReference,
}

/// Returns the layout of `diagram`; references to tables that it lacks are left out.
pub(super) fn laid_out(diagram: &ErDiagram, detail: Detail) -> Layout {
    let frames: Vec<Frame> = diagram.tables.iter().map(|table| Frame::of(table, detail)).collect();
    let bound = bound(diagram);
    let layer_of = layered(&frames, &bound);
    let lanes = Lanes::new(&frames, &bound, &layer_of);
    let strangers = strangers(frames.len(), &bound);
    let mut order = ordered(&lanes.nodes);
    order.iter_mut().for_each(|layer| layer.retain(|node| !strangers.contains(node)));
    let tops = tops(&lanes.nodes, &order);
    let columns = column_edges(&frames, &layer_of);
    let mut places: Vec<(f64, f64)> =
        layer_of.iter().enumerate().map(|(table, layer)| (columns[*layer].0, tops[table] + MARGIN)).collect();
    let bottoms = bottoms(&lanes, &tops, &order);
    fill_in(&frames, &strangers, Gaps { columns: &columns, bottoms }, &mut places);
    let routes = bound
        .iter()
        .map(|bound| {
            route(
                bound,
                &Placed { frames: &frames, places: &places, columns: &columns, lanes: &lanes, tops: &tops },
            )
        })
        .collect();
    let extent = |edge: fn(&Frame, &(f64, f64)) -> f64| {
        frames.iter().zip(&places).map(|(frame, place)| edge(frame, place)).fold(0.0, f64::max)
    };
    let width = extent(|frame, place| place.0 + frame.width) + MARGIN + 20.0;
    let height = extent(|frame, place| place.1 + frame.height).max(lowest_lane(&lanes, &tops)) + MARGIN;
    Layout { frames, places, routes, width, height }
}

fn lowest_lane(lanes: &Lanes, tops: &[f64]) -> f64 {
    lanes.at.values().map(|node| tops[*node] + MARGIN + LANE).fold(0.0, f64::max)
}

fn bound(diagram: &ErDiagram) -> Vec<Bound<'_>> {
    let tables: BTreeMap<&str, usize> =
        diagram.tables.iter().enumerate().map(|(place, table)| (table.name.as_str(), place)).collect();
    let find = |(place, reference): (usize, &ErReference)| {
        Some((place, *tables.get(reference.from.as_str())?, *tables.get(reference.to.as_str())?))
    };
    let found = diagram.references.iter().enumerate().filter_map(find);
    found.map(|(place, from, to)| Bound { place, from, to, reference: &diagram.references[place] }).collect()
}

/// Returns the tables that neither refer to others nor are referred to; none when all are so.
fn strangers(tables: usize, bound: &[Bound<'_>]) -> Vec<usize> {
    let mut known = vec![false; tables];
    for edge in bound.iter().filter(|edge| edge.from != edge.to) {
        known[edge.from] = true;
        known[edge.to] = true;
    }
    if known.contains(&true) { (0..tables).filter(|table| !known[*table]).collect() } else { Vec::new() }
}

fn layered(frames: &[Frame], bound: &[Bound<'_>]) -> Vec<usize> {
    let mut edges: Vec<(usize, usize)> =
        bound.iter().filter(|edge| edge.from != edge.to).map(|edge| (edge.from, edge.to)).collect();
    edges.sort_unstable();
    edges.dedup();
    let strangers = strangers(frames.len(), bound);
    // Strangers get their place later, in the gaps that the others leave.
    let heights: Vec<f64> = (0..frames.len())
        .map(|table| if strangers.contains(&table) { 0.0 } else { frames[table].height + AIR })
        .collect();
    let widest = frames.iter().map(|frame| frame.width).fold(0.0, f64::max) + GAP;
    let room = (heights.iter().sum::<f64>() * widest / ASPECT).sqrt();
    layers(&Graph { size: frames.len(), edges }, &heights, room)
}

/// Returns the left edge and the width of each layer's column.
fn column_edges(frames: &[Frame], layer_of: &[usize]) -> Vec<(f64, f64)> {
    let layers = layer_of.iter().map(|layer| layer + 1).max().unwrap_or(0);
    let mut left = MARGIN;
    let mut columns = Vec::with_capacity(layers);
    for layer in 0..layers {
        let members = frames.iter().zip(layer_of).filter(|(_, of)| **of == layer);
        let width = members.map(|(frame, _)| frame.width).fold(0.0, f64::max);
        columns.push((left, width));
        left += width + GAP;
    }
    columns
}

/// The nodes to order: all tables, then one lane per layer that references to one table pass.
struct Lanes {
    nodes: Vec<Node>,
    /// `(referenced table, optional, layer)` to the node of the lane.
    at: BTreeMap<(usize, bool, usize), usize>,
    layer_of: Vec<usize>,
}

impl Lanes {
    fn new(frames: &[Frame], bound: &[Bound<'_>], layer_of: &[usize]) -> Lanes {
        let table = |(frame, layer): (&Frame, &usize)| Node {
            layer: *layer,
            height: frame.height,
            links: Vec::new(),
        };
        let nodes = frames.iter().zip(layer_of).map(table).collect();
        let mut lanes = Lanes { nodes, at: BTreeMap::new(), layer_of: layer_of.to_vec() };
        for edge in bound.iter().filter(|edge| edge.from != edge.to) {
            lanes.connect(frames, edge);
        }
        lanes
    }

    fn connect(&mut self, frames: &[Frame], edge: &Bound<'_>) {
        let mut here = (edge.from, frames[edge.from].source_port(first_column(edge.reference)));
        for layer in passed(self.layer_of[edge.from], self.layer_of[edge.to]) {
            let fresh = self.nodes.len();
            let lane = *self.at.entry((edge.to, edge.reference.optional, layer)).or_insert(fresh);
            if lane == fresh {
                self.nodes.push(Node { layer, height: LANE, links: Vec::new() });
            }
            self.link(here, (lane, LANE / 2.0));
            here = (lane, LANE / 2.0);
        }
        self.link(here, (edge.to, arrival(frames, edge)));
    }

    fn link(&mut self, a: (usize, f64), b: (usize, f64)) {
        let (forth, back) =
            (Link { to: b.0, here: a.1, there: b.1 }, Link { to: a.0, here: b.1, there: a.1 });
        if !self.nodes[a.0].links.contains(&forth) {
            self.nodes[a.0].links.push(forth);
            self.nodes[b.0].links.push(back);
        }
    }
}

fn first_column(reference: &ErReference) -> &str {
    reference.from_columns.first().map_or("", String::as_str)
}

/// Returns the height below the referenced box's top at which the reference arrives.
fn arrival(frames: &[Frame], edge: &Bound<'_>) -> f64 {
    let shift = if edge.reference.optional { PORT_SHIFT } else { -PORT_SHIFT };
    frames[edge.to].target_port() + shift
}

/// Returns the layers strictly between two, in the order from the first to the second.
fn passed(from: usize, to: usize) -> Vec<usize> {
    if from > to { (to + 1..from).rev().collect() } else { (from + 1..to).collect() }
}

struct Placed<'a> {
    frames: &'a [Frame],
    places: &'a [(f64, f64)],
    columns: &'a [(f64, f64)],
    lanes: &'a Lanes,
    tops: &'a [f64],
}

fn route(edge: &Bound<'_>, placed: &Placed<'_>) -> Route {
    let loops = edge.from == edge.to;
    let layer_of = &placed.lanes.layer_of;
    let leftwards = layer_of[edge.from] > layer_of[edge.to];
    let (from, to) = (placed.places[edge.from], placed.places[edge.to]);
    let leave_x = if leftwards { from.0 } else { from.0 + placed.frames[edge.from].width };
    let arrive_x = if leftwards || loops { to.0 + placed.frames[edge.to].width } else { to.0 };
    let mut points =
        vec![(leave_x, from.1 + placed.frames[edge.from].source_port(first_column(edge.reference)))];
    for layer in passed(layer_of[edge.from], layer_of[edge.to]) {
        let Some(lane) = placed.lanes.at.get(&(edge.to, edge.reference.optional, layer)) else { continue };
        let y = placed.tops[*lane] + MARGIN + LANE / 2.0;
        let (left, width) = placed.columns[layer];
        let (enter, exit) = if leftwards { (left + width, left) } else { (left, left + width) };
        points.extend([(enter, y), (exit, y)]);
    }
    points.push((arrive_x, to.1 + arrival(placed.frames, edge)));
    Route { reference: edge.place, to: edge.to, points, loops }
}

/// Returns where each layer's tables and lanes end, and air.
fn bottoms(lanes: &Lanes, tops: &[f64], order: &[Vec<usize>]) -> Vec<f64> {
    let bottom = |node: &usize| tops[*node] + MARGIN + lanes.nodes[*node].height + AIR;
    order.iter().map(|layer| layer.iter().map(bottom).fold(MARGIN, f64::max)).collect()
}

/// The columns, and where the free room below each begins.
struct Gaps<'a> {
    columns: &'a [(f64, f64)],
    bottoms: Vec<f64>,
}

/// Puts each table without references below the column that ends highest.
fn fill_in(frames: &[Frame], strangers: &[usize], mut gaps: Gaps<'_>, places: &mut [(f64, f64)]) {
    for table in strangers {
        let highest = (0..gaps.columns.len()).min_by(|a, b| gaps.bottoms[*a].total_cmp(&gaps.bottoms[*b]));
        let Some(column) = highest else { continue };
        places[*table] = (gaps.columns[column].0, gaps.bottoms[column]);
        gaps.bottoms[column] += frames[*table].height + AIR;
    }
}
