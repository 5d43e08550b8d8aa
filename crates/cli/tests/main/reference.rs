//! `docs/commands.md` is what the program says of itself. `UPDATE_DOCS=1` writes it anew.

use std::fmt::Write;
use std::path::Path;

use crate::underpin;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/commands.md");

#[test]
fn the_reference_of_commands_is_what_they_print() {
    let mut page = String::from(
        "# Commands\n\nWhat `underpin COMMAND --help` prints, command by command. Generated; `UPDATE_DOCS=1 cargo test -p underpin`.\n",
    );
    describe(&mut page, &[]);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, &page).unwrap();
    }
    let kept = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert_eq!(kept, page, "docs/commands.md is out of date: UPDATE_DOCS=1 cargo test -p underpin");
}

/// Adds the help of a command and of every command below it.
fn describe(page: &mut String, path: &[&str]) {
    let mut args = path.to_vec();
    args.push("--help");
    let help = underpin(Path::new("/"), &args);
    assert_eq!(help.code, Some(0), "{path:?}: {}", help.err);
    let name = ["underpin"].iter().chain(path).copied().collect::<Vec<_>>().join(" ");
    let lines: Vec<&str> = help.out.lines().map(str::trim_end).collect();
    write!(page, "\n## {name}\n\n```text\n{}\n```\n", lines.join("\n").trim_end()).unwrap();
    for below in commands(&lines) {
        let mut path = path.to_vec();
        path.push(below);
        describe(page, &path);
    }
}

/// Returns the names in the section `Commands:` of a help text.
fn commands<'h>(lines: &[&'h str]) -> Vec<&'h str> {
    let section = lines.iter().skip_while(|line| **line != "Commands:").skip(1);
    section
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect()
}
