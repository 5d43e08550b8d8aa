//! What the flags, the environment and the defaults say together; resolved once.

use std::io::IsTerminal;

use camino::{Utf8Path, Utf8PathBuf};
use underpin_lab::backup::pgbackrest::Aws;
use underpin_lab::project_folder::{find_project, load_project};
use underpin_model::project::Project;
use underpin_pg::{Address, Installation, Search, Secret, choose_installation};

use crate::args::{Color, Format, GlobalArgs};
use crate::fault::Fault;

/// The parts of the process environment that we read; nothing else of us reads it.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    database_url: Option<String>,
    libpq: Vec<(String, String)>,
    path: Option<String>,
    home: Option<Utf8PathBuf>,
    cache: Option<Utf8PathBuf>,
    pg_config: Option<String>,
    no_color: bool,
    github_actions: bool,
    github_workspace: Option<Utf8PathBuf>,
    backup_passphrase: Option<Secret>,
    aws: Aws,
    folder: Utf8PathBuf,
}

impl Environment {
    /// Reads the environment of this process.
    pub fn of_process() -> Environment {
        let read = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let folder = std::env::current_dir().ok().and_then(|path| Utf8PathBuf::from_path_buf(path).ok());
        Environment {
            database_url: read("DATABASE_URL"),
            libpq: ["PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE"]
                .iter()
                .filter_map(|name| Some(((*name).to_owned(), read(name)?)))
                .collect(),
            path: read("PATH"),
            home: read("HOME").map(Utf8PathBuf::from),
            cache: read("XDG_CACHE_HOME").map(Utf8PathBuf::from),
            pg_config: read("PG_CONFIG"),
            no_color: read("NO_COLOR").is_some(),
            github_actions: read("GITHUB_ACTIONS").is_some(),
            github_workspace: read("GITHUB_WORKSPACE").map(Utf8PathBuf::from),
            backup_passphrase: read("UNDERPIN_BACKUP_PASSPHRASE").map(Secret::new),
            aws: Aws {
                access_key_id: read("AWS_ACCESS_KEY_ID"),
                secret_access_key: read("AWS_SECRET_ACCESS_KEY").map(Secret::new),
                session_token: read("AWS_SESSION_TOKEN").map(Secret::new),
                region: read("AWS_REGION").or_else(|| read("AWS_DEFAULT_REGION")),
                endpoint_url: read("AWS_ENDPOINT_URL_S3").or_else(|| read("AWS_ENDPOINT_URL")),
                ca_bundle: read("AWS_CA_BUNDLE"),
            },
            folder: folder.unwrap_or_else(|| Utf8PathBuf::from(".")),
        }
    }

    /// Returns the folder for what can be made again (XDG Base Directory Specification; relative paths are void).
    fn caches(&self) -> Option<Utf8PathBuf> {
        let of_home = || self.home.as_ref().map(|home| home.join(".cache"));
        self.cache.clone().filter(|cache| cache.is_absolute()).or_else(of_home)
    }
}

/// What a command works with.
#[derive(Debug, Clone)]
pub struct Settings {
    global: GlobalArgs,
    environment: Environment,
}

impl Settings {
    /// Joins the flags with the environment.
    pub fn new(global: &GlobalArgs, environment: Environment) -> Settings {
        Settings { global: global.clone(), environment }
    }

    /// Returns whether the result is JSON.
    pub fn json(&self) -> bool {
        self.global.format == Format::Json
    }

    /// Returns whether progress may be shown.
    pub fn progress(&self) -> bool {
        !self.global.quiet
    }

    /// Returns whether standard output gets colour.
    pub fn color(&self) -> bool {
        match self.global.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => !self.environment.no_color && std::io::stdout().is_terminal(),
        }
    }

    /// Returns whether this runs as a step of a GitHub workflow.
    pub fn github_actions(&self) -> bool {
        self.environment.github_actions
    }

    /// Returns the passphrase of backups and the keys of their storage.
    pub fn backup_secrets(&self) -> (Option<&Secret>, &Aws) {
        (self.environment.backup_passphrase.as_ref(), &self.environment.aws)
    }

    /// Returns the current folder.
    pub fn folder(&self) -> &Utf8Path {
        &self.environment.folder
    }

    /// Returns the project folder: `--project`, or the nearest one upwards.
    pub fn project_folder(&self) -> Result<Utf8PathBuf, Fault> {
        let start = match &self.global.project {
            Some(project) => self.environment.folder.join(project),
            None => self.environment.folder.clone(),
        };
        Ok(find_project(&start)?)
    }

    /// Returns the project folder as GitHub names it, from the top of the repository; empty where that is unknown.
    pub fn folder_in_workspace(&self) -> Utf8PathBuf {
        let (Some(workspace), Ok(folder)) = (&self.environment.github_workspace, self.project_folder())
        else {
            return Utf8PathBuf::new();
        };
        folder.strip_prefix(workspace).map(Utf8Path::to_owned).unwrap_or_default()
    }

    /// Returns whether `--project` is given.
    pub fn names_project(&self) -> bool {
        self.global.project.is_some()
    }

    /// Reads the project.
    pub fn project(&self) -> Result<Project, Fault> {
        Ok(load_project(&self.project_folder()?)?)
    }

    /// Returns where to look for PostgreSQL.
    pub fn search(&self, min_major: Option<u32>) -> Search {
        Search {
            explicit: self.global.server.clone(),
            min_major,
            path_var: self.environment.path.clone(),
            home: self.environment.home.clone(),
            pg_config: self.environment.pg_config.clone(),
            clusters: self.environment.caches().map(|caches| caches.join("underpin/clusters")),
        }
    }

    /// Returns the PostgreSQL to run.
    pub fn installation(&self, project: Option<&Project>) -> Result<Installation, Fault> {
        let min_major = project.and_then(|project| project.config.database.min_version);
        Ok(choose_installation(&self.search(min_major)).map_err(underpin_lab::LabError::from)?)
    }

    /// Returns the database that `--database-url` (or `UNDERPIN_DATABASE_URL`) names.
    pub fn explicit_database(&self) -> Result<Option<Address>, Fault> {
        self.global.database_url.as_deref().map(parse).transpose()
    }

    /// Returns the database that flags or environment name, by precedence: flag, `DATABASE_URL`, `PG*`.
    pub fn named_database(&self) -> Result<Option<Address>, Fault> {
        if let Some(address) = self.explicit_database()? {
            return Ok(Some(address));
        }
        if let Some(url) = &self.environment.database_url {
            return parse(url).map(Some);
        }
        let named = |name: &str| self.environment.libpq.iter().any(|(key, _)| key == name);
        if !named("PGHOST") && !named("PGDATABASE") {
            return Ok(None);
        }
        let word = |(key, value): &(String, String)| {
            let keyword = match key.as_str() {
                "PGHOST" => "host",
                "PGPORT" => "port",
                "PGUSER" => "user",
                "PGPASSWORD" => "password",
                _ => "dbname",
            };
            format!("{keyword}='{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
        };
        let conninfo: Vec<String> = self.environment.libpq.iter().map(word).collect();
        parse(&conninfo.join(" ")).map(Some)
    }
}

fn parse(text: &str) -> Result<Address, Fault> {
    Address::parse(text).map_err(|error| {
        Fault::usage("The database address does not parse.")
            .because(error)
            .hint("It looks like postgres://user@host:5432/database")
    })
}
