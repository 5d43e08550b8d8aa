//! A primary with two standbys, each a real server with a data folder of its own.

use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use underpin_model::evidence::TranscriptStep;
use underpin_pg::{
    Address, DataSource, Installation, Link, OwnedFolder, Profile, Relay, RunAs, Server, ServerSpec, Session,
    ToolCall, run_tool,
};

use super::ground::Ground;
use super::transcript;
use crate::error::LabError;

/// Longest wait for a state of replication.
const LIMIT: Duration = Duration::from_secs(60);

/// How recovery makes sure that files are on the disk: at once where the system can, instead of one by one.
const SYNC: &str = if cfg!(target_os = "linux") { "syncfs" } else { "fsync" };

/// A primary with its standbys.
pub(super) struct Topology {
    pub(super) primary: Server,
    pub(super) standbys: Vec<Server>,
    pub(super) transcript: Vec<TranscriptStep>,
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
    pub(super) fn set_link(&mut self, link: Link, words: &str) {
        if let Some(relay) = &self.relay {
            relay.set(link);
            self.transcript.push(said(words, ""));
        }
    }

    /// Returns how many bytes of log the standby that has most has not confirmed, as the primary knows it.
    pub(super) async fn behind(&self) -> Result<u64, LabError> {
        let sql = "SELECT coalesce(min(pg_wal_lsn_diff(pg_current_wal_lsn(), flush_lsn)), 0)::bigint FROM pg_stat_replication";
        Ok(value(&self.primary.address(), sql).await?.parse().unwrap_or_default())
    }

    /// Returns the primary's place in the log, in bytes.
    pub(super) async fn written(&self) -> Result<u64, LabError> {
        let sql = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint";
        Ok(value(&self.primary.address(), sql).await?.parse().unwrap_or_default())
    }

    /// Lets every further write of the primary fail, as a full disk does.
    ///
    /// By its limit on the size of files, which needs no rights: the system answers EFBIG where a full disk answers ENOSPC,
    /// and the server does the same with both.
    pub(super) async fn fill_disk(&mut self) -> Result<(), LabError> {
        for pid in self.primary.pids() {
            let limit =
                ToolCall::new("/usr/bin/prlimit").args([format!("--pid={pid}"), "--fsize=0:0".to_owned()]);
            // A process that has ended meanwhile is not limited any more.
            run_tool(&self.installation, &limit.deadline(Duration::from_secs(10))).await?;
        }
        self.transcript.push(said("prlimit --fsize=0:0 for every process of the primary", ""));
        Ok(())
    }

    /// Asks every server of the list, in that order, for one that takes writes, as libpq's clients do; returns which one
    /// answered and after how long. The order is old primary, then the others.
    pub(super) async fn ask_as_client(&mut self) -> Result<(Option<bool>, u64), LabError> {
        let old = self.standbys.last().map(Server::socket_dir).unwrap_or_default();
        let others = self.standbys.iter().rev().skip(1).map(Server::socket_dir);
        let hosts: Vec<String> = [old.clone(), self.primary.socket_dir()]
            .into_iter()
            .chain(others)
            .map(Utf8PathBuf::into_string)
            .collect();
        // Two seconds is the shortest time limit that libpq has.
        let conninfo = format!(
            "host={} user=postgres dbname=postgres target_session_attrs=read-write connect_timeout=2",
            hosts.join(",")
        );
        let call = ToolCall::new("psql").args(["-XAtc", "SHOW unix_socket_directories", &conninfo]);
        let output = run_tool(&self.installation, &call.deadline(Duration::from_secs(30))).await?;
        let found = (output.exit == 0).then(|| output.stdout.trim() != old.as_str());
        self.transcript.push(TranscriptStep {
            command: "psql 'host=n1,n2,n3 target_session_attrs=read-write connect_timeout=2' -c 'SHOW unix_socket_directories'".to_owned(),
            output: match found {
                Some(true) => "the new primary".to_owned(),
                Some(false) => "the old primary".to_owned(),
                None => output.complaint(),
            },
            exit: Some(output.exit),
            duration_ms: output.duration_ms,
        });
        Ok((found, output.duration_ms))
    }

    /// Tries to write on the old primary although there is a new one; tells whether it acknowledged.
    pub(super) async fn old_takes_writes(&mut self) -> Result<bool, LabError> {
        let Some(old) = self.standbys.last() else { return Ok(false) };
        let address = old.address();
        let sql = "SET statement_timeout = '1s'; INSERT INTO underpin_ledger VALUES (-1)";
        let written = async {
            let session = Session::connect(&address).await.ok()?;
            session.execute(sql).await.ok()?;
            // A cancelled wait for a standby is answered with a warning: nobody may take that for a commit.
            session.take_notices().is_empty().then_some(())
        };
        let took = tokio::time::timeout(Duration::from_secs(5), written).await.ok().flatten().is_some();
        self.transcript.push(said(
            "INSERT on the old primary",
            if took { "acknowledged: two primaries" } else { "not acknowledged" },
        ));
        Ok(took)
    }

    /// Freezes the primary.
    pub(super) fn freeze(&mut self) -> Result<(), LabError> {
        self.transcript.push(said("kill -STOP every process of the primary", ""));
        Ok(self.primary.freeze()?)
    }

    /// Lets the old primary go on.
    pub(super) fn thaw_old(&mut self) -> Result<(), LabError> {
        self.transcript.push(said("kill -CONT every process of the old primary", ""));
        self.standbys.last().map_or(Ok(()), |old| Ok(old.thaw()?))
    }

    /// Takes the standbys off the primary, so that nobody confirms its commits any more, and promotes the one that has most.
    pub(super) async fn promote(&mut self) -> Result<Address, LabError> {
        self.relay = None;
        self.transcript
            .push(said("the standbys leave the old primary: nobody confirms its commits any more", ""));
        self.promote_best().await
    }

    /// Promotes the standby that has most, lets the other one follow it, and returns its address.
    async fn promote_best(&mut self) -> Result<Address, LabError> {
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
        Ok(self.primary.address())
    }

    /// Brings the old primary, which is last in the list, back as a standby; returns whether it streams.
    pub(super) async fn rejoin(&mut self) -> Result<(), LabError> {
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

    /// Waits until the old primary has all rows of the ledger that the new one has.
    pub(super) async fn caught_up(&self) -> Result<u64, LabError> {
        let sql = "SELECT count(*) FROM underpin_ledger";
        let count = value(&self.primary.address(), sql).await?;
        if let Some(old) = self.standbys.last() {
            until(&old.address(), &format!("SELECT count(*) = {count} FROM underpin_ledger")).await?;
        }
        Ok(count.parse().unwrap_or_default())
    }

    /// Returns the commands that ran, with the folders of this run replaced by words.
    pub(super) fn told(&mut self) -> Vec<TranscriptStep> {
        let folder = self.folder.path().to_string();
        let bin = format!("{}/", self.installation.bin_dir);
        let mut words = vec![(folder, "$NODES".to_owned()), (bin, String::new())];
        let sockets = std::iter::once(&self.primary).chain(&self.standbys).map(|server| {
            let name = server.data_dir().file_name().unwrap_or_default();
            (server.socket_dir().into_string(), format!("$SOCKET_{name}"))
        });
        words.extend(sockets);
        transcript::told(std::mem::take(&mut self.transcript), &words)
    }

    /// Stops everything.
    pub(super) async fn stop(self) -> Result<(), LabError> {
        for standby in self.standbys {
            standby.stop().await?;
        }
        Ok(self.primary.stop().await?)
    }
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

fn said(sql: &str, output: &str) -> TranscriptStep {
    TranscriptStep { command: sql.to_owned(), output: output.to_owned(), exit: None, duration_ms: 0 }
}

async fn value(address: &Address, sql: &str) -> Result<String, LabError> {
    let session = Session::connect(address).await?;
    let value = session.value(sql).await?.unwrap_or_default();
    session.close().await;
    Ok(value)
}

/// Waits until the query answers true.
async fn until(address: &Address, sql: &str) -> Result<(), LabError> {
    let start = Instant::now();
    let session = Session::connect(address).await?;
    while session.value(sql).await?.as_deref() != Some("t") {
        if start.elapsed() > LIMIT {
            return Err(LabError::Deadline { what: format!("waiting for: {sql}"), seconds: LIMIT.as_secs() });
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    session.close().await;
    Ok(())
}
