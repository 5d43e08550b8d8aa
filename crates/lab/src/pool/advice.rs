//! From measured figures to a size. Values in, values out.

use std::time::Duration;

use serde::Serialize;

/// Throughput with so many connections at work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Point {
    /// Connections.
    pub size: u32,
    /// Calls per second that ended well.
    pub throughput: f64,
    /// Half of the calls took less, in milliseconds.
    pub p50_ms: f64,
    /// 99 of 100 calls took less, in milliseconds.
    pub p99_ms: f64,
}

/// Every limit on the way of a connection.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Limits {
    /// Processors of this machine.
    pub processors: u32,
    /// `max_connections`.
    pub max_connections: u32,
    /// `superuser_reserved_connections`.
    pub reserved: u32,
    /// Open files that a process may have (`ulimit -n`).
    pub descriptors: u64,
    /// Clients that come at once.
    pub clients: u32,
    /// Memory of one more connection in bytes; absent where the system does not tell.
    pub connection_bytes: Option<u64>,
}

/// What is advised and why.
#[derive(Clone, Debug, Serialize)]
pub struct Advice {
    /// `default_pool_size`.
    pub size: u32,
    /// The size from which on more connections get hardly more done.
    pub knee: u32,
    /// Time of one call without waiting, in milliseconds: one connection that is always busy.
    pub service_ms: f64,
    /// Calls per second that production asks for.
    pub rate: f64,
    /// Connections that are busy at that rate on average (Little: rate × service time).
    pub busy: f64,
    /// Clients that are busy or pausing at that rate (Little: rate × (service time + pause)).
    pub present: f64,
    /// Part of the throughput at the knee that the rate takes.
    pub load: f64,
    /// `max_client_conn`.
    pub max_clients: u32,
    /// Open files that PgBouncer needs.
    pub descriptors: u64,
    /// The limits that were looked at.
    pub limits: Limits,
    /// What stands in the way, as full sentences.
    pub warnings: Vec<String>,
}

impl Advice {
    /// Returns the same for a size that somebody else chose.
    pub(super) fn with_size(self, size: u32) -> Advice {
        let descriptors = self.descriptors - u64::from(self.size) + u64::from(size);
        Advice { size, descriptors, ..self }
    }
}

/// Part of the highest throughput that the knee has.
const KNEE: f64 = 0.95;

/// Connections kept free for migrations, backups, monitoring and people.
const SPARE: u32 = 10;

/// Files that PgBouncer has open beside clients and servers.
const OTHER_FILES: u64 = 64;

/// Room for clients above those that were said.
const HEADROOM: f64 = 1.25;

/// Reads size and limits from the curve.
///
/// More connections than at the knee only wait for processors, disk and each other; fewer leave some idle while another waits
/// for its client. So the knee is advised, and never less than is busy at the wanted rate, as far as the server has room.
pub fn advise(curve: &[Point], rate: f64, think: Duration, limits: &Limits) -> Advice {
    let service_ms = curve
        .iter()
        .min_by_key(|point| point.size)
        .filter(|point| point.throughput > 0.0)
        .map_or(0.0, |point| 1_000.0 * f64::from(point.size) / point.throughput);
    let knee = knee(curve);
    let busy = rate * service_ms / 1_000.0;
    let present = rate * (service_ms / 1_000.0 + think.as_secs_f64());
    let room = limits.max_connections.saturating_sub(limits.reserved).saturating_sub(SPARE).max(1);
    let highest = curve.iter().map(|point| point.throughput).fold(0.0, f64::max);
    let load = if highest > 0.0 { rate / highest } else { 0.0 };
    let size = knee.size.min(room);
    let max_clients = (f64::from(limits.clients) * HEADROOM).ceil() as u32;
    let descriptors = u64::from(max_clients) + u64::from(size) + OTHER_FILES;
    let mut warnings = Vec::new();
    if knee.size > room {
        warnings.push(format!(
            "The knee is at {} connections, and max_connections = {} leaves {room} beside {} reserved and {SPARE} for people, backups \
             and migrations.",
            knee.size, limits.max_connections, limits.reserved
        ));
    }
    if load > 0.8 {
        warnings.push(format!(
            "{rate:.0} calls per second are {load:.2} times what this machine gets done at most: no pool size helps, queues grow. \
             (Clients and server share it here.)"
        ));
    }
    if descriptors > limits.descriptors {
        warnings.push(format!(
            "PgBouncer needs {descriptors} open files and may have {} here: beyond that clients hang without an error. LimitNOFILE={} in \
             its service.",
            limits.descriptors,
            descriptors.next_power_of_two()
        ));
    }
    if present > f64::from(max_clients) {
        warnings.push(format!(
            "At {rate:.0} calls per second and that pause {present:.0} clients are there on average, more than the {max_clients} that may \
             connect."
        ));
    }
    Advice {
        size,
        knee: knee.size,
        service_ms,
        rate,
        busy,
        present,
        load,
        max_clients,
        descriptors,
        limits: *limits,
        warnings,
    }
}

/// Returns the smallest size that gets nearly as much done as the best.
pub fn knee(curve: &[Point]) -> Point {
    let highest = curve.iter().map(|point| point.throughput).fold(0.0, f64::max);
    let enough = curve.iter().filter(|point| point.throughput >= KNEE * highest);
    enough.min_by_key(|point| point.size).copied().unwrap_or(Point { size: 1, ..Point::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(points: &[(u32, f64)]) -> Vec<Point> {
        points
            .iter()
            .map(|(size, throughput)| Point { size: *size, throughput: *throughput, ..Point::default() })
            .collect()
    }

    const LIMITS: Limits = Limits {
        processors: 2,
        max_connections: 100,
        reserved: 3,
        descriptors: 1 << 20,
        clients: 1_000,
        connection_bytes: None,
    };

    #[test]
    fn the_knee_is_the_smallest_size_that_suffices() {
        let curve = curve(&[(1, 500.0), (2, 900.0), (4, 1_400.0), (8, 1_450.0), (16, 1_300.0)]);
        let advice = advise(&curve, 200.0, Duration::from_secs(1), &LIMITS);
        assert_eq!((advice.size, advice.knee, advice.max_clients), (4, 4, 1_250));
        assert!((advice.service_ms - 2.0).abs() < 1e-9 && (advice.busy - 0.4).abs() < 1e-9);
        assert!((advice.present - 200.4).abs() < 1e-9);
        assert_eq!(advice.warnings, [""; 0]);
        let chosen = advice.clone().with_size(9);
        assert_eq!((chosen.size, chosen.knee, chosen.descriptors), (9, 4, advice.descriptors + 5));
    }

    #[test]
    fn every_limit_on_the_way_is_told() {
        let curve = curve(&[(1, 10.0), (64, 600.0), (128, 1_000.0)]);
        let limits = Limits { descriptors: 1_024, ..LIMITS };
        let advice = advise(&curve, 900.0, Duration::from_secs(2), &limits);
        assert_eq!((advice.size, advice.knee), (87, 128));
        assert_eq!(advice.warnings.len(), 4, "{:?}", advice.warnings);
        assert!(advice.warnings[2].contains("LimitNOFILE=2048"), "{:?}", advice.warnings);
    }

    #[test]
    fn nothing_measured_advises_one_connection() {
        assert_eq!(advise(&[], 1.0, Duration::ZERO, &LIMITS).size, 1);
    }
}
