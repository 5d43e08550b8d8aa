//! Writes every format of the sample report into a folder: `cargo run --example sample -- FOLDER`.

mod report;

use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "target/sample".to_owned()));
    std::fs::create_dir_all(&folder)?;
    let report = report::report();
    std::fs::write(folder.join("report.json"), underpin_report::json::render(&report))?;
    std::fs::write(folder.join("report.html"), underpin_report::html::render(&report))?;
    std::fs::write(folder.join("er.svg"), underpin_report::er::svg(&report::diagram()))?;
    std::fs::write(folder.join("report.md"), underpin_report::markdown::render(&report))?;
    std::fs::write(folder.join("junit.xml"), underpin_report::junit::render(&report))?;
    std::fs::write(folder.join("report.sarif"), underpin_report::sarif::render(&report, &[]))?;
    let style = underpin_report::text::TextStyle { color: true, ..Default::default() };
    std::fs::write(folder.join("report.txt"), underpin_report::text::render(&report, &style))
}
