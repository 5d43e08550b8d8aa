//! The kinds of clients, and how each makes a call.

use std::time::Duration;

use serde::Serialize;
use underpin_pg::light::Keep;
use underpin_pg::{
    Address, Credentials, Installation, LibpqError, LibpqSession, LightSession, Pooler, Session,
};

/// The role of clients behind a pooler: the superuser, as all clients of a drill.
pub(super) const POOLED_ROLE: &str = "postgres";

/// libpq's shortest limit for a connection, given to every kind.
const CONNECT_LIMIT: Duration = Duration::from_secs(underpin_pg::libpq::CONNECT_TIMEOUT as u64);

/// A kind of client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// libpq with every host and `target_session_attrs=read-write`; a call is given up after 2 s.
    Libpq,
    /// The same, waiting for an answer as long as it takes, which is what libpq does by itself.
    LibpqPatient,
    /// The driver tokio-postgres with every host and `target_session_attrs=read-write`; a call is given up after 2 s.
    Driver,
    /// Through PgBouncer with its own defaults; the operator leads it to the new primary.
    Pooler,
    /// The same with `server_login_retry = 1`.
    PoolerQuick,
    /// Through PgBouncer with a list of all hosts.
    PoolerHosts,
}

impl Kind {
    /// Every kind, in the order of telling.
    pub const ALL: [Kind; 6] =
        [Kind::Libpq, Kind::LibpqPatient, Kind::Driver, Kind::Pooler, Kind::PoolerQuick, Kind::PoolerHosts];

    /// Returns the word for its rows.
    pub(super) fn word(self) -> &'static str {
        match self {
            Kind::Libpq => "libpq",
            Kind::LibpqPatient => "libpq-patient",
            Kind::Driver => "driver",
            Kind::Pooler => "pooler",
            Kind::PoolerQuick => "pooler-quick",
            Kind::PoolerHosts => "pooler-hosts",
        }
    }

    /// Returns what it is, for people.
    pub fn words(self) -> &'static str {
        match self {
            Kind::Libpq => "libpq, all hosts, target_session_attrs=read-write, calls given up after 2 s",
            Kind::LibpqPatient => "libpq, all hosts, target_session_attrs=read-write, no limit for calls",
            Kind::Driver => {
                "tokio-postgres, all hosts, target_session_attrs=read-write, calls given up after 2 s"
            }
            Kind::Pooler => "PgBouncer, entry changed, RELOAD, RECONNECT",
            Kind::PoolerQuick => "PgBouncer, the same with server_login_retry = 1",
            Kind::PoolerHosts => "PgBouncer, host = all three, nothing changed",
        }
    }

    /// Tells whether it goes through PgBouncer.
    pub fn is_pooled(self) -> bool {
        matches!(self, Kind::Pooler | Kind::PoolerQuick | Kind::PoolerHosts)
    }

    /// Returns how many clients of the kind there are: with several hosts behind a pooler one for each, as a single one would
    /// stay on the first.
    pub(super) fn clients(self) -> usize {
        if self == Kind::PoolerHosts { 3 } else { 1 }
    }

    /// Tells whether it can be had with these servers: a list of hosts in PgBouncer has one port for all.
    pub(super) fn fits(self, hosts: &[Address]) -> bool {
        self != Kind::PoolerHosts
            || hosts.iter().all(|host| Some(host.port) == hosts.first().map(|one| one.port))
    }

    /// Returns the settings of its PgBouncer; nothing for a kind without one.
    pub(super) fn pooler_settings(self) -> Option<&'static [(&'static str, &'static str)]> {
        match self {
            Kind::Libpq | Kind::LibpqPatient | Kind::Driver => None,
            Kind::Pooler | Kind::PoolerHosts => Some(&[]),
            Kind::PoolerQuick => Some(&[("server_login_retry", "1")]),
        }
    }
}

/// How a kind of client reaches its servers.
pub(super) struct Line {
    way: Way,
    hosts: Vec<Address>,
}

enum Way {
    Libpq(Installation),
    Driver,
    /// Without cancelling what was given up: PgBouncer 1.18.0 ends itself when the server behind it hangs then ("bad client
    /// state: 0").
    Pooler(Address, Credentials),
}

/// What a client holds between two calls.
pub(super) enum Connection {
    Libpq(LibpqSession),
    Session(Session),
    Light(LightSession),
}

impl Line {
    pub(super) fn of(
        kind: Kind,
        installation: &Installation,
        (hosts, pooler): (&[Address], Option<&Pooler>),
    ) -> Line {
        let way = match (kind, pooler) {
            (_, Some(pooler)) => {
                let address = pooler.address(POOLED_ROLE, "postgres");
                Way::Pooler(address, Credentials::new(pooler.password()))
            }
            (Kind::Libpq | Kind::LibpqPatient, None) => Way::Libpq(installation.clone()),
            (_, None) => Way::Driver,
        };
        let limited = |host: &Address| Address { connect_timeout: CONNECT_LIMIT, ..host.clone() };
        Line { way, hosts: hosts.iter().map(limited).collect() }
    }

    /// Makes one call, connecting first where there is no connection; returns its value, or an error of one line.
    ///
    /// Of a connection that failed nothing is left. The limit does not cover connecting: each library has its own there.
    pub(super) async fn call(
        &self,
        connection: &mut Option<Connection>,
        sql: &str,
        limit: Option<Duration>,
    ) -> Result<String, String> {
        let mut open = match connection.take() {
            Some(open) => open,
            None => self.connect().await?,
        };
        let call = open.value(sql);
        let answered = match limit {
            Some(limit) => tokio::time::timeout(limit, call)
                .await
                .map_err(|_| format!("no answer within {} s", limit.as_secs()))?,
            None => call.await,
        };
        let value = answered.map_err(|error| one_line(&error))?;
        *connection = Some(open);
        Ok(value)
    }

    async fn connect(&self) -> Result<Connection, String> {
        match &self.way {
            Way::Libpq(installation) => {
                let failed = |error: LibpqError| one_line(&error.to_string());
                let mut session = LibpqSession::start(installation, &self.hosts).map_err(failed)?;
                session.value("SELECT 1").await.map_err(failed)?;
                Ok(Connection::Libpq(session))
            }
            Way::Driver => Session::connect_read_write(&self.hosts)
                .await
                .map(Connection::Session)
                .map_err(|error| one_line(&chain(&error))),
            Way::Pooler(address, credentials) => {
                let connecting = LightSession::connect(address, credentials);
                match tokio::time::timeout(CONNECT_LIMIT, connecting).await {
                    Ok(Ok(session)) => Ok(Connection::Light(session)),
                    Ok(Err(error)) => Err(one_line(&chain(&error))),
                    Err(_) => Err(format!("no login within {} s", CONNECT_LIMIT.as_secs())),
                }
            }
        }
    }
}

impl Connection {
    async fn value(&mut self, sql: &str) -> Result<String, String> {
        match self {
            Connection::Libpq(session) => session.value(sql).await.map_err(|error| error.to_string()),
            Connection::Session(session) => {
                session.value(sql).await.map(Option::unwrap_or_default).map_err(|error| chain(&error))
            }
            Connection::Light(session) => {
                let rows = session.query(sql, Keep::Rows).await.map_err(|error| chain(&error))?;
                Ok(rows.rows.into_iter().flatten().flatten().next().unwrap_or_default())
            }
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
