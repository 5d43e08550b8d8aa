//! What Patroni is told: one file per node, and the settings that all share. Values in, text out.

use camino::Utf8Path;
use serde_json::{Value, json};

use crate::drill::failover::Commit;

/// Name of the cluster. `cluster_name` becomes the same, by which we know the servers as ours.
pub(super) const SCOPE: &str = "underpin";

/// Seconds until the leader's key ends that nobody renewed: the smallest that Patroni documents ("minimum possible value: 20");
/// 3.0 does not insist, later versions do.
pub(super) const TTL: u32 = 20;

/// Seconds between two looks: Patroni's smallest.
pub(super) const LOOP_WAIT: u32 = 1;

/// Seconds for which etcd may be out of reach before the leader steps down: Patroni's smallest.
pub(super) const RETRY_TIMEOUT: u32 = 3;

/// The role of replication.
pub(super) const REPLICATOR: &str = "underpin_replicator";

/// Ports of loopback that a node has, and those under which others reach it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    pub(super) server: u16,
    pub(super) rest: u16,
    /// The server as others reach it: through a relay where there is one.
    pub(super) server_outside: u16,
    pub(super) rest_outside: u16,
    /// etcd as this node reaches it.
    pub(super) etcd: u16,
}

/// One node's part.
pub(super) struct NodeConfig<'a> {
    pub(super) name: &'a str,
    pub(super) folder: &'a Utf8Path,
    pub(super) bin_dir: &'a Utf8Path,
    pub(super) ports: Ports,
    pub(super) password: &'a str,
}

impl NodeConfig<'_> {
    /// Returns the node's file. Patroni reads YAML, of which JSON is a part.
    pub(super) fn text(&self) -> String {
        let (folder, name) = (self.folder, self.name);
        let at = |port: u16| format!("127.0.0.1:{port}");
        let login = |user: &str| json!({ "username": user, "password": self.password });
        let value = json!({
            "scope": SCOPE,
            "name": name,
            "restapi": {
                "listen": at(self.ports.rest),
                "connect_address": at(self.ports.rest_outside),
                "authentication": login("underpin"),
            },
            // As a proxy: else Patroni asks etcd for its own address and goes around the relay.
            "etcd3": { "hosts": [at(self.ports.etcd)], "use_proxies": true },
            "postgresql": {
                "listen": at(self.ports.server),
                "connect_address": at(self.ports.server_outside),
                "data_dir": folder.join(name),
                "bin_dir": self.bin_dir,
                "pgpass": folder.join(format!("{name}.pgpass")),
                "use_unix_socket": true,
                "use_unix_socket_repl": true,
                // Processes are killed here, not the machine: what the system's cache has is safe.
                "basebackup": [{ "checkpoint": "fast" }, "no-sync"],
                "authentication": {
                    "superuser": login("postgres"),
                    "replication": login(REPLICATOR),
                },
                "parameters": { "unix_socket_directories": folder.join(format!("s-{name}")) },
            },
        });
        format!("{value:#}\n")
    }
}

/// Returns the settings that all nodes share, which Patroni takes from the first data folder into etcd.
pub(super) fn shared(commit: Commit, start_timeout: u32) -> Value {
    json!({
        "ttl": TTL,
        "loop_wait": LOOP_WAIT,
        "retry_timeout": RETRY_TIMEOUT,
        "maximum_lag_on_failover": 1 << 20,
        "primary_start_timeout": start_timeout,
        "synchronous_mode": commit == Commit::Synchronous,
        "postgresql": {
            "use_pg_rewind": true,
            "use_slots": true,
            "parameters": {
                "wal_keep_size": "512MB",
                "wal_receiver_status_interval": "1s",
                "max_connections": 120,
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_reached_through_its_relays_and_listens_behind_them() {
        let ports = Ports { server: 1, rest: 2, server_outside: 3, rest_outside: 4, etcd: 5 };
        let node =
            NodeConfig { name: "n1", folder: "/f".into(), bin_dir: "/bin".into(), ports, password: "p" };
        let read: Value = serde_json::from_str(&node.text()).unwrap();
        assert_eq!(read["postgresql"]["listen"], "127.0.0.1:1");
        assert_eq!(read["postgresql"]["connect_address"], "127.0.0.1:3");
        assert_eq!(read["restapi"]["connect_address"], "127.0.0.1:4");
        assert_eq!(read["etcd3"]["hosts"][0], "127.0.0.1:5");
        assert_eq!(read["postgresql"]["data_dir"], "/f/n1");
    }

    #[test]
    fn the_leader_steps_down_before_its_key_ends() {
        let told = shared(Commit::Synchronous, 0);
        let seconds = |name: &str| told[name].as_u64().unwrap();
        assert!(seconds("loop_wait") + 2 * seconds("retry_timeout") <= seconds("ttl"), "{told}");
        assert_eq!(shared(Commit::Synchronous, 0)["synchronous_mode"], true);
        assert_eq!(shared(Commit::Asynchronous, 7)["primary_start_timeout"], 7);
    }
}
