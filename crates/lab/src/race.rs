//! Runs transactions side by side in every order that is possible, on real sessions.
//!
//! [`Bout`] says what runs; an [`Arena`] is the database it runs in; [`execution`] carries one schedule out,
//! step by step; [`explore`] walks through the schedules that `underpin-race` asks for and judges each final
//! state.

mod arena;
mod bout;
mod evidence;
mod execution;
mod explain;
mod explore;
mod footprint;
mod open_text;
mod played;
mod player;
mod reach;
mod repair;
mod restore_point;
mod rewrite;
mod ring;
mod spec;
mod trail;
mod weaken;

pub use arena::Arena;
pub use bout::{Bout, Corner, from_folder, of_scenario};
pub use evidence::{evidence, steps};

pub use explore::{Anomaly, Explored, RaceOptions, RaceVerdict, explore, replay};
pub use played::{Played, Reply};
pub use repair::repairs;
pub use ring::Ring;
pub use underpin_race::{Class, Level, Schedule};
pub use weaken::without_locks;

/// Why a race could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub enum RaceError {
    /// A script cannot take part.
    #[error("{file}:{line}: {what}")]
    Script {
        /// The script's file.
        file: String,
        /// Line in it.
        line: u32,
        /// What is wrong, without a full stop.
        what: String,
    },
    /// The setup or an invariant is refused by the server.
    #[error("{what} of the scenario is refused by the server")]
    Prepare {
        /// `the setup`, `the invariant NAME`.
        what: String,
        /// The server's answer.
        #[source]
        source: underpin_pg::QueryError,
    },
    /// A statement neither answers nor waits for another session of the scenario.
    #[error(
        "{file}:{line}: the statement did not answer within {seconds} s, and waits for no session of the scenario"
    )]
    Stuck {
        /// The script's file.
        file: String,
        /// Line in it.
        line: u32,
        /// Time limit.
        seconds: u64,
    },
    /// A session ended, or its server.
    #[error("{file}:{line}: the session was lost while this statement ran")]
    Lost {
        /// The script's file.
        file: String,
        /// Line in it.
        line: u32,
        /// The server's last word.
        #[source]
        source: underpin_pg::QueryError,
    },
    /// The same schedule gave two answers.
    #[error("{session} is not deterministic")]
    Nondeterministic {
        /// The session, and the line where it is known.
        session: String,
        /// What differed.
        #[source]
        source: underpin_race::Nondeterminism,
    },
    /// A replayed schedule asks for a session that has no step left or waits.
    #[error("the schedule {schedule} cannot be followed: after {done} the session t{session} cannot go on")]
    Impossible {
        /// The schedule.
        schedule: String,
        /// Steps that were possible.
        done: String,
        /// The session, from 1.
        session: usize,
    },
    /// The server or a connection failed.
    #[error(transparent)]
    Lab(#[from] crate::LabError),
}

impl From<underpin_pg::QueryError> for RaceError {
    fn from(error: underpin_pg::QueryError) -> RaceError {
        RaceError::Lab(error.into())
    }
}

impl From<underpin_pg::ConnectError> for RaceError {
    fn from(error: underpin_pg::ConnectError) -> RaceError {
        RaceError::Lab(error.into())
    }
}
