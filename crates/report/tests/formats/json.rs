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
