//! `underpin drill bloat`: what one open transaction costs, and which updates of the project cost more than they need to.

use camino::Utf8PathBuf;
use clap::Args;
use underpin_lab::drill::bloat::{Beside, Bloat, bloat};
use underpin_lab::drill::updates::{UpdatesSpec, updates};
use underpin_lab::lab::LabSpec;
use underpin_lab::prove;
use underpin_model::Report;

use crate::command::prove::{ReportArgs, fail_on, folder_is_there, print, report_targets, write_reports};
use crate::fault::Fault;
use crate::output;
use crate::progress::Progress;
use crate::settings::Settings;

/// Hold a transaction open beside updates, and measure what grows; make the project's own updates cheaper
///
/// A table of 20 000 rows in a server of our own; each round updates every row once and runs VACUUM: with nobody beside it,
/// then with one transaction open. Shown are the sizes, the dead rows that VACUUM had to leave, the time of one query, whom
/// triage blames, and what is left after the transaction ended.
///
/// In a project's folder its transactions then run on copies of its database, the same load on each: which tables they
/// update most, how many updates are HOT (no new index entry), and what a fillfactor of 100, 90, 80 and 70 changes in HOT
/// updates, log, and pages of tables and indexes; where room does not help, the same without the indexes on what changes.
/// Advised is the smallest change that helps clearly. All is counted, nothing timed.
#[derive(Debug, Args)]
pub struct BloatArgs {
    /// Rounds of updates beside the open transaction
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// Transactions of the project's load
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    transactions: u32,
    /// How many of the most updated tables are examined
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    tables: u16,
    /// Value of :scale for scale.sql; [scale] default when absent
    #[arg(long, value_name = "N")]
    scale: Option<u32>,
    /// Write the runbook: what was counted, the advice, what was not tested
    #[arg(long, value_name = "FILE")]
    write: Option<Utf8PathBuf>,
    #[command(flatten)]
    reports: ReportArgs,
}

/// Carries the command out.
pub async fn run(args: &BloatArgs, settings: &Settings) -> Result<u8, Fault> {
    let targets = report_targets(&args.reports.reports)?;
    let file = args.write.as_ref().map(|file| settings.folder().join(file));
    if let Some(file) = &file {
        folder_is_there(file, "--write")?;
    }
    let in_project = settings.names_project() || settings.project_folder().is_ok();
    let project = if in_project { Some(settings.project()?) } else { None };
    let installation = settings.installation(project.as_ref())?;
    let mut all = Vec::new();
    for beside in [Beside::Nobody, Beside::OpenTransaction] {
        let one = bloat(&installation, beside, args.rounds).await?;
        if !settings.json() {
            output::result(&told(&one));
        }
        all.push(one);
    }
    let mut report = None;
    if let Some(project) = &project {
        let lab = LabSpec {
            installation,
            scale: args.scale.unwrap_or(project.config.scale.default_scale),
            cache: Some(project.root.join(".underpin/cache")),
        };
        let (calls, tables) = (args.transactions, usize::from(args.tables));
        let progress = Progress::new(settings);
        report = Some(updates(&UpdatesSpec { project, lab: &lab, calls, tables }, &progress).await?.report);
    }
    if let Some(file) = &file {
        crate::whole_file::write(file, &runbook(&all, report.as_ref()))?;
        output::remark(&format!("Wrote {file}."));
    }
    if let Some(report) = &report {
        write_reports(&targets, report)?;
    }
    if settings.json() {
        let whole = serde_json::json!({ "drill": "bloat", "runs": all, "report": report });
        output::result(&whole.to_string());
    } else if let Some(report) = &report {
        print(report, &targets, settings);
    }
    let code =
        report.zip(project).map_or(0, |(report, project)| prove::exit_code(&report, fail_on(None, &project)));
    Ok(if code == 0 && !shown(&all) { 4 } else { code })
}

/// The control must stay small and the other must grow and be blamed: else the drill shows nothing.
fn shown(all: &[Bloat]) -> bool {
    matches!(all, [calm, held] if calm.growth < held.growth && calm.blamed.is_empty() && !held.blamed.is_empty())
}

fn told(one: &Bloat) -> String {
    let beside = if one.beside == Beside::Nobody {
        "Nobody beside the updates"
    } else {
        "One transaction open beside the updates"
    };
    let mut text = format!("{beside}\n  seconds   table kB   index kB   dead kept   query ms\n");
    for moment in one.series.iter().chain([&one.after]) {
        text.push_str(&format!(
            "  {:7.2}  {:9}  {:9}  {:10}  {:9.2}\n",
            moment.seconds,
            moment.table_bytes / 1024,
            moment.index_bytes / 1024,
            moment.kept_dead,
            moment.query_ms
        ));
    }
    text.push_str(&format!(
        "  Grown to {:.1} times the size; the last line is after the transaction's end and a VACUUM.\n",
        one.growth
    ));
    if !one.vacuum.is_empty() {
        text.push_str(&format!("  VACUUM: {}\n", one.vacuum));
    }
    if !one.blamed.is_empty() {
        text.push_str(&format!("  Triage blames: {}\n", one.blamed.join(", ")));
    }
    text
}

fn runbook(all: &[Bloat], report: Option<&Report>) -> String {
    let mut intro = "Written by `underpin drill bloat` from a real run".to_owned();
    if let Some(report) = report {
        intro.push_str(&format!(" on PostgreSQL {}", report.server.version));
    }
    intro.push_str(".\n\n## An open transaction beside updates\n\n```text\n");
    all.iter().for_each(|one| intro.push_str(&format!("{}\n", told(one))));
    intro = format!("{}\n```\n", intro.trim_end());
    let drill = report.and_then(|report| report.proofs.first());
    let Some(drill) = drill else {
        return underpin_report::markdown::evidence_document("Bloat runbook", &intro, &[]);
    };
    intro.push_str("\n## The project's own updates\n\n");
    intro.push_str(&format!("**{}.** {}\n", drill.verdict, drill.reason.as_deref().unwrap_or_default()));
    for finding in &drill.findings {
        intro.push_str(&format!("\n- `{}` {}: {}", finding.code, finding.severity.word(), finding.message));
        if let Some(hint) = &finding.hint {
            intro.push_str(&format!(" `{hint}`"));
        }
    }
    underpin_report::markdown::evidence_document("Bloat runbook", &intro, &drill.evidence)
}
