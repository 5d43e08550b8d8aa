//! Findings that the author accepts: in `[proofs.NAME] allow`, and in the header of a query.

use std::time::SystemTime;

use underpin_model::project::Project;
use underpin_model::{Code, Finding, ObjectKind, ObjectRef, Severity};

/// Turns findings into notes that an entry of `allow` (`rule`, `CODE`, `rule:object`) accepts.
pub(crate) fn by_settings(name: &str, allow: &[String], findings: &mut [Finding]) {
    for finding in findings {
        if let Some(accepted) = allow.iter().find(|entry| accepts(entry, finding)) {
            finding.severity = Severity::Note;
            finding.message.push_str(&format!(" (accepted by [proofs.{name}] allow = \"{accepted}\")"));
        }
    }
}

/// Turns findings about a query into notes that its header accepts: `-- allow: RULE because … until DATE`.
///
/// `today` is a date as `YYYY-MM-DD`; what was accepted until an earlier day is not any more, and says so.
pub(crate) fn by_header(project: &Project, findings: &mut [Finding], today: &str) {
    for finding in findings {
        let about = finding.object.as_ref().filter(|object| object.kind == ObjectKind::Query);
        let query = about.and_then(|object| project.queries.iter().find(|query| query.name == object.name));
        let allow = query.into_iter().flat_map(|query| &query.allow);
        let Some(allow) = allow.into_iter().find(|one| one.rule == finding.rule || one.rule == finding.code)
        else {
            continue;
        };
        match allow.until.as_deref().filter(|until| *until < today) {
            Some(until) => finding.message.push_str(&format!(" (accepted until {until}, which is over)")),
            None => {
                finding.severity = Severity::Note;
                finding.message.push_str(&format!(" (accepted because {})", allow.because));
            }
        }
    }
}

/// Returns whether the author accepts what `code` says of the query, in the settings of proof `name` or in the query's header.
pub(crate) fn declines(project: &Project, name: &str, code: &Code, query: &str) -> bool {
    let allow = project.config.proofs.get(name).map(|proof| proof.allow.as_slice()).unwrap_or_default();
    let mut said = [Finding::new(code, "").object(ObjectRef::new(ObjectKind::Query, query))];
    by_settings(name, allow, &mut said);
    by_header(project, &mut said, &today());
    said[0].severity == Severity::Note
}

/// Returns the date in UTC as `YYYY-MM-DD`.
pub(crate) fn today() -> String {
    let mut now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    now.truncate(10);
    now
}

/// Returns whether `entry` (`rule`, `CODE`, `rule:object`) accepts the finding.
fn accepts(entry: &str, finding: &Finding) -> bool {
    let (rule, object) = entry.split_once(':').map_or((entry, None), |(rule, object)| (rule, Some(object)));
    let named = rule == finding.rule || rule == finding.code;
    let about =
        object.is_none_or(|name| finding.object.as_ref().is_some_and(|object| object.display_name() == name));
    named && about
}

#[cfg(test)]
mod tests {
    use super::*;
    use underpin_model::project::{Allow, Query};
    use underpin_model::statement::{Statement, StatementFacts};

    const FAULT: Code = Code::warning("UP999", "test-fault", "a fault");

    fn project(until: Option<&str>) -> Project {
        let allow = Allow {
            rule: "test-fault".into(),
            because: "it is nightly".into(),
            until: until.map(str::to_owned),
            line: 1,
        };
        let statement =
            Statement { sql: "SELECT 1".into(), line: 1, facts: StatementFacts::default(), copy_data: None };
        let query = Query {
            name: "report".into(),
            file: "queries/a.sql".into(),
            statement,
            params: Vec::new(),
            rate: None,
            budget: Vec::new(),
            role: None,
            tenant: None,
            enters: None,
            allow: vec![allow],
        };
        Project { queries: vec![query], ..Project::default() }
    }

    fn told(project: &Project, query: &str) -> (Severity, String) {
        let mut findings =
            [Finding::new(&FAULT, "It grows.").object(ObjectRef::new(ObjectKind::Query, query))];
        by_header(project, &mut findings, "2026-07-01");
        (findings[0].severity, findings[0].message.clone())
    }

    #[test]
    fn a_header_accepts_findings_about_its_query_while_it_holds() {
        let accepted = (Severity::Note, "It grows. (accepted because it is nightly)".to_owned());
        assert_eq!(told(&project(None), "report"), accepted);
        assert_eq!(told(&project(Some("2026-07-01")), "report"), accepted);
        assert_eq!(told(&project(None), "other"), (Severity::Warning, "It grows.".to_owned()));
        let over = told(&project(Some("2026-06-30")), "report");
        assert_eq!(
            over,
            (Severity::Warning, "It grows. (accepted until 2026-06-30, which is over)".to_owned())
        );
    }
}
