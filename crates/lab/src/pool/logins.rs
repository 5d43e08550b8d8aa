//! What a login costs the pooler: with the stored verifier in its file of users, and with the password itself.

use std::time::Duration;

use serde::Serialize;
use underpin_pg::{AuthFile, LightSession, Pooler, PoolerSpec, usage};

use super::PoolSpec;
use crate::error::LabError;
use crate::template;

/// Logins that are counted each way; of a password the client, too, derives a key each time, as its salt is new.
const LOGINS: [(AuthFile, u32); 2] = [(AuthFile::Verifier, 200), (AuthFile::Plaintext, 10)];

/// Processor time of PgBouncer per login, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Logins {
    /// With the SCRAM verifier of `pg_authid` in `auth_file`.
    pub verifier_us: f64,
    /// With the password in it, of which a verifier is derived at each login.
    pub password_us: f64,
}

impl Logins {
    /// Returns how many times a password costs as much as a verifier.
    pub fn ratio(&self) -> f64 {
        self.password_us / self.verifier_us.max(f64::MIN_POSITIVE)
    }
}

/// Logs in one after the other and reads the pooler's processor time; nothing where the system does not tell it.
pub(super) async fn measure(
    spec: &PoolSpec<'_>,
    server: &underpin_pg::Address,
    role: &str,
) -> Result<Option<Logins>, LabError> {
    let mut each = [0.0; 2];
    for (at, (auth_file, count)) in LOGINS.into_iter().enumerate() {
        let wish = PoolerSpec { auth_file, ..PoolerSpec::new(&spec.pgbouncer, server, &[role], 1) };
        let pooler = Pooler::start(&wish).await?;
        let address = pooler.address(role, template::DATABASE);
        // The first login also opens the connection to the server, which every later one finds.
        LightSession::connect(&address, pooler.credentials()).await?.close().await;
        let Some(begin) = usage::main_thread_time(pooler.pid()) else { return Ok(None) };
        for _ in 0..count {
            LightSession::connect(&address, pooler.credentials()).await?.close().await;
        }
        let Some(end) = usage::main_thread_time(pooler.pid()) else { return Ok(None) };
        each[at] = micros(end.saturating_sub(begin)) / f64::from(count);
    }
    Ok((each[0] > 0.0).then_some(Logins { verifier_us: each[0], password_us: each[1] }))
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
