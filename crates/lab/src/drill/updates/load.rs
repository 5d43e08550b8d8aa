//! The load: the project's transactions, drawn once and then run the same way on every copy.
//!
//! One session at a time: with the same values, seeds and order every copy does the same work, so what differs between two
//! copies is due to what was changed on one of them.

use std::collections::BTreeMap;

use underpin_model::project::Project;
use underpin_model::script::TransactionScript;
use underpin_pg::{Address, Session};

use crate::error::LabError;
use crate::load::Dice;
use crate::params::{self, Values};
use crate::script_run::ScriptRun;

/// One transaction of the load.
pub(super) struct Call<'a> {
    script: &'a TransactionScript,
    role: Option<&'a str>,
    values: Values,
    seed: u64,
}

/// Name of a transaction, times it committed, times it was refused.
pub(super) type Told = (String, u64, u64);

/// Draws and runs so many transactions, as often as their `-- rate:` lines say, with values from the data as they are at
/// that moment; returns them in their order, and how they ended.
pub(super) async fn record<'a>(
    project: &'a Project,
    superuser: &Address,
    count: u32,
) -> Result<(Vec<Call<'a>>, Vec<Told>), LabError> {
    let chooser = Session::connect(superuser).await?;
    let mut player = Player::new(superuser);
    let mut dice = Dice::new(0);
    let mut told: Vec<Told> = project.transactions.iter().map(|script| (script.name.clone(), 0, 0)).collect();
    let mut calls = Vec::new();
    for _ in 0..count {
        let at = drawn(project, &mut dice);
        let script = &project.transactions[at];
        let role = script.role.as_ref().or(project.config.database.app_role.as_ref()).map(String::as_str);
        let drawn = dice.roll();
        set_seed(&chooser, drawn).await?;
        let values = params::evaluate(&chooser, &script.name, &script.params).await?;
        let call = Call { script, role, values, seed: drawn };
        if player.play(&call).await? {
            told[at].1 += 1;
        } else {
            told[at].2 += 1;
        }
        calls.push(call);
    }
    chooser.close().await;
    player.close().await;
    Ok((calls, told))
}

/// Runs the calls one after the other; returns how many committed.
pub(super) async fn replay(superuser: &Address, calls: &[Call<'_>]) -> Result<u64, LabError> {
    let mut player = Player::new(superuser);
    let mut committed = 0;
    for call in calls {
        committed += u64::from(player.play(call).await?);
    }
    player.close().await;
    Ok(committed)
}

/// Returns the place of a transaction, as likely as it is called; one without a rate once per second.
fn drawn(project: &Project, dice: &mut Dice) -> usize {
    let rate = |script: &TransactionScript| script.rate.unwrap_or(1.0);
    let mut rest = dice.part() * project.transactions.iter().map(rate).sum::<f64>();
    let chosen = project.transactions.iter().position(|script| {
        rest -= rate(script);
        rest < 0.0
    });
    chosen.unwrap_or(project.transactions.len().saturating_sub(1))
}

/// Lets the server's own random() give the same on every copy.
async fn set_seed(session: &Session, seed: u64) -> Result<(), LabError> {
    let part = (seed % 1_000_000) as f64 / 1_000_000.0;
    session.execute(&format!("SELECT setseed({part})")).await?;
    Ok(())
}

/// One session per role, kept open as an application keeps them.
struct Player {
    superuser: Address,
    sessions: BTreeMap<String, Session>,
}

impl Player {
    fn new(superuser: &Address) -> Player {
        Player { superuser: superuser.clone(), sessions: BTreeMap::new() }
    }

    /// Runs a transaction; returns whether it went through. A refusal is the project's own rule and leaves nothing behind.
    async fn play(&mut self, call: &Call<'_>) -> Result<bool, LabError> {
        let role = call.role.unwrap_or(&self.superuser.user).to_owned();
        if !self.sessions.contains_key(&role) {
            let session = Session::connect(&self.superuser.user(&role)).await?;
            self.sessions.insert(role.clone(), session);
        }
        let Some(session) = self.sessions.get(&role) else { return Ok(false) };
        set_seed(session, call.seed).await?;
        let Ok(mut run) = ScriptRun::new(call.script, call.values.clone(), call.seed) else {
            return Ok(false);
        };
        if run.to_end(session).await.is_ok() {
            return Ok(true);
        }
        session.execute("ROLLBACK").await?;
        Ok(false)
    }

    async fn close(self) {
        for session in self.sessions.into_values() {
            session.close().await;
        }
    }
}
