//! `--engine` of `backup` and `restore`: whose programs work, and what pgBackRest has to know.

use camino::Utf8Path;
use clap::Args;
use underpin_lab::backup::engine::{Engine, Native};
use underpin_lab::backup::pgbackrest::{PgBackRest, Repository, Storage};
use underpin_pg::installation::find_program;

use crate::fault::Fault;
use crate::settings::Settings;

/// Which engine, and its own words.
#[derive(Debug, Args)]
pub struct EngineArgs {
    /// Whose programs do the work; pgbackrest takes physical backups of servers on this machine, into a folder or to s3://BUCKET/PREFIX
    #[arg(long, value_name = "ENGINE", default_value = "postgresql", value_parser = ["postgresql", "pgbackrest"])]
    engine: String,
    /// pgbackrest: the repository is encrypted (AES-256-CBC), with the passphrase in the variable UNDERPIN_BACKUP_PASSPHRASE
    #[arg(long)]
    encrypt: bool,
    /// pgbackrest: its name for the server whose backups these are
    #[arg(long, value_name = "NAME", default_value = "main")]
    stanza: String,
}

impl EngineArgs {
    /// Tells whether pgBackRest is asked for.
    pub fn is_pgbackrest(&self) -> bool {
        self.engine == "pgbackrest"
    }

    /// Returns the engine for backups at this place.
    pub fn engine(&self, place: &Utf8Path, settings: &Settings) -> Result<Box<dyn Engine>, Fault> {
        if self.is_pgbackrest() {
            return Ok(Box::new(self.pgbackrest(place, settings)?));
        }
        let elsewhere = place.as_str().contains("://");
        if elsewhere || self.encrypt {
            let what = if elsewhere { place.as_str() } else { "--encrypt" };
            return Err(Fault::usage(format!(
                "{what}: PostgreSQL's own programs store into a folder, in clear."
            ))
            .hint("Add --engine pgbackrest."));
        }
        Ok(Box::new(Native {
            installation: settings.installation(None)?,
            folder: settings.folder().join(place),
        }))
    }

    /// Returns pgBackRest with the repository at this place.
    pub fn pgbackrest(&self, place: &Utf8Path, settings: &Settings) -> Result<PgBackRest, Fault> {
        let Some(program) = find_program(&settings.search(None), "pgbackrest") else {
            return Err(Fault::environment("pgBackRest is not installed.").hint("apt-get install pgbackrest"));
        };
        let (passphrase, aws) = settings.backup_secrets();
        let passphrase = match (self.encrypt, passphrase) {
            (true, None) => {
                return Err(Fault::usage(
                    "--encrypt needs a passphrase, and UNDERPIN_BACKUP_PASSPHRASE is not set.",
                )
                .hint("read -rs UNDERPIN_BACKUP_PASSPHRASE && export UNDERPIN_BACKUP_PASSPHRASE"));
            }
            (true, passphrase) => passphrase.cloned(),
            (false, _) => None,
        };
        let storage = Storage::parse(place.as_str(), settings.folder(), aws)?;
        let repository = Repository { storage, passphrase, stanza: self.stanza.clone() };
        Ok(PgBackRest { program, installation: settings.installation(None)?, repository })
    }
}
