//! The pages of the rules about migrations: their examples are run, and what came out stands below them.

use camino::{Utf8Path, Utf8PathBuf};
use underpin_lab::check::table_without_times;
use underpin_model::{Finding, Severity};
use underpin_pg::{Profile, Server, ServerSpec};
use underpin_rules::migration::{self, ALLOW_OUTDATED};

use crate::hazards::{judge, run_case};
use crate::sample;

const RUN: &str = "<!-- run -->\n";
const END: &str = "<!-- end -->\n";

fn rules() -> Vec<&'static str> {
    let codes = migration::all().iter().map(|rule| &rule.code).chain([&ALLOW_OUTDATED]);
    codes.map(|code| code.rule).collect()
}

fn page(rule: &str) -> Utf8PathBuf {
    Utf8Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/codes")).join(format!("{rule}.md"))
}

/// Returns a page's text up to and with a fence, the example, the text up to the run below it, and the rest after that.
fn parts<'t>(rule: &str, text: &'t str, kind: &str) -> [&'t str; 4] {
    let fence = format!("```sql {kind}\n");
    let split = || {
        let at = text.find(&fence)? + fence.len();
        let end = at + text[at..].find("\n```\n")?;
        let run = end + text[end..].find(RUN)? + RUN.len();
        let after = run + text[run..].find(END)?;
        Some([&text[..at], &text[at..end], &text[end..run], &text[after..]])
    };
    split().unwrap_or_else(|| panic!("{rule}: no `{fence}` with a run below it"))
}

/// Runs the example and returns the findings, and what the page shows of the run.
async fn run(server: &Server, example: &str, name: &str) -> (Vec<Finding>, String) {
    let deployment = run_case(server, example, name).await;
    let findings = judge(&deployment, example);
    let mut shown = format!("\n{}\n", table_without_times(&deployment));
    for one in &findings {
        let line = one.at.as_ref().map_or(0, |at| at.line);
        shown.push_str(&format!(
            "- {} **{}** (line {line}): {}\n",
            one.severity.word(),
            one.rule,
            one.message
        ));
    }
    if findings.is_empty() {
        shown.push_str("Nothing is found.\n");
    }
    (findings, format!("{shown}\n"))
}

/// Runs both examples of every `step`th page from `start` on.
async fn pages_show_what_runs(start: usize, step: usize) {
    let server =
        Server::start(ServerSpec::new(sample::installation(), Profile::Fast, "pages")).await.unwrap();
    let mut wrong = Vec::new();
    for rule in rules().into_iter().skip(start).step_by(step) {
        let file = page(rule);
        let known = fs_err::read_to_string(&file).unwrap();
        let mut text = known.clone();
        for kind in ["bad", "good"] {
            let [before, example, between, after] = parts(rule, &text, kind);
            let (findings, shown) =
                run(&server, example, &format!("{}_{kind}", rule.replace('-', "_"))).await;
            let named = findings.iter().any(|one| one.rule == rule);
            let fault = findings.iter().any(|one| one.severity == Severity::Error);
            if named != (kind == "bad") || (kind == "good" && fault) {
                wrong.push(format!("the {kind} example of {rule}:{shown}"));
            }
            text = format!("{before}{example}{between}{shown}{after}");
        }
        if std::env::var_os("UPDATE_DOCS").is_some() {
            fs_err::write(&file, &text).unwrap();
        } else if known != text {
            wrong.push(format!(
                "{file} is out of date: UPDATE_DOCS=1 cargo nextest run -E 'test(pages)'\n{text}"
            ));
        }
    }
    server.stop().await.unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn pages_of_even_number_show_what_runs() {
    pages_show_what_runs(0, 2).await;
}

#[tokio::test]
async fn pages_of_odd_number_show_what_runs() {
    pages_show_what_runs(1, 2).await;
}
