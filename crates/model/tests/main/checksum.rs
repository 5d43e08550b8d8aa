//! Differences between the contents of two databases.

use underpin_model::checksum::{DatabaseChecksum, TableSum};

fn checksum(tables: &[(&str, u64, &str)], sequences: &[(&str, &str)]) -> DatabaseChecksum {
    let sum = |rows: u64, sum: &str| TableSum { rows, sum: sum.into() };
    DatabaseChecksum {
        tables: tables.iter().map(|(name, rows, text)| ((*name).into(), sum(*rows, text))).collect(),
        sequences: sequences.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
    }
}

#[test]
fn equal_contents_do_not_differ() {
    let one = checksum(&[("public.a", 2, "7")], &[("public.a_id_seq", "2")]);
    assert_eq!(one.differences(&one.clone()), vec![]);
    assert_eq!(one.rows(), 2);
}

#[test]
fn differences_name_the_object_and_both_contents() {
    let left = checksum(&[("public.a", 1, "7"), ("public.b", 2, "9")], &[("public.s", "4")]);
    let right = checksum(&[("public.a", 1, "8"), ("public.c", 0, "0")], &[("public.s", "4 (unused)")]);
    let shown: Vec<String> = left
        .differences(&right)
        .iter()
        .map(|it| {
            let side = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
            format!("{}: {} | {}", it.object, side(&it.left), side(&it.right))
        })
        .collect();
    let expected = [
        "table public.a: 1 row, checksum 7 | 1 row, checksum 8",
        "table public.b: 2 rows, checksum 9 | -",
        "table public.c: - | 0 rows, checksum 0",
        "sequence public.s: 4 | 4 (unused)",
    ];
    assert_eq!(shown, expected);
}
