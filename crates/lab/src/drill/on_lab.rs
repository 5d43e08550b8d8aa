//! A drill on a lab of its own, reported like a proof.

use std::time::Instant;

use underpin_model::EventSink;
use underpin_model::project::Project;

use crate::error::LabError;
use crate::lab::{Lab, LabSpec, elapsed_ms};
use crate::proof::Outcome;
use crate::prove::{Proved, Run, finish};

/// Opens a lab, lets the drill examine it, closes it, and reports the outcome under the drill's name; what the project's
/// settings of that name accept becomes a note.
pub(super) async fn on_lab(
    name: &str,
    (project, spec): (&Project, &LabSpec),
    events: &dyn EventSink,
    examine: impl AsyncFnOnce(&Lab) -> Result<Outcome, LabError>,
) -> Result<Proved, LabError> {
    let run = Run::start(project, [name], events);
    let start = Instant::now();
    let lab = Lab::open(project, spec, events).await?;
    let info = lab.server_info().await?;
    let outcome = examine(&lab).await?;
    lab.close().await?;
    let allow = project.config.proofs.get(name).map(|settings| settings.allow.as_slice());
    let (mut report, documents) = finish(name, outcome, allow.unwrap_or_default());
    report.duration_ms = elapsed_ms(start);
    Ok(Proved { report: run.finish(info, vec![report]), documents })
}
