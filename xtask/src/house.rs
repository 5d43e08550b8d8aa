//! The crate graph of the house: which crate may use which, and what each may touch.

/// What a crate is allowed to do with the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Values in, values out: no files, sockets, processes, clocks, environment or terminal.
    Pure,
    /// Acts on files and, through `underpin-pg`, on servers.
    Acting,
    /// The only crate that opens sockets and starts processes.
    Edge,
    /// The binary: the only reader of the environment.
    Binary,
    /// For applications: none of ours.
    Standalone,
    /// Development only; the rules for shipped code do not apply.
    Development,
}

/// One crate of the house.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Folder in the repository.
    pub folder: &'static str,
    /// Package name.
    pub package: &'static str,
    /// What it may do.
    pub kind: Kind,
    /// Folders of the crates that it may depend on.
    pub may_use: &'static [&'static str],
}

/// Every crate of the house, those to come included; ARCHITECTURE.md gives the reasons.
pub const ROOMS: &[Room] = &[
    room("crates/model", "underpin-model", Kind::Pure, &[]),
    room("crates/sql", "underpin-sql", Kind::Pure, &["crates/model"]),
    room("crates/rules", "underpin-rules", Kind::Pure, &["crates/model"]),
    room("crates/plan", "underpin-plan", Kind::Pure, &["crates/model"]),
    room("crates/race", "underpin-race", Kind::Pure, &["crates/model"]),
    room("crates/pg", "underpin-pg", Kind::Edge, &["crates/model"]),
    room("crates/lab", "underpin-lab", Kind::Acting, BELOW_LAB),
    room("crates/report", "underpin-report", Kind::Pure, &["crates/model", "crates/plan"]),
    room(
        "crates/console",
        "underpin-console",
        Kind::Acting,
        &["crates/model", "crates/lab", "crates/report"],
    ),
    room("crates/cli", "underpin", Kind::Binary, BELOW_CLI),
    room("crates/runtime", "underpin-runtime", Kind::Standalone, &[]),
    room("xtask", "xtask", Kind::Development, &[]),
];

const BELOW_LAB: &[&str] =
    &["crates/model", "crates/sql", "crates/rules", "crates/plan", "crates/race", "crates/pg"];

/// `pg` for addresses and installations: flags and environment become both before a lab is there.
const BELOW_CLI: &[&str] = &["crates/model", "crates/pg", "crates/lab", "crates/report", "crates/console"];

const fn room(
    folder: &'static str,
    package: &'static str,
    kind: Kind,
    may_use: &'static [&'static str],
) -> Room {
    Room { folder, package, kind, may_use }
}

/// Returns the crate in `folder`.
pub fn room_in(folder: &str) -> Option<&'static Room> {
    ROOMS.iter().find(|room| room.folder == folder)
}

/// Returns the crate with the given package name.
pub fn room_named(package: &str) -> Option<&'static Room> {
    ROOMS.iter().find(|room| room.package == package)
}
