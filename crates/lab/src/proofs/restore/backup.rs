//! Takes backups of the source server and brings them to life in separate instances.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use underpin_model::evidence::TranscriptStep;
use underpin_model::{Code, Finding, Measure, ObjectKind, ObjectRef};
use underpin_pg::Address;
use underpin_pg::{DataSource, Profile, Server, ServerSpec};
use underpin_pg::{ToolCall, ToolOutput, run_tool};

use super::compare::Content;
use crate::backup::amcheck::{self, Structure};
use crate::error::LabError;
use crate::proof::Experiment;
use crate::template;

/// Longest run of one program; a backup of a template is minutes at most.
const DEADLINE: Duration = Duration::from_secs(600);

/// A way of taking a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Custom,
    Directory,
    Physical,
}

/// Every way that is examined.
pub(super) const KINDS: &[Kind] = &[Kind::Custom, Kind::Directory, Kind::Physical];

impl Kind {
    /// Returns the slug.
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Custom => "custom",
            Kind::Directory => "directory",
            Kind::Physical => "physical",
        }
    }

    /// Returns the words.
    pub(super) fn title(self) -> &'static str {
        match self {
            Kind::Custom => "Logical backup, custom format",
            Kind::Directory => "Logical backup, directory format",
            Kind::Physical => "Physical backup",
        }
    }
}

/// A command that failed.
pub(super) struct Failure {
    output: ToolOutput,
}

impl Failure {
    /// Returns the finding for it.
    pub(super) fn finding(&self, code: &Code, kind: Kind) -> Finding {
        let last = complaint(&self.output);
        let message =
            format!("{}: `{}` ended with {}: {last}.", kind.title(), program(&self.output), self.output.exit);
        Finding::new(code, message)
            .object(ObjectRef::new(ObjectKind::Backup, kind.name()))
            .hint("The transcript has every command with what it printed.")
    }
}

/// Returns the last line that a program printed.
pub(super) fn complaint(output: &ToolOutput) -> String {
    let text = if output.stderr.trim().is_empty() { &output.stdout } else { &output.stderr };
    text.trim().lines().last().unwrap_or("no output").trim_end_matches('.').to_owned()
}

fn program(output: &ToolOutput) -> &str {
    let path = output.command_line.split_whitespace().next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or(path)
}

/// A duration that is worth a measure.
pub(super) struct Timing {
    pub(super) name: String,
    pub(super) duration_ms: u64,
}

/// The work bench: folders, and the record of everything that ran.
pub(super) struct Bench<'a> {
    experiment: &'a Experiment<'a>,
    source: Address,
    folder: Utf8PathBuf,
    pub(super) transcript: Vec<TranscriptStep>,
    /// Transcript steps per kind, for the runbook.
    pub(super) chapters: Vec<(Kind, Vec<TranscriptStep>)>,
    pub(super) timings: Vec<Timing>,
    pub(super) sizes: Vec<Measure>,
    pub(super) damages: Vec<Vec<String>>,
    pub(super) results: Vec<Vec<String>>,
}

type Attempt<T> = Result<Result<T, Failure>, LabError>;

impl<'a> Bench<'a> {
    /// Returns a bench whose folder lies beside the source's data, where its user may write.
    pub(super) fn prepare(experiment: &'a Experiment<'a>, source: &Server) -> Result<Bench<'a>, LabError> {
        Ok(Bench {
            experiment,
            source: source.address(),
            folder: source.folder().join("backups"),
            transcript: Vec::new(),
            chapters: Vec::new(),
            timings: Vec::new(),
            sizes: Vec::new(),
            damages: Vec::new(),
            results: Vec::new(),
        })
    }

    /// Returns a new folder beside the backups.
    pub(super) async fn room(&self, name: &str) -> Result<Utf8PathBuf, LabError> {
        let room = self.folder.join(name);
        self.quiet(ToolCall::new("/bin/mkdir").args(["-p", room.as_str()])).await?;
        Ok(room)
    }

    /// Adds what ran elsewhere to the record.
    pub(super) fn adopt(&mut self, steps: &[TranscriptStep]) {
        let portable = |step: &TranscriptStep| TranscriptStep {
            command: self.portable(&step.command),
            output: self.portable(&step.output),
            ..step.clone()
        };
        let steps: Vec<TranscriptStep> = steps.iter().map(portable).collect();
        self.transcript.extend(steps);
    }

    /// Begins the record of one kind of backup.
    pub(super) fn begin(&mut self, kind: Kind) {
        self.chapters.push((kind, Vec::new()));
    }

    /// Returns the server that was backed up.
    pub(super) fn source(&self) -> Address {
        self.source.clone()
    }

    /// Lets PostgreSQL's own program look at a restored database.
    pub(super) async fn structure(&self, target: &Address) -> Result<Structure, LabError> {
        let database = target.database(template::DATABASE);
        Ok(amcheck::structure(self.experiment.lab.installation(), &database).await?)
    }

    /// Returns where the backup of that kind lies.
    pub(super) fn path(&self, kind: Kind) -> Utf8PathBuf {
        self.folder.join(match kind {
            Kind::Custom => "app.dump",
            Kind::Directory => "app.dir",
            Kind::Physical => "base",
        })
    }

    /// Takes a backup.
    pub(super) async fn take(&mut self, kind: Kind) -> Attempt<()> {
        self.quiet(ToolCall::new("/bin/mkdir").args(["-p", self.folder.as_str()])).await?;
        let path = self.path(kind).into_string();
        let roles = self.folder.join("roles.sql").into_string();
        let dump = ToolCall::new("pg_dump");
        let calls = match kind {
            Kind::Custom => vec![
                ToolCall::new("pg_dumpall").args(["--roles-only".to_owned(), format!("--file={roles}")]),
                dump.args([
                    "--format=custom".to_owned(),
                    format!("--file={path}"),
                    template::DATABASE.to_owned(),
                ]),
            ],
            Kind::Directory => {
                let file = format!("--file={path}");
                vec![dump.args([
                    "--format=directory".to_owned(),
                    "--jobs=2".to_owned(),
                    file,
                    template::DATABASE.to_owned(),
                ])]
            }
            Kind::Physical => vec![
                ToolCall::new("pg_basebackup").args([
                    format!("--pgdata={path}"),
                    "--checkpoint=fast".to_owned(),
                    "--wal-method=stream".to_owned(),
                ]),
                ToolCall::new("pg_verifybackup").args([path.clone()]),
            ],
        };
        let source = self.source.clone();
        let mut duration_ms = 0;
        for call in calls {
            let call = with_environment(call, &source);
            match self.recorded(call).await? {
                Ok(output) => duration_ms += output.duration_ms,
                Err(failure) => return Ok(Err(failure)),
            }
        }
        self.timings.push(Timing { name: format!("backup_{}", kind.name()), duration_ms });
        let bytes = size(&self.path(kind));
        self.sizes.push(Measure::new(&format!("size_{}", kind.name()), bytes as f64, "bytes"));
        Ok(Ok(()))
    }

    /// Restores the backup of that kind into a separate instance.
    pub(super) async fn restore(&mut self, kind: Kind) -> Attempt<Server> {
        let start = std::time::Instant::now();
        let path = self.path(kind);
        let restored = self.restore_from(kind, &path, Record::Yes).await?;
        let duration_ms = start.elapsed().as_millis() as u64;
        self.timings.push(Timing { name: format!("restore_{}", kind.name()), duration_ms });
        Ok(restored)
    }

    /// Restores a backup at `path` without a record of it.
    pub(super) async fn restore_copy(&mut self, kind: Kind, path: &Utf8Path) -> Attempt<Server> {
        self.restore_from(kind, path, Record::No).await
    }

    async fn restore_from(&mut self, kind: Kind, path: &Utf8Path, record: Record) -> Attempt<Server> {
        let source = match kind {
            Kind::Physical => DataSource::CopyOf(path.to_owned()),
            Kind::Custom | Kind::Directory => DataSource::Fresh,
        };
        let installation = self.experiment.lab.installation().clone();
        let spec = ServerSpec::new(installation, Profile::Durable, "restore target").source(source);
        let server = Server::start(spec).await?;
        if kind == Kind::Physical {
            self.note_start(&server, record);
            return Ok(Ok(server));
        }
        let roles = self.folder.join("roles.sql");
        let target = server.address();
        let jobs = (kind == Kind::Directory).then(|| "--jobs=2".to_owned());
        let calls = [
            // Without ON_ERROR_STOP: the superuser of the dump exists in every instance already.
            ToolCall::new("psql").args([
                "--quiet".to_owned(),
                format!("--file={roles}"),
                "postgres".to_owned(),
            ]),
            ToolCall::new("pg_restore")
                .args(["--create", "--exit-on-error", "--dbname=postgres"])
                .args(jobs)
                .arg(path.as_str()),
        ];
        for call in calls {
            let call = with_environment(call, &target);
            let ran = match record {
                Record::Yes => self.recorded(call).await?,
                Record::No => checked(self.run(call).await?),
            };
            if let Err(failure) = ran {
                server.stop().await?;
                return Ok(Err(failure));
            }
        }
        Ok(Ok(server))
    }

    fn note_start(&mut self, server: &Server, record: Record) {
        if record == Record::No {
            return;
        }
        let command = "pg_ctl --pgdata=$BACKUP/base --wait start".to_owned();
        let output = "The server replayed the log of the backup and accepts connections.".to_owned();
        let step = TranscriptStep { command, output, exit: Some(0), duration_ms: server.startup_ms() };
        self.note(step);
    }

    /// Notes that a restored database was compared.
    pub(super) fn compared(&mut self, kind: Kind, content: &Content, structure: &Structure) {
        let sums = &content.sums;
        self.results.push(vec![
            kind.title().to_owned(),
            sums.tables.len().to_string(),
            sums.rows().to_string(),
            sums.sequences.len().to_string(),
            format!("compared by content and catalog. {}", structure.words()),
        ]);
    }

    /// Copies a backup so that the copy can be damaged.
    pub(super) async fn copy(&mut self, kind: Kind, name: &str) -> Result<Utf8PathBuf, LabError> {
        let copy = self.folder.join(name);
        self.quiet(ToolCall::new("/bin/rm").args(["-rf", copy.as_str()])).await?;
        let path = self.path(kind);
        self.quiet(ToolCall::new("/bin/cp").args(["-a", path.as_str(), copy.as_str()])).await?;
        Ok(copy)
    }

    /// Runs a program that must succeed, without a record of it.
    async fn quiet(&self, call: ToolCall) -> Result<(), LabError> {
        let output = self.run(call).await?;
        if output.exit == 0 {
            Ok(())
        } else {
            Err(LabError::Unexpected(format!("{}: {}", output.command_line, complaint(&output))))
        }
    }

    /// Runs a program without a record of it.
    pub(super) async fn run(&self, call: ToolCall) -> Result<ToolOutput, LabError> {
        let call = ToolCall { deadline: Some(DEADLINE), ..call };
        Ok(run_tool(self.experiment.lab.installation(), &call).await?)
    }

    async fn recorded(&mut self, call: ToolCall) -> Attempt<ToolOutput> {
        let output = self.run(call).await?;
        let words: Vec<&str> = output.stdout.trim().lines().chain(output.stderr.trim().lines()).collect();
        let step = TranscriptStep {
            command: self.portable(&output.command_line),
            output: self.portable(&words.join("\n")),
            exit: Some(output.exit),
            duration_ms: output.duration_ms,
        };
        self.note(step);
        Ok(checked(output))
    }

    fn note(&mut self, step: TranscriptStep) {
        if let Some((_, steps)) = self.chapters.last_mut() {
            steps.push(step.clone());
        }
        self.transcript.push(step);
    }

    /// Returns the text with this machine's folders replaced, so that it can be typed elsewhere and
    /// stays the same from run to run.
    fn portable(&self, text: &str) -> String {
        let bin = format!("{}/", self.experiment.lab.installation().bin_dir);
        text.replace(self.folder.as_str(), "$BACKUP").replace(&bin, "")
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Record {
    Yes,
    No,
}

fn checked(output: ToolOutput) -> Result<ToolOutput, Failure> {
    if output.exit == 0 { Ok(output) } else { Err(Failure { output }) }
}

fn with_environment(call: ToolCall, address: &Address) -> ToolCall {
    // The database stands in the command itself.
    let env = address.libpq_env().into_iter().filter(|(name, _)| name != "PGDATABASE").collect();
    ToolCall { env, ..call }
}

fn size(path: &Utf8Path) -> u64 {
    if path.is_file() {
        return path.metadata().map_or(0, |meta| meta.len());
    }
    let entries = path.read_dir_utf8().into_iter().flatten().filter_map(Result::ok);
    entries.map(|entry| size(entry.path())).sum()
}
