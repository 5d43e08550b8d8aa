//! Every code of a finding is unique and has its page, and every page has its code.

use std::collections::BTreeMap;

use crate::problem::Outcome;
use crate::repository::Repository;
use crate::source::Source;
use crate::tokens::{Lexeme, Token, begins_with};

/// Folder of the pages.
const PAGES: &str = "docs/codes/";
/// The list of all pages, itself none.
const INDEX: &str = "docs/codes/README.md";

/// One `Code::error|warning|note("UPnnn", "slug", …)`.
struct Declared<'a> {
    path: &'a str,
    line: usize,
    number: String,
    slug: String,
}

/// Looks at the codes that shipped code declares and at the pages in `docs/codes/`.
pub fn check(repository: &Repository) -> Outcome {
    let mut outcome = Outcome::default();
    let codes: Vec<Declared<'_>> =
        repository.sources.iter().flat_map(|source| declared(source, &mut outcome)).collect();
    for code in &codes {
        form(code, &mut outcome);
        page(code, repository, &mut outcome);
    }
    unique(codes.iter().map(|code| (&code.number, code)), &mut outcome);
    unique(codes.iter().map(|code| (&code.slug, code)), &mut outcome);
    let pages = repository.texts.keys().filter_map(|path| Some((path, slug_of_page(path)?)));
    for (path, _) in pages.filter(|(_, slug)| codes.iter().all(|code| code.slug != *slug)) {
        outcome.problem(path, 1, "no code has this page: remove it, or name it after a code's slug");
    }
    outcome.figure("codes, each with its page", codes.len().to_string(), "all");
    outcome
}

fn declared<'a>(source: &'a Source, outcome: &mut Outcome) -> Vec<Declared<'a>> {
    let constructors = ["error", "warning", "note"];
    let mut found = Vec::new();
    for (index, token) in source.tokens.iter().enumerate() {
        let rest = &source.tokens[index..];
        let is_call = begins_with(rest, &["Code", ":", ":"])
            && constructors.iter().any(|name| begins_with(rest, &["Code", ":", ":", name, "("]));
        if !is_call || source.is_test(token.line) {
            continue;
        }
        match (text(rest.get(5)), text(rest.get(7))) {
            (Some(number), Some(slug)) => {
                found.push(Declared { path: &source.path, line: token.line, number, slug });
            }
            _ => outcome.problem(
                &source.path,
                token.line,
                "number and slug of a code are written out as literals",
            ),
        }
    }
    found
}

fn text(token: Option<&Token>) -> Option<String> {
    match &token?.lexeme {
        Lexeme::Literal(literal) => {
            syn::parse_str::<syn::LitStr>(literal).ok().map(|literal| literal.value())
        }
        _ => None,
    }
}

fn form(code: &Declared<'_>, outcome: &mut Outcome) {
    let digits = code.number.strip_prefix("UP").unwrap_or_default();
    if digits.len() != 3 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        outcome.problem(code.path, code.line, format!("`{}` is not `UP` and three digits", code.number));
    }
    let is_kebab =
        |slug: &str| slug.split('-').all(|word| !word.is_empty() && word.bytes().all(is_slug_letter));
    if !is_kebab(&code.slug) {
        outcome.problem(code.path, code.line, format!("`{}` is not a slug such as `fk-no-index`", code.slug));
    }
}

fn is_slug_letter(letter: u8) -> bool {
    letter.is_ascii_lowercase() || letter.is_ascii_digit()
}

fn page(code: &Declared<'_>, repository: &Repository, outcome: &mut Outcome) {
    let page = format!("{PAGES}{}.md", code.slug);
    match repository.texts.get(&page) {
        None => outcome.problem(code.path, code.line, format!("{} has no page: write {page}", code.number)),
        Some(text) if !text.lines().next().is_some_and(|title| title.contains(&code.number)) => {
            outcome.problem(
                &page,
                1,
                format!("the title does not name {0}: `# {1} ({0})`", code.number, code.slug),
            );
        }
        Some(_) => {}
    }
}

/// Reports every code whose number or slug stands elsewhere too.
fn unique<'a>(codes: impl Iterator<Item = (&'a String, &'a Declared<'a>)>, outcome: &mut Outcome) {
    let mut first: BTreeMap<&String, &Declared<'_>> = BTreeMap::new();
    for (key, code) in codes {
        if let Some(other) = first.insert(key, code) {
            let message = format!("`{key}` is taken already, in {}:{}", other.path, other.line);
            outcome.problem(code.path, code.line, message);
        }
    }
}

fn slug_of_page(path: &str) -> Option<&str> {
    path.strip_prefix(PAGES)?.strip_suffix(".md").filter(|_| path != INDEX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(code: &str, pages: &[(&str, &str)]) -> Vec<String> {
        let mut files = vec![("crates/rules/src/a.rs", code)];
        files.extend(pages);
        check(&Repository::of(&files)).lines()
    }

    #[test]
    fn a_code_needs_its_page_and_a_page_its_code() {
        let code = "const A: Code = Code::error(\"UP101\", \"fk-no-index\", \"title\");";
        assert_eq!(
            lines(code, &[("docs/codes/fk-noindex.md", "UP101"), ("docs/codes/README.md", "")]),
            [
                "crates/rules/src/a.rs:1: UP101 has no page: write docs/codes/fk-no-index.md",
                "docs/codes/fk-noindex.md:1: no code has this page: remove it, or name it after a code's slug",
            ]
        );
        assert!(lines(code, &[("docs/codes/fk-no-index.md", "# fk-no-index (UP101)\n")]).is_empty());
        assert_eq!(
            lines(code, &[("docs/codes/fk-no-index.md", "# fk-no-index\nUP101")]),
            ["docs/codes/fk-no-index.md:1: the title does not name UP101: `# fk-no-index (UP101)`"]
        );
    }

    #[test]
    fn numbers_and_slugs_are_unique_even_inside_macros() {
        let code = "const A: Code = Code::note(\"UP101\", \"a\", \"\");\nlist![Code::warning(\"UP101\", \"a\", \"\")];";
        assert_eq!(
            lines(code, &[("docs/codes/a.md", "UP101")]),
            [
                "crates/rules/src/a.rs:2: `UP101` is taken already, in crates/rules/src/a.rs:1",
                "crates/rules/src/a.rs:2: `a` is taken already, in crates/rules/src/a.rs:1",
            ]
        );
    }

    #[test]
    fn numbers_and_slugs_have_a_form_and_are_literals() {
        let code = "const A: Code = Code::note(\"UP1\", \"A_b\", \"\");\nconst B: Code = Code::note(NUMBER, \"b\", \"\");";
        assert_eq!(
            lines(code, &[("docs/codes/A_b.md", "UP1")]),
            [
                "crates/rules/src/a.rs:2: number and slug of a code are written out as literals",
                "crates/rules/src/a.rs:1: `UP1` is not `UP` and three digits",
                "crates/rules/src/a.rs:1: `A_b` is not a slug such as `fk-no-index`",
            ]
        );
    }
}
