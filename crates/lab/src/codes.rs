//! Every code that Underpin can report, with its page.

use std::sync::OnceLock;

use include_dir::{Dir, include_dir};
use underpin_model::Code;

use crate::{drill, pool, proofs, triage};

static PAGES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../docs/codes");

/// A code and its page in Markdown.
#[derive(Clone, Copy, Debug)]
pub struct CodePage {
    /// The code.
    pub code: &'static Code,
    /// The page.
    pub page: &'static str,
}

/// Returns every code with its page, by number.
pub fn all() -> &'static [CodePage] {
    static ALL: OnceLock<Vec<CodePage>> = OnceLock::new();
    ALL.get_or_init(|| {
        let rules = underpin_rules::all().iter().map(|rule| &rule.code);
        let migrations = underpin_rules::migration::all().iter().map(|rule| &rule.code);
        let rules = rules.chain(migrations).chain([&underpin_rules::migration::ALLOW_OUTDATED]);
        let own = proofs::CODES.iter().chain(triage::CODES).chain(drill::CODES).copied().flatten();
        let own = own.chain(pool::CODES);
        let mut pages: Vec<CodePage> = rules.chain(own).filter_map(with_page).collect();
        pages.sort_by_key(|page| page.code.code);
        pages
    })
}

/// Returns the code with its page; a code without one is caught by the test below.
fn with_page(code: &'static Code) -> Option<CodePage> {
    let file = PAGES.get_file(format!("{}.md", code.rule))?;
    Some(CodePage { code, page: file.contents_utf8()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_page_and_a_number_of_its_own() {
        let declared = underpin_rules::all().len()
            + underpin_rules::migration::all().len()
            + 1
            + pool::CODES.len()
            + proofs::CODES
                .iter()
                .chain(triage::CODES)
                .chain(drill::CODES)
                .map(|codes| codes.len())
                .sum::<usize>();
        assert_eq!(all().len(), declared, "a code lacks its page in docs/codes");
        for pair in all().windows(2) {
            assert_ne!(pair[0].code.code, pair[1].code.code, "{}", pair[0].code.rule);
        }
    }
}
