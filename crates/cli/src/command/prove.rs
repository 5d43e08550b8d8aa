//! `underpin prove`: the main job.

use camino::{Utf8Path, Utf8PathBuf};
use clap::{Args, ValueEnum};
use underpin_lab::attached::{self, Attached, Reach};
use underpin_lab::lab::LabSpec;
use underpin_lab::proof::{Document, Proof, RunProfile};
use underpin_lab::prove::{self, ProveOptions};
use underpin_model::project::Project;
use underpin_model::{EvidenceBody, Report, Severity};
use underpin_report::text::TextStyle;

use crate::fault::Fault;
use crate::output;
use crate::progress::Progress;
use crate::settings::Settings;
use crate::whole_file;

/// Run the proofs of the project in a private PostgreSQL
///
/// Without names every proof runs. The project's files and databases are not touched; generated
/// documents are written to its evidence folder. With --database-url the proofs that only read look
/// at that database, and the others are skipped with the reason.
#[derive(Debug, Args)]
pub struct ProveArgs {
    /// Proofs to run
    #[arg(value_name = "PROOF")]
    proofs: Vec<String>,
    /// How thorough to be
    #[arg(long, value_enum, default_value_t, env = "UNDERPIN_PROFILE")]
    profile: Profile,
    /// Value of :scale for scale.sql; [scale] default when absent
    #[arg(long, value_name = "N", env = "UNDERPIN_SCALE")]
    scale: Option<u32>,
    /// Proofs that may run at once
    #[arg(long, value_name = "N", default_value_t = 2, env = "UNDERPIN_JOBS")]
    jobs: usize,
    /// Least severity that fails the run; [gate] fail_on when absent, else error
    #[arg(long, value_enum, env = "UNDERPIN_FAIL_ON")]
    fail_on: Option<FailOn>,
    #[command(flatten)]
    reports: ReportArgs,
    /// Do not write generated documents into the project
    #[arg(long)]
    no_evidence: bool,
    /// Build the template anew instead of taking it from .underpin/cache
    #[arg(long)]
    no_cache: bool,
    /// Accept the plans of all queries as they are, for this reason, and write plans.lock
    #[arg(long, value_name = "REASON", conflicts_with_all = ["no_evidence", "database_url"])]
    bless: Option<String>,
    /// Most indexes that the advisor proposes; [proofs.indexes] max_indexes when absent
    #[arg(long, value_name = "N")]
    max_indexes: Option<u32>,
    /// Most bytes that these may have together; [proofs.indexes] max_bytes when absent
    #[arg(long, value_name = "BYTES")]
    max_bytes: Option<u64>,
    /// Allow proofs to write to the database of --database-url (always rolled back)
    #[arg(long, requires = "database_url")]
    allow_writes: bool,
}

/// Where reports go
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Also write the report: html=FILE, json=FILE, markdown=FILE, junit=FILE, sarif=FILE
    #[arg(long = "report", value_name = "FORMAT=FILE")]
    pub reports: Vec<String>,
}

/// How thorough a run is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Profile {
    /// Leave out server crashes and long loads
    Quick,
    /// Leave out nothing
    #[default]
    Full,
}

/// Least severity that fails a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    Note,
    Warning,
    Error,
    Never,
}

/// Carries the command out.
pub async fn run(args: &ProveArgs, settings: &Settings) -> Result<u8, Fault> {
    let targets = report_targets(&args.reports.reports)?;
    let selected = selected(&args.proofs)?;
    let mut project = settings.project()?;
    limit_advice(args, &mut project);
    let fail_on = fail_on(args.fail_on, &project);
    let progress = Progress::new(settings);
    let proved = match settings.explicit_database()? {
        Some(address) => {
            let installation = settings.installation(Some(&project)).ok();
            let attached = Attached { address, installation, reach: Reach { writes: args.allow_writes } };
            attached::prove(&project, &selected, &attached, &progress).await?
        }
        None => {
            let options = options(args, &project, settings)?;
            super::sweep(settings);
            prove::prove(&project, &selected, &options, &progress).await?
        }
    };
    drop(progress);
    if !args.no_evidence {
        let mut documents = proved.documents.clone();
        documents.extend(diagram_documents(&proved.report));
        for path in prove::write_documents(&project, &documents)? {
            output::remark(&format!("Wrote {path}."));
        }
    }
    write_reports(&targets, &proved.report)?;
    print(&proved.report, &targets, settings);
    Ok(prove::exit_code(&proved.report, fail_on))
}

/// Puts the limits of the flags in the place of those of the file.
fn limit_advice(args: &ProveArgs, project: &mut Project) {
    if args.max_indexes.is_some() || args.max_bytes.is_some() {
        let indexes = project.config.proofs.entry("indexes".to_owned()).or_default();
        indexes.max_indexes = args.max_indexes.or(indexes.max_indexes);
        indexes.max_bytes = args.max_bytes.or(indexes.max_bytes);
    }
}

/// Returns the diagram of tables as documents for the project; drawing is the report's business, not the lab's.
fn diagram_documents(report: &Report) -> Vec<Document> {
    let evidence = report.proofs.iter().flat_map(|proof| &proof.evidence);
    let diagram = evidence.into_iter().find_map(|one| match &one.body {
        EvidenceBody::ErDiagram(diagram) => Some(diagram),
        _ => None,
    });
    let Some(diagram) = diagram else { return Vec::new() };
    let mermaid = underpin_report::er::mermaid(diagram);
    let page = format!(
        "# Tables and foreign keys\n\nRegenerate with `underpin prove schema`.\n\n```mermaid\n{}\n```\n",
        mermaid.trim_end()
    );
    vec![
        Document { path: "evidence/er-diagram.md".to_owned(), content: page },
        Document { path: "evidence/er-diagram.svg".to_owned(), content: underpin_report::er::svg(diagram) },
    ]
}

/// Returns what to prove in a private server, and how.
fn options(args: &ProveArgs, project: &Project, settings: &Settings) -> Result<ProveOptions, Fault> {
    Ok(ProveOptions {
        proofs: args.proofs.clone(),
        profile: if args.profile == Profile::Quick { RunProfile::Quick } else { RunProfile::Full },
        jobs: args.jobs,
        lab: LabSpec {
            installation: settings.installation(Some(project))?,
            scale: args.scale.unwrap_or(project.config.scale.default_scale),
            cache: (!args.no_cache).then(|| project.root.join(".underpin/cache")),
        },
        bless: args.bless.clone(),
    })
}

fn selected(names: &[String]) -> Result<Vec<&'static Proof>, Fault> {
    prove::select(names).map_err(|unknown| {
        let known: Vec<&str> = underpin_lab::proofs::ALL.iter().map(|proof| proof.name).collect();
        Fault::usage(format!("There is no proof called {}.", unknown.name))
            .hint(format!("The proofs are: {}.", known.join(", ")))
    })
}

/// Returns the least severity that fails a run, none for never.
pub fn fail_on(flag: Option<FailOn>, project: &Project) -> Option<Severity> {
    let configured = project.config.gate.fail_on.as_deref();
    match (flag, configured) {
        (Some(FailOn::Never), _) | (None, Some("never")) => None,
        (Some(FailOn::Note), _) | (None, Some("note")) => Some(Severity::Note),
        (Some(FailOn::Warning), _) | (None, Some("warning")) => Some(Severity::Warning),
        _ => Some(Severity::Error),
    }
}

/// Prints the result to standard output; `targets` are the files that hold it too.
pub fn print(report: &Report, targets: &[Target], settings: &Settings) {
    if settings.json() {
        output::result(&underpin_report::json::render(report));
        return;
    }
    let html = targets.iter().find(|target| target.format == "html").map(|target| target.path.clone());
    let style = TextStyle { color: settings.color(), html, ..TextStyle::default() };
    output::result(&underpin_report::text::render(report, &style));
    if settings.github_actions() {
        let folder = settings.folder_in_workspace();
        output::result(&underpin_report::github::annotations(report, &folder));
    }
}

/// A report file that was asked for.
pub struct Target {
    format: String,
    render: fn(&Report) -> String,
    path: Utf8PathBuf,
}

/// Returns the files that `--report` names.
pub fn report_targets(texts: &[String]) -> Result<Vec<Target>, Fault> {
    texts.iter().map(|text| report_target(text)).collect()
}

fn report_target(text: &str) -> Result<Target, Fault> {
    let hint = "Write it like --report html=report.html; formats: html, json, markdown, junit, sarif.";
    let Some((format, path)) = text.split_once('=') else {
        return Err(Fault::usage(format!("--report {text} names no file.")).hint(hint));
    };
    let render: fn(&Report) -> String = match format {
        "html" => underpin_report::html::render,
        "json" => underpin_report::json::render,
        "markdown" => underpin_report::markdown::render,
        "junit" => underpin_report::junit::render,
        "sarif" => |report| underpin_report::sarif::render(report, &super::explain::rule_texts()),
        _ => return Err(Fault::usage(format!("There is no report format called {format}.")).hint(hint)),
    };
    let path = Utf8PathBuf::from(path);
    folder_is_there(&path, &format!("--report {text}"))?;
    Ok(Target { format: format.to_owned(), render, path })
}

/// Refuses a file that cannot be written because its folder is missing, before the run and not after it.
pub fn folder_is_there(file: &Utf8Path, flag: &str) -> Result<(), Fault> {
    match file.parent().filter(|folder| !folder.as_str().is_empty() && !folder.is_dir()) {
        Some(folder) => Err(Fault::usage(format!("The folder {folder} of {flag} does not exist."))
            .hint(format!("mkdir -p {folder}"))),
        None => Ok(()),
    }
}

/// Writes the report into them.
pub fn write_reports(targets: &[Target], report: &Report) -> Result<(), Fault> {
    for target in targets {
        whole_file::write(&target.path, &(target.render)(report))?;
        output::remark(&format!("Wrote {}.", target.path));
    }
    Ok(())
}
