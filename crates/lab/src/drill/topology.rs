//! A primary with two standbys, each a real server with a data folder of its own.

use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use underpin_model::evidence::TranscriptStep;
use underpin_pg::{
    Address, DataSource, Installation, Link, OwnedFolder, Profile, Relay, RunAs, Server, ServerSpec, Session,
    ToolCall, run_tool,
};

use super::driver::asked::{said, until, value};
use super::driver::{Cluster, Node};
use super::failover::Failure;
use super::ground::Ground;
use super::ledger::Ledger;
use crate::error::LabError;

/// How long the link is cut or slow before the kill.
const SICK: Duration = Duration::from_millis(1_500);

/// A slow link: everything is under way for longer than the loss that is allowed, and little fits through.
const SLOW: Link =
    Link { delay: Duration::from_millis(1_400), bytes_per_second: Some(256 << 10), cut: false };

/// How recovery makes sure that files are on the disk: at once where the system can, instead of one by one.
const SYNC: &str = if cfg!(target_os = "linux") { "syncfs" } else { "fsync" };

/// A primary with its standbys.
pub(super) struct Topology {
    primary: Server,
    standbys: Vec<Server>,
    transcript: Vec<TranscriptStep>,
    installation: Installation,
    /// Between the first primary and its standbys; dropped when nobody follows it any more.
    relay: Option<Relay>,
    /// Holds the data of all; kept for its drop too.
    folder: OwnedFolder,
}

impl Topology {
    /// Starts the primary, copies it to two standbys, and waits until both stream through a relay.
    pub(super) async fn start(ground: Ground<'_>, synchronous: &str) -> Result<Topology, LabError> {
        let installation = ground.installation;
        let run_as = RunAs::choose().map_err(|error| LabError::Unexpected(error.to_string()))?;
        let folder = OwnedFolder::create(underpin_pg::folder::DEFAULT_TEMP.into(), "failover", &run_as)
            .map_err(|error| LabError::file("making a folder for the drill", error))?;
        if let Some((_, data)) = ground.stock {
            underpin_pg::copy_data(data, &folder.path().join("n1"), &run_as)
                .map_err(|error| LabError::file("copying the project's template", error))?;
        }
        let wish = |name: &str| {
            ServerSpec::new(installation.clone(), Profile::Durable, name)
                .source(DataSource::InPlace(folder.path().join(name)))
                .setting("wal_receiver_status_interval", "1s")
                .setting("wal_keep_size", "512MB")
                .setting("recovery_init_sync_method", SYNC)
        };
        let primary = Server::start(wish("n1").setting("synchronous_standby_names", synchronous)).await?;
        let relay = Relay::start(&folder.path().join("link"), &primary.address(), &run_as)
            .map_err(|error| LabError::file("starting a relay", error))?;
        let through = relay.address(&primary.address());
        let mut transcript = Vec::new();
        let mut standbys = Vec::new();
        for name in ["n2", "n3"] {
            let data = folder.path().join(name);
            let copy = ToolCall::new("pg_basebackup")
                .args([
                    format!("--pgdata={data}"),
                    "--checkpoint=fast".to_owned(),
                    "--wal-method=stream".to_owned(),
                    // Processes are killed here, not the machine: what the system's cache has is safe.
                    "--no-sync".to_owned(),
                ])
                .on(&primary.address());
            recorded(installation, copy, &mut transcript).await?;
            follow(installation, (&data, name), &through, &mut transcript).await?;
            standbys.push(Server::start(wish(name)).await?);
        }
        let installation = installation.clone();
        let relay = Some(relay);
        let topology = Topology { primary, standbys, transcript, installation, relay, folder };
        topology.primary_sees(2).await?;
        Ok(topology)
    }

    /// Waits until so many standbys stream from the primary.
    async fn primary_sees(&self, count: i64) -> Result<(), LabError> {
        until(
            &self.primary.address(),
            &format!("SELECT count(*) = {count} FROM pg_stat_replication WHERE state = 'streaming'"),
        )
        .await
    }

    /// Changes the link between the primary and its standbys; neither side is told.
    fn set_link(&mut self, link: Link, words: &str) {
        if let Some(relay) = &self.relay {
            relay.set(link);
            self.transcript.push(said(words, ""));
        }
    }

    /// Lets every further write of the primary fail, as a full disk does.
    ///
    /// By its limit on the size of files, which needs no rights: the system answers EFBIG where a full disk answers ENOSPC,
    /// and the server does the same with both.
    async fn fill_disk(&mut self) -> Result<(), LabError> {
        for pid in self.primary.pids() {
            let limit =
                ToolCall::new("/usr/bin/prlimit").args([format!("--pid={pid}"), "--fsize=0:0".to_owned()]);
            // A process that has ended meanwhile is not limited any more.
            run_tool(&self.installation, &limit.deadline(Duration::from_secs(10))).await?;
        }
        self.transcript.push(said("prlimit --fsize=0:0 for every process of the primary", ""));
        Ok(())
    }

    /// Promotes the standby that has most, and lets the other one follow it.
    async fn promote_best(&mut self) -> Result<(), LabError> {
        let mut most: Option<(u64, usize)> = None;
        for (at, standby) in self.standbys.iter().enumerate() {
            let session = Session::connect(&standby.address()).await?;
            let sql = "SELECT pg_wal_lsn_diff(greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()), '0/0')::bigint";
            let has = session.value(sql).await?.and_then(|text| text.parse().ok()).unwrap_or_default();
            session.close().await;
            if most.is_none_or(|(best, _)| has > best) {
                most = Some((has, at));
            }
        }
        let chosen = most.map(|(_, at)| self.standbys.swap_remove(at));
        let chosen =
            chosen.ok_or_else(|| LabError::Unexpected("there is no standby to promote".to_owned()))?;
        for other in &self.standbys {
            let conninfo = chosen.address().application_name("n3").conninfo().replace('\'', "''");
            let session = Session::connect(&other.address()).await?;
            session.execute(&format!("ALTER SYSTEM SET primary_conninfo = '{conninfo}'")).await?;
            session.execute("SELECT pg_reload_conf()").await?;
            session.close().await;
            self.transcript.push(said(
                "ALTER SYSTEM SET primary_conninfo = …; SELECT pg_reload_conf()",
                "the other standby follows the chosen one",
            ));
        }
        let session = Session::connect(&chosen.address()).await?;
        let start = Instant::now();
        let sql = "SELECT pg_promote(true, 60)";
        let done = session.value(sql).await?;
        session.close().await;
        let mut step = said(sql, done.as_deref().unwrap_or_default());
        step.duration_ms = start.elapsed().as_millis() as u64;
        self.transcript.push(step);
        let old = std::mem::replace(&mut self.primary, chosen);
        self.standbys.push(old);
        Ok(())
    }
}

impl Cluster for Topology {
    fn nodes(&self) -> Vec<Node> {
        let mut nodes: Vec<Node> = std::iter::once(&self.primary).chain(&self.standbys).map(node).collect();
        nodes.sort_by(|one, other| one.name.cmp(&other.name));
        nodes
    }

    fn about(&self) -> String {
        "the drill itself promotes, at once".to_owned()
    }

    fn transcript(&mut self) -> &mut Vec<TranscriptStep> {
        &mut self.transcript
    }

    async fn sicken(&mut self, failure: Failure) -> Result<(), LabError> {
        let (link, words) = match failure {
            Failure::Cut => (Link { cut: true, ..Link::default() }, "cut the link to the standbys"),
            Failure::Slow => (SLOW, "slow the link to the standbys down: 1.4 s under way, 256 kB/s"),
            Failure::Kill | Failure::KillServer | Failure::Freeze | Failure::DiskFull => return Ok(()),
        };
        self.set_link(link, words);
        tokio::time::sleep(SICK).await;
        Ok(())
    }

    async fn fail(&mut self, failure: Failure) -> Result<(), LabError> {
        match failure {
            Failure::Freeze => {
                self.transcript.push(said("kill -STOP every process of the primary", ""));
                Ok(self.primary.freeze()?)
            }
            Failure::DiskFull => self.fill_disk().await,
            Failure::Kill | Failure::KillServer | Failure::Cut | Failure::Slow => {
                self.primary.crash().await?;
                self.transcript.push(said("kill -9 every process of the primary", ""));
                Ok(())
            }
        }
    }

    /// Takes the standbys off the primary, so that nobody confirms its commits any more, and promotes the one that has most.
    async fn promoted(&mut self, ledger: &Ledger) -> Result<Node, LabError> {
        ledger.point_to(None);
        self.relay = None;
        self.transcript
            .push(said("the standbys leave the old primary: nobody confirms its commits any more", ""));
        self.promote_best().await?;
        Ok(node(&self.primary))
    }

    async fn wake(&mut self, failure: Failure) -> Result<bool, LabError> {
        if failure != Failure::Freeze {
            return Ok(false);
        }
        self.transcript.push(said("kill -CONT every process of the old primary", ""));
        self.standbys.last().map_or(Ok(()), Server::thaw)?;
        Ok(true)
    }

    async fn rejoin(&mut self) -> Result<(), LabError> {
        let source = self.primary.address();
        let Some(old) = self.standbys.last_mut() else { return Ok(()) };
        // Its socket goes on to exist in our folder; the server itself is gone.
        let data = Utf8PathBuf::from(old.data_dir());
        let rewind = ToolCall::new("pg_rewind").args([
            format!("--target-pgdata={data}"),
            format!("--source-server={}", source.conninfo()),
            "--no-ensure-shutdown".to_owned(),
            "--no-sync".to_owned(),
        ]);
        // Until the checkpoint after the promotion the new primary's control file names the old timeline, and pg_rewind would
        // find nothing to do: the old primary would then follow with rows that nobody else has.
        value(&source, "CHECKPOINT").await?;
        self.transcript.push(said("CHECKPOINT", ""));
        // Recovery of what it had comes first: pg_rewind wants a clean end.
        if old.pid().is_some() {
            old.crash().await?;
        }
        old.restart_with(&[("synchronous_standby_names", "")]).await?;
        old.stop_keeping_data().await?;
        recorded(&self.installation, rewind, &mut self.transcript).await?;
        follow(&self.installation, (&data, "n1"), &source, &mut self.transcript).await?;
        old.restart().await?;
        until(&source, "SELECT count(*) >= 1 FROM pg_stat_replication WHERE application_name = 'n1' AND state = 'streaming'").await
    }

    fn words(&self) -> Vec<(String, String)> {
        let folder = self.folder.path().to_string();
        let bin = format!("{}/", self.installation.bin_dir);
        let mut words = vec![(folder, "$NODES".to_owned()), (bin, String::new())];
        let sockets = std::iter::once(&self.primary).chain(&self.standbys).map(|server| {
            let name = server.data_dir().file_name().unwrap_or_default();
            (server.socket_dir().into_string(), format!("$SOCKET_{name}"))
        });
        words.extend(sockets);
        words
    }

    async fn stop(self) -> Result<(), LabError> {
        for standby in self.standbys {
            standby.stop().await?;
        }
        Ok(self.primary.stop().await?)
    }
}

/// Returns the server's name, which is that of its data folder, and its address.
fn node(server: &Server) -> Node {
    let name = server.data_dir().file_name().unwrap_or_default().to_owned();
    Node { name, address: server.address() }
}

/// Makes the data folder that of a standby of `primary`.
async fn follow(
    installation: &Installation,
    (data, name): (&camino::Utf8Path, &str),
    primary: &Address,
    transcript: &mut Vec<TranscriptStep>,
) -> Result<(), LabError> {
    let conninfo = primary.application_name(name).conninfo().replace('\'', "''");
    let script = "cat >> \"$0/postgresql.auto.conf\" && touch \"$0/standby.signal\"";
    let call = ToolCall::new("/bin/sh").args(["-c", script, data.as_str()]).stdin(
        format!("\nprimary_conninfo = '{conninfo}'\nrecovery_target_timeline = 'latest'\n").into_bytes(),
    );
    recorded(installation, call, transcript).await
}

async fn recorded(
    installation: &Installation,
    call: ToolCall,
    transcript: &mut Vec<TranscriptStep>,
) -> Result<(), LabError> {
    let output = run_tool(installation, &call.deadline(Duration::from_secs(600))).await?.checked()?;
    transcript.push(TranscriptStep {
        command: output.command_line.clone(),
        output: format!("{}{}", output.stdout, output.stderr).trim().to_owned(),
        exit: Some(output.exit),
        duration_ms: output.duration_ms,
    });
    Ok(())
}
