//! What is to be seen of the server and of the pooler while clients work.

use std::time::{Duration, Instant};

use serde::Serialize;
use underpin_model::evidence::TranscriptStep;
use underpin_pg::light::Keep;
use underpin_pg::{LightSession, Pooler, Server, Session, usage};

use crate::error::LabError;

/// Counts the sessions of clients, ours left out.
const BACKENDS: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";

/// What was seen.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Watched {
    /// Most sessions of clients on the server at once.
    pub backends: u32,
    /// Memory of all processes of the server in the middle of the window, shared pages counted once; absent where the
    /// system does not tell.
    pub server_bytes: Option<u64>,
    /// The same of the pooler.
    pub pooler_bytes: Option<u64>,
    /// Most clients that waited for a connection of the pool at once.
    pub waiting: u64,
    /// The last `SHOW POOLS` of the window, as the console prints it.
    pub show_pools: Option<TranscriptStep>,
}

/// Looks at one server, and at the pooler in front of it.
pub(crate) struct Gauge<'a> {
    server: &'a Server,
    session: Session,
    pooler: Option<(&'a Pooler, LightSession)>,
}

impl<'a> Gauge<'a> {
    /// Opens its sessions, which must happen before clients take all that there are.
    pub(crate) async fn open(server: &'a Server, pooler: Option<&'a Pooler>) -> Result<Gauge<'a>, LabError> {
        let session = Session::connect(&server.address().application_name("underpin gauge")).await?;
        let pooler = match pooler {
            None => None,
            Some(pooler) => {
                Some((pooler, LightSession::connect(&pooler.admin_address(), pooler.credentials()).await?))
            }
        };
        Ok(Gauge { server, session, pooler })
    }

    pub(crate) async fn close(self) {
        self.session.close().await;
        if let Some((_, console)) = self.pooler {
            console.close().await;
        }
    }

    pub(super) async fn count_backends(&mut self, watched: &mut Watched) -> Result<(), LabError> {
        let count = self.session.value(BACKENDS).await?.and_then(|text| text.parse().ok());
        watched.backends = watched.backends.max(count.unwrap_or_default());
        Ok(())
    }

    pub(super) async fn look_at_pools(&mut self, watched: &mut Watched) -> Result<(), LabError> {
        let Some((_, console)) = &mut self.pooler else { return Ok(()) };
        let asked = Instant::now();
        let answer =
            tokio::time::timeout(Duration::from_secs(30), console.query("SHOW POOLS", Keep::Rows)).await;
        let rows = match answer {
            Ok(rows) => rows?,
            Err(_) => return Ok(()),
        };
        let waiting = rows.iter().filter_map(|row| row.int("cl_waiting")).sum::<i64>();
        watched.waiting = watched.waiting.max(waiting.unsigned_abs());
        let kept =
            ["database", "user", "cl_active", "cl_waiting", "sv_active", "sv_idle", "sv_used", "maxwait"];
        let mut output = kept.join(" | ");
        for row in rows.iter().filter(|row| row.text("database") != "pgbouncer") {
            output.push('\n');
            output.push_str(&kept.map(|column| row.text(column)).join(" | "));
        }
        watched.show_pools = Some(TranscriptStep {
            command: "SHOW POOLS".to_owned(),
            output,
            exit: None,
            duration_ms: asked.elapsed().as_millis() as u64,
        });
        Ok(())
    }

    /// Reads the memory of every process.
    pub(super) fn weigh(&self, watched: &mut Watched) {
        watched.server_bytes = self.server.pid().and_then(usage::memory_of);
        watched.pooler_bytes = self.pooler.as_ref().and_then(|(pooler, _)| usage::memory_of(pooler.pid()));
    }
}
