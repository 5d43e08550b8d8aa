//! An error as the user meets it: what happened, why, the next step, and the exit code.

use underpin_lab::backup::BackupError;
use underpin_lab::error::LabError;
use underpin_lab::migrator::MigrateError;
use underpin_lab::project_folder::ProjectError;
use underpin_lab::race::RaceError;
use underpin_model::project::Diagnostic;
use underpin_pg::{ConnectError, QueryError};

/// What kind of error it is; decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Usage,
    Environment,
    Internal,
    Interrupted,
}

/// An error with everything that is printed about it.
#[derive(Debug)]
pub struct Fault {
    kind: Kind,
    message: String,
    causes: Vec<String>,
    diagnostics: Vec<Diagnostic>,
    hints: Vec<String>,
}

impl Fault {
    fn new(kind: Kind, message: impl Into<String>) -> Fault {
        Fault {
            kind,
            message: message.into(),
            causes: Vec::new(),
            diagnostics: Vec::new(),
            hints: Vec::new(),
        }
    }

    /// Returns an error of the command line or of the project's files (exit code 2).
    pub fn usage(message: impl Into<String>) -> Fault {
        Fault::new(Kind::Usage, message)
    }

    /// Returns an error of the machine or of a server (exit code 3).
    pub fn environment(message: impl Into<String>) -> Fault {
        Fault::new(Kind::Environment, message)
    }

    /// Returns an error of ours (exit code 5).
    pub fn internal(message: impl Into<String>) -> Fault {
        Fault::new(Kind::Internal, message)
    }

    /// Returns the end by Ctrl-C or a termination signal (exit code 130).
    pub fn interrupted() -> Fault {
        Fault::new(Kind::Interrupted, "Interrupted; servers and temporary folders of this run are removed.")
    }

    /// Adds an error and the chain of its causes.
    pub fn because(mut self, error: impl std::error::Error) -> Fault {
        self.causes.push(error.to_string());
        let mut cause = error.source();
        while let Some(error) = cause {
            self.causes.push(error.to_string());
            cause = error.source();
        }
        self
    }

    /// Adds a next step.
    pub fn hint(mut self, hint: impl Into<String>) -> Fault {
        self.hints.push(hint.into());
        self
    }

    /// Returns the exit code.
    pub fn exit_code(&self) -> u8 {
        match self.kind {
            Kind::Usage => 2,
            Kind::Environment => 3,
            Kind::Internal => 5,
            Kind::Interrupted => 130,
        }
    }

    /// Returns the text for standard error.
    pub fn text(&self) -> String {
        let mut text = format!("error: {}\n", self.message);
        // The first cause is often the headline again, without its capital letter.
        let headline = self.message.to_lowercase();
        for cause in self.causes.iter().filter(|cause| !headline.contains(&cause.to_lowercase())) {
            text.push_str(&format!("  because: {}\n", cause.trim_end().replace('\n', "\n           ")));
        }
        for diagnostic in &self.diagnostics {
            text.push_str(&format!("  {diagnostic}\n"));
            if let Some(hint) = &diagnostic.hint {
                text.push_str(&format!("      {hint}\n"));
            }
        }
        for hint in &self.hints {
            text.push_str(&format!("\nhint: {hint}\n"));
        }
        text
    }
}

impl From<ProjectError> for Fault {
    fn from(error: ProjectError) -> Fault {
        let fault = Fault::usage(sentence(&error.to_string()));
        match error {
            ProjectError::NotFound { .. } => {
                fault.hint("Run `underpin init` here to adopt a folder of migrations, or `underpin new DIR`.")
            }
            ProjectError::NotAFolder { .. } => {
                fault.hint("Give --project the folder that holds underpin.toml.")
            }
            ProjectError::Files { diagnostics } => Fault { diagnostics, ..fault },
        }
    }
}

impl From<LabError> for Fault {
    fn from(error: LabError) -> Fault {
        match error {
            LabError::Project(error) => error.into(),
            LabError::Migrate(error) => error.into(),
            LabError::Backup(error) => error.into(),
            LabError::Connect(error) => error.into(),
            LabError::Git(error) => {
                Fault::usage("The files of a commit could not be read.").because(error).hint(
                    "Name a commit, branch or tag that is here; a shallow clone may need `git fetch` first.",
                )
            }
            LabError::Snapshot { .. } => Fault::usage(sentence(&error.to_string()))
                .because(error)
                .hint("Write it anew: underpin snapshot --database-url postgres://reader@host/database"),
            LabError::Load { .. } | LabError::Params { .. } | LabError::Extension { .. } => {
                let hint = match &error {
                    LabError::Extension { name, .. } => {
                        format!(
                            "Install the package that brings {name} (Debian: postgresql-contrib), or run `underpin doctor`."
                        )
                    }
                    _ => "The file was rolled back; correct the statement and run again.".to_owned(),
                };
                Fault::usage(sentence(&error.to_string())).because(error).hint(hint)
            }
            LabError::Installation(_) => {
                let fault = Fault::environment("No PostgreSQL was found that fits.").because(error);
                fault.hint("`underpin doctor` shows what is there and what is missing.")
            }
            error => Fault::environment(sentence(&error.to_string()))
                .because(error)
                .hint("`underpin doctor` checks the machine."),
        }
    }
}

impl From<BackupError> for Fault {
    fn from(error: BackupError) -> Fault {
        let message = sentence(&error.to_string());
        let hint = error.hint();
        let fault = match error {
            BackupError::Exists { .. }
            | BackupError::NoFolder { .. }
            | BackupError::NoBackup { .. }
            | BackupError::Unreachable { .. } => Fault::usage(message),
            _ => Fault::environment(message),
        };
        fault.because(error).hint(hint)
    }
}

impl From<RaceError> for Fault {
    fn from(error: RaceError) -> Fault {
        match error {
            RaceError::Lab(error) => error.into(),
            error => Fault::environment(sentence(&error.to_string())).because(error),
        }
    }
}

impl From<MigrateError> for Fault {
    fn from(error: MigrateError) -> Fault {
        let message = sentence(&error.to_string());
        let hint = hint(&error);
        let fault = match &error {
            MigrateError::Busy { .. } | MigrateError::Pooler | MigrateError::Ledger { .. } => {
                Fault::environment(message)
            }
            MigrateError::Connect(_)
            | MigrateError::LockTimeout { .. }
            | MigrateError::OldTransaction { .. } => Fault::environment(message),
            MigrateError::Disagreement { problems } => {
                let mut fault = Fault::usage(message);
                fault.causes =
                    problems.iter().map(|one| format!("{} {}", one.message(), one.hint())).collect();
                fault
            }
            _ => Fault::usage(message),
        };
        fault.because(error).hint(hint)
    }
}

fn hint(error: &MigrateError) -> String {
    match error {
        MigrateError::Statement { .. } => {
            "Earlier files stay applied and this one was rolled back, unless it is marked -- no-transaction. \
             Correct it and run again."
                .to_owned()
        }
        MigrateError::OldTransaction { .. } => {
            "End that transaction (COMMIT, or SELECT pg_terminate_backend(PID)) and run again; or wait longer with --wait-for-transactions.".to_owned()
        }
        MigrateError::NotVerified { .. } => {
            "Bring these rows to the new form, or correct the backfill; then run `underpin migrate phase` again.".to_owned()
        }
        MigrateError::Earlier { .. } => "Run `underpin migrate up` first.".to_owned(),
        MigrateError::NotAFolder { .. } => "Apply it with `underpin migrate up`.".to_owned(),
        MigrateError::NoFolder { .. } => "`underpin migrate status` lists every version.".to_owned(),
        MigrateError::OldReaders { .. } => {
            "Deploy the new version everywhere and run again; --force goes on and breaks whoever is left.".to_owned()
        }
        MigrateError::Reverting { .. } => {
            "Finish that with `underpin migrate phase VERSION revert`; then begin again.".to_owned()
        }
        MigrateError::Contracted { .. } => {
            "Bring the old form back with a new migration, in phases as well.".to_owned()
        }
        MigrateError::NoRevert { .. } => {
            "Write the statements that undo expand.sql into a new migration, or go on to contract.".to_owned()
        }
        MigrateError::KeyIsNull { .. } => {
            "Name a key without NULLs in `-- batch:`, best the primary key.".to_owned()
        }
        MigrateError::LockTimeout { .. } => {
            "Find who holds the lock (SELECT * FROM pg_stat_activity WHERE state <> 'idle') and run again; nothing was changed."
                .to_owned()
        }
        MigrateError::Busy { .. } => "Wait for the other run, or look at its process; nothing was changed.".to_owned(),
        MigrateError::Pooler => "Give the server's own address, not the pooler's, for migrations.".to_owned(),
        MigrateError::ForeignLedger { tool, .. } => {
            format!("Apply with {tool}, or run `underpin migrate up --take-over` to let Underpin's ledger rule from now on.")
        }
        MigrateError::Dirty { tool, version } => {
            format!("Repair version {version} with {tool} first (see its manual on failed migrations).")
        }
        MigrateError::Disagreement { .. } => "`underpin migrate status` lists every version.".to_owned(),
        MigrateError::Ledger { .. } => "The role needs CREATE on the database, or rights on schema underpin.".to_owned(),
        MigrateError::Connect(error) => error.hint(),
    }
}

impl From<ConnectError> for Fault {
    fn from(error: ConnectError) -> Fault {
        let hint = error.hint();
        Fault::environment("The database cannot be reached.").because(error).hint(hint)
    }
}

impl From<QueryError> for Fault {
    fn from(error: QueryError) -> Fault {
        Fault::environment("The server refused a statement.").because(error)
    }
}

/// Returns the text with a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    let rest = letters.as_str();
    // A message that begins with a file keeps its spelling.
    let start = if text.split_whitespace().next().is_some_and(|word| word.contains(['/', '.', ':'])) {
        text.to_owned()
    } else {
        format!("{first}{rest}")
    };
    if start.ends_with('.') { start } else { format!("{start}.") }
}
