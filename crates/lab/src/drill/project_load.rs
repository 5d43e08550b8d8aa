//! The project's own transactions as load beside a drill or a backup, and the project's invariants afterwards.

use underpin_model::project::Project;
use underpin_pg::{Address, Session};

use crate::error::LabError;
use crate::params;
use crate::script_run::ScriptRun;

/// How often the project's transactions ended, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ends {
    /// With COMMIT, acknowledged.
    pub(crate) committed: u64,
    /// Refused by the server, or lost with it.
    pub(crate) failed: u64,
}

/// Runs the project's transactions one after the other until `over` says so, through every restart of the server.
pub(crate) async fn run(project: &Project, superuser: &Address, over: &dyn Fn() -> bool, nth: usize) -> Ends {
    let mut ends = Ends::default();
    let mut turn = nth;
    while !over() && !project.transactions.is_empty() {
        let script = &project.transactions[turn % project.transactions.len()];
        let role = script.role.as_ref().or(project.config.database.app_role.as_ref());
        let seed = (turn as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        match once(script, superuser, (role.map(String::as_str), seed)).await {
            Some(()) => ends.committed += 1,
            None => {
                ends.failed += 1;
                // While the server is down nobody answers; that is no reason to spin.
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        }
        turn += 1;
    }
    ends
}

async fn once(
    script: &underpin_model::script::TransactionScript,
    superuser: &Address,
    (role, seed): (Option<&str>, u64),
) -> Option<()> {
    let chooser = Session::connect(superuser).await.ok()?;
    let values = params::evaluate(&chooser, &script.name, &script.params).await.ok()?;
    chooser.close().await;
    let address = role.map_or_else(|| superuser.clone(), |role| superuser.user(role));
    let session = Session::connect(&address).await.ok()?;
    let mut run = ScriptRun::new(script, values, seed).ok()?;
    let ended = run.to_end(&session).await.is_ok();
    session.close().await;
    ended.then_some(())
}

/// Returns the invariants that do not hold, as words.
pub(super) async fn violated(project: &Project, superuser: &Address) -> Result<Vec<String>, LabError> {
    let session = Session::connect(superuser).await?;
    let mut violated = Vec::new();
    for invariant in &project.invariants {
        let rows = session.rows(&invariant.statement.sql).await?;
        if !rows.is_empty() {
            violated.push(format!("{}: {} rows", invariant.name, rows.len()));
        }
    }
    session.close().await;
    Ok(violated)
}
