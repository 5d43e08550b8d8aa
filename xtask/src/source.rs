//! One Rust file: its syntax, its tokens, and which of its lines are tests.

use std::ops::RangeInclusive;

use proc_macro2::{LexError, TokenStream};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, ItemMod};

use crate::tokens::{self, Mention, Token};

/// One Rust file that parses.
pub struct Source {
    /// File relative to the repository.
    pub path: String,
    /// Folder of its crate, such as `crates/pg`.
    pub member: String,
    /// The text.
    pub text: String,
    /// The syntax tree.
    pub syntax: syn::File,
    /// The tokens, those inside macro calls included.
    pub tokens: Vec<Token>,
    /// Every path that the tokens mention.
    pub mentions: Vec<Mention>,
    /// The `mod name;` that it declares.
    pub modules: Vec<ModuleDeclaration>,
    /// The whole file is test code: a test or bench target, or reached through `#[cfg(test)] mod`.
    pub is_test_file: bool,
    test_lines: Vec<RangeInclusive<usize>>,
}

/// A `mod name;` whose text lies in another file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleDeclaration {
    /// Files that it may mean, relative to the repository.
    pub files: Vec<String>,
    /// Stands below `#[cfg(test)]`.
    pub is_test: bool,
}

/// Why a file is not a [`Source`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxFault {
    /// Line, from 1.
    pub line: usize,
    /// What the parser says.
    pub message: String,
}

impl Source {
    /// Parses the file `path` of the crate in `member`.
    ///
    /// # Errors
    /// The text is not Rust.
    pub fn parse(path: &str, member: &str, text: &str) -> Result<Source, SyntaxFault> {
        let fault =
            |error: &syn::Error| SyntaxFault { line: error.span().start().line, message: error.to_string() };
        let stream: TokenStream = text.parse().map_err(|error: LexError| fault(&error.into()))?;
        let tokens = tokens::tokens(stream.clone());
        let syntax: syn::File = syn::parse2(stream).map_err(|error| fault(&error))?;
        let inside = path.strip_prefix(member).unwrap_or(path);
        let test_folders = ["/tests/", "/benches/", "/examples/"];
        Ok(Source {
            path: path.to_owned(),
            member: member.to_owned(),
            text: text.to_owned(),
            mentions: tokens::mentions(&tokens),
            tokens,
            modules: module_declarations(path, inside, &syntax),
            is_test_file: test_folders.iter().any(|folder| inside.starts_with(folder)),
            test_lines: test_lines(&syntax),
            syntax,
        })
    }

    /// Returns whether the line, from 1, belongs to test code.
    pub fn is_test(&self, line: usize) -> bool {
        self.is_test_file || self.test_lines.iter().any(|lines| lines.contains(&line))
    }

    /// Returns the number of lines that are not test code.
    pub fn lines_without_tests(&self) -> usize {
        (1..=self.text.lines().count()).filter(|line| !self.is_test(*line)).count()
    }
}

/// Returns whether the attributes make an item test code.
fn is_test_item(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let name = attribute.path().segments.last().map(|segment| segment.ident.to_string());
        match name.as_deref() {
            Some("test") => true,
            Some("cfg") => attribute.parse_args::<syn::Meta>().is_ok_and(|condition| needs_test(&condition)),
            _ => false,
        }
    })
}

/// Returns whether a `cfg` condition holds in tests only: `test`, or `all(…)` with it. `any(test, …)` and `not(test)` do not.
fn needs_test(condition: &syn::Meta) -> bool {
    match condition {
        syn::Meta::Path(path) => path.is_ident("test"),
        syn::Meta::List(list) if list.path.is_ident("all") => list
            .parse_args_with(syn::punctuated::Punctuated::<syn::Meta, syn::Token![,]>::parse_terminated)
            .is_ok_and(|parts| parts.iter().any(needs_test)),
        _ => false,
    }
}

/// Returns the line ranges of all items that are test code.
fn test_lines(syntax: &syn::File) -> Vec<RangeInclusive<usize>> {
    let mut finder = TestFinder { lines: Vec::new() };
    if is_test_item(&syntax.attrs) {
        finder.lines.push(1..=usize::MAX);
    }
    finder.visit_file(syntax);
    finder.lines
}

struct TestFinder {
    lines: Vec<RangeInclusive<usize>>,
}

/// Visits one kind of item: notes its lines when it is a test, looks inside when it is not.
macro_rules! find_tests_in {
    ($($method:ident: $item:ident),* $(,)?) => {
        $(fn $method(&mut self, item: &'ast syn::$item) {
            if is_test_item(&item.attrs) {
                self.lines.push(item.span().start().line..=item.span().end().line);
            } else {
                visit::$method(self, item);
            }
        })*
    };
}

impl<'ast> Visit<'ast> for TestFinder {
    find_tests_in! {
        visit_item_mod: ItemMod,
        visit_item_fn: ItemFn,
        visit_item_impl: ItemImpl,
        visit_item_use: ItemUse,
        visit_item_struct: ItemStruct,
        visit_item_enum: ItemEnum,
        visit_item_const: ItemConst,
        visit_item_static: ItemStatic,
        visit_item_macro: ItemMacro,
        visit_impl_item_fn: ImplItemFn,
    }
}

/// Returns the `mod name;` of a file whose path inside its crate is `inside`.
fn module_declarations(path: &str, inside: &str, syntax: &syn::File) -> Vec<ModuleDeclaration> {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let base = match file.trim_end_matches(".rs") {
        _ if is_target_root(inside) => folder.to_owned(),
        "mod" => folder.to_owned(),
        stem => format!("{folder}/{stem}"),
    };
    let mut found = Vec::new();
    let place = Place { folder, base, is_test: is_test_item(&syntax.attrs) };
    declarations_in(&syntax.items, &place, &mut found);
    found
}

/// Returns whether Cargo makes a target of a file by its path inside the crate.
pub fn is_target_root(inside: &str) -> bool {
    let parts: Vec<&str> = inside.trim_start_matches('/').split('/').collect();
    matches!(
        parts[..],
        ["build.rs"]
            | ["src", "lib.rs" | "main.rs"]
            | ["src", "bin", _]
            | ["src", "bin", _, "main.rs"]
            | ["tests" | "benches" | "examples", _]
            | ["tests" | "benches" | "examples", _, "main.rs"]
    )
}

/// Where a list of items stands.
struct Place<'a> {
    /// Folder of the file.
    folder: &'a str,
    /// Folder in which its modules lie.
    base: String,
    is_test: bool,
}

fn declarations_in(items: &[syn::Item], place: &Place<'_>, found: &mut Vec<ModuleDeclaration>) {
    for item in items {
        let syn::Item::Mod(module) = item else { continue };
        let is_test = place.is_test || is_test_item(&module.attrs);
        match &module.content {
            None => found.push(ModuleDeclaration { files: module_files(module, place), is_test }),
            Some((_, items)) => {
                let base = format!("{}/{}", place.base, module.ident);
                declarations_in(items, &Place { folder: place.folder, base, is_test }, found);
            }
        }
    }
}

fn module_files(module: &ItemMod, place: &Place<'_>) -> Vec<String> {
    let given = module.attrs.iter().find(|attribute| attribute.path().is_ident("path"));
    let literal = given.and_then(|attribute| match &attribute.meta {
        syn::Meta::NameValue(syn::MetaNameValue {
            value: syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(path), .. }),
            ..
        }) => Some(path.value()),
        _ => None,
    });
    match literal {
        Some(path) => vec![format!("{}/{path}", place.folder)],
        None => {
            let stem = format!("{}/{}", place.base, module.ident);
            vec![format!("{stem}.rs"), format!("{stem}/mod.rs")]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source::parse(path, "crates/pg", text).unwrap()
    }

    #[test]
    fn inline_tests_do_not_count_as_lines() {
        let text = "//! A.\n\nfn f() {}\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn t() {}\n}\n";
        let source = source("crates/pg/src/a.rs", text);
        assert_eq!(source.lines_without_tests(), 4);
        assert!(source.is_test(8) && !source.is_test(3));
    }

    #[test]
    fn conditions_that_also_hold_outside_tests_are_not_tests() {
        let text = "#[cfg(not(test))]\nfn f() {}\n#[cfg(any(test, unix))]\nfn g() {}\n#[cfg(all(unix, test))]\nfn h() {}\n";
        let source = source("crates/pg/src/a.rs", text);
        assert_eq!([2, 4, 6].map(|line| source.is_test(line)), [false, false, true]);
    }

    #[test]
    fn modules_lie_where_the_compiler_looks() {
        let root = source("crates/pg/src/lib.rs", "mod a; #[cfg(test)] mod t; mod b { mod c; }");
        let files = |at: usize| root.modules[at].files.clone();
        assert_eq!(files(0), ["crates/pg/src/a.rs", "crates/pg/src/a/mod.rs"]);
        assert_eq!(files(2), ["crates/pg/src/b/c.rs", "crates/pg/src/b/c/mod.rs"]);
        assert!(root.modules[1].is_test && !root.modules[2].is_test);
        let nested = source("crates/pg/src/a.rs", "mod d; #[path = \"x/y.rs\"] mod e;");
        assert_eq!(nested.modules[0].files[0], "crates/pg/src/a/d.rs");
        assert_eq!(nested.modules[1].files, ["crates/pg/src/x/y.rs"]);
    }

    #[test]
    fn test_targets_are_tests_from_the_first_line() {
        assert!(source("crates/pg/tests/main.rs", "fn f() {}").is_test(1));
    }

    #[test]
    fn a_fault_has_its_line() {
        let fault = Source::parse("a.rs", "", "fn f() {}\nfn (").err().unwrap();
        assert_eq!(fault.line, 2);
    }
}
