//! What `underpin race --write` leaves in a folder: a page per scenario, and each anomaly for isolationtester.

use camino::Utf8Path;
use underpin_lab::race::Bout;
use underpin_model::{Evidence, EvidenceBody};
use underpin_report::markdown::scenario_page;

use crate::fault::Fault;
use crate::output;
use crate::whole_file;

/// Writes `NAME.md`, and `NAME-LEVEL.spec` for each anomaly; the same run writes the same bytes.
pub(super) fn write(folder: &Utf8Path, bout: &Bout, evidence: &[Evidence]) -> Result<(), Fault> {
    fs_err::create_dir_all(folder).map_err(|error| {
        Fault::environment(format!("The folder {folder} could not be made.")).because(error)
    })?;
    let name = Utf8Path::new(&bout.file).file_stem().unwrap_or("scenario");
    let text = scenario_page(&bout.name, bout.why.as_deref(), bout.file.trim_end_matches('/'), evidence);
    let page = folder.join(format!("{name}.md"));
    whole_file::write(&page, &text)?;
    output::remark(&format!("Wrote {page}."));
    for piece in evidence {
        let EvidenceBody::Schedules(schedules) = &piece.body else { continue };
        if let Some(spec) = &schedules.spec {
            let file = folder.join(format!("{name}-{}.spec", schedules.level.replace(' ', "-")));
            whole_file::write(&file, spec)?;
            output::remark(&format!("Wrote {file}."));
        }
    }
    Ok(())
}
