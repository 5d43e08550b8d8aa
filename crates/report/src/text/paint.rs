//! Colour on the terminal; every meaning stands in words as well.

use underpin_model::{Severity, Verdict};

/// The inks of the terminal report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Red,
    Yellow,
    Green,
    Cyan,
    Strong,
    Faint,
}

impl Ink {
    /// Returns the parameters of "select graphic rendition" (ECMA-48, 8.3.117).
    fn parameters(self) -> &'static str {
        match self {
            Ink::Red => "1;31",
            Ink::Yellow => "1;33",
            Ink::Green => "1;32",
            Ink::Cyan => "36",
            Ink::Strong => "1",
            Ink::Faint => "2",
        }
    }

    /// Returns the ink of a verdict.
    pub(super) fn of_verdict(verdict: Verdict) -> Ink {
        match verdict {
            Verdict::Proven => Ink::Green,
            Verdict::Broken => Ink::Red,
            Verdict::Inconclusive => Ink::Yellow,
            Verdict::Skipped => Ink::Faint,
        }
    }

    /// Returns the ink of a severity.
    pub(super) fn of_severity(severity: Severity) -> Ink {
        match severity {
            Severity::Error => Ink::Red,
            Severity::Warning => Ink::Yellow,
            Severity::Note => Ink::Cyan,
        }
    }

    /// Returns `text` between this ink and the reset.
    pub(super) fn around(self, text: &str) -> String {
        format!("\u{1b}[{}m{text}\u{1b}[0m", self.parameters())
    }
}
