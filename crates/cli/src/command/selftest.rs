//! `underpin selftest`: every check against a mutated input.

use clap::Args;
use underpin_lab::selftest::{self, Checked, MUTATIONS};
use underpin_model::event::Silent;

use crate::fault::Fault;
use crate::output;
use crate::settings::Settings;

/// Check the checks: every proof must pass a sound project and notice a broken one
///
/// Exit code 1 when a proof misses a mutation: do not trust its verdicts on this machine then.
#[derive(Debug, Args)]
pub struct SelftestArgs {
    /// Only the mutations of these proofs
    #[arg(value_name = "PROOF")]
    proofs: Vec<String>,
}

/// Carries the command out.
pub async fn run(args: &SelftestArgs, settings: &Settings) -> Result<u8, Fault> {
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
    let failed = checked.iter().filter(|one| one.failure.is_some()).count();
    if settings.json() {
        let rows: Vec<_> = checked.iter().map(json).collect();
        output::result(&serde_json::json!({ "checks": rows, "failed": failed }).to_string());
    } else {
        output::result(&format!("{} checks, {failed} failed.", checked.len()));
    }
    Ok(u8::from(failed > 0))
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
