//! No `allow`: an `expect` attribute with its reason goes stale loudly, an `allow` stays for ever.

use syn::visit::{self, Visit};

use crate::problem::Outcome;
use crate::repository::Repository;
use crate::tokens::{Lexeme, tokens};

/// Looks at the attributes of all code, tests included.
pub fn check(repository: &Repository) -> Outcome {
    let mut outcome = Outcome::default();
    for source in &repository.sources {
        AttributeReader { path: &source.path, outcome: &mut outcome }.visit_file(&source.syntax);
    }
    outcome
}

struct AttributeReader<'a> {
    path: &'a str,
    outcome: &'a mut Outcome,
}

impl<'ast> Visit<'ast> for AttributeReader<'_> {
    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        let conditional = attribute.path().is_ident("cfg_attr") && mentions_allow(attribute);
        if attribute.path().is_ident("allow") || conditional {
            let line = attribute.pound_token.span.start().line;
            let message = "`allow` attribute: mend the cause, or `#[expect(…, reason = \"…\")]`";
            self.outcome.problem(self.path, line, message);
        }
        visit::visit_attribute(self, attribute);
    }
}

fn mentions_allow(attribute: &syn::Attribute) -> bool {
    let syn::Meta::List(list) = &attribute.meta else { return false };
    let is_allow = |lexeme: &Lexeme| matches!(lexeme, Lexeme::Word(word) if word == "allow");
    tokens(list.tokens.clone()).iter().any(|token| is_allow(&token.lexeme))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allow_is_a_breach_wherever_it_stands() {
        let text = "#![allow(dead_code)]\n#[cfg_attr(test, allow(dead_code))]\nfn f() {\n    #[allow(unused)]\n    let a = 1;\n}\n";
        let lines = check(&Repository::of(&[("crates/pg/src/a.rs", text)])).lines();
        let places: Vec<&str> = lines.iter().filter_map(|line| line.split(": ").next()).collect();
        assert_eq!(places, ["crates/pg/src/a.rs:1", "crates/pg/src/a.rs:2", "crates/pg/src/a.rs:4"]);
    }

    #[test]
    fn expect_is_not() {
        let text = "#[expect(dead_code, reason = \"allow\")]\nfn f() {}";
        assert!(check(&Repository::of(&[("crates/pg/src/a.rs", text)])).problems.is_empty());
    }
}
