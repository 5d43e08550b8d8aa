//! Which column of the drawing each table goes to.

/// Directed references between tables, by their places; no loops to the same table.
pub(super) struct Graph {
    /// Number of tables.
    pub(super) size: usize,
    /// `(referencing, referenced)`, each pair once.
    pub(super) edges: Vec<(usize, usize)>,
}

impl Graph {
    fn referenced(&self, table: usize) -> impl Iterator<Item = usize> {
        self.edges.iter().filter(move |edge| edge.0 == table).map(|edge| edge.1)
    }
}

/// Returns the layer of each table: every table right of what it refers to, no layer higher than `room`.
///
/// This is list scheduling as in Coffman and Graham's layering: a layer takes the tables that are free
/// (all they refer to stands further left), those with the longest chain behind them first, until
/// its height is used up. Of a cycle the reference that closes it is ignored.
pub(super) fn layers(graph: &Graph, heights: &[f64], room: f64) -> Vec<usize> {
    let parents = acyclic_parents(graph);
    let chain = chains(&parents);
    let mut layer_of: Vec<Option<usize>> = vec![None; graph.size];
    let mut layer = 0;
    while layer_of.contains(&None) {
        let free = |table: &usize| {
            layer_of[*table].is_none()
                && parents[*table].iter().all(|parent| layer_of[*parent].is_some_and(|of| of < layer))
        };
        let mut candidates: Vec<usize> = (0..graph.size).filter(free).collect();
        candidates.sort_by_key(|table| std::cmp::Reverse(chain[*table]));
        let mut used = 0.0;
        for table in candidates {
            if used == 0.0 || used + heights[table] <= room {
                used += heights[table];
                layer_of[table] = Some(layer);
            }
        }
        layer += 1;
    }
    layer_of.into_iter().flatten().collect()
}

#[derive(Clone, Copy, PartialEq)]
enum Visit {
    Unseen,
    Open,
    Done,
}

fn acyclic_parents(graph: &Graph) -> Vec<Vec<usize>> {
    let mut parents = vec![Vec::new(); graph.size];
    let mut seen = vec![Visit::Unseen; graph.size];
    for start in 0..graph.size {
        // A path of (table, what is still to follow from it): recursion without the stack's limit.
        let mut path = vec![(start, graph.referenced(start).collect::<Vec<_>>())];
        if seen[start] != Visit::Unseen {
            continue;
        }
        seen[start] = Visit::Open;
        while let Some((table, rest)) = path.last_mut() {
            let table = *table;
            let Some(next) = rest.pop() else {
                seen[table] = Visit::Done;
                path.pop();
                continue;
            };
            if seen[next] == Visit::Open {
                continue;
            }
            parents[table].push(next);
            if seen[next] == Visit::Unseen {
                seen[next] = Visit::Open;
                path.push((next, graph.referenced(next).collect()));
            }
        }
    }
    parents
}

/// Returns per table the length of the longest chain of tables that refer to it.
fn chains(parents: &[Vec<usize>]) -> Vec<usize> {
    let mut chain = vec![0; parents.len()];
    // Each pass carries lengths one reference further; a chain has fewer references than tables.
    for _ in 0..parents.len() {
        let mut changed = false;
        for (table, of) in parents.iter().enumerate() {
            for parent in of {
                if chain[*parent] <= chain[table] {
                    chain[*parent] = chain[table] + 1;
                    changed = true;
                }
            }
        }
        if !changed {
            break;
        }
    }
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_point_left_even_in_cycles() {
        let graph = Graph { size: 4, edges: vec![(1, 0), (2, 1), (3, 2), (0, 3), (3, 0)] };
        let layers = layers(&graph, &[1.0; 4], 10.0);
        let right = graph.edges.iter().filter(|(from, to)| layers[*from] < layers[*to]).count();
        assert!((1..=2).contains(&right), "{layers:?}");
        assert!(graph.edges.iter().all(|(from, to)| layers[*from] != layers[*to]));
    }

    #[test]
    fn a_full_layer_spills_into_the_next() {
        let graph = Graph { size: 5, edges: vec![(1, 0), (2, 0), (3, 0), (4, 3)] };
        assert_eq!(layers(&graph, &[1.0; 5], 2.0), [0, 1, 2, 1, 2]);
    }
}
