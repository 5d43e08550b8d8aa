//! Measures throughput at several sizes: directly for the advice, through PgBouncer against it.

use std::time::Duration;

use underpin_model::{Event, EventSink};
use underpin_pg::{Credentials, Pooler, PoolerSpec, Secret, Server};

use super::{Point, PoolSpec, SWEEPERS};
use crate::error::LabError;
use crate::load::{self, Gauge, Load, Workload};
use crate::template;

/// Nobody waits so long for a login of a hundred clients.
const LOGIN_LIMIT: Duration = Duration::from_secs(30);

/// A server under measurement.
pub(super) struct Sweep<'a> {
    pub(super) spec: &'a PoolSpec<'a>,
    pub(super) server: &'a Server,
    pub(super) workload: Workload,
    pub(super) events: &'a dyn EventSink,
}

/// What was measured directly.
pub(super) struct Direct {
    pub(super) curve: Vec<Point>,
    /// Memory of one more connection.
    pub(super) connection_bytes: Option<u64>,
}

/// One measurement, and the server's memory in it.
struct Measured {
    point: Point,
    bytes: Option<u64>,
}

impl Sweep<'_> {
    /// Measures as many clients as connections, without a pooler.
    pub(super) async fn direct(&mut self) -> Result<Direct, LabError> {
        let sizes = self.spec.sizes.clone();
        let mut all = vec![Vec::new(); sizes.len()];
        let mut bytes: Vec<(u32, u64)> = Vec::new();
        for round in 0..self.spec.rounds {
            for (at, size) in sizes.iter().enumerate() {
                self.tell(("directly", *size), round);
                let measured = self.measure(*size, None).await?;
                bytes.extend(measured.bytes.map(|bytes| (*size, bytes)));
                all[at].push(measured.point);
            }
        }
        let (least, most) = (bytes.iter().min(), bytes.iter().max_by_key(|(size, _)| *size));
        let connection_bytes = match (least, most) {
            (Some((few, small)), Some((many, large))) if many > few => {
                Some(large.saturating_sub(*small) / u64::from(many - few))
            }
            _ => None,
        };
        Ok(Direct { curve: all.into_iter().map(median).collect(), connection_bytes })
    }

    /// Measures a hundred clients behind pools of all sizes, the advised one among them.
    pub(super) async fn through_pooler(&mut self, advised: u32) -> Result<Vec<Point>, LabError> {
        let mut sizes = self.spec.sizes.clone();
        sizes.push(advised);
        sizes.sort_unstable();
        sizes.dedup();
        let mut all = vec![Vec::new(); sizes.len()];
        for round in 0..self.spec.rounds {
            for (at, size) in sizes.iter().enumerate() {
                all[at].push(self.behind_pool(*size, round).await?);
            }
        }
        Ok(all.into_iter().map(median).collect())
    }

    /// Measures two sizes in turn, anew: the best of many noisy numbers looks better than it is.
    pub(super) async fn compare(&mut self, sizes: [u32; 2]) -> Result<[Point; 2], LabError> {
        let mut points = [Vec::new(), Vec::new()];
        for round in 0..self.spec.rounds * 2 + 1 {
            for (of, size) in points.iter_mut().zip(sizes) {
                of.push(self.behind_pool(size, round).await?);
            }
        }
        Ok(points.map(median))
    }

    async fn behind_pool(&mut self, size: u32, round: u32) -> Result<Point, LabError> {
        self.tell(("through PgBouncer", size), round);
        let role = self.workload.role.clone();
        let wish = PoolerSpec {
            max_clients: SWEEPERS + 20,
            ..PoolerSpec::new(&self.spec.pgbouncer, &self.server.address(), &[&role], size)
        };
        let pooler = Pooler::start(&wish).await?;
        Ok(Point { size, ..self.measure(SWEEPERS, Some(&pooler)).await?.point })
    }

    fn tell(&self, (way, size): (&str, u32), round: u32) {
        self.events.emit(Event::Progress {
            what: format!("{size} connections {way}"),
            done: u64::from(round),
            total: u64::from(self.spec.rounds),
            unit: "rounds",
        });
    }

    async fn measure(&mut self, clients: u32, pooler: Option<&Pooler>) -> Result<Measured, LabError> {
        let superuser = self.server.address().database(template::DATABASE);
        self.workload.renew(&superuser).await?;
        let own = Credentials::new(&Secret::new(""));
        let role = &self.workload.role;
        let (address, credentials) = match pooler {
            Some(pooler) => (pooler.address(role, template::DATABASE), pooler.credentials()),
            None => (superuser.user(role), &own),
        };
        let mut gauge = Gauge::open(self.server, pooler).await?;
        let load = Load {
            workload: &self.workload,
            address: address.application_name("underpin pool"),
            credentials,
            clients,
            think: Duration::ZERO,
            login_limit: LOGIN_LIMIT,
            window: self.spec.window,
        };
        let (seen, watched) = load::run(&load, &mut gauge).await?;
        gauge.close().await;
        if let Some((reason, count)) = seen.failures.iter().next() {
            return Err(LabError::Unexpected(format!(
                "{count} of {clients} clients failed while a size was measured: {reason}"
            )));
        }
        let point = Point {
            size: clients,
            throughput: seen.throughput,
            p50_ms: seen.latency_ms.p50,
            p99_ms: seen.latency_ms.p99,
        };
        Ok(Measured { point, bytes: watched.server_bytes })
    }
}

/// Returns the measurement with the median throughput.
fn median(mut points: Vec<Point>) -> Point {
    points.sort_by(|a, b| a.throughput.total_cmp(&b.throughput));
    points.get(points.len() / 2).copied().unwrap_or_default()
}
