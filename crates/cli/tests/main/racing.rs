//! `underpin race` as a whole program.

use std::path::Path;

use serde_json::Value;

use crate::underpin;

const SCENARIOS: [&str; 2] = ["docs/gallery/lost-update", "docs/gallery/transfer-opposite-order"];

/// Takes out what a clock measured.
fn without_times(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("seconds");
            fields.remove("throughput");
            fields.values_mut().for_each(without_times);
        }
        Value::Array(items) => items.iter_mut().for_each(without_times),
        _ => {}
    }
}

#[test]
fn three_runs_say_the_same() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let said = || {
        let ran = underpin(root, &[&["race", "--format", "json"], &SCENARIOS[..]].concat());
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        let mut told: Value = serde_json::from_str(&ran.out).unwrap();
        assert!(ran.out.contains("throughput") && ran.out.contains("deadlock"), "{}", ran.out);
        without_times(&mut told);
        told.to_string()
    };
    let first = said();
    assert_eq!(first, said());
    assert_eq!(first, said());
}

#[test]
fn pages_and_specifications_are_written() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("races");
    let ran = underpin(
        root,
        &["race", "docs/gallery/write-skew", "--no-repairs", "--write", target.to_str().unwrap()],
    );
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let page = fs_err::read_to_string(target.join("write-skew.md")).unwrap();
    assert_eq!(page, fs_err::read_to_string(root.join("docs/gallery-runs/write-skew.md")).unwrap());
    let spec = fs_err::read_to_string(target.join("write-skew-repeatable-read.spec")).unwrap();
    assert!(spec.contains("session t2") && spec.contains("permutation t1_1"), "{spec}");
}
