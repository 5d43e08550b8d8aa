//! Tiny projects in temporary folders, proven in labs of their own.

use std::hash::{DefaultHasher, Hash, Hasher};

use camino::{Utf8Path, Utf8PathBuf};
use underpin_lab::lab::LabSpec;
use underpin_lab::proof::RunProfile;
use underpin_lab::prove::{ProveOptions, Proved, prove, select};
use underpin_model::event::Silent;
use underpin_model::project::Project;
use underpin_model::{EvidenceBody, ProofReport};
use underpin_pg::{Installation, Search, choose_installation};

/// A project on disk that goes with the test.
pub struct Sample {
    /// Its folder.
    _dir: tempfile::TempDir,
    /// The project, read.
    pub project: Project,
    cache: Utf8PathBuf,
}

impl Sample {
    /// Returns the folder of its templates.
    pub fn cache(&self) -> &Utf8Path {
        &self.cache
    }
}

/// Writes the files and reads the project.
pub fn project(files: &[(&str, &str)]) -> Sample {
    let dir = tempfile::tempdir().unwrap();
    let root = Utf8PathBuf::from(dir.path().to_str().unwrap());
    for (path, text) in files {
        let path = root.join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }
    let project =
        underpin_lab::project_folder::load_project(&root).unwrap_or_else(|error| panic!("{error:?}"));
    Sample { _dir: dir, project, cache: cache(files) }
}

/// Returns the PostgreSQL to test with, which runs `initdb` once for all tests: the folder in `UNDERPIN_TEST_SERVER`, as
/// `scripts/newer-postgres.sh` prints it, or the newest that is installed.
pub fn installation() -> Installation {
    let clusters = Some(concat!(env!("CARGO_TARGET_TMPDIR"), "/clusters").into());
    let explicit = std::env::var("UNDERPIN_TEST_SERVER").ok().filter(|folder| !folder.is_empty());
    choose_installation(&Search { clusters, explicit, ..Search::default() }).unwrap()
}

/// Templates are kept from run to run; each content has a folder of its own, since a cache keeps only the newest.
fn cache(files: &[(&str, &str)]) -> Utf8PathBuf {
    let mut hasher = DefaultHasher::new();
    files.hash(&mut hasher);
    Utf8Path::new(env!("CARGO_TARGET_TMPDIR")).join("templates").join(format!("{:016x}", hasher.finish()))
}

/// Runs one proof of the project and returns its report.
pub fn report(sample: &Sample, proof: &str) -> ProofReport {
    run(sample, proof).report.proofs.remove(0)
}

/// Runs one proof of the project and returns everything, documents included.
pub fn run(sample: &Sample, proof: &str) -> Proved {
    run_blessed(sample, proof, None)
}

/// The same, with a reason for which the plans are accepted.
pub fn run_blessed(sample: &Sample, proof: &str, bless: Option<&str>) -> Proved {
    run_as(sample, proof, (RunProfile::Quick, bless))
}

/// The same with everything that a quick run leaves out.
pub fn full_report(sample: &Sample, proof: &str) -> ProofReport {
    run_as(sample, proof, (RunProfile::Full, None)).report.proofs.remove(0)
}

fn run_as(sample: &Sample, proof: &str, (profile, bless): (RunProfile, Option<&str>)) -> Proved {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let lab = LabSpec { installation: installation(), scale: 1, cache: Some(sample.cache.clone()) };
    let options = ProveOptions {
        proofs: vec![proof.to_owned()],
        profile,
        jobs: 1,
        lab,
        bless: bless.map(str::to_owned),
    };
    let selected = select(&options.proofs).unwrap();
    runtime
        .block_on(prove(&sample.project, &selected, &options, &Silent))
        .unwrap_or_else(|error| panic!("{}", error.chain()))
}

/// Returns `CODE object` of each finding, in the report's order.
pub fn findings(report: &ProofReport) -> Vec<String> {
    let object = |finding: &underpin_model::Finding| {
        let object = finding.object.as_ref().map_or_else(String::new, |object| object.to_string());
        format!("{} {object}", finding.code)
    };
    report.findings.iter().map(object).collect()
}

/// Returns the rows of evidence in table form, cells joined by ` | `.
pub fn table(report: &ProofReport, id: &str) -> String {
    let evidence = report.evidence.iter().find(|evidence| evidence.id.0 == id);
    let Some(EvidenceBody::Table(table)) = evidence.map(|evidence| &evidence.body) else {
        panic!("no table {id} in {:?}", report.reason)
    };
    table.rows.iter().map(|row| row.join(" | ")).collect::<Vec<_>>().join("\n")
}
