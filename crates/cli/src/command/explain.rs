//! `underpin explain`: the page of a finding's code or of a proof, offline.

use clap::Args;
use underpin_report::sarif::RuleText;

use crate::fault::Fault;
use crate::output;
use crate::settings::Settings;

/// Print the page of a finding's code, rule or proof
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A code such as UP104, a rule such as fk-no-index, or a proof such as restore
    #[arg(value_name = "CODE")]
    name: Option<String>,
}

/// Carries the command out.
pub fn run(args: &ExplainArgs, settings: &Settings) -> Result<u8, Fault> {
    let Some(name) = &args.name else {
        output::result(&listing());
        return Ok(0);
    };
    let page = page(name).ok_or_else(|| unknown(name))?;
    if settings.json() {
        output::result(&serde_json::json!({ "name": name, "page": page }).to_string());
    } else {
        // Marks for whoever writes the runs into the page.
        let lines: Vec<&str> = page.lines().filter(|line| !line.starts_with("<!-- ")).collect();
        output::result(&lines.join("\n"));
    }
    Ok(0)
}

fn page(name: &str) -> Option<&'static str> {
    let proof = underpin_lab::proofs::by_name(name).map(|proof| proof.page);
    let code = || {
        let wanted = |page: &&underpin_lab::codes::CodePage| {
            page.code.code.eq_ignore_ascii_case(name) || page.code.rule == name
        };
        underpin_lab::codes::all().iter().find(wanted).map(|page| page.page)
    };
    proof.or_else(code)
}

fn unknown(name: &str) -> Fault {
    let names = underpin_lab::codes::all()
        .iter()
        .flat_map(|page| [page.code.code, page.code.rule])
        .chain(underpin_lab::proofs::ALL.iter().map(|proof| proof.name));
    let nearest =
        names.min_by_key(|known| strsim::damerau_levenshtein(&known.to_lowercase(), &name.to_lowercase()));
    let fault = Fault::usage(format!("There is no code, rule or proof called {name}."));
    match nearest {
        Some(nearest) => fault.hint(format!("Did you mean `underpin explain {nearest}`?")),
        None => fault,
    }
}

fn listing() -> String {
    let mut text = String::from("Proofs\n");
    for proof in underpin_lab::proofs::ALL {
        text.push_str(&format!("  {:<14} {}\n", proof.name, proof.question));
    }
    text.push_str("\nCodes\n");
    for page in underpin_lab::codes::all() {
        text.push_str(&format!("  {} {:<30} {}\n", page.code.code, page.code.rule, page.code.title));
    }
    text
}

/// Returns every code with its page, for formats that carry the rules' texts.
pub fn rule_texts() -> Vec<RuleText<'static>> {
    let text = |page: &underpin_lab::codes::CodePage| RuleText {
        code: page.code.code,
        rule: page.code.rule,
        title: page.code.title,
        page: page.page,
    };
    underpin_lab::codes::all().iter().map(text).collect()
}
