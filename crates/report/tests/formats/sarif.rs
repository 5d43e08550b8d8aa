//! SARIF.

use serde_json::Value;
use underpin_report::sarif::{RuleText, render};

use crate::sample;

fn log() -> Value {
    let rule = RuleText {
        code: "UP104",
        rule: "fk-no-index",
        title: "A foreign key has no index",
        page: "# fk-no-index\n\nA delete reads the whole table.",
    };
    serde_json::from_str(&render(&sample::report(), &[rule])).unwrap()
}

#[test]
fn the_log_has_the_required_properties() {
    let log = log();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    assert_eq!(run["tool"]["driver"]["name"], "Underpin");
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    assert_eq!(
        run["tool"]["driver"]["rules"][0]["help"]["text"],
        "# fk-no-index\n\nA delete reads the whole table."
    );
    assert_eq!(run["results"].as_array().unwrap().len(), 12);
}

#[test]
fn every_result_points_at_its_rule() {
    let log = log();
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    for result in log["runs"][0]["results"].as_array().unwrap() {
        let index = result["ruleIndex"].as_u64().unwrap() as usize;
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        assert_eq!(result["locations"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn a_result_with_a_file_and_one_without() {
    let results = log()["runs"][0]["results"].clone();
    let (with, without) = (&results[0]["locations"][0], &results[4]["locations"][0]);
    let place = &with["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "migrations/004_purchases.sql");
    assert_eq!(place["artifactLocation"]["uriBaseId"], "%SRCROOT%");
    assert_eq!(place["region"]["startLine"], 48);
    assert_eq!(with["logicalLocations"][0]["fullyQualifiedName"], "public.enrollments.purchase_id");
    assert!(without["physicalLocation"].is_null());
    assert_eq!(without["logicalLocations"][0]["fullyQualifiedName"], "public.instructors.slug");
}
