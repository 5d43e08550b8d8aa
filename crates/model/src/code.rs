//! The identity of a kind of finding.

use crate::finding::Severity;

/// One kind of finding: its stable number, its slug, and the severity it has unless the data say otherwise.
///
/// Codes are constants beside the rule or proof that reports them. The page
/// `docs/codes/<rule>.md` explains each; `underpin explain` prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// Stable number such as `UP104`; never reused.
    pub code: &'static str,
    /// Readable slug such as `fk-no-index`; it names the page too.
    pub rule: &'static str,
    /// Usual severity.
    pub severity: Severity,
    /// One line: what is wrong when this is reported.
    pub title: &'static str,
}

impl Code {
    /// Returns an error-level code.
    pub const fn error(code: &'static str, rule: &'static str, title: &'static str) -> Code {
        Code { code, rule, severity: Severity::Error, title }
    }

    /// Returns a warning-level code.
    pub const fn warning(code: &'static str, rule: &'static str, title: &'static str) -> Code {
        Code { code, rule, severity: Severity::Warning, title }
    }

    /// Returns a note-level code: taste and hints that never fail a run by default.
    pub const fn note(code: &'static str, rule: &'static str, title: &'static str) -> Code {
        Code { code, rule, severity: Severity::Note, title }
    }
}
