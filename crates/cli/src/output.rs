//! The two streams: results to standard output, everything else to standard error.

use std::io::Write;

use crate::fault::Fault;

/// Writes a result. A reader that went away (`| head`) is no error.
pub fn result(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let ending = if text.ends_with('\n') { "" } else { "\n" };
    let _ = write!(stdout, "{text}{ending}");
}

/// Writes a line for people beside the result.
pub fn remark(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Writes an error with its causes and hints.
pub fn error(fault: &Fault) {
    let _ = write!(std::io::stderr().lock(), "{}", fault.text());
}
