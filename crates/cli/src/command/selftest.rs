//! `underpin selftest`: every check against a mutated input.

use clap::{Args, ValueEnum};
use underpin_lab::lab::LabSpec;
use underpin_lab::selftest::{self, Checked, MUTATIONS};
use underpin_lab::trial::{self, Trial};
use underpin_model::event::Silent;

use crate::fault::Fault;
use crate::output;
use crate::settings::Settings;

/// Check the checks: every proof must pass a sound project and notice a broken one
///
/// Exit code 1 when a proof misses a mutation: do not trust its verdicts on this machine then. With --try the
/// guards of the project's own plans are tried out on the project itself, which takes minutes.
#[derive(Debug, Args)]
pub struct SelftestArgs {
    /// Only the mutations of these proofs
    #[arg(value_name = "PROOF")]
    proofs: Vec<String>,
    /// Try out what guards the plans of this project
    #[arg(long = "try", value_name = "GUARD", value_enum, conflicts_with = "proofs")]
    guard: Option<Guard>,
}

/// What guards a project's plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Guard {
    /// Drop each needed index and put it back: plans must turn red, then green
    Indexes,
    /// Other samples, more rows, a fresh load, a busy machine: plans must stay green
    Noise,
    /// Take each needed index away: the advisor must find it again, or one as good
    Advisor,
}

/// Carries the command out.
pub async fn run(args: &SelftestArgs, settings: &Settings) -> Result<u8, Fault> {
    let checked = match args.guard {
        Some(guard) => try_out(guard, settings).await?,
        None => mutations(args, settings).await?,
    };
    let failed = checked.iter().filter(|one| one.failure.is_some()).count();
    if settings.json() {
        let rows: Vec<_> = checked.iter().map(json).collect();
        output::result(&serde_json::json!({ "checks": rows, "failed": failed }).to_string());
    } else {
        output::result(&format!("{} checks, {failed} failed.", checked.len()));
    }
    Ok(u8::from(failed > 0))
}

/// Tries a guard of the project out.
async fn try_out(guard: Guard, settings: &Settings) -> Result<Vec<Checked>, Fault> {
    let project = settings.project()?;
    let spec = LabSpec {
        installation: settings.installation(Some(&project))?,
        scale: project.config.scale.default_scale,
        cache: Some(project.root.join(".underpin/cache")),
    };
    super::sweep(settings);
    let told = |one: &Checked| show(one, settings);
    let trial = Trial { project: &project, spec: &spec, events: &Silent, told: &told };
    Ok(match guard {
        Guard::Indexes => trial::drop_each(&trial).await?,
        Guard::Noise => trial::noise(&trial).await?,
        Guard::Advisor => trial::advise_each(&trial).await?,
    })
}

/// Checks every proof, or those that are named, against the sample.
async fn mutations(args: &SelftestArgs, settings: &Settings) -> Result<Vec<Checked>, Fault> {
    let installation = settings.installation(None)?;
    super::sweep(settings);
    let wanted = |proof: &str| args.proofs.is_empty() || args.proofs.iter().any(|name| name == proof);
    let mut checked = Vec::new();
    if args.proofs.is_empty() {
        for one in selftest::check_sound(&installation, &Silent).await? {
            show(&one, settings);
            checked.push(one);
        }
    }
    for mutation in MUTATIONS.iter().filter(|mutation| wanted(mutation.proof)) {
        let one = selftest::check_mutation(mutation, &installation, &Silent).await?;
        show(&one, settings);
        checked.push(one);
    }
    Ok(checked)
}

fn show(one: &Checked, settings: &Settings) {
    if settings.json() {
        return;
    }
    match &one.failure {
        None => output::result(&format!("ok      {:<12} {}", one.proof, one.what)),
        Some(failure) => output::result(&format!("FAILED  {:<12} {}: {failure}", one.proof, one.what)),
    }
}

fn json(one: &Checked) -> serde_json::Value {
    serde_json::json!({ "proof": one.proof, "what": one.what, "failure": one.failure })
}
