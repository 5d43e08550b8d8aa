//! The JSON form keeps everything, and its schema describes it.

use underpin_model::Report;
use underpin_report::json;

use crate::sample;

#[test]
fn json_reads_back_as_the_same_report() {
    let report = sample::report();
    let text = json::render(&report);
    assert!(text.ends_with("}\n"));
    assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
}

#[test]
fn schema_names_every_kind_of_evidence() {
    let schema: serde_json::Value = serde_json::from_str(&json::schema()).unwrap();
    assert_eq!(schema["title"], "Report");
    assert_eq!(schema["properties"]["proofs"]["type"], "array");
    let text = schema.to_string();
    for kind in ["table", "text", "transcript", "bars", "series", "er-diagram", "statement"] {
        assert!(text.contains(&format!(r#""const":"{kind}""#)), "{kind}");
    }
}

/// `UPDATE_DOCS=1` writes the file anew.
#[test]
fn the_schema_in_the_docs_is_this_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/report.schema.json");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, json::schema()).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(
        kept,
        json::schema(),
        "docs/report.schema.json is out of date: UPDATE_DOCS=1 cargo test -p underpin-report"
    );
}
