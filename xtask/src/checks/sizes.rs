//! Functions and files stay small enough to be read at one go; tests are not measured.

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::problem::Outcome;
use crate::repository::Repository;
use crate::source::Source;

/// Bounds for the lines of a function body.
const BODY: Bounds = Bounds { what: "function body lines", p90: 30, most: 80 };
/// Bounds for the lines of a file, inline tests left out.
const FILE: Bounds = Bounds { what: "file lines without tests", p90: 450, most: 700 };
/// A function over this many lines is long.
const LONG_BODY: usize = 60;
/// At most this many long functions among a hundred.
const LONG_PER_CENT: usize = 2;

struct Bounds {
    what: &'static str,
    p90: usize,
    most: usize,
}

/// Something that has a size.
struct Sized<'a> {
    path: &'a str,
    line: usize,
    name: String,
    lines: usize,
}

/// Measures function bodies and files of all code but tests.
pub fn check(repository: &Repository) -> Outcome {
    let sources = || repository.sources.iter().filter(|source| !source.is_test_file);
    let mut bodies: Vec<Sized<'_>> = sources().flat_map(bodies).collect();
    let mut files: Vec<Sized<'_>> = sources().map(file).collect();
    let mut outcome = Outcome::default();
    bounded(&mut bodies, &BODY, &mut outcome);
    long_bodies(&bodies, &mut outcome);
    bounded(&mut files, &FILE, &mut outcome);
    outcome
}

fn file(source: &Source) -> Sized<'_> {
    let lines = source.lines_without_tests();
    Sized { path: &source.path, line: 1, name: "the file".to_owned(), lines }
}

/// Sorts by size and compares with the bounds.
fn bounded(all: &mut [Sized<'_>], bounds: &Bounds, outcome: &mut Outcome) {
    all.sort_by_key(|one| one.lines);
    let Bounds { what, p90: p90_bound, most } = *bounds;
    let (p50, p90, max) = (percentile(all, 50), percentile(all, 90), percentile(all, 100));
    outcome.figure(
        what,
        format!("p50 {p50}, p90 {p90}, max {max} of {}", all.len()),
        format!("p90 <= {p90_bound}, max <= {most}"),
    );
    for one in all.iter().filter(|one| one.lines > most) {
        let message =
            format!("{} has {} lines ({what}), at most {most}: split it by question", one.name, one.lines);
        outcome.problem(one.path, one.line, message);
    }
    if let (true, Some(largest)) = (p90 > p90_bound, all.last()) {
        let message = format!(
            "one in ten is over {p90} ({what}), at most {p90_bound}; {} with {} lines is the largest",
            largest.name, largest.lines
        );
        outcome.problem(largest.path, largest.line, message);
    }
}

/// Compares the share of long functions with its bound. Takes them sorted.
fn long_bodies(bodies: &[Sized<'_>], outcome: &mut Outcome) {
    let long: Vec<&Sized<'_>> = bodies.iter().filter(|body| body.lines > LONG_BODY).collect();
    let share = 100.0 * long.len() as f64 / bodies.len().max(1) as f64;
    let bound = format!("<= {LONG_PER_CENT} %");
    outcome.figure("functions over 60 lines", format!("{share:.1} % ({})", long.len()), &bound);
    if long.len() * 100 > bodies.len() * LONG_PER_CENT {
        for body in long {
            let message = format!(
                "{} has {} lines; {share:.1} % of all are over {LONG_BODY}, {bound}",
                body.name, body.lines
            );
            outcome.problem(body.path, body.line, message);
        }
    }
}

/// Returns the size below or at which `share` of a hundred lie (nearest rank); 0 of nothing.
fn percentile(sorted: &[Sized<'_>], share: usize) -> usize {
    let rank = (sorted.len() * share).div_ceil(100);
    rank.checked_sub(1).and_then(|index| sorted.get(index)).map_or(0, |one| one.lines)
}

fn bodies(source: &Source) -> Vec<Sized<'_>> {
    let mut finder = BodyFinder { source, bodies: Vec::new() };
    finder.visit_file(&source.syntax);
    finder.bodies
}

struct BodyFinder<'a> {
    source: &'a Source,
    bodies: Vec<Sized<'a>>,
}

impl BodyFinder<'_> {
    /// Adds a function unless it is a test. The lines of the braces do not count.
    fn add(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let line = signature.ident.span().start().line;
        if self.source.is_test(line) {
            return;
        }
        let (first, last) = (block.span().start().line, block.span().end().line);
        let name = format!("function `{}`", signature.ident);
        let lines = (last - first).saturating_sub(1).max(1);
        self.bodies.push(Sized { path: &self.source.path, line, name, lines });
    }
}

impl<'ast> Visit<'ast> for BodyFinder<'_> {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.add(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.add(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(block) = &function.default {
            self.add(&function.sig, block);
        }
        visit::visit_trait_item_fn(self, function);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(name: &str, lines: usize) -> String {
        format!("fn {name}() {{\n{}}}\n", "    step();\n".repeat(lines))
    }

    #[test]
    fn a_function_over_the_hard_stop_is_named() {
        let text = function("long", 81) + &function("short", 3).repeat(60);
        let outcome = check(&Repository::of(&[("crates/pg/src/a.rs", &text)]));
        let expected = "crates/pg/src/a.rs:1: function `long` has 81 lines (function body lines), at most 80: split it by question";
        assert_eq!(outcome.lines(), [expected]);
        assert_eq!(outcome.figures[0].measured, "p50 3, p90 3, max 81 of 61");
        assert_eq!(outcome.figures[1].measured, "1.6 % (1)");
    }

    #[test]
    fn too_many_long_functions_are_each_named() {
        let text = function("long", 61) + &function("short", 3).repeat(40);
        let lines = check(&Repository::of(&[("crates/pg/src/a.rs", &text)])).lines();
        assert_eq!(
            lines,
            ["crates/pg/src/a.rs:1: function `long` has 61 lines; 2.4 % of all are over 60, <= 2 %"]
        );
    }

    #[test]
    fn a_ninetieth_percentile_over_its_bound_is_a_breach() {
        let text = function("a", 31).repeat(2) + &function("b", 1).repeat(8);
        let lines = check(&Repository::of(&[("crates/pg/src/a.rs", &text)])).lines();
        assert_eq!(lines.len(), 1);
        assert!(lines[0].contains("one in ten is over 31 (function body lines), at most 30"), "{lines:?}");
    }

    #[test]
    fn methods_and_default_methods_are_measured_and_tests_are_not() {
        let body = "    step();\n".repeat(90);
        let text = format!(
            "impl A {{ fn a() {{\n{body}}} }}\ntrait B {{ fn b() {{\n{body}}} }}\n#[cfg(test)]\nmod tests {{ fn c() {{\n{body}}} }}\n"
        );
        let lines = check(&Repository::of(&[("crates/pg/src/a.rs", &text)])).lines();
        let hard: Vec<&String> = lines.iter().filter(|line| line.contains("at most 80")).collect();
        assert_eq!(hard.len(), 2, "{lines:?}");
    }

    #[test]
    fn a_file_is_measured_without_its_tests() {
        let code = "const A: u8 = 1;\n".repeat(701);
        let tests = format!("#[cfg(test)]\nmod tests {{\n{code}}}\n");
        let repository = Repository::of(&[("crates/pg/src/a.rs", &code), ("crates/pg/src/b.rs", &tests)]);
        let lines = check(&repository).lines();
        assert_eq!(lines.iter().filter(|line| line.contains("at most 700")).count(), 1, "{lines:?}");
        assert!(lines[0].starts_with("crates/pg/src/a.rs:1: the file has 701 lines"));
    }
}
