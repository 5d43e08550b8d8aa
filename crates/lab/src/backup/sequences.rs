//! Whether a restored sequence is at least as far as it was when the backup began.
//!
//! Sequences know no snapshots (manual, "Sequence Manipulation Functions"): they are noted before the dump reads them, so a
//! restored one may be further but never behind, where it would give numbers a second time.

use std::cmp::Ordering;

use underpin_model::catalog::Catalog;

/// Tells whether `found` is as far as `expected` or further, both as checksums note them: `17`, or `1 (unused)`.
///
/// `name` is `schema.name`; `catalog` knows which sequences count down or begin again.
pub(super) fn as_far(name: &str, catalog: Option<&Catalog>, (expected, found): (&str, &str)) -> bool {
    let (Some(expected), Some(found)) = (Place::read(expected), Place::read(found)) else { return false };
    match direction(name, catalog) {
        Direction::Up => found.cmp(&expected) != Ordering::Less,
        Direction::Down => {
            let downwards = |place: Place| Place { value: -place.value, ..place };
            downwards(found).cmp(&downwards(expected)) != Ordering::Less
        }
        // Whether it has come round once more cannot be told from its value.
        Direction::Round => true,
    }
}

/// The last value, and whether it was given to anybody.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    value: i128,
    used: bool,
}

impl Place {
    fn read(text: &str) -> Option<Place> {
        let value = text.strip_suffix(" (unused)");
        Some(Place { value: value.unwrap_or(text).parse().ok()?, used: value.is_none() })
    }
}

enum Direction {
    Up,
    Down,
    Round,
}

fn direction(name: &str, catalog: Option<&Catalog>) -> Direction {
    let sequences = catalog.into_iter().flat_map(|catalog| &catalog.sequences);
    let mut own = sequences.filter(|one| name == format!("{}.{}", one.schema, one.name));
    // start/increment/min/max/cache/cycle or no cycle
    let parameters: Vec<&str> = own.next().map_or("", |one| &one.parameters).split('/').collect();
    match (parameters.get(1), parameters.last()) {
        (_, Some(&"cycle")) => Direction::Round,
        (Some(increment), _) if increment.starts_with('-') => Direction::Down,
        _ => Direction::Up,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use underpin_model::catalog::Sequence;

    fn catalog(parameters: &str) -> Catalog {
        let sequence = Sequence {
            schema: "public".to_owned(),
            name: "s".to_owned(),
            parameters: parameters.to_owned(),
            ..Sequence::default()
        };
        Catalog { sequences: vec![sequence], ..Catalog::default() }
    }

    #[test]
    fn a_sequence_may_be_further_but_not_behind() {
        let up = catalog("1/1/1/9223372036854775807/1/no cycle");
        for (expected, found, held) in [
            ("17", "17", true),
            ("17", "18", true),
            ("17", "16", false),
            ("1 (unused)", "1", true),
            ("1", "1 (unused)", false),
            ("1", "absent", false),
        ] {
            assert_eq!(as_far("public.s", Some(&up), (expected, found)), held, "{expected} to {found}");
        }
    }

    #[test]
    fn a_sequence_that_counts_down_is_further_below() {
        let down = catalog("-1/-1/-9223372036854775808/-1/1/no cycle");
        assert!(as_far("public.s", Some(&down), ("-17", "-18")));
        assert!(!as_far("public.s", Some(&down), ("-17", "-16")));
        assert!(!as_far("public.s", Some(&down), ("-1", "-1 (unused)")));
    }

    #[test]
    fn a_sequence_that_begins_again_cannot_be_judged() {
        let round = catalog("1/1/1/9/1/cycle");
        assert!(as_far("public.s", Some(&round), ("9", "1")));
    }
}
