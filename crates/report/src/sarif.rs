//! SARIF 2.1.0 (OASIS), which code scanning and editors read.

mod document;

use std::collections::BTreeMap;

use underpin_model::{Finding, ObjectRef, Report, Severity, Verdict};

use crate::printable::{one_line, printable};
use document::*;

/// What is known of a rule apart from its findings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleText<'a> {
    /// Stable number such as `UP104`.
    pub code: &'a str,
    /// Slug such as `fk-no-index`.
    pub rule: &'a str,
    /// One line: what is wrong when this is reported.
    pub title: &'a str,
    /// The page in Markdown; may be empty.
    pub page: &'a str,
}

/// Returns the report as a SARIF log of one run.
///
/// `rules` are listed in their order; a code that findings use and `rules` lacks is added with its
/// slug. Findings without a file have the database object as their only, logical location.
pub fn render(report: &Report, rules: &[RuleText<'_>]) -> String {
    let mut descriptors: Vec<Descriptor> = rules.iter().map(descriptor).collect();
    let findings =
        || report.proofs.iter().flat_map(|proof| proof.findings.iter().map(move |finding| (proof, finding)));
    for (_, finding) in findings() {
        if !descriptors.iter().any(|known| known.id == finding.code) {
            let (code, rule) = (finding.code.as_str(), finding.rule.as_str());
            descriptors.push(descriptor(&RuleText { code, rule, title: rule, page: "" }));
        }
    }
    let index: BTreeMap<String, usize> =
        descriptors.iter().enumerate().map(|(place, rule)| (rule.id.clone(), place)).collect();
    let results = findings()
        .map(|(proof, finding)| result(&proof.proof, finding, index.get(&finding.code).copied()))
        .collect();
    let log = Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: vec![Run {
            tool: Tool {
                driver: Driver {
                    name: "Underpin",
                    semantic_version: one_line(&report.underpin),
                    rules: descriptors,
                },
            },
            invocations: vec![invocation(report)],
            column_kind: "unicodeCodePoints",
            results,
        }],
    };
    serde_json::to_string_pretty(&log)
        .unwrap_or_else(|error| serde_json::json!({ "error": error.to_string() }).to_string())
        + "\n"
}

fn descriptor(rule: &RuleText<'_>) -> Descriptor {
    let page = printable(rule.page.trim());
    Descriptor {
        id: rule.code.to_owned(),
        name: rule.rule.to_owned(),
        short_description: Message { text: one_line(rule.title) },
        help: (!page.is_empty()).then(|| Help { text: page.clone(), markdown: page }),
    }
}

/// An inconclusive proof makes the run unsuccessful: the absence of results then proves nothing.
fn invocation(report: &Report) -> Invocation {
    let unknown = report.proofs.iter().filter(|proof| proof.verdict == Verdict::Inconclusive);
    let notifications: Vec<Notification> = unknown
        .map(|proof| Notification {
            level: "error",
            message: Message {
                text: one_line(&format!(
                    "{}: {}",
                    proof.proof,
                    proof.reason.as_deref().unwrap_or("inconclusive")
                )),
            },
        })
        .collect();
    Invocation {
        execution_successful: notifications.is_empty(),
        start_time_utc: one_line(&report.started_at),
        tool_execution_notifications: notifications,
    }
}

fn result(proof: &str, finding: &Finding, rule_index: Option<usize>) -> SarifResult {
    let hint = finding.hint.as_deref().map(|hint| format!("\nhint: {}", hint.trim())).unwrap_or_default();
    SarifResult {
        rule_id: finding.code.clone(),
        rule_index,
        level: level(finding.severity),
        message: Message { text: printable(&format!("{}{hint}", finding.message)) },
        locations: location(finding).into_iter().collect(),
        properties: Properties { proof: one_line(proof), rule: finding.rule.clone() },
    }
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn location(finding: &Finding) -> Option<Location> {
    let physical = finding.at.as_ref().map(|at| PhysicalLocation {
        artifact_location: ArtifactLocation { uri: uri(at.file.as_str()), uri_base_id: "%SRCROOT%" },
        region: Region { start_line: at.line.max(1) },
    });
    let logical: Vec<LogicalLocation> = finding.object.iter().map(logical).collect();
    (physical.is_some() || !logical.is_empty())
        .then_some(Location { physical_location: physical, logical_locations: logical })
}

fn logical(object: &ObjectRef) -> LogicalLocation {
    let schema = object.schema.as_deref().map(|schema| format!("{schema}.")).unwrap_or_default();
    let column = object.column.as_deref().map(|column| format!(".{column}")).unwrap_or_default();
    LogicalLocation {
        name: one_line(object.column.as_deref().unwrap_or(&object.name)),
        fully_qualified_name: one_line(&format!("{schema}{}{column}", object.name)),
        kind: object.kind.word(),
    }
}

/// Returns a path as a relative URI reference (RFC 3986): what is not unreserved is percent-encoded.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte))
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_uris() {
        assert_eq!(uri("migrations/001 ünits#1.sql"), "migrations/001%20%C3%BCnits%231.sql");
    }
}
