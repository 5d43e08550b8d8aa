//! What was seen while a folder was walked: statements, failures, waits and locks, part by part.

use std::collections::{BTreeMap, BTreeSet};

/// A part of the walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// The old version alone, before anything.
    Before,
    /// `expand.sql`, under the old version.
    Expand,
    /// `backfill.sql`, under the old version.
    Backfill,
    /// `verify.sql`, under the old version.
    Verify,
    /// Both versions side by side: the deployment.
    Deployment,
    /// `contract.sql`, under the new version.
    Contract,
    /// The new version alone, after everything.
    After,
}

impl Part {
    /// Every part in order.
    pub(super) const ALL: [Part; 7] = [
        Part::Before,
        Part::Expand,
        Part::Backfill,
        Part::Verify,
        Part::Deployment,
        Part::Contract,
        Part::After,
    ];

    /// Returns the part's name.
    pub(super) fn word(self) -> &'static str {
        match self {
            Part::Before => "before",
            Part::Expand => "expand",
            Part::Backfill => "backfill",
            Part::Verify => "verify",
            Part::Deployment => "deployment",
            Part::Contract => "contract",
            Part::After => "after",
        }
    }

    /// Returns whether the version runs in this part.
    pub(super) fn runs(self, version: Version) -> bool {
        match version {
            Version::Old => self <= Part::Deployment,
            Version::New => self >= Part::Deployment,
        }
    }
}

/// A version of the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Version {
    /// What `old.sql` does.
    Old,
    /// What `new.sql` does.
    New,
}

impl Version {
    /// Returns the name of its sessions.
    pub(super) fn application(self) -> &'static str {
        match self {
            Version::Old => "underpin-phases-old",
            Version::New => "underpin-phases-new",
        }
    }

    /// Returns its place in pairs.
    pub(super) fn place(self) -> usize {
        match self {
            Version::Old => 0,
            Version::New => 1,
        }
    }
}

/// What was seen in one part.
#[derive(Clone, Debug, Default)]
pub(super) struct PartLog {
    /// Length in seconds.
    pub(super) seconds: f64,
    /// Transactions that ended well: old, new.
    pub(super) transactions: [u64; 2],
    /// Statements that were answered.
    pub(super) statements: u64,
    /// Failures by version, line and message.
    pub(super) failures: BTreeMap<(Version, u32, String), u64>,
    /// Longest statement, in milliseconds.
    pub(super) longest_statement_ms: f64,
    /// Longest wait of the application by relation, mode that was wanted, and who held it.
    pub(super) waits: BTreeMap<(String, String, String), f64>,
    /// Strong locks that the migration held: relation and mode.
    pub(super) held: BTreeSet<(String, String)>,
}

impl PartLog {
    /// Returns how many transactions failed.
    pub(super) fn failed(&self) -> u64 {
        self.failures.values().sum()
    }

    /// Returns the application's longest wait for a lock, in milliseconds.
    pub(super) fn longest_wait_ms(&self) -> f64 {
        self.waits.values().copied().fold(0.0, f64::max)
    }
}

/// What was seen in all parts.
pub(super) type Log = BTreeMap<Part, PartLog>;
