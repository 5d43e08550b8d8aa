//! Who promotes, and what a drill asks of the servers beside it: the one interface that every way of promoting fills in.

pub(super) mod asked;

use underpin_model::evidence::TranscriptStep;
use underpin_pg::Address;

use super::failover::Failure;
use super::ledger::Ledger;
use super::patroni::Patroni;
use crate::error::LabError;

/// Who promotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Driver {
    /// The drill itself, at once: no time passes until somebody notices.
    BuiltIn,
    /// Patroni with etcd, which notice by themselves.
    Patroni(Patroni),
}

impl Driver {
    /// Returns its name.
    pub fn name(&self) -> &'static str {
        match self {
            Driver::BuiltIn => "built-in",
            Driver::Patroni(_) => "patroni",
        }
    }

    /// Tells whether it can be tried out with such a failure.
    pub fn takes(&self, failure: Failure) -> bool {
        match self {
            Driver::BuiltIn => failure != Failure::KillServer,
            Driver::Patroni(_) => !matches!(failure, Failure::DiskFull | Failure::Slow),
        }
    }
}

/// One server of the drill: its name and where the superuser reaches it.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) address: Address,
}

/// A primary `n1` with two standbys, and whoever promotes one of them.
pub(super) trait Cluster {
    /// Returns all servers, the first primary first, whatever became of it.
    fn nodes(&self) -> Vec<Node>;

    /// Returns who promotes, with versions and settings that decide how long it takes.
    fn about(&self) -> String;

    /// Where the commands that ran are noted.
    fn transcript(&mut self) -> &mut Vec<TranscriptStep>;

    /// Prepares a failure that begins some time before the primary is gone, and lets that time pass.
    async fn sicken(&mut self, failure: Failure) -> Result<(), LabError>;

    /// Lets the primary fail.
    async fn fail(&mut self, failure: Failure) -> Result<(), LabError>;

    /// Promotes, or waits until somebody has; returns the primary that there is then.
    async fn promoted(&mut self, ledger: &Ledger) -> Result<Node, LabError>;

    /// Brings back an old primary that only stood still; tells whether it is alive, so that a second one can be looked for.
    async fn wake(&mut self, failure: Failure) -> Result<bool, LabError>;

    /// Brings the old primary back as a standby, and waits until it streams.
    async fn rejoin(&mut self) -> Result<(), LabError>;

    /// Returns the folders and ports of this run, each with the word that stands for it in what is told.
    fn words(&self) -> Vec<(String, String)>;

    /// Stops everything.
    async fn stop(self) -> Result<(), LabError>;
}
