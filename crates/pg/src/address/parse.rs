//! Reading a connection URL or a `key=value` string, as libpq does.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use thiserror::Error;

use super::{Address, DEFAULT_CONNECT_TIMEOUT, DEFAULT_PORT, Host, SslMode};
use crate::secret::Secret;

/// Why a connection string was not understood. No variant holds the string itself: it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// Neither a URL nor `key=value` pairs.
    #[error("this is not a connection string: write postgresql://user@host:5432/database")]
    ReadForm,
    /// The URL is for another kind of server.
    #[error("`{0}://` is not a PostgreSQL URL: write postgresql://user@host:5432/database")]
    ReadScheme(String),
    /// The port is no number.
    #[error(
        "the port is not a number between 1 and 65535 \
         (a `/`, `@` or `:` inside the password must be written %2F, %40 or %3A)"
    )]
    ReadPort,
    /// More than one host.
    #[error("the connection string names several hosts; Underpin connects to one")]
    ReadHosts,
    /// A `%` that does not start two hexadecimal digits, or bytes that are not UTF-8.
    #[error("the {0} holds a % that starts no valid %XX code; write %25 for a percent sign")]
    DecodePercent(&'static str),
    /// `=` is missing; what stands there may be half of a password, so it is not shown.
    #[error(
        "a part of the connection string is not of the form key=value \
         (a value with a space needs quotes: password='…')"
    )]
    ReadPair,
    /// A quote is not closed, or a backslash is the last character.
    #[error("the value of `{0}` in the connection string has no closing quote")]
    CloseQuote(String),
    /// libpq has no such parameter.
    #[error("unknown connection parameter `{0}`")]
    KnowParameter(String),
    /// A parameter's value is not one that it takes.
    #[error("connection parameter `{key}` must be {expected}")]
    ReadValue {
        /// The parameter.
        key: String,
        /// What it takes.
        expected: &'static str,
    },
    /// TLS was required.
    #[error(
        "sslmode={0} asks for TLS, which Underpin does not speak yet: \
         use sslmode=prefer on a trusted network, or connect through an SSH tunnel"
    )]
    UseTls(String),
    /// No user was given and the operating system knows no name for ours.
    #[error("the connection string names no user, and the operating system has no name for user id {0}")]
    FindUser(u32),
}

type Pairs = Vec<(String, String)>;

/// Reads either form.
pub(super) fn parse(text: &str) -> Result<Address, AddressError> {
    let text = text.trim();
    let pairs = match text.split_once("://") {
        Some(("postgres" | "postgresql", rest)) => url_pairs(rest)?,
        Some((scheme, _)) if scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c)) => {
            return Err(AddressError::ReadScheme(scheme.to_owned()));
        }
        _ if text.contains('=') => conninfo_pairs(text)?,
        _ => return Err(AddressError::ReadForm),
    };
    address_of(&pairs)
}

/// Splits `user:password@host:port/database?key=value&…`.
fn url_pairs(rest: &str) -> Result<Pairs, AddressError> {
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (credentials, place) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = match credentials.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (credentials, None),
    };
    let (host, port) = host_and_port(place)?;
    let mut pairs = Pairs::new();
    let mut add = |key: &'static str, value: &str| -> Result<(), AddressError> {
        if !value.is_empty() {
            pairs.push((key.to_owned(), percent_decode(value, key)?));
        }
        Ok(())
    };
    add("user", user)?;
    add("password", password.unwrap_or(""))?;
    add("host", host)?;
    add("port", port)?;
    add("dbname", database)?;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let key = pair.split('=').next().unwrap_or(pair).to_owned();
        let (_, value) = pair.split_once('=').ok_or(AddressError::ReadPair)?;
        pairs.push((key, percent_decode(value, "query part of the URL")?));
    }
    Ok(pairs)
}

/// Splits `host:port`, where an IPv6 address stands in brackets.
fn host_and_port(place: &str) -> Result<(&str, &str), AddressError> {
    if place.contains(',') {
        return Err(AddressError::ReadHosts);
    }
    let after_host = match place.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((host, "")) => return Ok((host, "")),
        Some((host, port)) => (host, port.strip_prefix(':').ok_or(AddressError::ReadPort)?),
        None => place.split_once(':').unwrap_or((place, "")),
    };
    Ok(after_host)
}

fn percent_decode(text: &str, part: &'static str) -> Result<String, AddressError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        match (digit(rest.next()), digit(rest.next())) {
            (Some(high), Some(low)) if high + low > 0 => bytes.push((high * 16 + low) as u8),
            _ => return Err(AddressError::DecodePercent(part)),
        }
    }
    String::from_utf8(bytes).map_err(|_| AddressError::DecodePercent(part))
}

/// Splits `key = value key2 = 'quoted value'`; a backslash takes the next character as it is.
fn conninfo_pairs(text: &str) -> Result<Pairs, AddressError> {
    let mut pairs = Pairs::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=').ok_or(AddressError::ReadPair)?;
        let key = key.trim();
        if key.is_empty() || key.contains(char::is_whitespace) {
            return Err(AddressError::ReadPair);
        }
        let (value, after) =
            conninfo_value(after.trim_start()).ok_or_else(|| AddressError::CloseQuote(key.to_owned()))?;
        pairs.push((key.to_owned(), value));
        rest = after.trim_start();
    }
    Ok(pairs)
}

/// Returns a value and what follows it; nothing when its quote is not closed.
fn conninfo_value(text: &str) -> Option<(String, &str)> {
    let quoted = text.starts_with('\'');
    let mut value = String::new();
    let mut chars = text.char_indices().skip(usize::from(quoted));
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => value.push(chars.next()?.1),
            '\'' if quoted => return Some((value, &text[at + 1..])),
            c if !quoted && c.is_whitespace() => return Some((value, &text[at..])),
            c => value.push(c),
        }
    }
    (!quoted).then_some((value, ""))
}

/// Parameters of libpq that change nothing for a connection without TLS, Kerberos or several hosts.
const WITHOUT_EFFECT: &[&str] = &[
    "channel_binding",
    "client_encoding",
    "fallback_application_name",
    "gssdelegation",
    "gssencmode",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "passfile",
    "require_auth",
    "sslcert",
    "sslcompression",
    "sslcrl",
    "sslkey",
    "sslnegotiation",
    "sslrootcert",
    "sslsni",
    "target_session_attrs",
    "tcp_user_timeout",
];

fn address_of(pairs: &Pairs) -> Result<Address, AddressError> {
    let mut host = None;
    let mut address = Address::at(Host::Tcp(String::new()), "", "");
    for (key, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        match key.as_str() {
            "host" if value.contains(',') => return Err(AddressError::ReadHosts),
            "host" | "hostaddr" => host = Some(host_of(value)),
            "port" => address.port = port_of(value)?,
            "user" => address.user.clone_from(value),
            "password" => address.password = Some(Secret::new(value)),
            "dbname" => address.database.clone_from(value),
            "options" => address.options = Some(value.clone()),
            "application_name" => address.application_name.clone_from(value),
            "sslmode" => address.ssl_mode = ssl_mode_of(value)?,
            "connect_timeout" => address.connect_timeout = timeout_of(value)?,
            known if WITHOUT_EFFECT.contains(&known) => {}
            unknown => return Err(AddressError::KnowParameter(unknown.to_owned())),
        }
    }
    if address.user.is_empty() {
        address.user = system_user()?;
    }
    if address.database.is_empty() {
        address.database.clone_from(&address.user);
    }
    address.host = host.unwrap_or_else(|| default_host(address.port));
    Ok(address)
}

fn host_of(value: &str) -> Host {
    if value.starts_with('/') { Host::Socket(value.into()) } else { Host::Tcp(value.to_owned()) }
}

fn port_of(value: &str) -> Result<u16, AddressError> {
    match value.parse() {
        Ok(0) | Err(_) => Err(AddressError::ReadPort),
        Ok(port) => Ok(port),
    }
}

fn ssl_mode_of(value: &str) -> Result<SslMode, AddressError> {
    match value {
        "disable" => Ok(SslMode::Disable),
        "allow" | "prefer" => Ok(SslMode::Prefer),
        "require" | "verify-ca" | "verify-full" => Err(AddressError::UseTls(value.to_owned())),
        _ => Err(AddressError::ReadValue { key: "sslmode".to_owned(), expected: "disable or prefer" }),
    }
}

/// libpq reads zero and below as "no limit"; ours is then the default, for nothing here waits for ever.
fn timeout_of(value: &str) -> Result<Duration, AddressError> {
    let expected = "a number of seconds";
    let seconds: i64 = value
        .trim()
        .parse()
        .map_err(|_| AddressError::ReadValue { key: "connect_timeout".to_owned(), expected })?;
    Ok(u64::try_from(seconds)
        .ok()
        .filter(|seconds| *seconds > 0)
        .map_or(DEFAULT_CONNECT_TIMEOUT, Duration::from_secs))
}

fn system_user() -> Result<String, AddressError> {
    let uid = nix::unistd::geteuid();
    match nix::unistd::User::from_uid(uid) {
        Ok(Some(user)) => Ok(user.name),
        _ => Err(AddressError::FindUser(uid.as_raw())),
    }
}

/// Folders that builds of PostgreSQL put their socket in: Debian and Fedora, then the source's default.
const SOCKET_FOLDERS: &[&str] = &["/var/run/postgresql", "/tmp"];

fn default_host(port: u16) -> Host {
    let name = format!(".s.PGSQL.{}", if port == 0 { DEFAULT_PORT } else { port });
    let folder = SOCKET_FOLDERS.iter().find(|folder| Utf8Path::new(folder).join(&name).exists());
    Host::Socket(Utf8PathBuf::from(*folder.unwrap_or(&SOCKET_FOLDERS[0])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_with_every_part() {
        let address = Address::parse(
            "postgres://me:s%40cret@db.example:6543/shop?sslmode=disable&options=-c%20geqo%3Doff",
        )
        .unwrap();
        assert_eq!(address.host, Host::Tcp("db.example".to_owned()));
        assert_eq!((address.port, address.user.as_str(), address.database.as_str()), (6543, "me", "shop"));
        assert_eq!(address.password.as_ref().unwrap().reveal(), "s@cret");
        assert_eq!(address.options.as_deref(), Some("-c geqo=off"));
        assert_eq!(address.display(), "postgresql://me@db.example:6543/shop");
        assert!(!format!("{address:?}").contains("cret"));
    }

    #[test]
    fn sockets_in_both_forms() {
        let url = Address::parse("postgresql:///shop?host=/tmp/x&user=me").unwrap();
        let encoded = Address::parse("postgresql://me@%2Ftmp%2Fx/shop").unwrap();
        let conninfo = Address::parse("host=/tmp/x dbname = shop user='me'").unwrap();
        assert_eq!(url, encoded);
        assert_eq!(url, conninfo);
        assert_eq!(url.socket_path().unwrap(), "/tmp/x/.s.PGSQL.5432");
        assert_eq!(Address::parse(&url.display()).unwrap(), url);
        assert_eq!(Address::parse(&url.conninfo()).unwrap(), url);
    }

    #[test]
    fn ipv6_stays_in_brackets() {
        let address = Address::parse("postgres://me@[::1]:5433/db").unwrap();
        assert_eq!(address.host, Host::Tcp("::1".to_owned()));
        assert_eq!(address.display(), "postgresql://me@[::1]:5433/db");
    }

    #[test]
    fn conninfo_quotes_and_backslashes() {
        let address = Address::parse(r"host=h user='o\'brien' password='a b\\c' dbname=d").unwrap();
        assert_eq!(address.user, "o'brien");
        assert_eq!(address.password.as_ref().unwrap().reveal(), r"a b\c");
        assert!(address.conninfo().contains(r"user='o\'brien'"));
        assert!(!address.conninfo().contains("a b"));
    }

    #[test]
    fn defaults_come_from_libpq() {
        let address = Address::parse("postgres://someone@/").unwrap();
        assert_eq!((address.port, address.database.as_str()), (5432, "someone"));
        assert!(matches!(address.host, Host::Socket(_)));
        assert_eq!(address.application_name, "underpin");
    }

    #[test]
    fn faults_are_named_without_the_password() {
        let message = |text: &str| Address::parse(text).unwrap_err().to_string();
        insta::assert_snapshot!(
            [
                message("mysql://root@h/db"),
                message("shop"),
                message("postgres://u:hunter2/x@h:5432/db"),
                message("postgres://u@h:99999/db"),
                message("postgres://u@a,b/db"),
                message("postgres://u:hunter%zz@h/db"),
                message("postgres://u@h/db?sslmode=require"),
                message("postgres://u@h/db?sslmod=disable"),
                message("host=h password='hunter2"),
                message("host=h password=my hunter2 user=x"),
                message("host=h connect_timeout=soon"),
            ]
            .join("\n"),
            @r"
        `mysql://` is not a PostgreSQL URL: write postgresql://user@host:5432/database
        this is not a connection string: write postgresql://user@host:5432/database
        the port is not a number between 1 and 65535 (a `/`, `@` or `:` inside the password must be written %2F, %40 or %3A)
        the port is not a number between 1 and 65535 (a `/`, `@` or `:` inside the password must be written %2F, %40 or %3A)
        the connection string names several hosts; Underpin connects to one
        the password holds a % that starts no valid %XX code; write %25 for a percent sign
        sslmode=require asks for TLS, which Underpin does not speak yet: use sslmode=prefer on a trusted network, or connect through an SSH tunnel
        unknown connection parameter `sslmod`
        the value of `password` in the connection string has no closing quote
        a part of the connection string is not of the form key=value (a value with a space needs quotes: password='…')
        connection parameter `connect_timeout` must be a number of seconds
        "
        );
    }
}
