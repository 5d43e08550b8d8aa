//! The report as JSON, and the schema of that JSON.

use underpin_model::Report;

/// Returns the report as indented JSON with a newline at the end.
pub fn render(report: &Report) -> String {
    document(serde_json::to_string_pretty(report))
}

/// Returns the JSON Schema (draft 2020-12) of [`render`]'s documents.
pub fn schema() -> String {
    document(serde_json::to_string_pretty(&schemars::schema_for!(Report)))
}

/// Writing strings, finite maps and numbers to memory cannot fail; should it ever, the reader sees why
/// instead of an empty file.
fn document(text: Result<String, serde_json::Error>) -> String {
    text.unwrap_or_else(|error| serde_json::json!({ "error": error.to_string() }).to_string()) + "\n"
}
