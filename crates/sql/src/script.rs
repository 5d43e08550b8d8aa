//! Transaction scripts in the pgbench dialect.
//!
//! PostgreSQL manual, "pgbench: Custom Scripts". Reading happens in three steps: `read` cuts the text into
//! statements and commands, `nest` builds the tree of items, `check` follows every way through it.

mod check;
mod nest;
mod read;

use std::collections::BTreeSet;

use camino::Utf8Path;
use underpin_model::project::Diagnostic;
use underpin_model::script::{ScriptItem, TransactionScript};

use crate::directive;

/// Returns the transaction script of a file, or every fault found in it.
pub fn parse_script(file: &Utf8Path, text: &str) -> Result<TransactionScript, Vec<Diagnostic>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (directives, mut diagnostics) = {
        let comments = directive::comments(text, 0, read::header_end(text));
        directive::read(file, &comments, &["name", "param", "role", "rate"])
    };
    let read = read::read(text);
    let mut faults = read.faults;
    let (items, wrong) = nest::nest(read.parts);
    faults.extend(wrong);
    let params: BTreeSet<&str> = directives.params.iter().map(|param| param.name.as_str()).collect();
    faults.extend(check::check(&items, &params));
    faults.extend(check::quoted(&read.quoted, &items, &params));
    if items.is_empty() && faults.is_empty() {
        let hint = "Write the statements of one transaction, from `BEGIN;` to `COMMIT;`.";
        diagnostics.push(Diagnostic::new(file, "The script holds no statement.").hint(hint));
    }
    diagnostics.extend(faults.into_iter().map(|fault| fault.diagnostic(file)));
    if !diagnostics.is_empty() {
        diagnostics.sort_by_key(|diagnostic| diagnostic.line);
        diagnostics.dedup();
        return Err(diagnostics);
    }
    Ok(TransactionScript {
        name: directives.name.unwrap_or_else(|| file.file_stem().unwrap_or("transaction").to_owned()),
        file: file.to_owned(),
        params: directives.params,
        role: directives.role,
        rate: directives.rate,
        items,
    })
}

/// A fault of a script.
struct Fault {
    line: u32,
    message: String,
    hint: String,
}

impl Fault {
    fn new(line: u32, message: impl Into<String>, hint: impl Into<String>) -> Fault {
        Fault { line, message: message.into(), hint: hint.into() }
    }

    fn diagnostic(self, file: &Utf8Path) -> Diagnostic {
        Diagnostic::new(file, self.message).line(self.line).hint(self.hint)
    }
}

/// Calls `visit` for every item, those of branches included, in the order of the text.
fn visit_items<'a>(items: &'a [ScriptItem], visit: &mut impl FnMut(&'a ScriptItem)) {
    for item in items {
        visit(item);
        if let ScriptItem::If { branches, otherwise, .. } = item {
            branches.iter().for_each(|(_, items)| visit_items(items, visit));
            visit_items(otherwise, visit);
        }
    }
}

#[cfg(test)]
mod tests;
