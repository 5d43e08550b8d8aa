//! A primary with two standbys, each a real server with a data folder of its own.

use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use underpin_model::evidence::TranscriptStep;
use underpin_pg::{
    Address, DataSource, Installation, OwnedFolder, Profile, RunAs, Server, ServerSpec, Session, ToolCall,
    run_tool,
};

use crate::error::LabError;

/// Longest wait for a state of replication.
const LIMIT: Duration = Duration::from_secs(60);

/// A primary with its standbys.
pub(super) struct Topology {
    pub(super) primary: Server,
    pub(super) standbys: Vec<Server>,
    pub(super) transcript: Vec<TranscriptStep>,
    installation: Installation,
    /// Kept for its drop.
    _folder: OwnedFolder,
}

impl Topology {
    /// Starts the primary, copies it to two standbys, and waits until both stream.
    pub(super) async fn start(installation: &Installation, synchronous: &str) -> Result<Topology, LabError> {
        let run_as = RunAs::choose().map_err(|error| LabError::Unexpected(error.to_string()))?;
        let folder = OwnedFolder::create(underpin_pg::folder::DEFAULT_TEMP.into(), "failover", &run_as)
            .map_err(|error| LabError::file("making a folder for the drill", error))?;
        let wish = |name: &str| {
            ServerSpec::new(installation.clone(), Profile::Durable, name)
                .source(DataSource::InPlace(folder.path().join(name)))
                .setting("wal_receiver_status_interval", "1s")
                .setting("wal_keep_size", "512MB")
        };
        let primary = Server::start(wish("n1").setting("synchronous_standby_names", synchronous)).await?;
        let mut transcript = Vec::new();
        let mut standbys = Vec::new();
        for name in ["n2", "n3"] {
            let data = folder.path().join(name);
            let copy = ToolCall::new("pg_basebackup")
                .args([
                    format!("--pgdata={data}"),
                    "--checkpoint=fast".to_owned(),
                    "--wal-method=stream".to_owned(),
                ])
                .on(&primary.address());
            recorded(installation, copy, &mut transcript).await?;
            follow(installation, (&data, name), &primary.address(), &mut transcript).await?;
            standbys.push(Server::start(wish(name)).await?);
        }
        let topology =
            Topology { primary, standbys, transcript, installation: installation.clone(), _folder: folder };
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

    /// Cuts the standbys off: they no longer know where the primary is.
    pub(super) async fn cut_link(&mut self) -> Result<(), LabError> {
        for standby in &self.standbys {
            let session = Session::connect(&standby.address()).await?;
            for sql in ["ALTER SYSTEM SET primary_conninfo = 'host=/nowhere'", "SELECT pg_reload_conf()"] {
                session.execute(sql).await?;
                self.transcript.push(said(sql, "n2, n3"));
            }
            session.close().await;
            until(&standby.address(), "SELECT count(*) = 0 FROM pg_stat_wal_receiver").await?;
        }
        Ok(())
    }

    /// Promotes the standby that has most, and returns its address.
    pub(super) async fn promote(&mut self) -> Result<Address, LabError> {
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
        ]);
        // Until the checkpoint after the promotion the new primary's control file names the old timeline, and pg_rewind would
        // find nothing to do: the old primary would then follow with rows that nobody else has.
        value(&source, "CHECKPOINT").await?;
        self.transcript.push(said("CHECKPOINT", ""));
        // Recovery of what it had comes first: pg_rewind wants a clean end.
        old.restart().await?;
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
