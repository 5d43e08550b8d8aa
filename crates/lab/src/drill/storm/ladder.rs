//! The rungs of the storm: each number of clients, first directly, then through the pooler.

use std::time::{Duration, Instant};

use serde::Serialize;
use underpin_model::{Event, EventSink};
use underpin_pg::descriptors::{self, DescriptorLimit};
use underpin_pg::{Credentials, Pooler, PoolerSpec, Secret, Server, Session};

use super::judge::compared;
use super::{OTHER_DESCRIPTORS, StormSpec};
use crate::error::LabError;
use crate::load::{self, Gauge, Load, Seen, Watched, Workload};
use crate::template;

/// A backend that still runs a statement of a client that is gone ends with it.
const LEAVING: Duration = Duration::from_secs(60);

/// Which way clients take to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// To the server itself.
    Direct,
    /// Through PgBouncer in transaction mode.
    Pooler,
}

impl Via {
    /// Returns the word for tables.
    pub fn word(self) -> &'static str {
        match self {
            Via::Direct => "direct",
            Via::Pooler => "PgBouncer",
        }
    }
}

/// One number of clients on one way.
#[derive(Clone, Debug, Serialize)]
pub struct Rung {
    /// The way.
    pub via: Via,
    /// What the clients saw.
    pub seen: Seen,
    /// What was to be seen of the server.
    pub watched: Watched,
    /// Part of a processor that the clients' own process used, 0 to 1 and a little more; absent where the system does not
    /// tell.
    pub clients_busy: Option<f64>,
}

/// Everything that was measured.
pub(super) struct Climbed {
    pub(super) rungs: Vec<Rung>,
    /// What was not run, and why.
    pub(super) unexamined: Vec<String>,
    pub(super) workload: Workload,
    /// The limit of the pooler's open files; absent without a pooler, or where the system does not tell.
    pub(super) pooler_descriptors: Option<u64>,
    /// The pooler's version, configuration and log, without paths of this machine.
    pub(super) pooler: Option<PoolerTold>,
    pub(super) max_connections: String,
    pub(super) own_descriptors: DescriptorLimit,
}

/// What is told of the pooler.
pub(super) struct PoolerTold {
    pub(super) version: String,
    pub(super) config: String,
    pub(super) command: String,
}

/// A server, and the rungs so far.
pub(super) struct Ladder<'a> {
    spec: &'a StormSpec<'a>,
    server: &'a Server,
    own: Credentials,
    climbed: Climbed,
}

impl<'a> Ladder<'a> {
    /// Returns the ladder before its first rung.
    pub(super) async fn prepare(
        spec: &'a StormSpec<'a>,
        server: &'a Server,
        workload: Workload,
    ) -> Result<Ladder<'a>, LabError> {
        let own_descriptors = descriptors::raise_limit();
        let mut unexamined = Vec::new();
        if spec.pgbouncer.is_none() {
            unexamined.push(
                "the half through PgBouncer is skipped, because PgBouncer is not installed (Debian, Ubuntu: apt-get install pgbouncer)"
                    .to_owned(),
            );
        }
        let session = Session::connect(&server.address()).await?;
        let max_connections = session.value("SHOW max_connections").await?.unwrap_or_default();
        session.close().await;
        let climbed = Climbed {
            rungs: Vec::new(),
            unexamined,
            workload,
            pooler_descriptors: None,
            pooler: None,
            max_connections,
            own_descriptors,
        };
        Ok(Ladder { spec, server, own: Credentials::new(&Secret::new("")), climbed })
    }

    /// Runs so many clients, directly and through the pooler.
    pub(super) async fn climb(&mut self, clients: u32, events: &dyn EventSink) -> Result<(), LabError> {
        let needed = u64::from(clients) + OTHER_DESCRIPTORS;
        let limit = self.climbed.own_descriptors.soft;
        if limit < needed {
            self.climbed.unexamined.push(format!(
                "{clients} clients need {needed} open files, and this process may have {limit} (`ulimit -n {needed}` before the drill, or \
                 LimitNOFILE= of its service)"
            ));
            return Ok(());
        }
        for via in [Via::Direct, Via::Pooler] {
            self.climb_by(clients, via, events).await?;
        }
        Ok(())
    }

    /// Returns what was measured so far.
    pub(super) fn climbed(&self) -> &Climbed {
        &self.climbed
    }

    /// Measures the two rungs whose throughput is compared once more.
    pub(super) async fn repeat(&mut self, events: &dyn EventSink) -> Result<(), LabError> {
        let pooled: Vec<&Rung> = self.climbed.rungs.iter().filter(|rung| rung.via == Via::Pooler).collect();
        let Some((base, most)) = compared(&pooled) else { return Ok(()) };
        for clients in [base.seen.clients, most.seen.clients] {
            self.climb_by(clients, Via::Pooler, events).await?;
        }
        Ok(())
    }

    /// Runs so many clients on one way.
    async fn climb_by(&mut self, clients: u32, via: Via, events: &dyn EventSink) -> Result<(), LabError> {
        // A pooler of its own for each rung: what an earlier one left behind must not help or hurt.
        let pooler = match (via, &self.spec.pgbouncer) {
            (Via::Direct, _) => None,
            (Via::Pooler, Some(program)) => Some(self.pooler(program).await?),
            (Via::Pooler, None) => return Ok(()),
        };
        events.emit(Event::Progress {
            what: format!("{clients} clients, {}", via.word()),
            done: self.climbed.rungs.len() as u64,
            total: (self.spec.clients.len() * 2) as u64,
            unit: "rungs",
        });
        let rung = self.rung(clients, pooler.as_ref()).await?;
        self.climbed.rungs.push(rung);
        drop(pooler);
        self.wait_until_alone().await
    }

    async fn pooler(&mut self, program: &camino::Utf8Path) -> Result<Pooler, LabError> {
        let most = self.spec.clients.iter().max().copied().unwrap_or_default();
        let roles = [self.climbed.workload.role.as_str()];
        let wish = PoolerSpec {
            max_clients: most + OTHER_DESCRIPTORS as u32,
            descriptors: self.spec.descriptors,
            ..PoolerSpec::new(program, &self.server.address(), &roles, self.spec.pool_size)
        };
        let pooler = Pooler::start(&wish).await?;
        self.climbed.pooler_descriptors = descriptors::limit_of(pooler.pid()).map(|limit| limit.soft);
        self.climbed.pooler = Some(told_of(&pooler, self.server));
        Ok(pooler)
    }

    async fn rung(&mut self, clients: u32, pooler: Option<&Pooler>) -> Result<Rung, LabError> {
        let superuser = self.server.address().database(template::DATABASE);
        self.climbed.workload.renew(&superuser).await?;
        let workload = &self.climbed.workload;
        let (address, credentials) = match pooler {
            Some(pooler) => (pooler.address(&workload.role, template::DATABASE), pooler.credentials()),
            None => (superuser.user(&workload.role), &self.own),
        };
        let mut gauge = Gauge::open(self.server, pooler).await?;
        let load = Load {
            workload,
            address: address.application_name("underpin storm"),
            credentials,
            clients,
            think: Duration::ZERO,
            login_limit: self.spec.login_limit,
            window: self.spec.window,
        };
        let (start, before) = (Instant::now(), own_time());
        let (seen, watched) = load::run(&load, &mut gauge).await?;
        let used = before.zip(own_time()).map(|(before, now)| now.saturating_sub(before));
        let clients_busy = used.map(|used| used.as_secs_f64() / start.elapsed().as_secs_f64());
        gauge.close().await;
        let via = if pooler.is_some() { Via::Pooler } else { Via::Direct };
        Ok(Rung { via, seen, watched, clients_busy })
    }

    /// Waits until the clients of the rung have left the server.
    async fn wait_until_alone(&self) -> Result<(), LabError> {
        let start = Instant::now();
        let session = loop {
            match Session::connect(&self.server.address()).await {
                Ok(session) => break session,
                // Clients that gave up still stand in the queue of the socket: the server turns to each of them first.
                Err(_) if start.elapsed() < LEAVING => tokio::time::sleep(Duration::from_millis(50)).await,
                Err(error) => return Err(error.into()),
            }
        };
        let sql = "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
        while session.value(sql).await?.as_deref() != Some("t") {
            if start.elapsed() > LEAVING {
                let what = "waiting until the clients of a rung have left the server".to_owned();
                return Err(LabError::Deadline { what, seconds: LEAVING.as_secs() });
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        session.close().await;
        Ok(())
    }

    /// Returns what was measured.
    pub(super) fn end(self) -> Climbed {
        self.climbed
    }
}

/// Returns the processor time of this process, in which the clients live.
fn own_time() -> Option<Duration> {
    underpin_pg::usage::processor_time(std::process::id() as i32)
}

/// Returns what is told of a pooler, without the paths of this machine.
fn told_of(pooler: &Pooler, server: &Server) -> PoolerTold {
    let without_paths = |text: &str| {
        let text = text.replace(pooler.folder().as_str(), "POOLER");
        text.replace(server.folder().as_str(), "SERVER")
    };
    PoolerTold {
        version: pooler.version().to_owned(),
        config: without_paths(pooler.config()),
        command: without_paths(pooler.command_line()),
    }
}
