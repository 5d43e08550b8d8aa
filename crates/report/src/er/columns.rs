//! The order of tables and passing lines within the layers, and their heights on the page.

/// One place in a layer: a table, or a line on its way through.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) layer: usize,
    pub(super) height: f64,
    /// Neighbours in the layers beside, with the distance of the line's end from this node's top and
    /// from the neighbour's.
    pub(super) links: Vec<Link>,
}

/// A line between nodes of neighbouring layers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Link {
    pub(super) to: usize,
    pub(super) here: f64,
    pub(super) there: f64,
}

const SWEEPS: usize = 24;
/// Air between two tables.
const AIR: f64 = 24.0;

/// Returns the nodes of each layer from top to bottom, with few crossings.
///
/// The barycentre heuristic (Sugiyama, Tagawa, Toda, 1981): each node goes to the mean place of its
/// neighbours in the layer before; the best of all sweeps counts.
pub(super) fn ordered(nodes: &[Node]) -> Vec<Vec<usize>> {
    let layers = nodes.iter().map(|node| node.layer + 1).max().unwrap_or(0);
    let mut order: Vec<Vec<usize>> = vec![Vec::new(); layers];
    for (place, node) in nodes.iter().enumerate() {
        order[node.layer].push(place);
    }
    let mut best = (crossings(nodes, &order), order.clone());
    for sweep in 0..SWEEPS {
        let rightwards = sweep % 2 == 0;
        for step in 1..layers {
            let (layer, beside) =
                if rightwards { (step, step - 1) } else { (layers - 1 - step, layers - step) };
            sort_layer(nodes, &mut order, layer, beside);
        }
        let found = crossings(nodes, &order);
        if found < best.0 {
            best = (found, order.clone());
        }
    }
    best.1
}

fn sort_layer(nodes: &[Node], order: &mut [Vec<usize>], layer: usize, beside: usize) {
    let mut place_of = vec![0.0; nodes.len()];
    for (place, node) in order[beside].iter().enumerate() {
        place_of[*node] = place as f64;
    }
    let mut keyed: Vec<(f64, usize)> = Vec::with_capacity(order[layer].len());
    for (place, node) in order[layer].iter().enumerate() {
        let places: Vec<f64> = nodes[*node]
            .links
            .iter()
            .filter(|link| nodes[link.to].layer == beside)
            // The end's height within the neighbour breaks ties between lines to one table.
            .map(|link| place_of[link.to] + link.there / (nodes[link.to].height + 1.0))
            .collect();
        let mean = places.iter().sum::<f64>() / places.len().max(1) as f64;
        keyed.push((if places.is_empty() { place as f64 } else { mean }, *node));
    }
    keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
    order[layer] = keyed.into_iter().map(|(_, node)| node).collect();
}

fn crossings(nodes: &[Node], order: &[Vec<usize>]) -> usize {
    let mut place_of = vec![0; nodes.len()];
    for layer in order {
        for (place, node) in layer.iter().enumerate() {
            place_of[*node] = place;
        }
    }
    let mut found = 0;
    for layer in order {
        let lines: Vec<(usize, usize)> = layer
            .iter()
            .flat_map(|node| nodes[*node].links.iter().map(move |link| (*node, link.to)))
            .filter(|(node, to)| nodes[*to].layer == nodes[*node].layer + 1)
            .map(|(node, to)| (place_of[node], place_of[to]))
            .collect();
        for (number, a) in lines.iter().enumerate() {
            found += lines[number + 1..]
                .iter()
                .filter(|b| a.0 < b.0 && a.1 > b.1 || a.0 > b.0 && a.1 < b.1)
                .count();
        }
    }
    found
}

/// Returns the top edge of every node, such that lines run as level as the order allows.
pub(super) fn tops(nodes: &[Node], order: &[Vec<usize>]) -> Vec<f64> {
    let mut tops = vec![0.0; nodes.len()];
    for layer in order {
        let mut y = 0.0;
        for node in layer {
            tops[*node] = y;
            y += nodes[*node].height + AIR;
        }
    }
    for sweep in 0..SWEEPS {
        let rightwards = sweep % 2 == 0;
        for step in 0..order.len() {
            let layer = if rightwards { step } else { order.len() - 1 - step };
            settle(nodes, &order[layer], &mut tops);
        }
    }
    let placed = order.iter().flatten().map(|node| tops[*node]);
    let least = placed.fold(f64::INFINITY, f64::min);
    tops.iter().map(|top| if least.is_finite() { top - least } else { *top }).collect()
}

/// Moves the nodes of one layer to where their lines would be level, as near as order and air permit.
///
/// Least squares under a fixed order is isotonic regression; pooling adjacent violators solves it.
fn settle(nodes: &[Node], layer: &[usize], tops: &mut [f64]) {
    let mut offset = 0.0;
    let mut offsets = Vec::with_capacity(layer.len());
    let mut pools: Vec<(f64, f64, usize)> = Vec::new();
    for node in layer {
        let links = &nodes[*node].links;
        let wanted = links.iter().map(|link| tops[link.to] + link.there - link.here).sum::<f64>();
        let weight = links.len().max(1) as f64;
        let wanted = if links.is_empty() { tops[*node] } else { wanted / weight };
        offsets.push(offset);
        let mut pool = (wanted - offset, if links.is_empty() { 0.05 } else { weight }, 1);
        while let Some(above) = pools.pop_if(|above| above.0 > pool.0) {
            let weight = above.1 + pool.1;
            pool = ((above.0 * above.1 + pool.0 * pool.1) / weight, weight, above.2 + pool.2);
        }
        pools.push(pool);
        offset += nodes[*node].height + AIR;
    }
    let settled = pools.iter().flat_map(|pool| std::iter::repeat_n(pool.0, pool.2));
    for ((node, offset), place) in layer.iter().zip(offsets).zip(settled) {
        tops[*node] = place + offset;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(layer: usize, to: &[usize]) -> Node {
        let links = to.iter().map(|to| Link { to: *to, here: 5.0, there: 5.0 }).collect();
        Node { layer, height: 10.0, links }
    }

    #[test]
    fn crossed_lines_are_untangled() {
        let nodes = [node(0, &[3]), node(0, &[2]), node(1, &[1]), node(1, &[0])];
        let order = ordered(&nodes);
        assert_eq!(crossings(&nodes, &order), 0);
    }

    #[test]
    fn nodes_never_overlap_and_a_lone_line_is_level() {
        let nodes = [node(0, &[3]), node(1, &[]), node(1, &[]), node(1, &[0])];
        let order = ordered(&nodes);
        let tops = tops(&nodes, &order);
        for layer in &order {
            assert!(layer.windows(2).all(|pair| tops[pair[1]] - tops[pair[0]] >= 10.0 + AIR - 1e-6));
        }
        assert!((tops[0] - tops[3]).abs() < 1.0, "{tops:?}");
    }
}
