//! Where a server is and who connects: connection URLs and libpq's `key=value` strings.
//!
//! Reference: PostgreSQL manual, "Connection Strings" (libpq).

mod parse;

use std::fmt;
use std::time::Duration;

use camino::Utf8PathBuf;

pub use parse::AddressError;

use crate::secret::Secret;

/// PostgreSQL's registered port, which also names the Unix socket.
pub const DEFAULT_PORT: u16 = 5432;

/// How long an attempt to connect may take unless the address says otherwise (`connect_timeout`).
pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How the server is reached.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// Folder that holds the Unix socket `.s.PGSQL.<port>`.
    Socket(Utf8PathBuf),
    /// Host name or IP address.
    Tcp(String),
}

/// Whether TLS is asked for. Underpin speaks no TLS yet: both connect in the clear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SslMode {
    /// `sslmode=disable`.
    Disable,
    /// `sslmode=prefer` (libpq's default) and `allow`.
    #[default]
    Prefer,
}

/// Everything that is needed to open a session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// Where.
    pub host: Host,
    /// TCP port, or the number in the socket's name.
    pub port: u16,
    /// Role to connect as.
    pub user: String,
    /// Password, when one was given.
    pub password: Option<Secret>,
    /// Database to connect to.
    pub database: String,
    /// libpq's `options`: command line for the new backend, such as `-c geqo=off`.
    pub options: Option<String>,
    /// What `pg_stat_activity.application_name` shows.
    pub application_name: String,
    /// TLS.
    pub ssl_mode: SslMode,
    /// Longest wait for the connection.
    pub connect_timeout: Duration,
}

impl Address {
    /// Returns the address of a Unix socket with everything else at its default.
    pub fn socket(folder: impl Into<Utf8PathBuf>, user: &str, database: &str) -> Address {
        Address::at(Host::Socket(folder.into()), user, database)
    }

    /// Returns the address of a TCP server with everything else at its default.
    pub fn tcp(host: impl Into<String>, user: &str, database: &str) -> Address {
        Address::at(Host::Tcp(host.into()), user, database)
    }

    fn at(host: Host, user: &str, database: &str) -> Address {
        Address {
            host,
            port: DEFAULT_PORT,
            user: user.to_owned(),
            password: None,
            database: database.to_owned(),
            options: None,
            application_name: "underpin".to_owned(),
            ssl_mode: SslMode::default(),
            connect_timeout: DEFAULT_CONNECT_TIMEOUT,
        }
    }

    /// Reads `postgres://…`, `postgresql://…` or a `key=value …` string.
    ///
    /// What is left out gets libpq's default: the operating system's user, a database of the
    /// user's name, port 5432 and the local socket folder. Errors never hold a password.
    pub fn parse(url_or_conninfo: &str) -> Result<Address, AddressError> {
        parse::parse(url_or_conninfo)
    }

    /// Returns the same address for another database.
    pub fn database(&self, name: &str) -> Address {
        Address { database: name.to_owned(), ..self.clone() }
    }

    /// Returns the same address for another role, without the former role's password.
    pub fn user(&self, name: &str) -> Address {
        Address { user: name.to_owned(), password: None, ..self.clone() }
    }

    /// Returns the same address with another port.
    pub fn port(&self, port: u16) -> Address {
        Address { port, ..self.clone() }
    }

    /// Returns the same address with a password.
    pub fn password(&self, password: impl Into<String>) -> Address {
        Address { password: Some(Secret::new(password)), ..self.clone() }
    }

    /// Returns the same address with libpq's `options`, such as `-c search_path=shop`.
    pub fn options(&self, options: impl Into<String>) -> Address {
        Address { options: Some(options.into()), ..self.clone() }
    }

    /// Returns the same address under another application name.
    pub fn application_name(&self, name: &str) -> Address {
        Address { application_name: name.to_owned(), ..self.clone() }
    }

    /// Returns the address as a URL without the password.
    pub fn display(&self) -> String {
        let (user, database) = (percent_encode(&self.user), percent_encode(&self.database));
        match &self.host {
            Host::Socket(folder) => {
                format!("postgresql://{user}@/{database}?host={folder}&port={}", self.port)
            }
            Host::Tcp(host) if host.contains(':') => {
                format!("postgresql://{user}@[{host}]:{}/{database}", self.port)
            }
            Host::Tcp(host) => format!("postgresql://{user}@{host}:{}/{database}", self.port),
        }
    }

    /// Returns the address as libpq's `key='value'` string without the password.
    pub fn conninfo(&self) -> String {
        let mut pairs = vec![
            ("host", self.host_text().to_owned()),
            ("port", self.port.to_string()),
            ("user", self.user.clone()),
            ("dbname", self.database.clone()),
            ("application_name", self.application_name.clone()),
        ];
        pairs.extend(self.options.clone().map(|options| ("options", options)));
        let quoted = pairs
            .iter()
            .map(|(key, value)| format!("{key}='{}'", value.replace('\\', "\\\\").replace('\'', "\\'")));
        quoted.collect::<Vec<_>>().join(" ")
    }

    /// Returns the environment that makes libpq's tools (`psql`, `pg_dump`, …) connect here.
    ///
    /// It holds the password, when there is one: it is for child processes, not for output.
    pub fn libpq_env(&self) -> Vec<(String, String)> {
        let mut env = vec![
            ("PGHOST", self.host_text().to_owned()),
            ("PGPORT", self.port.to_string()),
            ("PGUSER", self.user.clone()),
            ("PGDATABASE", self.database.clone()),
            ("PGAPPNAME", self.application_name.clone()),
            ("PGSSLMODE", self.ssl_mode.word().to_owned()),
            ("PGCONNECT_TIMEOUT", self.connect_timeout.as_secs().max(2).to_string()),
        ];
        env.extend(self.options.clone().map(|options| ("PGOPTIONS", options)));
        env.extend(self.password.as_ref().map(|password| ("PGPASSWORD", password.reveal().to_owned())));
        env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Returns the path of the Unix socket; nothing for TCP.
    pub fn socket_path(&self) -> Option<Utf8PathBuf> {
        match &self.host {
            Host::Socket(folder) => Some(folder.join(format!(".s.PGSQL.{}", self.port))),
            Host::Tcp(_) => None,
        }
    }

    fn host_text(&self) -> &str {
        match &self.host {
            Host::Socket(folder) => folder.as_str(),
            Host::Tcp(host) => host,
        }
    }
}

impl SslMode {
    /// Returns libpq's word.
    pub fn word(self) -> &'static str {
        match self {
            SslMode::Disable => "disable",
            SslMode::Prefer => "prefer",
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.display())
    }
}

/// Encodes what a URL's user or database part cannot hold as it is.
fn percent_encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
