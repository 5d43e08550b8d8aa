//! Promotion by Patroni: three nodes of it and a private etcd, all processes of ours in one temporary folder.

mod config;

use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use underpin_model::evidence::TranscriptStep;
use underpin_pg::installation::{Search, find_program};
use underpin_pg::{
    Address, Daemon, DaemonSpec, DataSource, Installation, Link, OverseenServer, OwnedFolder, Profile, Relay,
    RunAs, Server, ServerSpec, Session, ToolCall, daemon, ports, run_tool,
};

use self::config::{LOOP_WAIT, NodeConfig, Ports, REPLICATOR, RETRY_TIMEOUT, TTL};
use super::driver::asked::{said, until};
use super::driver::{Cluster, Node};
use super::failover::{Commit, Failure};
use super::ground::Ground;
use super::ledger::Ledger;
use crate::error::LabError;

/// The programs of Patroni and etcd, and what of Patroni's settings is up to the wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patroni {
    /// `patroni`.
    pub patroni: Utf8PathBuf,
    /// `patronictl`.
    pub patronictl: Utf8PathBuf,
    /// `etcd`.
    pub etcd: Utf8PathBuf,
    /// `primary_start_timeout`: how many seconds Patroni tries to start a crashed primary again before another one takes
    /// over; its default is 300.
    pub start_timeout: u32,
}

impl Patroni {
    /// Patroni's default of `primary_start_timeout`, in seconds.
    pub const START_TIMEOUT: u32 = 300;

    /// Looks for the programs; says what is missing and how to install it.
    pub fn find(search: &Search, start_timeout: u32) -> Result<Patroni, String> {
        let find = |program: &str, package: &str| {
            find_program(search, program).ok_or_else(|| {
                format!(
                    "skipped, because {program} is not installed (Debian, Ubuntu: apt-get install {package})"
                )
            })
        };
        Ok(Patroni {
            patroni: find("patroni", "patroni")?,
            patronictl: find("patronictl", "patroni")?,
            etcd: find("etcd", "etcd-server")?,
            start_timeout,
        })
    }
}

/// Three nodes and what they need. Dropped, everything is killed: Patroni first, which would start its server again.
pub(super) struct PatroniCluster {
    nodes: Vec<Overseen>,
    /// Between the first node and everybody else; clients do not come through them.
    relays: Vec<Relay>,
    _etcd: Daemon,
    transcript: Vec<TranscriptStep>,
    words: Vec<(String, String)>,
    installation: Installation,
    programs: Patroni,
    run_as: RunAs,
    about: String,
    folder: OwnedFolder,
}

/// One node: Patroni, and the server that it starts.
struct Overseen {
    name: &'static str,
    patroni: Daemon,
    server: OverseenServer,
    address: Address,
}

const NAMES: [&str; 3] = ["n1", "n2", "n3"];

/// A node follows; pg_basebackup streams too.
const NODES_STREAM: &str = "state = 'streaming' AND application_name IN ('n1', 'n2', 'n3')";

/// Longest wait for somebody to be promoted: the key's end and several looks.
const PROMOTION_LIMIT: Duration = Duration::from_secs(120);

/// Pause between two looks for a new primary, and the longest wait for one answer.
const LOOK: Duration = Duration::from_millis(50);
const ANSWER: Duration = Duration::from_millis(500);

impl PatroniCluster {
    /// Starts etcd, the first node on the ground's data, then two more that copy it, and waits until both stream.
    pub(super) async fn start(
        ground: Ground<'_>,
        commit: Commit,
        programs: &Patroni,
    ) -> Result<PatroniCluster, LabError> {
        let run_as = RunAs::choose().map_err(|error| LabError::Unexpected(error.to_string()))?;
        let failed = |error| LabError::file("making a folder for the drill", error);
        let folder =
            OwnedFolder::create(underpin_pg::folder::DEFAULT_TEMP.into(), "failover by Patroni", &run_as)
                .map_err(failed)?;
        let password = made_up_password().map_err(failed)?;
        prepare_first(ground, (folder.path(), &run_as), &password).await?;
        let shared = config::shared(commit, programs.start_timeout).to_string();
        write_own(&folder.path().join("n1/patroni.dynamic.json"), &shared, &run_as)?;
        let free = ports::free_ports(8).map_err(failed)?;
        let etcd = start_etcd(programs, (folder.path(), &run_as), (free[0], free[1])).await?;
        let mut relays = Vec::new();
        for target in [free[2], free[3], free[0]] {
            relays.push(Relay::start_tcp(target).await.map_err(failed)?);
        }
        let mut cluster = PatroniCluster {
            nodes: Vec::new(),
            relays,
            _etcd: etcd,
            transcript: Vec::new(),
            words: vec![(password.clone(), "$PASSWORD".to_owned())],
            installation: ground.installation.clone(),
            programs: programs.clone(),
            run_as,
            about: about(programs),
            folder,
        };
        for (at, name) in NAMES.into_iter().enumerate() {
            let ports = cluster.ports_of(at, &free);
            cluster.configure(name, ports, &password)?;
            let node = cluster.launch(name, ports.server)?;
            cluster.nodes.push(node);
            if at == 0 {
                // The others copy the leader; without one they would only wait.
                until(&cluster.nodes[0].address, "SELECT NOT pg_is_in_recovery()").await?;
            }
        }
        cluster.wait_for_standbys(commit).await?;
        cluster.control(&["show-config"]).await?;
        cluster.control(&["list"]).await?;
        Ok(cluster)
    }

    /// The first node is reached through relays, and reaches etcd through one.
    fn ports_of(&self, at: usize, free: &[u16]) -> Ports {
        let (server, rest) = (free[2 + 2 * at], free[3 + 2 * at]);
        if at == 0 {
            let [server_outside, rest_outside, etcd] = [0, 1, 2].map(|at: usize| self.relays[at].port());
            return Ports { server, rest, server_outside, rest_outside, etcd };
        }
        Ports { server, rest, server_outside: server, rest_outside: rest, etcd: free[0] }
    }

    fn configure(&mut self, name: &str, ports: Ports, password: &str) -> Result<(), LabError> {
        let folder = self.folder.path();
        self.run_as
            .create_folder(&folder.join(format!("s-{name}")))
            .map_err(|error| LabError::file("making a folder for the drill", error))?;
        let text = NodeConfig { name, folder, bin_dir: &self.installation.bin_dir, ports, password }.text();
        write_own(&folder.join(format!("{name}.yml")), &text, &self.run_as)?;
        for (port, what) in [
            (ports.server, "server"),
            (ports.rest, "rest"),
            (ports.server_outside, "server"),
            (ports.rest_outside, "rest"),
            (ports.etcd, "etcd"),
        ] {
            self.words.push((format!("127.0.0.1:{port}"), format!("${name}_{what}")));
        }
        let server = ports.server;
        self.words.push((format!(".s.PGSQL.{server}"), format!(".s.PGSQL.${name}_port")));
        self.words.push((format!("port={server}"), format!("port=${name}_port")));
        Ok(())
    }

    fn launch(&mut self, name: &'static str, port: u16) -> Result<Overseen, LabError> {
        let patroni = self.launch_patroni(name)?;
        let folder = self.folder.path();
        let address = Address::socket(folder.join(format!("s-{name}")), "postgres", "postgres").port(port);
        Ok(Overseen { name, patroni, server: OverseenServer::on(folder.join(name)), address })
    }

    fn launch_patroni(&mut self, name: &str) -> Result<Daemon, LabError> {
        let folder = self.folder.path();
        let spec = DaemonSpec {
            program: self.programs.patroni.clone(),
            args: vec![folder.join(format!("{name}.yml")).into_string()],
            env: vec![("HOME".to_owned(), folder.to_string())],
            log: folder.join(format!("{name}.log")),
        };
        let patroni = Daemon::start(&spec, &self.run_as)
            .map_err(|error| LabError::file(format!("starting {}", spec.program), error))?;
        self.transcript.push(said(&format!("{} &", patroni.command_line()), ""));
        Ok(patroni)
    }

    async fn wait_for_standbys(&self, commit: Commit) -> Result<(), LabError> {
        let synchronous = match commit {
            Commit::Synchronous => "bool_or(sync_state = 'sync')",
            Commit::Asynchronous => "true",
        };
        let sql =
            format!("SELECT count(*) = 2 AND {synchronous} FROM pg_stat_replication WHERE {NODES_STREAM}");
        until(&self.nodes[0].address, &sql).await.map_err(|error| self.explained(error))
    }

    /// Runs patronictl and notes what it printed; the second node's file, as the first one may be cut off.
    async fn control(&mut self, args: &[&str]) -> Result<(), LabError> {
        let config = self.folder.path().join("n2.yml");
        let call = ToolCall::new(self.programs.patronictl.as_str())
            .args(["-c", config.as_str()])
            .args(args.iter().copied())
            .env("HOME", self.folder.path().as_str())
            .deadline(Duration::from_secs(60));
        let output = run_tool(&self.installation, &call).await?;
        self.transcript.push(TranscriptStep {
            command: format!("patronictl {}", args.join(" ")),
            output: if output.success() { output.stdout.trim().to_owned() } else { output.complaint() },
            exit: Some(output.exit),
            duration_ms: output.duration_ms,
        });
        Ok(())
    }

    fn set_relays(&mut self, link: Link, words: &str) {
        self.relays.iter().for_each(|relay| relay.set(link));
        self.transcript.push(said(words, ""));
    }

    /// Adds what the nodes printed last.
    fn explained(&self, error: LabError) -> LabError {
        let logs = self.nodes.iter().map(|node| format!("{}:\n{}", node.name, node.patroni.log_tail(6)));
        LabError::Unexpected(format!("{}\n{}", error.chain(), logs.collect::<Vec<_>>().join("\n")))
    }

    /// Notes what Patroni of the first node printed since its start: why it stepped down, and how it came back.
    fn note_log(&mut self) {
        let text = telling_lines(&self.nodes[0].patroni.log_tail(2_000));
        let command = "grep -E 'demot|promot|rewind|leader|accessible' n1.log | uniq | tail -16";
        self.transcript.push(said(command, &text));
    }
}

/// Returns the lines of Patroni's log that tell of a change, each once in a row and without its time.
fn telling_lines(log: &str) -> String {
    let telling = ["demot", "promot", "rewind", "leader", "accessible"];
    let said = log.lines().filter_map(|line| {
        let line = if line.starts_with("pg_rewind:") {
            line
        } else {
            line.split_once(" INFO: ")
                .or_else(|| line.split_once(" WARNING: "))
                .or_else(|| line.split_once(" ERROR: "))?
                .1
        };
        telling.iter().any(|word| line.contains(word)).then_some(line)
    });
    let mut lines: Vec<&str> = said.collect();
    lines.dedup();
    lines[lines.len().saturating_sub(16)..].join("\n")
}

impl Cluster for PatroniCluster {
    fn nodes(&self) -> Vec<Node> {
        let node = |node: &Overseen| Node { name: node.name.to_owned(), address: node.address.clone() };
        self.nodes.iter().map(node).collect()
    }

    fn about(&self) -> String {
        self.about.clone()
    }

    fn transcript(&mut self) -> &mut Vec<TranscriptStep> {
        &mut self.transcript
    }

    async fn sicken(&mut self, _: Failure) -> Result<(), LabError> {
        Ok(())
    }

    async fn fail(&mut self, failure: Failure) -> Result<(), LabError> {
        let first = &mut self.nodes[0];
        let words = match failure {
            Failure::Kill => {
                // Patroni first: it would start the server again.
                first.patroni.kill();
                first.server.crash();
                "kill -9 Patroni of n1 and every process of its server"
            }
            Failure::KillServer => {
                first.server.crash();
                "kill -9 every process of the server n1; its Patroni lives"
            }
            Failure::Freeze => {
                first.patroni.freeze();
                first.server.freeze();
                "kill -STOP Patroni of n1 and every process of its server"
            }
            Failure::Cut => {
                let words = "cut n1 off from etcd, n2 and n3; clients still reach it";
                self.set_relays(Link { cut: true, ..Link::default() }, words);
                return Ok(());
            }
            Failure::DiskFull | Failure::Slow => {
                return Err(LabError::Unexpected("this failure is not made with Patroni".to_owned()));
            }
        };
        self.transcript.push(said(words, ""));
        Ok(())
    }

    /// Waits until a server takes writes that is not the failed one, or is the one that Patroni started again.
    async fn promoted(&mut self, _: &Ledger) -> Result<Node, LabError> {
        let start = Instant::now();
        // The first one goes on taking writes while it is cut off, and a frozen one lets everybody wait.
        let n1_is_dead = !self.nodes[0].server.is_running();
        let candidates: Vec<Node> =
            self.nodes().into_iter().filter(|node| node.name != "n1" || n1_is_dead).collect();
        loop {
            for node in &candidates {
                if takes_writes(&node.address).await {
                    let mut step = said("(waiting)", &format!("{} takes writes", node.name));
                    step.duration_ms = start.elapsed().as_millis() as u64;
                    self.transcript.push(step);
                    return Ok(node.clone());
                }
            }
            if start.elapsed() > PROMOTION_LIMIT {
                let what = "promotion by Patroni".to_owned();
                let error = LabError::Deadline { what, seconds: PROMOTION_LIMIT.as_secs() };
                return Err(self.explained(error));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn wake(&mut self, failure: Failure) -> Result<bool, LabError> {
        self.control(&["list"]).await?;
        match failure {
            Failure::Freeze => {
                let first = &mut self.nodes[0];
                first.server.thaw();
                first.patroni.thaw();
                self.transcript.push(said("kill -CONT every process of the server n1, then its Patroni", ""));
                Ok(true)
            }
            Failure::Cut => Ok(true),
            Failure::Kill | Failure::KillServer | Failure::DiskFull | Failure::Slow => Ok(false),
        }
    }

    async fn rejoin(&mut self) -> Result<(), LabError> {
        self.set_relays(Link::default(), "n1 reaches etcd, n2 and n3");
        if self.nodes[0].patroni.ended().is_some() {
            self.nodes[0].patroni = self.launch_patroni("n1")?;
        }
        let mut addresses = Vec::new();
        for node in &self.nodes {
            if takes_writes(&node.address).await {
                addresses.push(node.address.clone());
            }
        }
        let primary =
            addresses.pop().ok_or_else(|| LabError::Unexpected("nobody takes writes".to_owned()))?;
        // The first one may be the primary again.
        let sql = format!("SELECT count(*) = 2 FROM pg_stat_replication WHERE {NODES_STREAM}");
        until(&primary, &sql).await.map_err(|error| self.explained(error))?;
        self.note_log();
        self.control(&["list"]).await
    }

    fn words(&self) -> Vec<(String, String)> {
        let folder = self.folder.path().to_string();
        std::iter::once((folder, "$NODES".to_owned())).chain(self.words.clone()).collect()
    }

    async fn stop(self) -> Result<(), LabError> {
        Ok(())
    }
}

fn about(programs: &Patroni) -> String {
    let version = |program: &Utf8Path| daemon::first_line(program, "--version").unwrap_or_default();
    format!(
        "{} with {}, ttl {TTL} s, loop_wait {LOOP_WAIT} s, retry_timeout {RETRY_TIMEOUT} s, primary_start_timeout {} s",
        version(&programs.patroni),
        version(&programs.etcd),
        programs.start_timeout
    )
}

/// Makes the first node's data folder, with the roles that Patroni logs in as.
async fn prepare_first(
    ground: Ground<'_>,
    (folder, run_as): (&Utf8Path, &RunAs),
    password: &str,
) -> Result<(), LabError> {
    let data = folder.join("n1");
    if let Some((_, stock)) = ground.stock {
        underpin_pg::copy_data(stock, &data, run_as)
            .map_err(|error| LabError::file("copying the project's template", error))?;
    }
    let wish = ServerSpec::new(ground.installation.clone(), Profile::Durable, "n1");
    let mut server = Server::start(wish.source(DataSource::InPlace(data))).await?;
    let session = Session::connect(&server.address()).await?;
    session
        .execute(&format!(
            "ALTER ROLE postgres PASSWORD '{password}'; CREATE ROLE {REPLICATOR} REPLICATION LOGIN PASSWORD '{password}'"
        ))
        .await?;
    session.close().await;
    Ok(server.stop_keeping_data().await?)
}

/// Starts an etcd of one member and waits until it listens.
async fn start_etcd(
    programs: &Patroni,
    (folder, run_as): (&Utf8Path, &RunAs),
    (client, peer): (u16, u16),
) -> Result<Daemon, LabError> {
    let (client_url, peer_url) = (format!("http://127.0.0.1:{client}"), format!("http://127.0.0.1:{peer}"));
    let pairs = [
        ("name", SOLE.to_owned()),
        ("data-dir", folder.join("etcd").into_string()),
        ("listen-client-urls", client_url.clone()),
        ("advertise-client-urls", client_url),
        ("listen-peer-urls", peer_url.clone()),
        ("initial-advertise-peer-urls", peer_url.clone()),
        ("initial-cluster", format!("{SOLE}={peer_url}")),
    ];
    let spec = DaemonSpec {
        program: programs.etcd.clone(),
        args: pairs.into_iter().flat_map(|(name, value)| [format!("--{name}"), value]).collect(),
        // 3.4 wants to be told that a processor other than amd64 is meant.
        env: vec![("ETCD_UNSUPPORTED_ARCH".to_owned(), "arm64".to_owned())],
        log: folder.join("etcd.log"),
    };
    let mut etcd = Daemon::start(&spec, run_as)
        .map_err(|error| LabError::file(format!("starting {}", spec.program), error))?;
    let start = Instant::now();
    while !ports::is_listening(client).await {
        if let Some(status) = etcd.ended() {
            return Err(LabError::Unexpected(format!("etcd ended ({status}):\n{}", etcd.log_tail(10))));
        }
        if start.elapsed() > PROMOTION_LIMIT {
            let seconds = PROMOTION_LIMIT.as_secs();
            return Err(LabError::Deadline { what: "the start of etcd".to_owned(), seconds });
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(etcd)
}

/// Name of etcd's only member.
const SOLE: &str = "sole";

async fn takes_writes(address: &Address) -> bool {
    let asked = async {
        let session = Session::connect(address).await.ok()?;
        let answer = session.value("SELECT NOT pg_is_in_recovery()").await.ok()?;
        session.close().await;
        Some(answer.as_deref() == Some("t"))
    };
    tokio::time::timeout(ANSWER, asked).await.ok().flatten().unwrap_or_default()
}

/// Writes a file that only the user of servers may read.
fn write_own(path: &Utf8Path, text: &str, run_as: &RunAs) -> Result<(), LabError> {
    use fs_err::os::unix::fs::OpenOptionsExt;
    let write = || {
        let mut options = fs_err::OpenOptions::new();
        let mut file = options.create(true).truncate(true).write(true).mode(0o600).open(path)?;
        std::io::Write::write_all(&mut file, text.as_bytes())?;
        run_as.own(path)
    };
    write().map_err(|error| LabError::file("writing Patroni's files", error))
}

/// Returns a password for roles that a port of loopback leads to.
fn made_up_password() -> std::io::Result<String> {
    let mut bytes = [0; 16];
    std::io::Read::read_exact(&mut fs_err::File::open("/dev/urandom")?, &mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_log_only_changes_are_told() {
        let log = "2026-01-01 00:00:00,1 INFO: no action. I am (n1), the leader with the lock\n\
                   2026-01-01 00:00:01,1 INFO: no action. I am (n1), the leader with the lock\n\
                   2026-01-01 00:00:02,1 ERROR: Request to server failed\n\
                   2026-01-01 00:00:03,1 INFO: demoting self because DCS is not accessible and I was a leader\n\
                   pg_rewind: Done!\n  Blocks per segment of large relation: 131072\n";
        assert_eq!(
            telling_lines(log),
            "no action. I am (n1), the leader with the lock\n\
             demoting self because DCS is not accessible and I was a leader\npg_rewind: Done!"
        );
    }
}
