//! Tries out what guards a project's plans, on the project itself: does the gate miss each needed index, does it keep still
//! when nothing happened, does the advisor find again what was taken away?

mod advised;
mod dropped;
mod noise;

use futures_util::future::LocalBoxFuture;
use underpin_model::project::Project;
use underpin_model::{EventSink, Severity, Verdict};

use crate::accepted;
use crate::error::LabError;
use crate::lab::{Lab, LabSpec};
use crate::proof::{Experiment, RunProfile};
use crate::proofs::{indexes, plans};
use crate::selftest::Checked;

/// A project to try its guards on.
pub struct Trial<'a> {
    /// The project, with its `plans.lock`.
    pub project: &'a Project,
    /// How its labs are made.
    pub spec: &'a LabSpec,
    /// Whoever listens to the experiments.
    pub events: &'a dyn EventSink,
    /// Told of each check as soon as it is done.
    pub told: &'a dyn Fn(&Checked),
}

/// Drops every index that `indexes` calls needed, one by one: `plans` must turn red, and green when it is put back.
pub fn drop_each<'a>(trial: &'a Trial<'a>) -> LocalBoxFuture<'a, Result<Vec<Checked>, LabError>> {
    Box::pin(dropped::run(trial))
}

/// Changes what must not matter, ten times each: another ANALYZE, 5 % and 20 % more rows, the data loaded anew, a busy
/// machine. `plans` must stay green.
pub fn noise<'a>(trial: &'a Trial<'a>) -> LocalBoxFuture<'a, Result<Vec<Checked>, LabError>> {
    Box::pin(noise::run(trial))
}

/// Takes every needed index away that keeps no rule: the advisor must find it again, or one that measures within 5 %.
pub fn advise_each<'a>(trial: &'a Trial<'a>) -> LocalBoxFuture<'a, Result<Vec<Checked>, LabError>> {
    Box::pin(advised::run(trial))
}

impl Trial<'_> {
    fn experiment<'l>(&'l self, lab: &'l Lab) -> Experiment<'l> {
        Experiment {
            project: self.project,
            lab,
            spec: self.spec,
            events: self.events,
            profile: RunProfile::Quick,
            bless: None,
        }
    }

    /// Returns the verdict of `plans` on the lab, with the rules that speak at least as loud as a warning.
    async fn gate(&self, lab: &Lab) -> Result<(Verdict, Vec<String>), LabError> {
        let experiment = self.experiment(lab);
        let mut outcome = (plans::PROOF.run)(&experiment).await?;
        if let Some(config) = self.project.config.proofs.get(plans::PROOF.name) {
            accepted::by_settings(plans::PROOF.name, &config.allow, &mut outcome.findings);
        }
        let verdict = outcome.verdict();
        let mut found: Vec<String> = outcome
            .findings
            .iter()
            .filter(|finding| finding.severity >= Severity::Warning)
            .map(|finding| {
                let object = finding.object.as_ref().map_or_else(String::new, |object| object.display_name());
                match finding.severity {
                    Severity::Error => format!("{}: {}", finding.rule, finding.message),
                    _ => format!("{} {object}", finding.rule),
                }
            })
            .chain(outcome.unexamined.iter().map(|what| format!("not examined: {what}")))
            .collect();
        found.dedup();
        Ok((verdict, found))
    }

    fn note(&self, checked: &mut Vec<Checked>, one: Checked) {
        (self.told)(&one);
        checked.push(one);
    }
}
