//! Sessions on PostgreSQL servers, and servers of our own.
//!
//! This is the only crate that opens sockets or starts processes. It knows nothing of projects,
//! proofs or reports, reads no environment variable, and prints nothing.

pub mod address;
pub mod adopted;
pub mod catalog;
pub mod checksum;
pub mod cluster;
pub mod connect_error;
pub mod daemon;
mod data_copy;
pub mod descriptors;
pub mod disk;
pub mod doctor;
pub mod folder;
pub mod git;
pub mod installation;
mod launch;
pub mod libpq;
pub mod light;
pub mod memory;
pub mod one_core;
pub mod overseen;
pub mod pooler;
pub mod ports;
mod pristine;
mod processes;
pub mod query_error;
pub mod relay;
pub mod rows;
pub mod run_as;
mod scram;
pub mod secret;
pub mod server;
pub mod session;
pub mod stale;
pub mod tool;
pub mod usage;
mod wire;

pub use address::{Address, AddressError, Host};
pub use adopted::{AdoptedError, RunningServer, adopt, stop_adopted};
pub use cluster::{DataSource, Lifetime, Profile, ServerSpec};
pub use connect_error::ConnectError;
pub use daemon::{Daemon, DaemonSpec};
pub use data_copy::copy_data;
pub use doctor::{Fact, FactStatus};
pub use folder::OwnedFolder;
pub use installation::{
    Installation, InstallationError, Search, Version, choose_installation, find_installations,
};
pub use libpq::{LibpqError, LibpqSession};
pub use light::{Credentials, LightSession};
pub use one_core::{OneCore, take_core};
pub use overseen::OverseenServer;
pub use pooler::{AuthFile, Pooler, PoolerError, PoolerSpec};
pub use query_error::{QueryError, ServerError};
pub use relay::{Link, Relay};
pub use rows::{Row, Rows};
pub use run_as::{RunAs, RunAsError};
pub use secret::Secret;
pub use server::{LifecycleError, Server};
pub use session::{Cancel, CopyIn, Notice, Session};
pub use stale::{CleanedFolder, clean_stale_folders};
pub use tool::{ToolCall, ToolError, ToolOutput, run_at_terminal, run_tool};
