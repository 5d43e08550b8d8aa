//! Findings that the author of a file accepts, and acceptances that nothing needs any more.

use camino::Utf8Path;
use underpin_model::project::Allow;
use underpin_model::{Code, Finding, Severity, SourceLine};

/// An `-- allow:` of a migration that is over or accepts nothing.
pub const ALLOW_OUTDATED: Code =
    Code::note("UP422", "allow-outdated", "an acceptance that is over or accepts nothing");

/// Turns findings that the file accepts into notes, and reports acceptances that are over or accept nothing.
///
/// `allow` are the directives of the file of all `findings`; with its name come the lines at which its statements begin,
/// in order. A directive above the first statement speaks for the whole file, any other for the statement below it.
/// `today` is a date as `YYYY-MM-DD`.
pub fn accept(
    findings: &mut Vec<Finding>,
    allow: &[Allow],
    (file, statements): (&Utf8Path, &[u32]),
    today: &str,
) {
    let mut outdated = Vec::new();
    for one in allow {
        let below = statements.iter().copied().find(|line| *line > one.line);
        let whole_file = below == statements.first().copied();
        let over = one.until.as_deref().is_some_and(|until| until < today);
        let meant = |finding: &&mut Finding| {
            let named = finding.rule == one.rule || finding.code.eq_ignore_ascii_case(&one.rule);
            named && (whole_file || finding.at.as_ref().map(|at| at.line) == below)
        };
        let mut accepted = 0;
        for finding in findings.iter_mut().filter(meant) {
            accepted += 1;
            if !over {
                finding.severity = Severity::Note;
                finding.message.push_str(&format!(" Accepted: {}.", one.because.trim_end_matches('.')));
            }
        }
        let message = match (over, accepted) {
            (true, 1..) => format!(
                "{} was accepted until {}, which is over.",
                one.rule,
                one.until.as_deref().unwrap_or_default()
            ),
            (_, 0) if !is_known(&one.rule) => {
                format!("{} is accepted here, but no rule is called so.", one.rule)
            }
            (_, 0) => format!("{} is accepted here, but nothing is reported.", one.rule),
            _ => continue,
        };
        let hint = match is_known(&one.rule) {
            true => "Remove the line.".to_owned(),
            false => format!("`underpin explain {}` names the rule that is nearest.", one.rule),
        };
        outdated.push(Finding::new(&ALLOW_OUTDATED, message).at(SourceLine::new(file, one.line)).hint(hint));
    }
    findings.extend(outdated);
}

fn is_known(rule: &str) -> bool {
    let named = |code: &Code| code.rule == rule || code.code.eq_ignore_ascii_case(rule);
    super::all().iter().any(|one| named(&one.code))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAULT: Code = Code::error("UP999", "test-fault", "a fault");

    fn run(allow: &[(&str, u32, Option<&str>)]) -> Vec<(Severity, String)> {
        let finding = |line| Finding::new(&FAULT, "It hurts.").at(SourceLine::new("m.sql", line));
        let mut findings = vec![finding(5), finding(9)];
        let allow: Vec<Allow> = allow
            .iter()
            .map(|(rule, line, until)| Allow {
                rule: (*rule).into(),
                because: "nobody is there".into(),
                until: until.map(str::to_owned),
                line: *line,
            })
            .collect();
        accept(&mut findings, &allow, (Utf8Path::new("m.sql"), &[5, 9]), "2026-06-01");
        findings.into_iter().map(|finding| (finding.severity, finding.message)).collect()
    }

    #[test]
    fn a_directive_speaks_for_the_statement_below_it_or_for_the_file() {
        let levels =
            |found: Vec<(Severity, String)>| found.into_iter().map(|(level, _)| level).collect::<Vec<_>>();
        assert_eq!(levels(run(&[("test-fault", 7, None)])), [Severity::Error, Severity::Note]);
        assert_eq!(levels(run(&[("UP999", 1, None)])), [Severity::Note, Severity::Note]);
    }

    #[test]
    fn what_is_over_or_accepts_nothing_is_said() {
        let found = run(&[("test-fault", 7, Some("2026-05-31")), ("data-loss", 1, None)]);
        assert_eq!(found[1].0, Severity::Error);
        assert_eq!(found[2].1, "test-fault was accepted until 2026-05-31, which is over.");
        assert_eq!(found[3].1, "data-loss is accepted here, but nothing is reported.");
        let found = run(&[("data-los", 1, None)]);
        assert_eq!(found[2].1, "data-los is accepted here, but no rule is called so.");
    }
}
