//! At most four parameters, and none of them a `bool`: a struct or two functions read better at the call.

use syn::visit::{self, Visit};

use crate::problem::Outcome;
use crate::repository::Repository;
use crate::source::Source;

/// Parameters that a function may have besides `self`.
const MOST_PARAMETERS: usize = 4;

/// Looks at every function that is free to choose its signature: not at tests, nor at methods that a trait dictates.
pub fn check(repository: &Repository) -> Outcome {
    let mut outcome = Outcome::default();
    for source in &repository.sources {
        SignatureReader { source, outcome: &mut outcome }.visit_file(&source.syntax);
    }
    outcome
}

struct SignatureReader<'a> {
    source: &'a Source,
    outcome: &'a mut Outcome,
}

impl<'ast> Visit<'ast> for SignatureReader<'_> {
    fn visit_item_impl(&mut self, block: &'ast syn::ItemImpl) {
        if block.trait_.is_none() {
            visit::visit_item_impl(self, block);
        }
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        let line = signature.ident.span().start().line;
        if self.source.is_test(line) {
            return;
        }
        let typed = || signature.inputs.iter().filter_map(typed_parameter);
        let name = &signature.ident;
        if typed().count() > MOST_PARAMETERS {
            let message =
                format!("`{name}` has more than {MOST_PARAMETERS} parameters: make a struct of them");
            self.outcome.problem(&self.source.path, line, message);
        }
        if typed().any(is_bool) {
            let message =
                format!("`{name}` takes a `bool`: make two functions, or an enum that names the choice");
            self.outcome.problem(&self.source.path, line, message);
        }
        visit::visit_signature(self, signature);
    }
}

fn typed_parameter(parameter: &syn::FnArg) -> Option<&syn::Type> {
    match parameter {
        syn::FnArg::Typed(typed) => Some(&typed.ty),
        syn::FnArg::Receiver(_) => None,
    }
}

fn is_bool(parameter: &syn::Type) -> bool {
    matches!(parameter, syn::Type::Path(path) if path.path.is_ident("bool"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_parameters_and_booleans_are_breaches() {
        let text = "fn f(a: u8, b: u8, c: u8, d: u8, e: u8) {}\nimpl A { fn g(&self, on: bool) {} }";
        let lines = check(&Repository::of(&[("crates/pg/src/a.rs", text)])).lines();
        assert_eq!(
            lines,
            [
                "crates/pg/src/a.rs:1: `f` has more than 4 parameters: make a struct of them",
                "crates/pg/src/a.rs:2: `g` takes a `bool`: make two functions, or an enum that names the choice",
            ]
        );
    }

    #[test]
    fn what_a_trait_dictates_is_not_our_choice() {
        let text = "impl Visitor for A { fn visit_bool(self, on: bool) {} }\nfn f(a: &[bool], d: u8) {}";
        assert!(check(&Repository::of(&[("crates/pg/src/a.rs", text)])).problems.is_empty());
    }
}
